"""How far behind, and how long it takes."""

from __future__ import annotations

import pytest

from streams.catching_up import Behind, CatchingUp


def _after(seconds: int, lag: float, arriving: float, working: float) -> Behind | None:
    """What is told after looks each two seconds at a lag that starts so."""
    looks, told = CatchingUp(), None
    for at in range(0, seconds + 1, 2):
        left = max(0.0, lag + (arriving - working) * at)
        told = looks.look(float(at), int(left), int(lag + arriving * at - left))
    return told


def test_nobody_is_behind_who_does_in_seconds_what_is_there():
    assert _after(20, lag=4_000, arriving=1_000, working=1_000) is None
    assert _after(20, lag=0, arriving=0, working=0) is None


def test_the_time_to_catch_up_counts_what_goes_on_arriving():
    told = _after(20, lag=100_000, arriving=1_000, working=3_000)
    assert told is not None
    assert told.records == 60_000
    assert told.per_second == pytest.approx(3_000)
    assert told.catch_up_s == pytest.approx(30.0), "60,000 records at 2,000 a second more than arrive"


def test_a_lag_that_grows_has_no_end():
    told = _after(20, lag=100_000, arriving=3_000, working=1_000)
    assert told is not None
    assert told.catch_up_s is None
    assert told.as_dict() == {"records": 140_000, "records_per_s": 1_000.0, "catch_up_s": None}


def test_only_the_last_looks_count():
    looks = CatchingUp()
    for at in range(0, 100, 2):
        looks.look(float(at), 100_000 + 1_000 * at, 0)
    told = None
    for at in range(100, 140, 2):
        told = looks.look(float(at), 200_000 - 2_000 * (at - 100), 2_000 * (at - 100))
    assert told is not None
    assert told.catch_up_s == pytest.approx((200_000 - 2_000 * 38) / 2_000, rel=0.05)


def test_a_lag_that_has_begun_to_fall_is_told_before_the_growth_is_forgotten():
    looks, told = CatchingUp(), []
    for at in range(60):  # grows by 1,000 a second for 40 s, then falls by 3,000
        lag = 1_000 * at if at <= 40 else 40_000 - 3_000 * (at - 40)
        found = looks.look(float(at), max(0, lag), 1_000 * at)
        told.append(found.catch_up_s if found else None)
    assert not any(told[:46])
    assert told[46] == pytest.approx(22_000 / 3_000)


def test_steps_on_the_way_up_are_no_fall():
    looks = CatchingUp()
    for at in range(60):  # 2,000 come each second, a fence each three seconds takes 3,000
        found = looks.look(float(at), 2_000 * at - 3_000 * (at // 3), 3_000 * (at // 3))
        assert found is None or found.catch_up_s is None


def test_work_that_stands_still_is_behind():
    told = _after(20, lag=5, arriving=0, working=0)
    assert told == Behind(5, 0.0, None)
