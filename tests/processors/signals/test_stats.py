"""Intervals, effective n, overdispersion, geometric means."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.signals.stats import (
    effective_n,
    geometric,
    log_sd,
    overdispersion,
    shrink,
    weighted_mean,
    wilson,
)

shares = st.floats(0, 1)
sizes = st.floats(0, 1e7)
positive = st.floats(1e-3, 1e6)


@given(shares, sizes)
def test_wilson_holds_the_share_and_stays_in_bounds(share: float, n: float) -> None:
    lo, hi = wilson(share, n)
    assert 0 <= lo <= share <= hi <= 1


@given(shares, st.floats(1, 1e5))
def test_wilson_narrows_with_n(share: float, n: float) -> None:
    lo, hi = wilson(share, n)
    lo2, hi2 = wilson(share, 4 * n)
    assert hi2 - lo2 <= hi - lo + 1e-12


def test_wilson_by_hand() -> None:
    # 10 of 100: the textbook's .0552 to .1744.
    assert wilson(0.1, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)


@given(st.lists(positive, min_size=1, max_size=30), st.floats(0.01, 100))
def test_effective_n_is_unchanged_by_scale_and_at_most_the_count(weights: list[float], factor: float) -> None:
    n = effective_n(weights)
    assert n <= len(weights) + 1e-6
    assert effective_n([w * factor for w in weights]) == pytest.approx(n)


def test_effective_n_by_hand() -> None:
    assert effective_n([1, 1, 1, 1]) == 4
    assert effective_n([3, 1]) == pytest.approx(1.6)  # 16 / 10
    assert effective_n([]) == 0


def test_overdispersion_is_one_for_equal_days_and_large_for_clumps() -> None:
    assert overdispersion([(5, 10)] * 20) == 1.0
    # Days of all and days of none, p = .5: each day adds (10 / 2)^2 / 2.5 = 10; 20 days / 19.
    assert overdispersion([(10, 10), (0, 10)] * 10) == pytest.approx(200 / 19)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=40))
def test_overdispersion_is_at_least_one(counts: list[tuple[int, int]]) -> None:
    assert overdispersion([(min(k, n), n) for k, n in counts]) >= 1


def test_shrink_and_weighted_mean_by_hand() -> None:
    assert shrink(1.0, 2, 0.5, 2) == 0.75
    assert shrink(1.0, 0, 0.5, 0) == 0.5
    assert weighted_mean([1, 3], [1, 3]) == 2.5
    assert weighted_mean([1], [0]) is None
    with pytest.raises(ValueError, match="argument 2"):
        weighted_mean([1], [1, 2])


def test_one_viral_post_does_not_widen_the_spread() -> None:
    usual = [0.9, 1.0, 1.1, 0.95, 1.05, 1.0, 0.92]
    assert log_sd([*usual, 50.0]) == pytest.approx(log_sd(usual), abs=0.06)
    assert log_sd([1.0, 2.0]) is None


triples = st.lists(shares, min_size=3, max_size=3).map(sorted)


@given(st.lists(st.tuples(st.floats(0.01, 1), triples), min_size=1, max_size=5))
def test_geometric_mean_lies_within_its_interval_and_its_parts(
    parts: list[tuple[float, list[float]]],
) -> None:
    value, lo, hi = geometric([(w, v, lo, hi) for w, (lo, v, hi) in parts], 0.01)
    assert lo <= value + 1e-12
    assert value <= hi + 1e-12
    assert lo >= 0
    assert hi <= 1
    values = [max(0.01, v) for _, (_, v, _) in parts]
    assert min(values) - 1e-9 <= value <= max(values) + 1e-9


def test_geometric_mean_by_hand() -> None:
    value, _, _ = geometric([(0.5, 0.64, 0.6, 0.7), (0.5, 0.25, 0.2, 0.3)], 0.01)
    assert value == pytest.approx(0.4)
    assert geometric([(1.0, 0.0, 0.0, 0.0)], 0.01)[0] == pytest.approx(0.01)
    assert math.isclose(geometric([(2.0, 0.5, 0.25, 1.0)], 0.01)[1], 0.25)
