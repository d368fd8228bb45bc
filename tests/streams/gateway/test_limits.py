"""Bodies within bounds: zip bombs, budgets, rates, and how far the workers are behind."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.gateway.answers import Refusal
from streams.gateway.body import inflate
from streams.gateway.ids import LocalIds
from streams.gateway.lag import Lag
from streams.gateway.limits import Budget, EventRate

MIB = 1 << 20


def test_a_zip_bomb_is_refused_without_being_blown_up() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(OverflowError):
        inflate(bomb, 4 * MIB)
    assert tracemalloc.get_traced_memory()[1] < 12 * MIB
    tracemalloc.stop()


def test_a_bomb_in_many_streams_is_refused_too() -> None:
    with pytest.raises(OverflowError):
        inflate(gzip.compress(bytes(MIB)) * 8, 4 * MIB)
    with pytest.raises(ValueError, match="more than 64 streams"):
        inflate(gzip.compress(b"") * 100, MIB)


@pytest.mark.parametrize(
    "data",
    [b"", b"plain", gzip.compress(b"x" * 999)[:-9], gzip.compress(b"x") + b"rubbish", zlib.compress(b"x")],
)
def test_what_is_no_whole_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        inflate(data, MIB)


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_inflating_gives_back_what_was_packed(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    assert inflate(b"".join(map(gzip.compress, parts)), len(whole)) == whole
    if whole:
        with pytest.raises(OverflowError):
            inflate(gzip.compress(whole), len(whole) - 1)


def test_the_budget_is_given_back() -> None:
    budget = Budget(100)
    with pytest.raises(Refusal) as refused, budget.share() as one, budget.share() as two:
        one.take(60)
        two.take(40)
        two.take(1)
    assert refused.value.status == 429 and "Retry-After" in refused.value.headers
    assert budget.held == 0


def test_who_overdraws_waits_and_others_do_not() -> None:
    now = 0.0
    rate = EventRate(100, lambda: now)
    assert rate.wait("a") == 0
    rate.pay("a", 350)
    assert 2.5 <= rate.wait("a") < 2.6 and rate.wait("b") == 0
    now = 2.6
    assert rate.wait("a") == 0
    assert EventRate(0, lambda: now).wait("a") == 0


def test_lag_is_the_age_of_the_oldest_record_that_is_not_committed() -> None:
    lag = Lag()
    lag.note(0.0, {0: 10, 1: 5}, {0: None, 1: None})
    assert lag.seconds is None  # nobody reads there: nobody is behind
    lag.note(1.0, {0: 10, 1: 5}, {0: 10, 1: 5})
    assert (lag.seconds, lag.records) == (0.0, 0)
    for second in range(2, 10):
        lag.note(float(second), {0: 10 + second, 1: 5}, {0: 10, 1: 5})
    assert (lag.seconds, lag.records) == (7.0, 9)
    lag.note(10.0, {0: 19, 1: 5}, {0: 15, 1: 5})
    assert lag.seconds == 4.0  # record 15 was first seen at 6 s
    lag.note(11.0, {0: 19, 1: 5}, {0: 19, 1: 6})  # Tansu's end may lie before what was committed
    assert (lag.seconds, lag.records) == (0.0, 0)


def test_lag_reaches_back_however_long_it_lasts() -> None:
    lag = Lag()
    lag.note(0.0, {0: 1}, {0: 0})
    for look in range(1, 5_000):
        lag.note(2.0 * look, {0: 1 + look}, {0: 0})
    assert lag.seconds == 2.0 * 4_999


def test_marks_in_the_process_are_bounded_and_the_newest_stay() -> None:
    ids = LocalIds(1_000)
    marks = [os.urandom(8) for _ in range(5_000)]
    ids.add(marks)
    assert len(ids) <= 1_000
    assert all(mark in ids for mark in marks[-500:])
    assert marks[0] not in ids
