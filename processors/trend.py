"""Health of a partnership over time, as it is kept: by the hour of late, one value a day before that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from processors.panes import DAY, HOUR

#: (epoch s of event time, health from 0 to 100 or None), newest last.
Line = Sequence[tuple[int, float | None]]

#: Kept by the hour for so long, s; older ones are thinned to the last of each day (UTC).
HOURLY_S: Final = 72 * HOUR
#: A digest of a month begins with a value of its own.
DAILY_S: Final = 35 * DAY


def add(line: list[tuple[int, float | None]], at: int, health: float | None) -> None:
    """Appends the health at `at`, later than all before, and thins what has grown old."""
    line.append((at, health))
    if line[0][0] > at - HOURLY_S:
        return
    kept: list[tuple[int, float | None]] = []
    for moment, value in line:
        if moment <= at - DAILY_S:
            continue
        if moment <= at - HOURLY_S and kept and kept[-1][0] // DAY == moment // DAY:
            if value is not None:  # a day that ends without a value keeps the last that it had
                kept[-1] = (moment, value)
        else:
            kept.append((moment, value))
    line[:] = kept


def by_the_hour(line: Line) -> Line:
    """The part that was not thinned."""
    return [point for point in line if point[0] > line[-1][0] - HOURLY_S]
