"""How much at once: bytes in this process, and events of one token."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from streams.gateway.answers import Refusal

_CALLERS: Final = 10_000


class Budget:
    """Bytes that all requests together may hold in memory."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """A request's part; given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held


class Share:
    """What one request holds."""

    __slots__ = ("_budget", "held")

    def __init__(self, budget: Budget) -> None:
        self._budget, self.held = budget, 0

    def take(self, count: int) -> None:
        """Hold `count` bytes more. Raises Refusal (429)."""
        if self._budget.held + count > self._budget.most:
            raise Refusal(
                429, "too much is being taken in at once", why="memory", retry_s=1,
                hint="wait, then send the same again; RAPPORT_GATEWAY_MEMORY_BYTES is the limit",
                headers={"Connection": "close"},
            )  # fmt: skip
        self._budget.held += count
        self.held += count


class EventRate:
    """`per_second` events of each caller, paid afterwards: a batch may overdraw, the next one waits."""

    def __init__(self, per_second: int, monotonic: Callable[[], float]) -> None:
        """`per_second` 0: no limit."""
        self._rate = per_second
        self._monotonic = monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """Seconds until the caller may send again; 0: now."""
        if not self._rate:
            return 0.0
        left, at = self._left.get(caller, (float(self._rate), self._monotonic()))
        left += (self._monotonic() - at) * self._rate
        return 0.0 if left > 0 else -left / self._rate + 0.001

    def pay(self, caller: str, events: int) -> None:
        """`events` were sent."""
        if not self._rate:
            return
        now = self._monotonic()
        left, at = self._left.pop(caller, (float(self._rate), now))
        self._left[caller] = min(float(self._rate), left + (now - at) * self._rate) - events, now
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)
