"""Health over time: by the hour of late, one value a day before that, bounded."""

from __future__ import annotations

from processors.panes import DAY, HOUR
from processors.trend import DAILY_S, HOURLY_S, Line, add, by_the_hour

NOON = 20_000 * DAY + DAY // 2


def after(hours: int, gap: range = range(0)) -> Line:
    line: list[tuple[int, float | None]] = []
    for hour in range(1, hours + 1):
        add(line, NOON + hour * HOUR, None if hour in gap else float(hour))
    return line


def test_three_days_are_kept_whole() -> None:
    line = after(72)
    assert [value for _, value in line] == [float(hour) for hour in range(1, 73)]
    assert by_the_hour(line) == line


def test_older_ones_are_thinned_to_the_last_of_their_day() -> None:
    line = after(24 * 10)
    late = by_the_hour(line)
    assert len(late) == 72 and late[-1] == (NOON + 240 * HOUR, 240.0)
    old = line[: -len(late)]
    days = [at // DAY for at, _ in old]
    assert days == sorted(set(days)) and len(days) == 8
    assert {at % DAY for at, _ in old[:-1]} == {23 * HOUR}, "the last of each day that is over"


def test_it_is_bounded_and_goes_back_five_weeks() -> None:
    line = after(24 * 90)
    assert len(line) <= HOURLY_S // HOUR + DAILY_S // DAY
    assert 34 * DAY < line[-1][0] - line[0][0] < DAILY_S


def test_a_day_that_ends_unmeasured_keeps_its_last_value() -> None:
    line = after(24 * 10, gap=range(24, 36))  # 12:00 to 23:00 of the second day
    assert (NOON + 23 * HOUR, 23.0) in line


def test_a_pause_leaves_what_is_old_in_place() -> None:
    line = [(NOON, 50.0), (NOON + HOUR, 51.0)]
    add(line, NOON + 20 * DAY, 60.0)  # type: ignore[arg-type]
    assert line == [(NOON + HOUR, 51.0), (NOON + 20 * DAY, 60.0)]
