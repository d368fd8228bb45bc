"""The tie that breaks: found when its people fall silent, not when anybody is on holiday."""

from __future__ import annotations

import random

import pytest

from processors.detection.lifecycle import FIRING, AlertState, advance
from processors.detection.look import Look
from processors.detection.relationship import Rhythm, away_days, broken_ties, rhythm
from processors.detection.verdict import Verdict
from processors.ledgers.ties import Ties
from processors.panes import DAY
from tests.processors.builders import NOW, signal_input
from tests.processors.ledgers.acts import PEOPLE, act


def life(
    seed: int, days: int, a_week: float, leaves: int = 999, away: tuple[int, int] = (999, 999)
) -> list[tuple[int, Verdict]]:
    """(day, verdict) of each first naming of a tie, over a life looked at every day."""
    rng = random.Random(seed)
    acts = []
    for day in range(days):
        if away[0] <= day < away[1]:
            continue
        if rng.random() < 0.6:
            acts.append((day + rng.random(), "post", "x:ann", None))
        for who, rate in (("emp1", a_week / 7), ("emp2", a_week / 50), ("acme", a_week / 60)):
            if rng.random() < rate and not (who == "emp1" and day >= leaves):
                at = day + rng.random() * 0.7
                acts.append((at, rng.choice(("like", "comment", "comment")), who, "x:ann"))
                if rng.random() < 0.5:
                    acts.append((at + 0.2, "reply", "x:ann", who))
    acts.sort(key=lambda a: a[0])
    ledger, found, open_ = Ties(), [], set()
    inp = signal_input(partnership=PEOPLE, ledgers={"ties": ledger}, first_event_at=NOW)
    for day in range(1, days):
        while acts and acts[0][0] < day:
            at, kind, who, other = acts.pop(0)
            ledger.act(act(kind, at, who, other))
        inp = signal_input(
            partnership=PEOPLE, ledgers={"ties": ledger}, first_event_at=NOW, at=NOW + day * DAY
        )
        named = {v.subject: v for v in broken_ties(Look(inp))}
        found += [(day, v) for subject, v in named.items() if subject not in open_]
        open_ = set(named)
    return found


@pytest.mark.parametrize("a_week", [3, 5, 10])
def test_an_employee_who_leaves_is_missed_within_thirty_days(a_week: float) -> None:
    hits = 0
    for seed in range(10):
        found = life(seed, 110, a_week, leaves=70)
        assert [day for day, _ in found if day < 70] == []
        hits += any(70 <= day <= 100 for day, _ in found)
    assert hits >= 9 if a_week > 3 else hits >= 6


def test_quiet_lives_stay_quiet() -> None:
    assert sum(len(life(seed, 120, rate)) for seed in range(12) for rate in (2, 4, 7)) <= 1


def test_the_influencers_holiday_is_no_broken_tie() -> None:
    assert sum(len(life(seed, 110, 5, away=(70, 84))) for seed in range(10)) == 0


def test_the_alert_names_the_person_and_no_account_and_closes_after_a_week() -> None:
    ((_, verdict), *_) = life(1, 110, 7, leaves=70)
    assert verdict.breached
    assert verdict.summary is not None
    assert "E. One" in verdict.summary
    assert "emp1" not in verdict.summary + verdict.subject
    assert verdict.value is None
    state, told = advance(
        AlertState.new("acme--ann", "relationship", "event", verdict.subject), verdict, NOW, for_s=0
    )
    assert state.state == FIRING
    assert len(told) == 2


def test_gaps_are_counted_in_days_on_which_the_influencer_was_about() -> None:
    present = 0b1111_0000_0000_0000_1111
    away = away_days(present, 20)
    assert away == 0b0000_1111_1111_1111_0000
    about = ~away & ((1 << 20) - 1)
    found = rhythm(0b1001_0000_0000_0000_0100, about)
    assert found.silent == 2
    assert found.gaps == (2.0, 3.0)


def test_a_rhythm_of_few_contacts_promises_nothing() -> None:
    assert Rhythm(silent=60, contacts=4, span=40, gaps=(9, 10, 11)).chance == 1


def test_a_silence_is_held_against_the_own_rhythm() -> None:
    often = (3.0, 2.0, 4.0, 3.0, 1.0, 3.0, 4.0, 3.0)
    seldom = tuple(4 * gap for gap in often)
    assert Rhythm(25, 9, 27, often).broken
    assert not Rhythm(25, 9, 108, seldom).broken
    clustered = (1.0, 1.0, 1.0, 1.0, 11.0, 1.0, 1.0, 6.0)
    assert Rhythm(20, 9, 27, clustered).chance > Rhythm(20, 9, 27, often).chance
    assert not Rhythm(20, 9, 27, (*often, 19.0)).broken  # as long as one before
