"""How far behind a worker is, and how long it will take: from what its looks at the lag have shown."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

#: Rates are taken over the looks of so many seconds: shorter ones follow every rebalance.
_WINDOW_S = 30.0
#: What is done in so few seconds at the present rate is work in hand, and no lag.
_IN_HAND_S = 5.0
#: Rates need looks that are this far apart, s.
_APART_S = 3.0
#: The lag falls since it was highest, if that was so long ago, s: fences let it fall in steps of up to 3 s.
_FALLING_S = 6.0


@dataclass(frozen=True, slots=True)
class Behind:
    """`records` are in the log and not behind the fence; `per_second` get there; `catch_up_s` is the time
    until none is left if arrivals go on as they do, None while the lag does not fall."""

    records: int
    per_second: float
    catch_up_s: float | None

    def as_dict(self) -> dict[str, Any]:
        """For /health and /ready."""
        return {
            "records": self.records,
            "records_per_s": round(self.per_second, 1),
            "catch_up_s": None if self.catch_up_s is None else round(self.catch_up_s, 1),
        }


class CatchingUp:
    """Told of each look: `look(now, lag, done)`."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int, int]] = deque()

    def look(self, now: float, lag: int, done: int) -> Behind | None:
        """`now`: a monotonic clock, s. `lag`: records not yet behind the fence. `done`: records that got
        there since the start. Returns None unless there is more to do than what is in hand."""
        looks = self._looks
        looks.append((now, lag, done))
        while looks[0][0] < now - _WINDOW_S:
            looks.popleft()
        first_at, _, first_done = looks[0]
        passed = now - first_at
        if passed < _APART_S:
            return None
        per_second = (done - first_done) / passed
        if lag <= per_second * _IN_HAND_S:
            return None
        high_at, high = max(((at, one) for at, one, _ in looks), key=lambda look: (look[1], look[0]))
        falling = now - high_at >= _FALLING_S and high > lag
        return Behind(lag, per_second, lag * (now - high_at) / (high - lag) if falling else None)
