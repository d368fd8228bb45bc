"""How much one caller may ask: a token bucket for each, in a table that cannot grow without bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_CALLERS: Final = 10_000


class Limiter:
    """`per_minute` requests a minute for each caller, up to a sixth of it at once (at least 10)."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float], *, callers: int = _CALLERS) -> None:
        self._rate = per_minute / 60.0
        self._burst = max(10.0, per_minute / 6)
        self._monotonic = monotonic
        self._callers = callers
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """0 and one request taken, or the seconds until there is one."""
        now = self._monotonic()
        left, at = self._left.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        taken = left >= 1.0
        self._left[caller] = (left - 1.0 if taken else left, now)
        if len(self._left) > self._callers:
            # Who asked least recently starts afresh: their bucket is the fullest of all.
            self._left.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self._rate

    def __len__(self) -> int:
        return len(self._left)
