"""How far the workers are behind, in seconds, told from offsets alone.

Record timestamps would not do: a replayed year would look like a lag of a year. So the end of the log is
noted as time goes by; the oldest record that no worker has committed was written at about the time when the
end was first seen behind it. Counted from the gateway's start: what lay there before seems as old as that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

#: Ends that are remembered for each partition; beyond it every other one is let go of, the oldest stays.
_NOTED: Final = 1_000


class Lag:
    """Feed it with offsets; `seconds` and `records` are what came of the last look."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.records = 0
        self._ends: dict[int, deque[tuple[float, int]]] = {}

    def note(self, now: float, ends: Mapping[int, int], committed: Mapping[int, int | None]) -> None:
        """`now`: s of any clock that only goes forward. `ends`: offset of the next record by partition;
        `committed`: where the workers' group stands, None where it never committed (nobody reads there)."""
        oldest: float | None = None
        self.records = 0
        known = False
        for partition, end in ends.items():
            noted = self._ends.setdefault(partition, deque())
            if len(noted) >= _NOTED:
                noted = self._ends[partition] = deque(list(noted)[::2])
            if not noted or end > noted[-1][1]:
                noted.append((now, end))
            place = committed.get(partition)
            if place is None:
                continue
            known = True
            while noted and noted[0][1] <= place:
                noted.popleft()
            if noted:
                oldest = noted[0][0] if oldest is None else min(oldest, noted[0][0])
                self.records += max(0, end - place)
        self.seconds = None if not known else 0.0 if oldest is None else max(0.0, now - oldest)
