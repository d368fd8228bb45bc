"""What the board shows, put together from readings, sparks, alerts and totals."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from schemas import Alert, Reading
from streams.board import SIGNAL_HEADS, AlertLine, Cell, Row, Snapshot
from streams.reader import Reader, SparkLine, event_clock, lag, sum_totals

#: Worst first: what is on top of the board.
_ORDER = {"firing": 0, "pending": 1, "no data": 2, "well": 3, "warming up": 4}
_RATE_WINDOW_S = 4.0


class Rate:
    """Events per second over the last few seconds of a running total. The clock is handed in (s)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, total: int) -> float | None:
        """The rate after this total; None until two totals were seen."""
        now = self._clock()
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_WINDOW_S:
            self._seen.popleft()
        at, first = self._seen[0]
        return max(0.0, (total - first) / (now - at)) if now > at else None


def state_of(reading: Reading, alerts: Iterable[Alert]) -> str:
    """The partnership's state in a word: the worst of its alerts, or else whether it can be measured yet."""
    states = {alert.state for alert in alerts}
    for state in ("firing", "pending", "no_data"):
        if state in states:
            return state.replace("_", " ")
    return "well" if reading.health.value is not None else "warming up"


def row_of(reading: Reading, spark: SparkLine, alerts: Iterable[Alert]) -> Row:
    """One line of the board."""
    listed = list(alerts)
    open_ones: dict[str, str] = {alert.signal: alert.state for alert in listed if alert.state != "resolved"}
    signals = {
        name: Cell(signal.value if signal.measurable else None, signal.baseline, open_ones.get(name))
        for name, signal in reading.signals.items()
        if name in SIGNAL_HEADS
    }
    health = reading.health
    return Row(
        reading.partnership_id,
        reading.tier or "–",
        health.value,
        health.lo,
        health.hi,
        signals,
        state_of(reading, listed),
        [value for _, value in spark],
    )


def rows_of(
    readings: Sequence[Reading], sparks: Mapping[str, SparkLine], alerts: Sequence[Alert]
) -> list[Row]:
    """All lines, those that need a look first."""
    by_partnership: dict[str | None, list[Alert]] = {}
    for alert in alerts:
        by_partnership.setdefault(alert.partnership_id, []).append(alert)
    rows = [
        row_of(
            reading, sparks.get(reading.partnership_id, ()), by_partnership.get(reading.partnership_id, ())
        )
        for reading in readings
    ]
    return sorted(rows, key=lambda row: (_ORDER[row.state], row.name))


def alert_line(alert: Alert) -> AlertLine:
    """One alert as the board shows it."""
    return AlertLine(
        alert.at,
        alert.partnership_id or "operations",
        alert.signal,
        alert.state,
        alert.severity,
        alert.summary,
    )


async def take(
    reader: Reader,
    rate: Rate,
    *,
    ends: Mapping[int, int] | None = None,
    sent: int | None = None,
    note: str = "",
) -> Snapshot:
    """The board's present values from Redis.

    For the lag either `ends`, the next offset of each partition of the log, or how many records were `sent`.
    """
    fences = await reader.fences()
    totals = sum_totals(fences)
    alerts = await reader.alerts()
    clock = event_clock(fences)
    return Snapshot(
        clock=datetime.fromtimestamp(clock, UTC) if clock else None,
        events_per_s=rate(totals.read),
        read=totals.read,
        counted=totals.counted,
        rejected=totals.rejected,
        lag=lag(fences, ends) if ends is not None else None if sent is None else max(0, sent - totals.read),
        rows=rows_of(await reader.readings(), await reader.sparks(), alerts),
        alerts=[alert_line(alert) for alert in alerts],
        note=note,
    )
