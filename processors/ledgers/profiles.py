"""Ledger `profiles`: what `profile` events told of actors whose acts come without profile facts.

Per actor (keyed hash) the credibility, and the day it was told; at most BUCKETS x MOST actors, 90 days. Facts
that come with an act itself are newer and need no memory. An actor of whom nothing was told stays unknown.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Set
from typing import ClassVar, Final

from processors.credibility import LOW
from processors.factors import LOW_CREDIBILITY
from processors.ledgers.base import AUDIENCE, Act, Ledger
from processors.panes import DAY

BUCKETS: Final = 16
#: Actors of one bucket: 12 KiB for all. Beyond it those told of longest ago are forgotten.
MOST: Final = 64
KEEP_DAYS: Final = 90
_ENTRY: Final = struct.Struct("<QHB x")  # hash, day since 1970, credibility in hundredths


class Profiles(Ledger):
    """Credibility by actor; must see acts before those who read it."""

    name: ClassVar[str] = "profiles"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {
        AUDIENCE: frozenset(
            ("profile", "like", "comment", "reply", "share", "quote", "save", "follow", "mention", "click")
        )
    }

    __slots__ = ("_buckets", "_changed", "_told")

    def __init__(self) -> None:
        self._buckets: list[dict[int, tuple[int, int]]] = [{} for _ in range(BUCKETS)]
        self._changed: set[int] = set()
        self._told = False  # whether any profile ever was: many sources tell of none

    def act(self, act: Act) -> None:
        """Remember a profile; fill in what is known of an actor whose act tells nothing."""
        if act.kind != "profile":
            if act.trust is None and self._told:
                known = self._buckets[act.actor % BUCKETS].get(act.actor)
                if known is not None and known[0] > int(act.newest) // DAY - KEEP_DAYS:
                    act.trust = known[1] / 100
                    if act.trust <= LOW:
                        act.low = True
                        act.factors.append(LOW_CREDIBILITY)
            return
        if act.trust is None:
            return
        self._told = True
        bucket = self._buckets[act.actor % BUCKETS]
        bucket.pop(act.actor, None)
        bucket[act.actor] = (min(65_535, max(0, int(act.at) // DAY)), round(act.trust * 100))
        if len(bucket) > MOST:
            del bucket[next(iter(bucket))]
        self._changed.add(act.actor % BUCKETS)

    def __len__(self) -> int:
        return sum(map(len, self._buckets))

    def trim(self, newest: float) -> None:
        """Forget profiles that were told too long ago."""
        floor = int(newest) // DAY - KEEP_DAYS
        for index, bucket in enumerate(self._buckets):
            if bucket and next(iter(bucket.values()))[0] <= floor:
                self._buckets[index] = {h: known for h, known in bucket.items() if known[0] > floor}
                self._changed.add(index)

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors."""
        for index, bucket in enumerate(self._buckets):
            for hash_ in [hash_ for hash_ in bucket if hash_ & 0xFFFFFFFF in actors]:
                del bucket[hash_]
                self._changed.add(index)

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """Buckets that changed, oldest entry first."""
        out = []
        for index in sorted(self._changed):
            bucket = self._buckets[index]
            data = b"".join(_ENTRY.pack(hash_, *known) for hash_, known in bucket.items())
            out.append((str(index), data or None))
        self._changed.clear()
        return out

    def load(self, sub: str, data: bytes) -> None:
        """Take a bucket back."""
        self._told = True
        self._buckets[int(sub)] = {hash_: (day, trust) for hash_, day, trust in _ENTRY.iter_unpack(data)}
