"""What is told, when: each rule by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from processors.notify.inhibit import Inhibitors
from processors.notify.outside import Outside
from processors.notify.state import Path
from schemas.acts import Matcher, Silence
from schemas.routing import InhibitRule
from tests.processors.notify.house import INTERVAL, NOTHING, PATH, REPEAT, WAIT, House, ids, transition


def test_a_group_is_gathered_and_told_once_then_its_recovery() -> None:
    house = House()
    house.take(transition("a"), transition("b", severity="critical"))
    assert house.after(WAIT - 1) == []
    (first,) = house.after(1)
    assert (first.why, first.status, ids(first)) == ("first_notification", "firing", ["b", "a"])
    assert first.group_labels == {"partnership_id": "acme--ann"}
    house.take(transition("a", "resolved", 1), transition("b", "resolved", 1))
    (last,) = house.after(INTERVAL)
    assert (last.why, last.status, sorted(ids(last))) == ("resolved", "resolved", ["a", "b"])
    assert house.after(10 * REPEAT) == []
    assert not house.engine.alerts
    assert not house.engine.groups


def test_resolved_before_group_wait_sends_nothing() -> None:
    house = House()
    house.take(transition())
    house.after(WAIT - 1)
    house.take(transition(state="resolved", step=1))
    assert house.after(REPEAT) == []
    assert not house.engine.groups


def test_pending_is_never_told() -> None:
    house = House()
    house.take(transition(state="pending"), transition("n", partnership="none--x:ann"))
    assert house.after(REPEAT) == []
    assert not house.engine.alerts


def test_new_alerts_and_rises_in_severity_wait_for_the_interval() -> None:
    house = House()
    house.take(transition("a"))
    house.after(WAIT)
    house.take(transition("b"))
    assert house.after(INTERVAL - 1) == []
    (second,) = house.after(1)
    assert (second.why, ids(second)) == ("new_alerts_in_group", ["b", "a"])
    house.take(transition("a", severity="critical", step=1))
    (third,) = house.after(INTERVAL)
    assert (third.why, ids(third)) == ("new_alerts_in_group", ["a", "b"])
    assert third.alerts[0].severity == "critical"


def test_reminders_come_with_numbers_until_somebody_acknowledges() -> None:
    house = House()
    house.take(transition())
    (first,) = house.after(WAIT)
    reminders = [house.after(REPEAT)[0] for _ in range(3)]
    assert [(n.why, n.repeat) for n in reminders] == [("repeat_interval", i) for i in (1, 2, 3)]
    assert len({n.notification_id for n in [first, *reminders]}) == 4
    house.outside = Outside(acked=frozenset({"a"}))
    assert house.after(REPEAT) == []
    house.take(transition(severity="critical", step=1))
    assert [n.why for n in house.after(INTERVAL)] == ["new_alerts_in_group"]


def test_no_reminder_while_something_waits_for_delivery() -> None:
    house = House()
    house.take(transition())
    house.after(WAIT)
    house.backlog = 1
    assert house.after(REPEAT) == []
    house.backlog = 0
    assert len(house.after(INTERVAL)) == 1


def test_no_data_is_neither_recovery_nor_reminder() -> None:
    house = House()
    house.take(transition())
    house.after(WAIT)
    house.take(transition(state="no_data", step=1))
    assert house.after(INTERVAL) == []
    assert house.after(REPEAT) == []
    house.take(transition("b"))
    (told,) = house.after(INTERVAL)
    assert {alert.alert_id: alert.state for alert in told.alerts} == {"a": "no_data", "b": "firing"}
    house.take(transition(step=2))
    assert [n.why for n in house.after(INTERVAL)] == []
    house.take(transition(state="resolved", step=3))
    assert [(n.why, n.status) for n in house.after(INTERVAL)] == [("resolved", "firing")]


def test_receivers_that_want_no_recoveries_get_none() -> None:
    quiet = Path("route", "mail", ("partnership_id",), WAIT, INTERVAL, REPEAT, send_resolved=False)
    house = House(quiet)
    house.take(transition())
    house.after(WAIT)
    house.take(transition(state="resolved", step=1))
    assert house.after(INTERVAL) == []
    assert not house.engine.alerts


def test_what_comes_twice_or_late_wakes_nothing() -> None:
    house = House()
    house.take(transition(step=1), transition(step=1), transition(step=0))
    house.after(WAIT)
    house.take(transition(state="resolved", step=2), transition(step=1))
    house.after(INTERVAL)
    house.take(transition(step=1), transition(state="resolved", step=2), transition(step=3))
    house.after(REPEAT)
    assert [n.why for n in house.told] == ["first_notification", "resolved"]


def test_an_older_state_that_comes_late_takes_nothing_back() -> None:
    house = House()
    house.take(transition(step=1))
    house.after(WAIT)
    house.take(transition(state="no_data", step=2), transition(step=1))
    assert house.after(REPEAT) == [], "it has no data still: no reminder"
    house.take(transition(step=3, severity="critical"), transition(step=2, severity="info"))
    (risen,) = house.after(INTERVAL)
    assert risen.alerts[0].severity == "critical"


def silence(house: House, seconds: float, text: str = "partnership_id=acme--ann") -> Silence:
    start, end = (datetime.fromtimestamp(at, UTC) for at in (house.now, house.now + seconds))
    return Silence(
        silence_id="s", matchers=[Matcher.parse(text)], starts_at=start, ends_at=end, created_by="ann",
        comment="", created_at=start,
    )  # fmt: skip


def test_a_silence_keeps_quiet_and_nothing_is_lost_by_it() -> None:
    house = House()
    house.outside = Outside(silences=[silence(house, 1_000)])
    house.take(transition("a"))
    house.after(WAIT)
    assert house.after(900) == []
    (first,) = house.after(INTERVAL)
    assert first.why == "first_notification"
    house.outside = Outside(silences=[silence(house, 1_000)])
    house.take(transition("a", "resolved", 1))
    assert house.after(900) == []
    assert [n.why for n in house.after(INTERVAL)] == ["resolved"]


@pytest.mark.parametrize(
    ("loud", "quiet"),
    [("authenticity", "audience_fit"), ("authenticity", "connection"), ("relationship", "health")],
)
def test_built_in_inhibition(loud: str, quiet: str) -> None:
    house = House()
    house.take(transition("q", signal=quiet), transition("l", signal=loud))
    (told,) = house.after(WAIT)
    assert ids(told) == ["l"]
    house.take(transition("l", "resolved", 1, signal=loud))
    (after,) = house.after(INTERVAL)
    assert (after.why, ids(after)) == ("new_alerts_in_group", ["q", "l"])
    plain = House(inhibitors=Inhibitors(builtin=False))
    plain.take(transition("q", signal=quiet), transition("l", signal=loud))
    assert len(plain.after(WAIT)[0].alerts) == 2


def test_a_silent_source_inhibits_the_alerts_of_its_partnerships() -> None:
    house = House()
    house.take(
        transition("s", signal="source", partnership=None, influencer=None, subject="x"),
        transition("a"),
        transition("b", partnership="acme--bob", influencer="y:bob"),
    )
    assert house.engine.sources().keys() == {"s"}
    house.outside = Outside(sources=tuple(house.engine.sources().values()))
    assert sorted(ids(n)[0] for n in house.after(WAIT)) == ["b", "s"]
    house.outside = NOTHING
    assert [ids(n) for n in house.after(INTERVAL)] == [["a"]]


def test_rules_of_the_file_inhibit() -> None:
    rule = InhibitRule(
        source_matchers=[Matcher.parse("severity=critical")],
        target_matchers=[Matcher.parse("severity=warning")],
        equal=["partnership_id"],
    )
    house = House(inhibitors=Inhibitors([rule]))
    house.take(
        transition("a"), transition("b", severity="critical"), transition("c", partnership="bolt--ann")
    )
    assert sorted(ids(n) for n in house.after(WAIT)) == [["b"], ["c"]]
    house.take(transition("b", "resolved", 1, severity="critical"))
    assert [ids(n) for n in house.after(INTERVAL)] == [["a", "b"]]


def test_what_concerns_the_influencer_is_told_once_per_receiver() -> None:
    pager = Path("p", "pager", ("partnership_id",), WAIT, INTERVAL, REPEAT)
    house = House(PATH, pager)
    house.take(*(transition(f"a{p}", signal="authenticity", partnership=f"{p}--ann") for p in "123"))
    told = house.after(WAIT)
    assert sorted(n.receiver for n in told) == ["mail", "pager"]
    assert all(n.also == {ids(n)[0]: ["2--ann", "3--ann"]} for n in told)
    house.take(transition("a1", "resolved", 1, signal="authenticity", partnership="1--ann"))
    assert sorted((n.receiver, n.why, ids(n)[0]) for n in house.after(INTERVAL)) == [
        ("mail", "first_notification", "a2"), ("mail", "resolved", "a1"),
        ("pager", "first_notification", "a2"), ("pager", "resolved", "a1"),
    ]  # fmt: skip


def test_a_rise_that_leads_elsewhere_is_told_there_and_its_end_in_both() -> None:
    pager = Path("p", "pager", ("partnership_id",), WAIT, INTERVAL, REPEAT)
    house = House(route=lambda labels: [pager if labels["severity"] == "critical" else PATH])
    house.take(transition())
    house.after(WAIT)
    house.take(transition(severity="critical", step=1))
    assert [n.receiver for n in house.after(INTERVAL)] == ["pager"]
    house.take(transition(state="resolved", severity="critical", step=2))
    assert sorted((n.receiver, n.why) for n in house.after(INTERVAL)) == [
        ("mail", "resolved"), ("pager", "resolved"),
    ]  # fmt: skip


def test_without_room_groups_wait_and_are_told_together_afterwards() -> None:
    house = House()
    house.room = 0
    house.take(transition("a"))
    assert house.after(WAIT) == []
    assert house.engine.waiting == 1
    house.take(transition("b"), transition("a", "resolved", 1))
    house.room = 1
    (told,) = house.after(1)
    assert sorted(ids(told)) == ["a", "b"], "what only want of room held back is told all the same"
    assert house.engine.waiting == 0


def test_a_receiver_that_is_off_gets_what_still_fires_when_it_is_back() -> None:
    house = House()
    house.outside = Outside(off=frozenset({"mail"}))
    house.take(transition("a"), transition("b", partnership="acme--bob"))
    assert house.after(WAIT) == []
    assert house.engine.waiting_for({"mail"}) == 0
    house.outside = NOTHING
    assert sorted(ids(n) for n in house.after(1)) == [["a"], ["b"]]


def test_a_receiver_that_wants_every_partnership_is_told_of_each() -> None:
    house = House(Path("route", "mail", ("partnership_id",), WAIT, INTERVAL, REPEAT, once=False))
    house.take(*(transition(f"a{p}", signal="authenticity", partnership=f"{p}--ann") for p in "123"))
    assert sorted(ids(n)[0] for n in house.after(WAIT)) == ["a1", "a2", "a3"]


def test_groups_of_no_partnership_are_those_of_a_partition() -> None:
    house = House(Path("route", "mail", ()), partition=3)
    house.take(transition())
    (told,) = house.after(WAIT)
    assert told.group_key == "route/mail:{}#3"


def test_a_clock_that_goes_back_holds_nothing_up() -> None:
    house = House()
    house.take(transition())
    house.after(WAIT)
    house.take(transition("b"))
    house.now -= 86_400
    house.after(0)
    assert [n.why for n in house.after(INTERVAL)] == ["new_alerts_in_group"]


def test_a_clock_that_goes_back_before_the_first_message_holds_it_up_no_longer_than_an_interval() -> None:
    house = House()
    house.take(transition())
    house.after(WAIT - 1)
    house.now -= 86_400
    house.after(0)
    assert [n.why for n in house.after(INTERVAL)] == ["first_notification"]


def test_a_clock_that_was_set_back_while_nobody_was_there_holds_nothing_up() -> None:
    house = House()
    house.take(transition())
    house.save()
    house.now -= 86_400
    house.crash()
    assert [n.why for n in house.after(INTERVAL)] == ["first_notification"]


def test_new_routes_are_told_after_a_restart_and_old_receivers_forgotten() -> None:
    house = House(Path("route", "fax"), PATH)
    house.take(transition())
    house.after(WAIT)
    house.save()
    house._route = lambda labels: [Path("new", "pager"), PATH]
    house.crash()
    assert {group.path.receiver for group in house.engine.groups.values()} == {"mail", "pager"}
    assert [n.receiver for n in house.after(WAIT)] == ["pager"]


def test_fifty_thousand_alerts_at_once_are_told_within_bounds() -> None:
    """Events are counted, not seconds: one notification a partnership, never more than there is room for."""
    house = House()
    house.room = 500
    partnerships, each = 12_500, 4
    first = transition()
    value = first.model_dump_json().encode()
    for number in range(partnerships * each):
        alert = first.model_copy(
            update={"alert_id": f"a{number}", "partnership_id": f"p{number % partnerships}"}
        )
        house.engine.take(alert, value, house.now)
    told, looks = 0, 0
    house.now += WAIT
    while True:
        found = house.engine.tick(house.now, NOTHING, lambda _: house.room)
        looks += 1
        assert len(found) <= house.room
        told += len(found)
        if not found and not house.engine.due(house.now):
            break
    assert told == partnerships
    assert house.engine.waiting == 0
    assert looks < 60
    held = next(iter(house.engine.alerts.values()))
    assert len(held.body) < len(value)


def test_an_alert_counts_as_told_once_however_often_and_to_whomever() -> None:
    pager = Path("pager", "pager", ("partnership_id",), WAIT, INTERVAL, REPEAT)
    house = House(PATH, pager)
    house.take(*(transition(f"a{i}", subject=str(i)) for i in range(80)))
    house.after(WAIT)
    assert house.engine.told_first == 80, "more than one message lists"
    house.take(transition("a0", step=1, severity="critical"), transition("b", partnership="bolt--ann"))
    house.after(INTERVAL)
    house.after(REPEAT)
    house.take(transition("a0", "resolved", 2))
    house.after(INTERVAL)
    assert house.engine.told_first == 81
