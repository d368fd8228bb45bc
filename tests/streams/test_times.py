"""Times as people type them: what they mean, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.times import parse_span, parse_stretch, parse_when

LONDON = ZoneInfo("Europe/London")
#: A Monday evening; clocks went back in October.
NOW = datetime(2026, 11, 23, 19, 30, tzinfo=LONDON)


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ahead", "back"),
    [
        ("18:00", at(24, 18), at(23, 18)),
        ("20:00", at(23, 20), at(22, 20)),
        ("Friday 18:00", at(27, 18), at(20, 18)),
        ("fri 18:00", at(27, 18), at(20, 18)),
        ("monday 20:00", at(23, 20), at(16, 20)),
        ("monday 18:00", at(30, 18), at(23, 18)),
        ("tomorrow 9:00", at(24, 9), at(24, 9)),
        ("2h", at(23, 21, 30), at(23, 17, 30)),
        ("1d12h", at(25, 7, 30), at(22, 7, 30)),
        ("24:00", at(24, 0), at(23, 0)),
        ("2026-11-27", at(27, 0), at(27, 0)),
        ("2026-11-27  18:00", at(27, 18), at(27, 18)),
        ("2026-11-27T18:00:00+02:00", at(27, 16), at(27, 16)),
        ("now", at(23, 19, 30), at(23, 19, 30)),
    ],
)
def test_what_is_meant(text: str, ahead: datetime, back: datetime) -> None:
    assert parse_when(text, NOW) == ahead
    assert parse_when(text, NOW, past=True) == back


def test_summer_time_is_that_of_the_day_that_is_meant() -> None:
    before = datetime(2026, 10, 24, 12, tzinfo=LONDON)  # the clocks go back that night
    assert parse_when("18:00", before) == at(24, 17, month=10)
    assert parse_when("tomorrow 18:00", before) == at(25, 18, month=10)


@pytest.mark.parametrize(
    ("text", "starts", "ends"),
    [
        ("Friday 18:00–24:00", at(27, 18), at(28, 0)),
        ("fri 22:00 - 02:00", at(27, 22), at(28, 2)),
        ("18:00-24:00", at(23, 18), at(24, 0)),
        ("monday 19:00-21:00", at(23, 19), at(23, 21)),
        ("20:00-22:00", at(23, 20), at(23, 22)),
        ("2026-11-27 to 2026-11-29", at(27, 0), at(29, 0)),
        ("now to 2h", at(23, 19, 30), at(23, 21, 30)),
        ("2026-11-27T18:00:00Z - 2026-11-28T00:00:00Z", at(27, 18), at(28, 0)),
    ],
)
def test_stretches(text: str, starts: datetime, ends: datetime) -> None:
    assert parse_stretch(text, NOW) == (starts, ends)


@pytest.mark.parametrize(
    "text",
    ["", " ", "18", "25:00", "24:01", "18:60", "foo 18:00", "t 18:00", "2026-13-01 18:00", "2026-02-30",
     "-2h", "2 h", "0h", "9999999w", "18:00 19:00", "friday friday", "2026-11-27T18:00", "٣h", "1e3h"],
)  # fmt: skip
def test_what_is_refused_says_what_may_be_written(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        parse_when(text, NOW)


@pytest.mark.parametrize("text", ["", "friday", "18:00", "2026-11-29 to 2026-11-27", "a-b", "18:00-25:00"])
def test_stretches_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        parse_stretch(text, NOW)


@given(st.integers(1, 500), st.integers(0, 23), st.integers(0, 59))
def test_a_length_is_the_sum_of_its_parts(days: int, hours: int, minutes: int) -> None:
    found = parse_span(f"{days}d{hours}h{minutes}m")
    assert found == timedelta(days=days, hours=hours, minutes=minutes)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    for parse in (parse_when, parse_stretch):
        try:
            found = parse(text, NOW)
        except ValueError:
            continue
        assert found
