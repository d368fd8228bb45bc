"""Ledger `profiles`: facts told in `profile` events stand in where acts tell none."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from processors.decode import Event
from processors.ledgers.base import Act
from processors.ledgers.profiles import BUCKETS, KEEP_DAYS, MOST, Profiles
from processors.panes import DAY

NOW = 1_793_577_600.0
EVENT = Event("e", "test", "like", dt.datetime.fromtimestamp(NOW, dt.UTC), "x:ann")


def act(kind: str, actor: int, trust: float | None = None, at: float = NOW) -> Act:
    return Act(EVENT, kind, "create", at, "audience", actor, trust, newest=at)


def test_a_told_profile_stands_in_until_it_is_old() -> None:
    ledger = Profiles()
    ledger.act(act("profile", 7, 0.2))
    ledger.act(act("profile", 8, 0.9))
    low, fine, unknown = act("like", 7), act("like", 8), act("like", 9)
    for each in (low, fine, unknown):
        ledger.act(each)
    assert (low.trust, low.low, low.factors) == (0.2, True, ["low_credibility"])
    assert (fine.trust, fine.low, fine.factors) == (0.9, False, [])
    assert unknown.trust is None
    late = act("like", 7, at=NOW + KEEP_DAYS * DAY)
    ledger.act(late)
    assert late.trust is None  # also before anything was trimmed
    ledger.trim(NOW + KEEP_DAYS * DAY)
    assert len(ledger) == 0


def test_an_act_that_tells_for_itself_is_believed() -> None:
    ledger = Profiles()
    ledger.act(act("profile", 7, 0.2))
    own = act("comment", 7, 1.0)
    ledger.act(own)
    assert (own.trust, own.low) == (1.0, False)


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.floats(0, 1)), max_size=200), st.integers(0, 200))
def test_what_is_stored_is_what_was_known(told: list[tuple[int, float]], cut: int) -> None:
    straight, stored = Profiles(), Profiles()
    fields: dict[str, bytes] = {}
    for number, (actor, trust) in enumerate(told):
        for ledger in (straight, stored):
            ledger.act(act("profile", actor, trust, NOW + number))
        if number == cut:
            fields |= {sub: data for sub, data in stored.writes() if data is not None}
            again = Profiles()
            for sub, data in fields.items():
                again.load(sub, data)
            stored = again
    list(straight.writes())
    assert stored._buckets == straight._buckets
    assert all(len(bucket) <= MOST for bucket in straight._buckets)
    assert len(straight) <= BUCKETS * MOST
