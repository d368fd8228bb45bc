"""The ledger of ties: what it keeps, in which bounds, and that keeping changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ledgers.ties import MAX_BRANDS, MAX_TIES, Ties, brand_key, mark_of, spread
from processors.panes import DAY
from processors.signals.relationship import ties_of
from tests.processors.builders import NOW, partnership
from tests.processors.ledgers.acts import PEOPLE, act

TODAY = NOW // DAY


def reloaded(ledger: Ties) -> Ties:
    again = Ties()
    for sub, data in ledger.writes():
        if data is not None:
            again.load(sub, data)
    return again


def test_both_directions_decay_with_thirty_days() -> None:
    ledger = Ties()
    ledger.act(act("comment", 0, "emp1", "x:ann"))
    ledger.act(act("reply", 0.1, "x:ann", "emp1"))
    ledger.act(act("like", 30, "emp1", "x:ann"))
    (tie,) = ties_of(ledger, PEOPLE, NOW + 30 * DAY)
    assert tie.to == pytest.approx(6.75 / 2 + 1, rel=0.01)
    assert tie.back == pytest.approx(6.75 / 2, rel=0.01)
    assert tie.threads.bit_count() == 1
    assert tie.account == "emp1"
    assert tie.since_days == 30


def test_contact_is_two_way_only_if_the_other_side_acted_within_a_week() -> None:
    ledger = Ties()
    for day, who, other in ((0, "emp1", "x:ann"), (6, "x:ann", "emp1"), (20, "emp1", "x:ann")):
        ledger.act(act("like", day, who, other))
    (tie,) = ties_of(ledger, PEOPLE, NOW + 20 * DAY)
    assert [20 - k for k in (14,)] == [6]
    assert tie.contacts == 1 << 14
    assert tie.last_contact == 14
    assert spread(0b1_0000_0000) & 0b11 == 0b10


def test_strangers_and_accounts_that_left_the_book_are_no_ties() -> None:
    ledger = Ties()
    ledger.act(act("comment", 0, "x:ann", "somebody"))
    assert not ledger.ties
    ledger.act(act("comment", 0, "emp2", "x:ann"))
    gone = partnership(employees=[{"account_id": "emp1"}])
    assert ties_of(ledger, gone, NOW + DAY) == []


def test_mentions_of_the_brand_by_day_and_quarter() -> None:
    ledger = Ties()
    ledger.act(act("post", 0, "x:ann", text="My new ACME wheels"))
    ledger.act(act("post", 1, "x:ann", text="acmebike is another word"))
    ledger.act(act("post", 2, "x:ann", text="with @acme", mentions=["acme"], paid=True))
    talk = ledger.towards_brand(brand_key("x:ann", "acme"), TODAY + 2)
    assert talk is not None
    assert (talk.named, talk.organic, talk.talk) == (0b101, 0b100, 0b101)
    assert sum(talk.quarters[::2]) == 1
    assert sum(talk.quarters[1::2]) == 2


def test_an_undone_act_is_taken_back() -> None:
    ledger = Ties()
    ledger.act(act("like", 0, "emp1", "x:ann"))
    ledger.act(act("like", 1, "emp1", "x:ann", op="undo", undone_at=float(NOW)))
    (tie,) = ledger.ties.values()
    assert tie.to == pytest.approx(0, abs=1e-9)


def test_bounds_hold_and_the_longest_silent_goes() -> None:
    ledger = Ties()
    for number in range(MAX_TIES + 5):
        one = act("comment", number, "emp1", "x:ann")
        one.actor = number + 1
        ledger.act(one)
    assert len(ledger.ties) == MAX_TIES
    assert min(ledger.ties) == 6
    for number in range(MAX_BRANDS + 3):
        one = act("post", 60 + number, "x:ann", text="acme")
        one.partnerships = (partnership(brand_id=f"b{number}", brand_terms=["acme"]),)
        ledger.act(one)
    assert len(ledger.brands) == MAX_BRANDS
    assert sum(len(data or b"") + len(sub) + 7 for sub, data in ledger.writes()) <= 6 * 1024


def test_no_account_id_lies_in_state() -> None:
    ledger = Ties()
    ledger.act(act("comment", 0, "emp1", "x:ann"))
    ledger.act(act("reply", 0, "x:ann", "acme"))
    stored = b"".join(data or b"" for _, data in ledger.writes())
    assert b"emp1" not in stored
    assert b"acme" not in stored
    assert 0 <= mark_of("x:ann", "emp1") < 1 << 16


STEPS = st.lists(
    st.tuples(
        st.floats(-40, 260), st.sampled_from(("like", "comment", "reply", "post")),
        st.sampled_from((("emp1", "x:ann"), ("acme", "x:ann"), ("x:ann", "emp1"), ("x:ann", "acme"))),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 40))
def test_keeping_at_any_time_changes_nothing(
    steps: list[tuple[float, str, tuple[str, str]]], cut: int
) -> None:
    straight, kept = Ties(), Ties()
    newest = -1e9
    for number, (day, kind, (who, other)) in enumerate(steps):
        newest = max(newest, NOW + day * DAY)
        for ledger in (straight, kept):
            ledger.act(act(kind, day, who, other, newest=newest, text="acme"))
        if number == cut:
            kept = reloaded(kept)
    for at in (NOW, NOW + 100 * DAY, NOW + 300 * DAY):
        ties = ties_of(straight, PEOPLE, at)
        assert ties == ties_of(kept, PEOPLE, at)
        for tie in ties:
            assert tie.to >= 0
            assert tie.back >= 0
            assert 0 <= tie.strength <= 1
            assert tie.contacts & ~(tie.to_days | tie.back_days) == 0
