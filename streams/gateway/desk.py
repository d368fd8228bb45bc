"""Where events are taken in: repeats are recognised, the rest goes to Kafka, and the answer waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.topics import EVENTS
from streams.cloudevents import ce_headers
from streams.gateway.answers import away
from streams.gateway.ids import Ids
from streams.gateway.intake import Candidate
from streams.gateway.outlet import Out, Outlet
from streams.outputs import Headers
from streams.settings import Settings

#: Headers are made for so many events before others get their turn.
_SLICE: Final = 1_000
#: Of a request: marks that it did not get into Kafka; None: nobody knows which.
_UnderWay = asyncio.Future[frozenset[bytes] | None]


@dataclass(slots=True)
class Taken:
    """What became of candidates, by their place. Nothing else became of any: the others are accepted."""

    duplicate: set[int] = field(default_factory=set)
    too_large: set[int] = field(default_factory=set)


class Desk:
    """One for each process. An event under way is not sent again: who brings it meanwhile waits with it."""

    def __init__(self, settings: Settings, outlet: Outlet, ids: Ids) -> None:
        self.topic = settings.topic(EVENTS)
        self._headers = ce_headers(EVENTS, f"rapport/{settings.namespace}/gateway")
        self._outlet, self._ids = outlet, ids
        self._under_way: dict[bytes, _UnderWay] = {}

    async def take(self, candidates: Sequence[Candidate]) -> Taken:
        """Returns when every event is acknowledged or was before.

        Raises Refusal (429, 503): not all are; the same may be sent again.
        """
        taken = Taken()
        ours: _UnderWay = asyncio.get_running_loop().create_future()
        mine: dict[bytes, Candidate] = {}
        repeats: list[tuple[Candidate, _UnderWay]] = []
        for one in candidates:
            theirs = self._under_way.get(one.mark)
            if theirs is not None:
                repeats.append((one, theirs))
            else:
                mine[one.mark] = one
                self._under_way[one.mark] = ours
        lost: frozenset[bytes] | None = None
        try:
            lost = await self._take_mine(mine, taken)
        finally:
            for mark in mine:
                del self._under_way[mark]
            ours.set_result(lost)
        for one, theirs in repeats:  # of our own, too: a batch may hold an event twice
            if (missing := await theirs) is None:
                raise away("Kafka")
            (taken.too_large if one.mark in missing else taken.duplicate).add(one.place)
        return taken

    async def _take_mine(self, mine: dict[bytes, Candidate], taken: Taken) -> frozenset[bytes]:
        """The marks of those that are not in Kafka after all."""
        known = await self._ids.seen(mine.keys())
        taken.duplicate.update(mine[mark].place for mark in known)
        fresh = [one for mark, one in mine.items() if mark not in known]
        now_ms = int(time.time() * 1_000)
        records: list[Out] = []
        for start in range(0, len(fresh), _SLICE):
            records += [
                Out(one.key, one.value, now_ms, self._headers_of(one))
                for one in fresh[start : start + _SLICE]
            ]
            if start:
                await asyncio.sleep(0)
        large = set(await self._outlet.send(self.topic, records))
        taken.too_large.update(fresh[number].place for number in large)
        self._ids.remember([one.mark for number, one in enumerate(fresh) if number not in large])
        return frozenset(fresh[number].mark for number in large)

    def _headers_of(self, one: Candidate) -> Headers:
        return [*self._headers, ("ce_id", one.event_id.encode())]
