"""Kaplan-Meier over latency bins."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.panes import ANSWERABLE, ANSWERED, DAY, HOUR, LATENCY_EDGES, N_LATENCY, new_pane
from processors.signals.inputs import Exposure
from processors.signals.survival import answered_by, expected_answers, exposure_of, latency_quantile
from tests.processors.builders import NOW


def cohort(comments: int, *answered: int) -> list[int]:
    pane = new_pane()
    pane[ANSWERABLE] = comments
    for i, n in enumerate(answered):
        pane[ANSWERED + i] = n
    return pane


def test_old_comments_give_the_plain_share() -> None:
    curve, n = answered_by(exposure_of([(NOW - 3 * DAY, cohort(100, 20, 10, 0, 0, 0, 0, 10))], NOW))
    assert curve[0] == pytest.approx(0.2)
    assert curve[1] == pytest.approx(0.3)
    assert curve[-1] == pytest.approx(0.4)
    assert n == pytest.approx(100)  # nothing censored: Greenwood is the binomial


def test_fresh_comments_are_censored_and_not_taken_as_unanswered() -> None:
    old = (NOW - 3 * DAY, cohort(100, 20, 10, 0, 0, 0, 0, 10))
    fresh = (NOW - 600, cohort(10_000))  # younger than the first edge: says nothing
    assert answered_by(exposure_of([old, fresh], NOW))[0][-1] == pytest.approx(0.4)
    # Two hours old: counts for the first two bins only. By hand: h1 = 40/200, h2 = 20/160, h7 = 10/70.
    young = (NOW - 2 * HOUR, cohort(100, 20, 10))
    curve, n = answered_by(exposure_of([old, young], NOW))
    assert curve[-1] == pytest.approx(1 - (160 / 200) * (140 / 160) * (60 / 70))
    assert 100 < n < 200


def test_nothing_answered_still_rests_on_the_comments_at_risk() -> None:
    curve, n = answered_by(exposure_of([(NOW - 3 * DAY, cohort(50))], NOW))
    assert (curve[-1], n) == (0.0, 50.0)
    assert answered_by(Exposure())[1] == 0


cohorts = st.lists(
    st.tuples(st.integers(0, 4 * DAY), st.integers(0, 200), st.lists(st.integers(0, 60), min_size=7,
    max_size=7)), max_size=12,
)  # fmt: skip


@given(cohorts)
def test_curve_never_falls_and_n_never_exceeds_the_comments(items: list[tuple[int, int, list[int]]]) -> None:
    exposure = exposure_of([(NOW - age, cohort(n, *done)) for age, n, done in items], NOW)
    curve, n = answered_by(exposure)
    assert all(0 <= a <= b + 1e-12 <= 1 + 2e-12 for a, b in pairwise(curve))
    assert 0 <= n <= exposure.comments
    assert sum(exposure.answered) <= exposure.comments


@given(cohorts, st.integers(2, 9))
def test_rate_is_unchanged_when_every_comment_counts_k_times(
    items: list[tuple[int, int, list[int]]], k: int
) -> None:
    once = exposure_of([(NOW - age, cohort(n, *done)) for age, n, done in items], NOW)
    times = exposure_of([(NOW - age, cohort(k * n, *[k * d for d in done])) for age, n, done in items], NOW)
    assert answered_by(times)[0] == pytest.approx(answered_by(once)[0])


def test_expected_answers_of_a_fully_exposed_week_are_comments_times_rate() -> None:
    exposure = exposure_of([(NOW - 3 * DAY, cohort(50))], NOW)
    assert expected_answers(exposure, [0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4]) == pytest.approx(20)
    fresh = exposure_of([(NOW - 2 * HOUR, cohort(50))], NOW)
    assert expected_answers(fresh, [0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4]) == pytest.approx(10)


def test_latency_quantile_lies_in_its_bin() -> None:
    curve = [0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4]
    assert latency_quantile(curve, 0.25) == pytest.approx(LATENCY_EDGES[0])
    assert latency_quantile(curve, 0.5) == pytest.approx(LATENCY_EDGES[1])
    assert LATENCY_EDGES[5] < latency_quantile(curve, 0.75) < LATENCY_EDGES[6]
    assert latency_quantile(curve, 1.0) == pytest.approx(LATENCY_EDGES[6])
    assert len(curve) == N_LATENCY
