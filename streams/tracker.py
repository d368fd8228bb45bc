"""Which offset may be committed: the end of the longest prefix of delivered slices that are done."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Pending:
    """One delivered slice; `done` flips once its effects are behind the fence."""

    next_offset: int
    done: bool = False


class PrefixTracker:
    """Delivered slices of one partition, in order of delivery.

    Stock Faust tracks single offsets and counts a message after an offset gap as done before it is; slices
    make gaps (compaction, transaction markers) harmless, since only their ends matter.
    """

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[Pending] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def delivered(self, next_offset: int) -> Pending:
        """A slice that ends before `next_offset` was handed out."""
        pending = Pending(next_offset)
        self._queue.append(pending)
        return pending

    def committable(self) -> int | None:
        """The offset to commit, or None when no further slice is done. Forgets what it counted."""
        offset = None
        while self._queue and self._queue[0].done:
            offset = self._queue.popleft().next_offset
        return offset
