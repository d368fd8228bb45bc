"""Bought followers at once, in a drip, cohorts that leave: found by who comes, silent when people come."""

from __future__ import annotations

import datetime as dt

import pytest

from processors.detection.follower_leaks import bought_followers_drip, follower_churn
from processors.detection.followers import Base, bought_followers, rise_of, tail
from processors.detection.look import Look
from processors.detection.suspicious import suspicious
from processors.ledgers.followers import Day
from processors.panes import COUNT, DAY, HOUR, KNOWN, LOW
from tests.processors import builders
from tests.processors.detection.joins import LIKE, Life, burst, drip, named_elsewhere, none, viral

WORDS_OF_BLAME = ("fraud", "cheat", "bought them", "guilty", "fake")


def fires(life: Life, hours: range) -> list[int]:
    return [hour for hour in hours if bought_followers(life.look(hour)).breached]


@pytest.mark.parametrize("low", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("known", [1.0, 0.4])
def test_a_burst_is_found_within_a_day_against_the_own_past(low: float, known: float) -> None:
    life = Life(1, 4, burst(), low=low, known=known)
    assert not bought_followers(life.look(28)).breached
    verdict = bought_followers(life.look(30 + 20))
    assert verdict.breached and verdict.subject == "bought_followers"
    assert [cause.part for cause in verdict.cause] == ["new_followers"]
    assert {"own_hit_post", "shout_out", "giveaway", "advertising", "purge"} <= {
        e.kind for e in verdict.explainers
    }
    assert verdict.summary is not None and "affected by" in verdict.summary
    assert not any(word in verdict.summary.lower() for word in WORDS_OF_BLAME)


def test_a_small_burst_of_a_small_account_is_found() -> None:
    life = Life(2, 4, burst(count=40, hours=40), per_day=2, known=0.5, likes=60, followers=2_000)
    assert fires(life, range(40, 80, 4))


def test_a_follow_train_shows_by_mass_followers() -> None:
    life = Life(3, 4, burst(share=0.2, count=300), more_mass=0.8)
    verdict = bought_followers(life.look(58))
    assert verdict.breached and verdict.cause[0].part == "mass_followers"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("known", [1.0, 0.4, 0.0])
def test_a_viral_post_stays_silent(seed: int, known: float) -> None:
    life = Life(seed, 6, viral(), known=known)
    assert not fires(life, range(26, 144, 6))


@pytest.mark.parametrize("known", [1.0, 0.4, 0.0])
def test_a_shout_out_on_television_stays_silent(known: float) -> None:
    """Follows without an own post and hardly a like, but in a wave of usual people."""
    life = Life(5, 5, named_elsewhere(0.15), known=known)
    assert not fires(life, range(26, 120, 4))


def test_usual_life_stays_silent() -> None:
    for seed in range(6):
        life = Life(seed, 20, per_day=8 if seed % 2 else 40, known=0.4 if seed % 3 else 1.0)
        assert not fires(life, range(0, 480, 12))
        assert not any(bought_followers_drip(life.look(hour)).breached for hour in range(24, 480, 24))


def test_hidden_profiles_leave_steep_and_even_numbers_to_speak() -> None:
    life = Life(6, 5, burst(count=900, hours=44), known=0.0, totals=False)
    verdict = bought_followers(life.look(30 + 30))
    assert verdict.breached and verdict.cause[0].part == "follows"


def test_totals_alone_are_enough_for_a_steep_rise_without_engagement() -> None:
    for poll_h in (6, 24):
        life = Life(7, 5, burst(count=1_500, hours=46), follows=False, poll_h=poll_h)
        assert fires(life, range(40, 78, 4))
        people = Life(7, 5, viral(), follows=False, poll_h=poll_h)
        assert not fires(people, range(26, 120, 4))
        named = Life(7, 5, named_elsewhere(0.0), follows=False, poll_h=poll_h)
        assert not fires(named, range(26, 120, 4))


def test_what_people_declared_accounts_for_it() -> None:
    at = builders.NOW + 50 * HOUR
    times = {name: dt.datetime.fromtimestamp(at + s, dt.UTC).isoformat() for name, s in
             (("starts_at", -DAY), ("ends_at", DAY))}  # fmt: skip
    told = builders.partnership(explainers=[{"kind": "giveaway", **times}])
    verdict = bought_followers(Life(1, 4, burst()).look(50, partnership=told))
    assert not verdict.breached and verdict.reason == "explained"


def test_without_a_reference_nothing_is_said() -> None:
    look = Look(builders.signal_input())
    for judge in (bought_followers, bought_followers_drip, follower_churn, suspicious):
        verdict = judge(look)
        assert not verdict.breached and not verdict.measurable and verdict.reason == "warming_up"


@pytest.mark.parametrize("known", [1.0, 0.4])
def test_a_drip_is_found_within_two_weeks(known: float) -> None:
    found = 0
    for seed in range(5):
        life = Life(seed, 16, drip(25), known=known)
        found += any(bought_followers_drip(life.look(24 * day)).breached for day in range(2, 15))
    assert found >= 4


def test_a_viral_post_is_no_drip() -> None:
    for seed in range(4):
        life = Life(seed, 15, viral(times=40), known=0.4)
        assert not any(bought_followers_drip(life.look(24 * day)).breached for day in range(1, 15))


def test_a_cohort_that_leaves_again_is_found_but_a_purge_is_not() -> None:
    life = Life(8, 16, burst(share=0.2, count=300, hours=24, begin=0))
    first = builders.NOW // DAY
    assert not follower_churn(life.look(15 * 24)).breached
    for age in range(1, 8):
        life.ledger.days.setdefault(first + age, Day()).left = [0] * age + [18]
    verdict = follower_churn(life.look(15 * 24))
    assert verdict.breached and verdict.cause[0].part == "churn_7d"
    for age in range(1, 8):
        life.ledger.days[first + age].left = []
    cleared = life.ledger.days[first + 3]
    cleared.left, cleared.unfollows = [0, 0, 0, 150], 900
    verdict = follower_churn(life.look(15 * 24))
    assert not verdict.breached
    assert any(e.kind == "purge" and e.accepted for e in verdict.explainers)


@pytest.mark.parametrize(("share", "breached"), [(0.2, False), (0.45, True)])
def test_suspicious_needs_a_rise_over_the_own_reference(share: float, breached: bool) -> None:
    for low in (0.2, 0.45):
        life = Life(9, 12, none, low=low)
        for at, pane in life.hours.items():
            if at >= builders.NOW + 2 * DAY:
                pane[LOW + LIKE] = round(share * pane[KNOWN + LIKE])
        verdict = suspicious(life.look(11 * 24))
        assert verdict.breached == (breached and low < share)
        assert verdict.rule == "threshold"


def test_a_surge_of_strangers_holds_suspicious() -> None:
    life = Life(10, 12, none, low=0.2)
    for at, pane in life.hours.items():
        if at >= builders.NOW + 5 * DAY:
            for block in (COUNT, KNOWN):
                pane[block + LIKE] *= 5
            pane[LOW + LIKE] = round(0.32 * pane[KNOWN + LIKE])
    assert not suspicious(life.look(11 * 24)).breached


def test_the_chance_of_so_many_is_exact() -> None:
    assert tail(0, 5, 0.3) == 1
    assert tail(5, 5, 0.5) == pytest.approx(1 / 32)
    assert tail(1, 3, 0.2) == pytest.approx(1 - 0.8**3)
    shift, p = rise_of(9, 10, Base(0.2, 1_000.0, 1.0))
    assert shift == pytest.approx(0.7) and p < 1e-4
    assert rise_of(0, 0, Base(0.2, 10.0, 1.0)) == (0.0, 1.0)
