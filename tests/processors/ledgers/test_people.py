"""The ledger of people: return, regulars, evenness from bounded samples."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ledgers.people import MONTHLY, RECENT, People, Share, gini
from processors.panes import DAY
from tests.processors.builders import NOW
from tests.processors.ledgers.acts import act

TODAY = NOW // DAY


def comment(ledger: People, person: int, day: float, factors: tuple[str, ...] = ()) -> None:
    ledger.act(
        act("comment", day, "fan", "x:ann", hash=(person * 0x9E3779B97F4A7C15) % 2**64, factors=list(factors))
    )


def size(ledger: People) -> int:
    ledger._dirty = {f"{kind}{bucket}" for kind in "rm" for bucket in range(8)}
    return sum(len(data or b"") + len(sub) + 9 for sub, data in ledger.writes())


def test_return_counts_people_once_and_only_those_of_before() -> None:
    ledger = People()
    for person in range(1, 11):
        comment(ledger, person, 0.5)
    for person in (1, 2, 2, 3):
        comment(ledger, person, 30.2)
    comment(ledger, 77, 31)
    assert ledger.returned(TODAY + 34) is None  # 35 days are needed
    comment(ledger, 78, 35)
    assert ledger.returned(TODAY + 35) == Share(3, 10)
    assert ledger.returned(TODAY + 36) == Share(0, 0)  # nobody commented in the 28 days before day 29
    assert ledger.regulars(TODAY + 36) is None


def test_a_running_day_is_not_seen() -> None:
    early, late = People(), People()
    for ledger in (early, late):
        for day in range(36):
            comment(ledger, 1 + day % 7, day + 0.5)
    comment(late, 500, 36.4)
    assert early.returned(TODAY + 36) == late.returned(TODAY + 36)
    assert early.evenness(TODAY + 36) == late.evenness(TODAY + 36)


def test_flagged_acts_and_pod_members_are_left_out() -> None:
    ledger = People()
    comment(ledger, 1, 0, ("generic", "duplicate"))
    comment(ledger, 2, 0, ("generic",))
    comment(ledger, 3, 0)
    comment(ledger, 3, 1, ("pod",))
    assert len(ledger.recent) == len(ledger.months) == 1


def test_regulars_are_active_in_half_of_the_months() -> None:
    ledger = People()
    for month in range(12):
        comment(ledger, 1, 30 * month)
        comment(ledger, 100 + month, 30 * month)
    assert ledger.regulars((NOW + 335 * DAY) // DAY) == Share(1, 2)


def test_evenness() -> None:
    assert gini([3, 3, 3]) == 0
    assert gini([]) == 0
    assert gini([1] * 99 + [101]) == pytest.approx(0.495, abs=0.01)
    ledger = People()
    for day in range(10):
        comment(ledger, 1, day)
    comment(ledger, 2, 9.5)
    even = ledger.evenness(TODAY + 10)
    assert even == (pytest.approx(1 - gini([10, 1])), 2)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0, 45), st.booleans()), max_size=80), st.integers(0, 46)
)
@settings(max_examples=60)
def test_asking_often_changes_no_answer(acts: list[tuple[int, float, bool]], today: int) -> None:
    asked, silent = People(), People()
    for person, day, pod in acts:
        for ledger in (asked, silent):
            comment(ledger, person, day, ("pod",) if pod else ())
        asked.evenness(TODAY + today)
    assert asked.evenness(TODAY + today) == silent.evenness(TODAY + today)
    assert asked.evenness(TODAY + today + 1) == silent.evenness(TODAY + today + 1)


def test_a_crowd_is_sampled_and_the_share_holds() -> None:
    rng = random.Random(3)
    ledger = People()
    for day in range(40):
        for _ in range(200):
            comment(ledger, int(2_500 * rng.random()), day + rng.random() * 0.9)
    assert len(ledger.recent) <= RECENT
    assert len(ledger.months) <= MONTHLY
    found = ledger.returned(TODAY + 40)
    assert found is not None
    assert found.k / found.n == pytest.approx(1 - (1 - 1 / 2_500) ** 1_400, abs=0.08)
    assert size(ledger) <= 12 * 1024
    usual = ledger.usual_return(TODAY, TODAY + 28)
    assert usual is None or usual.n > 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 80)), max_size=60), st.integers(0, 60))
def test_keeping_changes_nothing_and_shares_are_shares(steps: list[tuple[int, float]], cut: int) -> None:
    straight, kept = People(), People()
    newest = 0.0
    for number, (person, day) in enumerate(steps):
        newest = max(newest, NOW + day * DAY)
        for ledger in (straight, kept):
            one = act("comment", day, "fan", "x:ann", hash=person << 20, newest=newest)
            ledger.act(one)
        if number == cut:
            again = People()
            for sub, data in kept.writes():
                if data is not None:
                    again.load(sub, data)
            kept = again
    for today in (TODAY, TODAY + 40, TODAY + 85):
        assert straight.returned(today) == kept.returned(today)
        assert straight.evenness(today) == kept.evenness(today)
        found = straight.returned(today)
        assert found is None or 0 <= found.k <= found.n
    assert straight.weeks == kept.weeks
