"""What every source promises, the built-in ones and mapping files alike, on payloads of real shape."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.book import Book
from processors.panes import COUNT, KIND_INDEX, UNDOS
from schemas import EngagementEvent
from streams.sources import SOURCES
from streams.sources.abilities import ASPECTS
from streams.sources.errors import LEFT_OUT, REFUSED
from tests.processors.core import Core, partnership, records
from tests.streams.sources.cases import BY_NAME, CASES, HEADERS, RECEIVED, Case, changed, objects

every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
LATER = RECEIVED + dt.timedelta(hours=7)
#: The object in which a platform is likeliest to add fields: the last one in which this field stands.
GROWS_AT = {
    "bluesky": "createdAt", "mastodon": "content", "activitystreams": "content", "instagram": "text",
    "youtube": "textOriginal", "tiktok": "text", "linkedin": "notificationId", "reviews": "body",
}  # fmt: skip


def test_every_source_is_held_to_the_contract() -> None:
    assert set(SOURCES) <= set(BY_NAME)
    assert len(BY_NAME) > len(SOURCES)  # a mapping file, too


@every
def test_a_source_says_what_it_is(case: Case) -> None:
    source = case.open()
    assert list(source.abilities) == list(ASPECTS)
    assert all((source.title, source.delivery, source.identity, source.time))
    for part, why in source.not_measurable().items():
        assert part and why


@every
def test_each_payload_becomes_events_or_has_a_reason(case: Case) -> None:
    for payload, one in zip(case.payloads(), case.parsed(), strict=True):
        assert one.events or one.rejected or one.left_out, payload
        for reason in one.rejected:
            assert reason.code in REFUSED and reason.code != "unexpected", reason
            assert reason.message
        assert all(reason.code in LEFT_OUT for reason in one.left_out)
    assert case.events()


@every
def test_each_event_keeps_the_contract_of_events(case: Case) -> None:
    for event in case.events():
        EngagementEvent.model_validate_json(json.dumps(event))
        assert event["event_id"].startswith(f"{event['source']}/")
        assert event["source"] == case.open().name


@every
def test_ids_are_the_same_on_redelivery(case: Case) -> None:
    once, again = case.parsed(), case.parsed(LATER)
    assert [keys(one.events) for one in once] == [keys(one.events) for one in again]


@every
def test_what_is_delivered_twice_is_counted_once(case: Case) -> None:
    source = case.open(watched=frozenset([case.influencer]))
    twice = [e for _ in range(2) for p in case.payloads() for e in source.parse(p, RECEIVED, HEADERS).events]
    assert {event["influencer_id"] for event in twice} == {case.influencer}
    core = folded(case, twice)
    assert core.partition.totals.duplicate >= len(twice) // 2
    assert core.partition.totals.rejected == 0


@every
def test_an_undo_finds_its_original(case: Case) -> None:
    events = case.events(watched=frozenset([case.influencer]))
    undos = [event for event in events if event["op"] == "undo"]
    assert bool(undos) == (case.name not in ("instagram", "tiktok"))
    core = folded(case, events)
    influencer = core.influencer(case.influencer)
    assert influencer.meta.unresolved_undos == 0
    panes = influencer.days.by_index.values()
    assert sum(pane[UNDOS] for pane in panes) == len({event["event_id"] for event in undos})
    if case.name == "bluesky":  # one like was taken back, the one from the year ahead stayed
        assert sum(pane[COUNT + KIND_INDEX["like"]] for pane in panes) == 1
        assert sum(pane[COUNT + KIND_INDEX["follow"]] for pane in panes) == 0


@every
def test_no_time_lies_ahead_of_receipt(case: Case) -> None:
    early = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    for one in case.parsed(early):
        for event in one.events:
            assert dt.datetime.fromisoformat(event["occurred_at"]) <= early
    for event in case.events():
        at = dt.datetime.fromisoformat(event["occurred_at"])
        assert RECEIVED - dt.timedelta(days=1) <= at <= RECEIVED


@every
def test_unknown_fields_survive(case: Case) -> None:
    def grow(document: Any) -> None:
        spot = [one for one in objects(document) if GROWS_AT[case.name] in one][-1]
        spot["brand_new"] = {"field": ["kept", 1]}

    source = case.open()
    for payload in case.payloads():
        before = source.parse(payload, RECEIVED, HEADERS)
        if GROWS_AT[case.name].encode() not in payload or not before.events or payload[:1] == b"<":
            continue
        after = source.parse(changed(payload, grow), RECEIVED, HEADERS)
        assert keys(after.events) == keys(before.events)
        assert '"brand_new": {"field": ["kept", 1]}' in json.dumps([e.get("extra") for e in after.events])
        return
    pytest.fail("no payload with that field")


@every
def test_only_watched_accounts_make_events(case: Case) -> None:
    nobody = case.parsed(watched=frozenset(["somebody:else"]))
    assert not any(one.events for one in nobody)
    assert any(reason.code == "not_watched" for one in nobody for reason in one.left_out)


@every
def test_events_end_in_readings(case: Case) -> None:
    core = folded(case, case.events(watched=frozenset([case.influencer])), write=False)
    readings = {name: json.loads(body) for name, body in core.partition.provisional(1.0, 0.0, 10)}
    reading = readings["acme--it"]
    assert reading["influencer_id"] == case.influencer
    assert {"interaction_quality", "connection"} <= set(reading["signals"])


# -- rubbish ------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=30),
    st.sampled_from(["", "x" * 70_000, "\x00", "did:plc:" + "a" * 400, "at://", "0" * 30, "--1", "²", 2**63]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, case: Case) -> bytes:
    """A payload with some fields replaced, dropped, or buried."""
    payload = draw(st.sampled_from([p for p in case.payloads() if p[:1] != b"<"]))
    holes = draw(
        st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), values), min_size=1, max_size=3)
    )

    def change(document: Any) -> None:
        for which, what, value in holes:
            spots = [one for one in objects(document) if one]
            if spots:
                spot = spots[which % len(spots)]
                name = list(spot)[what % len(spot)]
                if what % 5:
                    spot[name] = value
                else:
                    del spot[name]

    return changed(payload, change)


@every
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rubbish_is_refused_with_a_reason(case: Case, data: st.DataObject) -> None:
    payload = data.draw(st.one_of(mutated(case), mutated(case), st.binary(max_size=60)))
    one = case.open().parse(payload, RECEIVED, HEADERS)
    assert not [reason for reason in one.rejected if reason.code == "unexpected"]
    for event in one.events:
        EngagementEvent.model_validate_json(json.dumps(event))


@every
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "encoding"),
        (b'{"did": "\\ud800"}', "encoding"),
        (b"[" * 100_000, "depth"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "depth"),
        (b"{" + b" " * (9 << 20) + b"}", "too_large"),
        (b'{"a": 1', "not_json"),
    ],
    ids=["empty", "no UTF-8", "half a pair", "brackets", "nested", "huge", "cut off"],
)
def test_what_cannot_be_read_says_why(case: Case, payload: bytes, code: str) -> None:
    one = case.open().parse(payload, RECEIVED)
    assert [reason.code for reason in one.rejected] == [code]
    assert not one.events


def test_receipt_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        CASES[0].open().parse(b"{}", dt.datetime(2026, 1, 1))


def keys(events: Any) -> list[tuple[str, str]]:
    return [(event["influencer_id"], event["event_id"]) for event in events]


def folded(case: Case, events: list[dict[str, Any]], *, write: bool = True) -> Core:
    book = Book([partnership(case.influencer, partnership_id="acme--it")])
    core = Core(book, watched=(case.influencer,))
    core.fold(records((RECEIVED.timestamp(), event) for event in events))
    if write:
        core.write()
    return core
