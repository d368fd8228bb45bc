"""Ledger `across`: what was taken from the hourly snapshot of all influencers, and when.

The snapshot follows wall time; what detectors and readings see of it is this copy. It is taken at boundaries
of event time only and lies in the influencer's state, so whatever is done again from that state sees the same
(docs/decisions/0009). It sees no acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import ClassVar, Final

import msgspec
from msgspec.structs import replace

from processors.ledgers.base import Ledger
from processors.lockstep.across import Found
from processors.panes import DAY

#: What was taken longer ago says nothing any more, s.
KEEP_S: Final = 3 * DAY


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """From one snapshot at one boundary `at` (epoch s)."""

    at: int
    snapshot_id: str
    groups: tuple[Found, ...] = ()  # that act on this influencer's posts, too
    rates: tuple[float, ...] = ()  # quality rates of the neighbours in size, in order
    replies: tuple[float, ...] = ()  # their reply rates
    affinity: dict[str, float] = {}  # topic -> its share here over its share over all


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Taken).decode
_NONE: Final = Taken(0, "")


class Across(Ledger):
    """`silent`: since when the influencer's source is silent as a whole (epoch s), 0: it is not."""

    name: ClassVar[str] = "across"

    __slots__ = ("_changed", "_taken", "silent")

    def __init__(self) -> None:
        self._taken = _NONE
        self.silent = 0
        self._changed: set[str] = set()

    @property
    def snapshot_id(self) -> str:
        """Of the newest snapshot that was taken from."""
        return self._taken.snapshot_id

    def take(self, taken: Taken) -> None:
        """Keep this instead of what was kept."""
        self._taken = taken
        self._changed.add("taken")

    def hush(self, since: int) -> None:
        """The source is silent as a whole since then; 0: it is not."""
        if since != self.silent:
            self.silent = since
            self._changed.add("silent")

    def of(self, at: int) -> Taken | None:
        """What holds at boundary `at` (epoch s)."""
        return self._taken if self._taken.at <= at < self._taken.at + KEEP_S else None

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors from the groups."""
        groups = self._taken.groups
        if any(not actors.isdisjoint(group.members) for group in groups):
            fewer = [replace(g, members=tuple(a for a in g.members if a not in actors)) for g in groups]
            self.take(replace(self._taken, groups=tuple(fewer)))

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """`taken`, `silent`."""
        out: list[tuple[str, bytes | None]] = []
        if "taken" in self._changed:
            out.append(("taken", _encode(self._taken)))
        if "silent" in self._changed:
            out.append(("silent", str(self.silent).encode() if self.silent else None))
        self._changed.clear()
        return out

    def load(self, sub: str, data: bytes) -> None:
        """Take a field back. Raises msgspec.MsgspecError, or ValueError."""
        if sub == "taken":
            self._taken = _decode(data)
        elif sub == "silent":
            self.silent = int(data)
