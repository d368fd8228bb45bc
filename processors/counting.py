"""Totals in panes and posts: what the ledger of counters adds to, or takes from, what is counted.

Acts that only a total tells of have no actor: they count by kind and weight, never among those whose profile
is known, so genuineness goes on resting on people who were seen. They are booked at the time of the look.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from processors.decode import Event, Target
from processors.event_memory import id_hash
from processors.influencer import LIFETIME_KINDS, Influencer
from processors.ledgers.counters import ACCOUNT, KEEP_S, KIND_OF, METRIC_OF, Counters
from processors.panes import COUNT, KIND_INDEX, UNDOS, WEIGHT, Pane
from processors.signals.inputs import POST_AGES, PostStat

PanesAt = Callable[[Influencer, float], tuple[Pane, ...]]
_LIFETIME: Final = {kind: place for place, kind in enumerate(LIFETIME_KINDS)}


def count_total(inf: Influencer, event: Event, weight: int, panes_at: PanesAt, seed: int) -> None:
    """Book what a `counter` adds. `weight`: of the kind that it counts, in hundredths."""
    kind = KIND_OF.get(event.metric or "")
    if kind is None or event.count is None or event.op == "undo":
        return
    target = event.target
    of = ACCOUNT if target is None or target.id == inf.id else id_hash(target.id, seed)
    ledger = inf.ledger(Counters)
    assert isinstance(ledger, Counters)
    post = inf.posts.get(of)
    unseen = not inf.meta.lifetime[_LIFETIME[kind]]  # else nobody knows which of them are in the total
    known = post is not None and inf.meta.max_at - post.at <= KEEP_S  # a track may have been forgotten since
    whole = unseen and (known or not event.cumulative)
    change = ledger.total(
        of, METRIC_OF[kind], event.count, int(event.occurred_s), inf.meta.max_at,
        cumulative=event.cumulative, whole=whole,
    )  # fmt: skip
    if change.count:
        _book(inf, kind, change.count, change.at, weight, post, panes_at(inf, change.at))
    if change.count < 0:
        for pane in panes_at(inf, event.occurred_s):
            pane[UNDOS] -= change.count


def count_single(
    inf: Influencer, kind: str, target: Target | None, at: float, weight: int, panes_at: PanesAt, seed: int,
    *, undone: bool = False,
) -> None:  # fmt: skip
    """An act was told by itself (or taken back): what a total holds of it is not counted a second time."""
    ledger = inf.ledgers.get(Counters.name)
    metric = METRIC_OF.get(kind)
    if metric is None or not isinstance(ledger, Counters):
        return
    of = [ACCOUNT]
    post = None
    if target is not None:
        about = [id_hash(one, seed) for one in (target.id, target.root_id) if one is not None]
        post = next((found for one in about if (found := inf.posts.get(one)) is not None), None)
        of = [*about, ACCOUNT]
    if undone:
        ledger.single_undone(of, metric, inf.meta.max_at)
        return
    where = ledger.single(of, metric, int(at), inf.meta.max_at)
    if where is not None:
        _book(inf, KIND_OF[metric], -1, where, weight, post, panes_at(inf, where))


def _book(
    inf: Influencer, kind: str, count: int, at: float, weight: int, post: PostStat | None,
    panes: tuple[Pane, ...],
) -> None:  # fmt: skip
    """Add acts (take them off, if negative) to panes and to the post; nothing goes under 0."""
    if at < inf.meta.evaluated:
        inf.meta.corrected = True
    column = COUNT + KIND_INDEX[kind]
    for pane in panes:
        step = max(count, -pane[column])
        pane[column] += step
        pane[WEIGHT] = max(0, pane[WEIGHT] + step * weight)
    if post is None:
        return
    for place in range(bisect_left(POST_AGES, at - post.at), len(POST_AGES)):
        post.weight[place] = max(0, post.weight[place] + count * weight)
        if kind == "like":
            post.likes[place] = max(0, post.likes[place] + count)
        elif kind == "comment":
            post.comments[place] = max(0, post.comments[place] + count)
    inf.mark(f"p:{post.id_hash:x}")
