"""Erasing an actor who asked to be forgotten from an influencer's state, at a boundary of event time.

    forget_due(inf, forgotten, at)

Counts stay, since they tell of nobody. What comes of the actor after that is counted again: the source must
stop sending it. At most SOME actors at one boundary, the others at the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from processors.influencer import Influencer

#: Actors erased at one boundary: some 20 us each.
SOME: Final = 64


def forget_due(inf: Influencer, forgotten: Mapping[int, float], at: int) -> None:
    """Erase who asked between the last time and boundary `at` (epoch s). `forgotten`: lower 32 bits of the
    keyed hash -> when they asked, epoch s."""
    since = inf.meta.forgot
    due = sorted((asked, actor) for actor, asked in forgotten.items() if since < asked <= at)
    if not due:
        return
    last = due[min(SOME, len(due)) - 1][0]  # those of the same second come with them
    actors = frozenset(actor for asked, actor in due if asked <= last)
    inf.actors.erase(actors)
    for ledger in inf.ledgers.values():
        ledger.forget(actors)
    inf.meta.forgot = last
