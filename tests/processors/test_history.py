"""The history of readings: falls in resolution, tells intervals never narrower, and stays small."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random

import msgspec
import pytest

from processors import history
from processors.history import HEALTH, KEPT_S, NAMES, append, days, pack, points, step_s, unpack
from processors.panes import DAY, HOUR
from processors.scores import Score

START = 1_767_225_600  # 2026-01-01T00:00:00Z


def grown(hours: int, *, value: float | None = 50.0, skip: int = 0) -> bytes:
    rows, rng = b"", Random(1)
    for number in range(hours):
        if skip and rng.randrange(skip):
            continue
        score = Score(value, lo=40.0, hi=55.0) if value is not None else Score.unmeasurable("few")
        rows = append(rows, START + number * HOUR, score, {"connection": Score(number % 101)})
    return rows


def test_a_row_tells_health_and_signals_with_their_intervals() -> None:
    rows = append(
        b"", START, Score(61.24, lo=55.1, hi=70.24),
        {"all_in": Score(99.99, lo=98.0, hi=100.0), "relationship": Score.unmeasurable("no employee")},
    )  # fmt: skip
    ((at, value, lo, hi),) = points(rows, HEALTH)
    assert (at, value) == (START, 61.2) and lo is not None and hi is not None
    assert 54 < lo <= 55.1 and 70.24 <= hi < 71
    assert next(points(rows, "all_in"))[1:] == (100.0, 97.5, 100.0)
    for missing in ("relationship", "connection"):
        assert list(points(rows, missing)) == [(START, None, None, None)]
    with pytest.raises(ValueError):
        list(points(rows, "charm"))


def test_a_value_without_interval_has_none() -> None:
    assert list(points(append(b"", START, Score(50.0), {}), HEALTH)) == [(START, 50.0, None, None)]


@pytest.mark.parametrize("skip", [0, 5], ids=["every hour", "with gaps"])
def test_resolution_falls_with_age_and_no_stretch_is_lost(skip: int) -> None:
    hours = 120 * 24 + 1
    rows = grown(hours, skip=skip)
    times = [at for at, *_ in points(rows, HEALTH)]
    newest = times[-1]
    assert times == sorted(set(times))
    assert newest - times[0] <= KEPT_S + 6 * HOUR
    rng, every = Random(1), []
    for number in range(hours):
        if not (skip and rng.randrange(skip)):
            every.append(START + number * HOUR)
    for age, stretch in ((3 * 24, 1), (28 * 24, 6), (89 * 24, 24)):
        young = [at for at in every if newest - at <= (age - 6) * HOUR]
        kept = {at // (stretch * HOUR) for at in times}
        assert {at // (stretch * HOUR) for at in young} <= kept
    assert len(times) <= 250


def test_of_each_stretch_the_last_row_stays() -> None:
    times = [at for at, *_ in points(grown(60 * 24 + 1), HEALTH)]
    old = [at for at in times if times[-1] - at > 29 * DAY]
    assert old and all(at % DAY == 23 * HOUR for at in old)
    assert all(b - a == DAY for a, b in pairwise(old))


def test_a_boundary_told_twice_is_kept_once() -> None:
    rows = append(append(b"", START, Score(1.0), {}), START, Score(2.0), {})
    rows = append(rows, START + 6 * HOUR, Score(3.0), {})
    assert [value for _, value, *_ in points(rows, HEALTH)] == [2.0, 3.0]


def test_packing_gives_back_what_it_took_and_is_small() -> None:
    rng, rows = Random(3), b""
    values = dict.fromkeys(NAMES, 60.0)
    for number in range(100 * 24):
        values = {name: min(100.0, max(0.0, value + rng.gauss(0, 0.3))) for name, value in values.items()}
        scores = {name: Score(value, lo=value - 5, hi=value + 5) for name, value in values.items()}
        rows = append(rows, START + number * HOUR, scores.pop(HEALTH), scores)
    packed = pack(rows)
    assert unpack(packed) == rows
    assert len(rows) < 8_000 and len(packed) < 3_000 and len(history.health_of(packed)) < 600


def test_health_alone_is_the_same() -> None:
    packed = pack(grown(50 * 24))
    alone = history.health_of(packed)
    assert history.health(alone) == [(at, value) for at, value, *_ in points(unpack(packed), HEALTH)]
    assert history.health(history.health_of(pack(b""))) == []


def test_what_was_written_when_only_health_was_kept_is_read() -> None:
    line = [(START, 60.04), (START + HOUR, None)]
    told = [(START, 60.0, None, None), (START + HOUR, None, None, None)]
    for data in (json.dumps(line).encode(), msgspec.msgpack.encode(line)):
        assert list(points(unpack(data), HEALTH)) == told and history.health(data) == line
        more = history.grown(history.current(data), START + 2 * HOUR, Score(70.0), {})
        assert history.current(more) == more
        assert list(points(unpack(more), HEALTH)) == [*told, (START + 2 * HOUR, 70.0, None, None)]


@pytest.mark.parametrize("data", [b"\x01nonsense", b"\x01" + history.compress(b"abc"), b"\xc1", b"[1", b""])
def test_what_is_no_history_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        unpack(data)


@pytest.mark.parametrize("at", [-(10**15), 10**15])
def test_no_time_is_too_far_off(at: int) -> None:
    assert len(list(points(append(b"", at, Score(5.0), {}), HEALTH))) == 1


def test_days_hold_the_last_health_of_each() -> None:
    line = [(START, 10.0), (START + 5 * HOUR, 20.0), (START + 2 * DAY, None)]
    assert days(line, 30) == [20.0, None, None] and days(line, 2) == [None, None] and days([], 3) == []


def test_steps_follow_age() -> None:
    assert [step_s(age * DAY) for age in (0, 3, 4, 28, 29, 900)] == [
        HOUR, HOUR, 6 * HOUR, 6 * HOUR, DAY, DAY,
    ]  # fmt: skip
