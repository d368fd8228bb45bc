"""Which accounts an alert names, where its cause lies with single accounts.

    with_actors(verdict, inp) -> Verdict

Asked only when an alert is told, never for what merely looks on. Named are keyed hashes out of the bounded
samples that ledgers keep anyway: some of the accounts, not all, and among them may be people who only
came at the same time: something to look at, no list of the guilty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from processors.detection import bought_likes, coaction, comments, followers
from processors.detection.message import ACTORS
from processors.detection.verdict import Verdict
from processors.ledgers.coaction import Coaction
from processors.ledgers.coaction_sample import LOW
from processors.ledgers.comments import Comments
from processors.panes import DAY
from processors.signals.authenticity import ledger_of
from processors.signals.inputs import SignalInput

#: Posts whose commenters are looked through, the newest.
POSTS: Final = 3


def with_actors(verdict: Verdict, inp: SignalInput) -> Verdict:
    """The verdict with accounts, where it breaches and its cause has some."""
    if not verdict.breached or verdict.actor_ids:
        return verdict
    find = _BY_SUBJECT.get((verdict.signal, verdict.subject))
    found = tuple(find(inp))[:ACTORS] if find is not None else ()
    return replace(verdict, actor_ids=found) if found else verdict


def _pod(inp: SignalInput) -> Iterable[int]:
    return _members(inp, early=True)


def _lockstep(inp: SignalInput) -> Iterable[int]:
    return _members(inp, early=False)


def _members(inp: SignalInput, *, early: bool) -> Iterable[int]:
    ledger = inp.ledgers.get(Coaction.name)
    if not isinstance(ledger, Coaction):
        return ()
    found = [group for group in ledger.groups(inp.at) if (group.way == "early") is early]
    return found[0].members if found else ()


def _commenters(inp: SignalInput) -> Iterable[int]:
    """Who wrote nearly the same as somebody else under the newest posts."""
    ledger = inp.ledgers.get(Comments.name)
    newest = {post.id_hash for post in inp.posts[-POSTS:]}
    return ledger.alike(newest) if isinstance(ledger, Comments) else ()


def _joiners(inp: SignalInput) -> Iterable[int]:
    """Of the last two days' sampled joiners."""
    today = inp.at // DAY
    days = ledger_of(inp).days
    return [who for day in (today - 1, today) if day in days for who in days[day].sample]


def _likers(inp: SignalInput) -> Iterable[int]:
    """Newcomers of low credibility on the newest posts."""
    ledger = inp.ledgers.get(Coaction.name)
    if not isinstance(ledger, Coaction):
        return ()
    posts = ledger.seen(inp.at)[-POSTS:]
    return {who for post in posts for who, (_, flags) in post.acts.items() if flags & LOW and who in post.new}


_BY_SUBJECT: Final[dict[tuple[str, str], Callable[[SignalInput], Iterable[int]]]] = {
    (coaction.SIGNAL, coaction.POD): _pod,
    (coaction.SIGNAL, coaction.LOCKSTEP): _lockstep,
    (coaction.SIGNAL, comments.SUBJECT): _commenters,
    (coaction.SIGNAL, followers.SUBJECT): _joiners,
    (coaction.SIGNAL, bought_likes.LIKES): _likers,
    (coaction.SIGNAL, bought_likes.DRIP): _likers,
}
