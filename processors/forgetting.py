"""Erasing an actor who asked to be forgotten from an influencer's state, at a boundary of event time.

    forget_due(inf, forgotten, at)      at full hours: who asked since the last time, at most SOME at once
    nameless(role, event, …)            an act from before they asked that comes (again) after it
    traces(influencer_id, fields, …)     where something is held of an actor, for people who ask

Counts stay, since they tell of nobody. An act from before the request is never taken in with its actor
again: not when it comes late, not from a replay, not when state is rebuilt from the log. What the actor does
after it is counted as anybody's: the source must stop sending it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

import msgspec

from processors.decode import Actor, Event
from processors.influencer import Influencer
from processors.ledgers.across import Across
from processors.ledgers.comments import Comments
from processors.ledgers.insights import Insights
from processors.ledgers.people import People

#: Actors erased at one boundary: some 20 us each.
SOME: Final = 64


def forget_due(inf: Influencer, forgotten: Mapping[int, float], at: int) -> None:
    """Erase who asked between the last time and boundary `at` (epoch s). `forgotten`: lower 32 bits of the
    keyed hash -> when they asked, epoch s."""
    across = inf.ledgers.get(Across.name)
    if across is not None:  # a snapshot that was merged before they asked may have named them again
        across.forget(forgotten.keys())
    since = inf.meta.forgot
    due = sorted((asked, actor) for actor, asked in forgotten.items() if since < asked <= at)
    if not due:
        return
    last = due[min(SOME, len(due)) - 1][0]  # those of the same second come with them
    _erase(inf, frozenset(actor for asked, actor in due if asked <= last))
    inf.meta.forgot = last


def _erase(inf: Influencer, actors: Set[int]) -> None:
    ledgers = inf.ledgers
    comments, people, insights = (ledgers.get(kind.name) for kind in (Comments, People, Insights))
    spoke = (isinstance(comments, Comments) and comments.knows(actors)) or (
        isinstance(people, People) and people.knows(actors)
    )
    inf.actors.erase(actors)
    for ledger in ledgers.values():
        ledger.forget(actors)
    if spoke and isinstance(insights, Insights):
        insights.forget_rare()


def was_forgotten(forgotten: Mapping[int, float], who: int, at: float) -> bool:
    """Whether the actor with this keyed hash asked after `at` (epoch s) to be forgotten."""
    return bool(forgotten) and forgotten.get(who & 0xFFFFFFFF, -1.0) >= at


def nameless(role: str, event: Event, actor: Actor, who: int, id_: int) -> tuple[str, Event, Actor, int]:
    """Role, event, actor, and keyed hash under which an act of a forgotten actor is taken in: one of the
    audience, of whom nothing is known, another one for each act. The influencer is not forgotten this way.

    Args:
        who: keyed hash of the actor. id_: hash of the event's id.
    """
    if role == "influencer":
        return role, event, actor, who
    nobody = Actor(actor.id)
    return "audience", msgspec.structs.replace(event, actor=nobody, text=None), nobody, id_


def traces(influencer_id: str, fields: dict[bytes, bytes], comments: bytes, actor: int) -> tuple[str, ...]:
    """What is held of an actor in an influencer's state: names of ledgers, `actors` for the sample.

    Args:
        fields, comments: of the influencer as they lie in Redis. actor: keyed hash.

    Raises msgspec.MsgspecError, struct.error or ValueError for state that cannot be read.
    """
    inf = Influencer.load(influencer_id, fields, comments)
    inf.writes()
    actors = frozenset((actor & 0xFFFFFFFF,))
    inf.actors.erase(actors)
    for ledger in inf.ledgers.values():
        ledger.forget(actors)
    sets, gone, _, _ = inf.writes()
    names = [str(sets[i]) for i in range(0, len(sets), 2) if fields.get(str(sets[i]).encode()) != sets[i + 1]]
    found = {name for name in (*names, *gone) if name[:2] in ("a:", "l:")}
    return tuple(sorted({"actors" if name[0] == "a" else name.split(":")[1] for name in found}))
