"""Tails of the two distributions, against plain sums."""

from __future__ import annotations

from itertools import pairwise
from math import exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.lockstep.chance import at_least, tail


@given(st.integers(0, 12), st.floats(0.01, 0.99))
def test_at_least_nothing_is_certain_and_more_is_rarer(n: int, p: float) -> None:
    chances = [at_least(k, n, p) for k in range(n + 2)]
    assert chances[0] == 1.0
    assert chances[-1] == 0
    assert all(more <= fewer + 1e-12 for fewer, more in pairwise(chances))


@given(st.integers(1, 30), st.floats(0.01, 20))
def test_the_tail_of_a_poisson(m: int, expected: float) -> None:
    plain = 1 - sum(exp(-expected) * expected**k / factorial(k) for k in range(m))
    found = tail(m, expected)
    assert found == pytest.approx(plain, rel=1e-6, abs=1e-12) or m <= expected


def test_many_trials_do_not_overflow() -> None:
    assert at_least(600, 1_200, 0.5) == pytest.approx(0.5115, abs=1e-3)
    assert at_least(101, 101, 0.5) == pytest.approx(0.5**101)


def test_nothing_expected() -> None:
    assert tail(0, 3.0) == 1.0
    assert tail(3, 0.0) == 0.0
