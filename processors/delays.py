"""How late a source delivers: P99.9 of what was observed, between one minute and six hours.

Lateness of an event is its record's timestamp less its own time. Counted in bins that double, so that the
state is a dozen ints a source; halved now and then, so that a source may become quicker again.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

MIN_S: Final = 60
MAX_S: Final = 6 * 3_600
#: Upper edges: 1, 2, 4 … 256 min, 6 h.
EDGES: Final[tuple[int, ...]] = (*(MIN_S * 2**i for i in range(9)), MAX_S)
_ENOUGH: Final = 1_000
#: Stands for all sources beyond the first 64.
_OTHER: Final = "other"
_HALVE_AT: Final = 100_000
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, list[Any]]).decode


class Delays:
    """Lateness of each source in one partition."""

    __slots__ = ("_bins", "_delay", "newest")

    def __init__(self) -> None:
        self._bins: dict[str, list[int]] = {}
        self._delay: dict[str, int] = {}
        self.newest: dict[str, int] = {}  # source -> its newest event, epoch s

    def encode(self) -> bytes:
        """As msgpack, for state: by source the delay that holds, and the counts by bin."""
        newest = self.newest
        return _encode({
            source: (self._delay[source], counts, newest.get(source, 0))
            for source, counts in self._bins.items()
        })  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> Delays:
        """Back from state. Raises msgspec.DecodeError or msgspec.ValidationError."""
        self = cls()
        for source, (delay, counts, *rest) in _decode(data).items():
            self._delay[source], self._bins[source] = delay, counts
            if rest and rest[0]:
                self.newest[source] = rest[0]
        return self

    def hear(self, source: str, at: float) -> None:
        """An event of the source at `at` (epoch s), no clock ahead; told of events that are counted."""
        if at > self.newest.get(source, 0) and source in self._bins:
            self.newest[source] = int(at)

    def see(self, source: str, lateness: float) -> None:
        """Count one event's lateness, in seconds."""
        counts = self._bins.get(source)
        if counts is not None and lateness <= MIN_S:  # nearly all: what follows, without the rest of it
            counts[0] = total = counts[0] + 1
            if total % _ENOUGH and total <= _HALVE_AT:
                return
            counts[0] = total - 1
        if counts is None:
            if len(self._bins) >= 64:  # a source name per event must not fill the memory
                source = _OTHER
            counts = self._bins.setdefault(source, [0] * (len(EDGES) + 1))
            self._delay.setdefault(source, MIN_S)
        index = 0
        if lateness > MIN_S:
            index = next((i for i, edge in enumerate(EDGES) if lateness <= edge), len(EDGES))
        counts[index] += 1
        total = counts[0] if index == 0 else sum(counts)
        if total % _ENOUGH == 0 or total > _HALVE_AT:
            self._delay[source] = self._p999(counts)
            if sum(counts) > _HALVE_AT:
                self._bins[source] = [n // 2 for n in counts]

    @staticmethod
    def _p999(counts: list[int]) -> int:
        total = sum(counts)
        if total < _ENOUGH:
            return MIN_S
        above = 0
        for index in range(len(EDGES), 0, -1):
            above += counts[index]
            if above > total / 1_000:
                return min(MAX_S, EDGES[min(index, len(EDGES) - 1)])
        return MIN_S

    def of(self, source: str) -> int:
        """The delay of a source in seconds."""
        delay = self._delay.get(source)
        return self._delay.get(_OTHER, MIN_S) if delay is None else delay
