"""Slow losses are found, and neither noise, wandering, a viral post nor a campaign alone is one."""

from __future__ import annotations

import datetime as dt

import pytest

from processors.detection.leak_quality import slow_decay, sponsored_fatigue
from processors.detection.look import Look
from tests.processors.builders import NOW, moved, partnership, signal_input
from tests.processors.detection.postlife import life

LIVES = range(60)


def found(judge, **fields) -> int:  # type: ignore[no-untyped-def]
    return sum(judge(life(seed, **fields)).breached for seed in LIVES)


@pytest.mark.parametrize("likes", [8, 120, 3000])
def test_a_steady_life_is_silent(likes: int) -> None:
    assert found(slow_decay, likes=likes) <= 1
    assert found(sponsored_fatigue, likes=likes) <= 1


def test_two_percent_a_day_are_sometimes_and_four_nearly_always_found_within_four_weeks() -> None:
    assert found(slow_decay, factor=lambda day: 0.98 ** max(0.0, day)) >= 0.1 * len(LIVES)
    assert found(slow_decay, factor=lambda day: 0.96 ** max(0.0, day)) >= 0.85 * len(LIVES)


def test_one_viral_post_in_the_reference_makes_no_decay() -> None:
    assert found(slow_decay, factor=lambda day: 30.0 if -20 < day < -18.4 else 1.0) <= 2


def test_fatigue_needs_both_the_share_and_the_loss() -> None:
    def paid(day: float) -> float:
        return 0.1 if day < 0 else 0.6

    tired = found(sponsored_fatigue, paid=paid, factor=lambda day: 0.7 if day > 7 else 1.0, per_day=1.0)
    assert tired >= 0.4 * len(LIVES)
    assert found(sponsored_fatigue, paid=paid, per_day=1.0) <= 0.12 * len(LIVES)
    assert found(sponsored_fatigue, factor=lambda day: 0.7 if day > 7 else 1.0, per_day=1.0) <= 1


def test_the_verdict_says_what_and_by_how_much() -> None:
    verdict = slow_decay(life(3, factor=lambda day: 0.95 ** max(0.0, day)))
    assert verdict.breached and verdict.rule == "leak" and verdict.subject == "slow_decay"
    assert verdict.effect < -0.25 and verdict.cause[0].part == "quality_rate"
    assert verdict.summary and "leaks away" in verdict.summary and verdict.advice


def test_what_was_declared_accounts_for_it() -> None:
    look = life(3, factor=lambda day: 0.95 ** max(0.0, day))
    now = dt.datetime.fromtimestamp(NOW, dt.UTC)
    away = {"kind": "holiday", "starts_at": now - dt.timedelta(days=10), "ends_at": now}
    verdict = slow_decay(Look(moved(look.inp, partnership=partnership(explainers=[away]))))
    assert not verdict.breached and verdict.reason == "explained"


def test_without_a_reference_it_warms_up() -> None:
    for judge in (slow_decay, sponsored_fatigue):
        verdict = judge(Look(signal_input()))
        assert not verdict.measurable and verdict.reason == "warming_up"
