"""Bought likes are found by posts and by accounts; hits and old posts found again are not bought."""

from __future__ import annotations

import pytest

from processors.detection.bought_likes import bought_likes, bought_likes_drip
from processors.detection.look import Look
from tests.processors.builders import signal_input
from tests.processors.detection.postlife import SINCE, life

LIVES = range(50)


def found(judge, **fields) -> float:  # type: ignore[no-untyped-def]
    return sum(judge(life(seed, **fields)).breached for seed in LIVES) / len(LIVES)


def last(days: float, amount: float):  # type: ignore[no-untyped-def]
    return lambda day: amount if day > SINCE - days else 0.0


@pytest.mark.parametrize("known", [0.9, 0.3])
@pytest.mark.parametrize("likes", [8, 120, 3000])
def test_a_steady_life_is_silent(likes: int, known: float) -> None:
    assert found(bought_likes, likes=likes, known=known) <= 0.04
    assert found(bought_likes_drip, likes=likes, known=known) <= 0.04


def test_likes_bought_under_six_posts_are_found() -> None:
    assert found(bought_likes, sold=last(10, 2.0)) >= 0.95
    assert found(bought_likes, sold=last(10, 1.0)) >= 0.8
    assert found(bought_likes, sold=last(10, 2.0), known=0.3) >= 0.8  # profiles hidden: by posts alone


def test_a_hit_of_real_people_is_not_bought() -> None:
    def hit(day: float) -> float:
        return 8.0 if SINCE - 6 < day < SINCE - 3 else 1.0

    assert found(bought_likes, factor=hit) <= 0.04
    assert found(bought_likes, factor=hit, known=0.3) <= 0.1


def test_a_drip_is_found_by_its_lateness_and_its_accounts() -> None:
    assert found(bought_likes_drip, drip=last(14, 40)) >= 0.95
    assert found(bought_likes_drip, drip=last(14, 40), known=0.3) >= 0.8
    verdict = bought_likes_drip(life(2, drip=last(14, 40)))
    assert {part.part for part in verdict.cause} == {"late_likes", "suspicious_likes"}
    assert verdict.summary and verdict.advice and verdict.severity == "warning"


def test_late_likes_of_the_usual_people_are_an_old_post_found_again() -> None:
    verdict = bought_likes_drip(life(2, drip=last(14, 40), low=0.9))
    assert not verdict.breached


def test_without_a_reference_it_warms_up() -> None:
    for judge in (bought_likes, bought_likes_drip):
        verdict = judge(Look(signal_input()))
        assert not verdict.measurable and verdict.reason == "warming_up"
