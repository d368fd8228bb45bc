"""Relationship: ties, what carries it, stages, and when it can't be given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.ledgers.ties import Ties, brand_key
from processors.panes import DAY
from processors.signals.inputs import SignalInput
from processors.signals.relationship import STAGES, positions, relationship, stage, tie, ties_of, together
from tests.processors.builders import NOW, signal_input, with_reference
from tests.processors.ledgers.acts import PEOPLE, act


def told(ledger: Ties, day: float, **fields: Any) -> SignalInput:
    inp = signal_input(partnership=PEOPLE, ledgers={"ties": ledger}, at=int(NOW + day * DAY))
    return replace(inp, **fields)


def in_touch(days: int = 60, who: str = "emp1") -> Ties:
    ledger = Ties()
    for day in range(0, days, 3):
        ledger.act(act("comment", day, who, "x:ann"))
        ledger.act(act("reply", day + 0.2, "x:ann", who))
    return ledger


def test_value_is_the_formula() -> None:
    ledger = in_touch()
    inp = told(ledger, 60, first_event_at=NOW)
    score = relationship(inp)
    (one,) = ties_of(ledger, PEOPLE, inp.at)
    assert score.value == pytest.approx(100 * tie(one.to, one.back))
    assert score.lo is not None
    assert score.hi is not None
    assert score.lo <= (score.value or 0) <= score.hi
    assert score.parts["bus_factor"].value == 1
    assert score.parts["one_sidedness"].value == pytest.approx(0.5, abs=0.01)
    assert score.parts["overdue"].value == pytest.approx(1, abs=0.35)
    assert score.parts["steadiness"].value == 1
    assert score.parts["quick_win"].value == 1


def test_whom_nobody_chases_is_half_a_tie() -> None:
    assert tie(1e6, 0) == pytest.approx(0.5)
    assert tie(1e6, 1e6) == pytest.approx(1)
    assert tie(0, 0) == 0


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 100))
def test_a_tie_is_symmetric_and_grows_both_ways(to: float, back: float, more: float) -> None:
    assert tie(to, back) == tie(back, to)
    assert 0 <= tie(to, back) <= 1
    assert tie(to + more, back + more) >= tie(to, back) - 1e-9


@given(st.lists(st.floats(0, 1), max_size=6), st.floats(0, 1))
def test_one_more_tie_never_harms(ties: list[float], one: float) -> None:
    assert together([*ties, one]) >= together(ties) - 1e-9
    assert 0 <= together(ties) <= 100


def test_not_measurable_says_why() -> None:
    assert relationship(signal_input()).why == "neither employees nor accounts of the brand are named"
    nothing = relationship(told(Ties(), 5))
    assert nothing.value is None
    assert nothing.why is not None
    assert "are their acts fed in?" in nothing.why
    young = relationship(told(in_touch(9), 9, first_event_at=NOW))
    assert young.why == "9 days measured; 14 would be needed"


def test_baseline_is_the_reference_with_the_days_as_they_were() -> None:
    inp = with_reference(partnership=PEOPLE, ledgers={"ties": in_touch(90)}, at=NOW + 90 * DAY)
    still = relationship(inp)
    assert still.baseline is not None
    gone = relationship(replace(inp, at=NOW + 170 * DAY))
    assert gone.value is not None
    assert gone.baseline is not None
    assert gone.value < 0.8 * gone.baseline


def test_stages_rise_at_once_and_hold_for_a_fortnight() -> None:
    ledger = Ties()

    def now(day: float) -> str:
        today = int(NOW + day * DAY) // DAY
        found = ties_of(ledger, PEOPLE, int(NOW + day * DAY))
        return STAGES[stage(found, ledger.towards_brand(brand_key("x:ann", "acme"), today))]

    assert now(0) == "unaware"
    ledger.act(act("like", 0, "emp1", "x:ann"))
    assert now(0.1) == "aware"
    ledger.act(act("comment", 1, "x:ann", "acme"))
    assert now(1) == "interested"
    for day in (2, 9, 16):
        ledger.act(act("comment", day, "emp1", "x:ann"))
        ledger.act(act("reply", day + 0.1, "x:ann", "emp1"))
    assert now(16) == "engaged"
    for day in (17, 20):
        ledger.act(act("post", day, "x:ann", text="love my acme"))
    assert now(20) == "advocate"
    assert now(17 + 89 + 14) == "advocate"
    assert now(17 + 89 + 16) == "interested"  # the mention of day 20 is talk, too
    assert now(17 + 89 + 30) == "unaware"


def test_positions() -> None:
    assert positions(0b1010_0001) == [0, 5, 7]
