"""Alerts on paid versus all-in: undisclosed posts, mentions that stop, too much advertising; and what is
held back."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.book import Book
from processors.detection.all_in import Habit, mentions_silence, mentions_stop, saturation, tail
from processors.detection.look import Look
from processors.ledgers.brand import Brand, key_of
from processors.ledgers.brand_days import ALL, Days
from processors.panes import DAY
from processors.signals.all_in import all_in
from schemas import Alert
from tests.processors.builders import NOW, moved, partnership, signal_input
from tests.processors.core import START, Core, event, records
from tests.processors.core import partnership as core_partnership

TODAY = NOW // DAY
CUE = "Loving my acme gloves. Code ANN10 saves you 10 %"
PAYS = {"starts_on": "2026-10-01", "ends_on": "2026-12-31", "kind": "paid"}


def posted(at: float, text: str, number: int = 1, **fields: Any) -> tuple[float, dict[str, Any]]:
    return at, event(f"p{number}", "post", at, actor="ann", object_id=f"post{number}", text=text, **fields)


def later(at: float) -> tuple[float, dict[str, Any]]:
    """Somebody likes something: the clock runs on."""
    return at, event(f"l{at}", "like", at, target={"id": "post9"})


def alerts(*stream: tuple[float, dict[str, Any]], country: str = "GB") -> list[dict[str, Any]]:
    core = Core(Book([core_partnership(brand_terms=["acme"], contracts=[PAYS], disclosure_country=country)]))
    core.run(records(stream))
    return [Alert.model_validate(a).model_dump() | a for a in core.transitions if a["signal"] == "all_in"]


def test_an_undisclosed_post_rings_within_minutes_and_names_the_countrys_rule() -> None:
    told = alerts(posted(START, "#sp " + CUE), later(START + 900), country="DE")
    assert [(a["state"], a["rule"]) for a in told] == [("pending", "event"), ("firing", "event")]
    firing = told[1]
    assert firing["at"] <= alert_time(START + 600)
    assert firing["value"] is None
    assert firing["evidence"]["event_ids"] == ["p1"]
    assert "Medienanstalten" in firing["summary"] and "“Werbung”" in firing["summary"]
    assert "#sp" in firing["summary"] and "discount code" in firing["summary"]
    assert not any(
        word in firing["summary"].lower() for word in ("fraud", "illegal", "cheat", "hidden", "guilty")
    )


def alert_time(at: int) -> str:
    from processors.detection.message import utc

    return utc(at)


@pytest.mark.parametrize(
    "correction",
    [
        {"op": "update", "text": "#ad " + CUE},
        {"op": "update", "sponsored": {"label": True}},
        {"op": "undo", "undoes": "p1"},
    ],
)
def test_it_is_resolved_by_a_correction(correction: dict[str, Any]) -> None:
    mended = event("p1c", "post", START + 3_000, actor="ann", object_id="post1", **correction)
    told = alerts(posted(START, CUE), later(START + 900), (START + 3_000, mended), later(START + 4_000))
    assert [a["state"] for a in told] == ["pending", "firing", "resolved"]
    assert len({a["alert_id"] for a in told}) == 1


def test_it_is_resolved_after_seven_days_and_each_post_has_its_own() -> None:
    told = alerts(
        posted(START, CUE), later(START + 900), posted(START + 1_000, CUE + "!", 2), later(START + 2_000),
        *(later(START + hours * 3_600) for hours in range(2, 180, 2)),
    )  # fmt: skip
    assert [a["state"] for a in told].count("firing") == 2
    assert [a["state"] for a in told].count("resolved") == 2
    assert len({a["subject"] for a in told}) == 2


@pytest.mark.parametrize(
    "stream",
    [
        posted(START, "A day with my acme gloves"),
        posted(START, "#ad " + CUE),
        posted(START, "Werbung | " + CUE),
        posted(START, CUE, sponsored={"label": True}),
        posted(START, "Use code BOLT10 for 10 % off at bolt"),
    ],
)
def test_organic_and_properly_told_posts_ring_nothing(stream: tuple[float, dict[str, Any]]) -> None:
    assert alerts(stream, later(START + 900), later(START + DAY)) == []


# -- mentions and saturation, on day tables made by hand ---------------------------------------------------


def life(
    days: int, named: Any, *, every: int = 1, paid: Any = lambda day: False, starts: int = -60, ends: int = 60
) -> Look:
    """A partnership at NOW after `days` days with a post every `every` days; `named(day)`: names the brand,
    day counted from the first."""
    brand = Brand()
    own, mine = Days(), Days()
    for day in range(0, days, every):
        at = (TODAY - days + day) * DAY
        own.add(at, NOW, (1, paid(day), paid(day)))
        mine.add(at, NOW, (named(day) and not paid(day), named(day) and paid(day), 0, 100 * named(day)))
    brand.tables = {ALL: own, key_of("acme--ann"): mine}
    contract = {"starts_on": date(starts), "ends_on": date(ends), "kind": "paid"}
    inp = signal_input(
        partnership=partnership(contracts=[contract]),
        ledgers={"brand": brand},
        first_event_at=NOW - days * DAY,
    )
    return Look(inp)


def date(offset: int) -> str:
    import datetime as dt

    return (dt.date(1970, 1, 1) + dt.timedelta(days=TODAY + offset)).isoformat()


def test_silence_inside_a_contract_rings_and_a_pause_does_not() -> None:
    def often(day: int) -> bool:
        return day % 3 == 0 and day < 40

    assert not mentions_silence(life(42, often)).breached
    found = mentions_silence(life(72, often))
    assert found.breached and found.reason == "mentions_stopped"
    assert "32 posts over 32 days" in str(found.summary)
    paused = life(72, often)
    own = paused.inp.ledgers["brand"].tables[ALL]  # type: ignore[attr-defined]
    for day in [day for day in own.rows if day > TODAY - 32]:
        del own.rows[day]
    assert not mentions_silence(paused).breached


def test_a_rare_or_clumsy_habit_promises_nothing() -> None:
    assert not mentions_silence(life(70, lambda day: day in (3, 9, 30))).breached
    assert not mentions_silence(life(70, lambda day: day % 20 < 3)).breached
    assert not mentions_silence(life(70, lambda day: day % 3 == 0 and day < 40, ends=-1)).breached


def test_mentions_that_stop_with_the_contract_ring_and_those_that_go_on_do_not() -> None:
    def until_the_end(day: int) -> bool:
        return day % 3 == 0 and day < 60

    found = mentions_stop(life(90, until_the_end, ends=-31))
    assert found.breached
    assert "since the contract ended" in str(found.summary)
    assert not mentions_stop(life(66, until_the_end, ends=-7)).breached
    assert not mentions_stop(
        life(90, lambda day: day % 3 == 0 and (day < 60 or day % 9 == 0), ends=-31)
    ).breached
    assert not mentions_stop(life(90, until_the_end, ends=10)).breached
    assert not mentions_stop(
        life(130, until_the_end, starts=-130, ends=-70)
    ).breached  # two months on it is over


def test_advertising_that_takes_over_rings_and_a_usual_share_does_not() -> None:
    found = saturation(life(90, bool, paid=lambda day: day % 20 == 0 if day < 60 else day % 5 < 2))
    assert found.breached
    assert "usual for this size" in str(found.summary)
    assert not saturation(life(90, bool, paid=lambda day: day % 8 == 0)).breached
    assert not saturation(life(90, bool, every=4, paid=lambda day: day % 20 == 0 or day > 84)).breached


def test_a_declared_campaign_explains_saturation() -> None:
    look = life(90, bool, paid=lambda day: day % 20 == 0 if day < 60 else day % 5 < 2)
    campaign = {"kind": "campaign", "starts_at": f"{date(-30)}T00:00:00Z", "ends_at": f"{date(3)}T00:00:00Z"}
    explained = partnership(explainers=[campaign])
    assert not saturation(Look(moved(look.inp, partnership=explained))).breached


def test_the_signal_falls_with_what_speaks_against_all_in() -> None:
    unasked = all_in(life(90, lambda day: day % 3 == 0).inp)
    bought = all_in(life(90, lambda day: day % 3 == 0, paid=lambda day: day % 3 == 0).inp)
    assert unasked.value is not None and bought.value is not None
    assert unasked.value > 90 > 60 > bought.value
    assert unasked.lo is not None and unasked.hi is not None and unasked.lo < unasked.value <= unasked.hi
    assert all_in(signal_input()).value is None
    after = all_in(life(90, lambda day: day % 3 == 0 and day < 60, ends=-31).inp).parts["after_po"]
    assert after.value is not None and after.value < 0.1


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.2, 30), st.floats(0.2, 30))
def test_tails_are_chances_that_fall(k: int, more: int, a: float, b: float) -> None:
    n = k + more
    assert 0 <= tail(k + 1, n, a, b) <= tail(k, n, a, b) + 1e-12 <= 1 + 1e-9
    assert math.isclose(tail(0, n, a, b), 1.0)


@given(st.integers(5, 40), st.integers(0, 60), st.integers(0, 60))
def test_longer_silences_are_less_likely(mentions: int, more: int, silent: int) -> None:
    def made(m: int) -> Habit:
        return Habit(mentions, mentions + more, 3, m, m, 40)

    assert made(silent + 1).chance() <= made(silent).chance() + 1e-12 <= 1 + 1e-9
    assert made(silent + 1).by_days <= made(silent).by_days
