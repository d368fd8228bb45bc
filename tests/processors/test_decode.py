"""Decoding record by record: what is taken and how, and each kind of bad input with its reason."""

import datetime as dt
import json
import time

import msgspec
import pytest

from processors.decode import ERRORS_MAX, INPUT_MAX, Event, FieldFault, Rejected, decode, is_deep, to_json
from schemas import EngagementEvent, FieldError

KEY = b"bluesky:did:plc:xyz"
AT = dt.datetime(2026, 11, 22, 10, 15, 30, tzinfo=dt.UTC)
AT_MS = int(AT.timestamp() * 1000)
BASE = {
    "event_id": "bluesky/did:plc:abc/app.bsky.feed.post/3k2a/create",
    "source": "bluesky",
    "kind": "comment",
    "occurred_at": "2026-11-22T10:15:30Z",
    "influencer_id": KEY.decode(),
    "actor": {"id": "bluesky:did:plc:abc", "followers": 210, "topics": ["cycling"]},
    "target": {"id": "at://did:plc:xyz/app.bsky.feed.post/3k1z", "type": "post"},
    "text": "Where did you get these gloves? 🧤",
}


def record(**changes) -> bytes:
    return json.dumps({**BASE, **changes}, ensure_ascii=False).encode()


def rejected(value: bytes | None, key: bytes | None = KEY, at_ms: int = AT_MS) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(key, value, at_ms)
    assert 1 <= len(caught.value.errors) <= ERRORS_MAX
    assert all(one.message for one in caught.value.errors)
    assert all(one.input is None or len(one.input) <= INPUT_MAX for one in caught.value.errors)
    return caught.value


def test_usual_event_is_decoded_and_its_bytes_can_go_out_as_they_came():
    event = decode(KEY, record(), AT_MS)
    assert isinstance(event, Event)
    assert (event.kind, event.op, event.clock, event.cumulative) == ("comment", "create", "event", True)
    assert (event.occurred_at, event.occurred_s) == (AT, AT.timestamp())
    assert (event.actor.id, event.actor.followers, event.actor.bot) == ("bluesky:did:plc:abc", 210, None)
    assert event.verbatim
    assert event.extra is None


def test_space_after_the_record_keeps_it_from_being_spliced():
    event = decode(KEY, record() + b"\n", AT_MS)
    assert not event.verbatim
    assert event == msgspec.structs.replace(decode(KEY, record(), AT_MS), verbatim=False)


def test_counter_needs_no_actor():
    event = decode(KEY, record(kind="counter", actor=None, metric="likes", count=40), AT_MS)
    assert (event.metric, event.count, event.actor, event.verbatim) == ("likes", 40, None, True)
    reason = rejected(record(kind="counter", actor=None))
    assert (reason.reason, "metric" in reason.errors[0].message) == ("schema", True)


def test_unknown_fields_are_kept_where_they_were():
    event = decode(KEY, record(trace="t1", actor={"id": "a", "pronouns": "she"}), AT_MS)
    assert event.extra == {"trace": "t1", "actor": {"pronouns": "she"}}
    assert (event.actor.id, event.verbatim) == ("a", False)


def test_extra_of_the_record_is_kept_with_what_is_unknown():
    assert decode(KEY, record(extra={"a": 1}), AT_MS).verbatim
    event = decode(KEY, record(extra={"a": 1}, trace="t1"), AT_MS)
    assert (event.extra, event.verbatim) == ({"a": 1, "trace": "t1"}, False)


@pytest.mark.parametrize("field", ["notes", "extra"])
def test_extra_over_its_limit_is_dropped_and_says_so(field):
    event = decode(KEY, record(**{field: {"long": "x" * 5000}}), AT_MS)
    assert (list(event.extra), event.verbatim) == (["_dropped_bytes"], False)
    assert event.extra["_dropped_bytes"] > 5000


@pytest.mark.parametrize("name", ["occurred_s", "verbatim", "~occurred_s", "~verbatim", "enrichment"])
def test_names_of_our_own_are_no_back_door(name):
    event = decode(KEY, record(**{name: "x", "other": 1}), AT_MS)
    assert event.extra == {name: "x", "other": 1}
    assert (event.occurred_s, event.verbatim) == (AT.timestamp(), False)


def test_long_text_is_cut_and_marked():
    event = decode(KEY, record(text="é" * 10_001), AT_MS)
    assert (len(event.text), event.text_truncated, event.verbatim) == (10_000, True, False)
    event = decode(KEY, record(text="é" * 10_000), AT_MS)
    assert (len(event.text), event.text_truncated, event.verbatim) == (10_000, False, True)


@pytest.mark.parametrize(
    "changes", [{}, {"trace": [1, {"a": None}]}, {"text": "x" * 10_001}, {"cumulative": False}]
)
def test_event_written_again_is_the_same_event_by_the_contract(changes):
    event = decode(KEY, record(**changes), AT_MS)
    again = decode(KEY, to_json(event), AT_MS)
    assert msgspec.structs.replace(again, verbatim=event.verbatim) == event
    assert EngagementEvent.model_validate_json(to_json(event)).model_extra == {}
    assert b"~" not in to_json(event)


def test_last_of_duplicate_names_wins_on_both_paths():
    twice = record()[:-1] + b', "lang": 5, "lang": "en"}'
    assert decode(KEY, twice, AT_MS).lang == EngagementEvent.model_validate_json(twice).lang == "en"


def test_event_of_the_distant_past_is_taken_and_one_just_ahead():
    assert decode(KEY, record(occurred_at="2004-01-01T00:00:00Z"), AT_MS).occurred_s == 1_072_915_200
    assert decode(KEY, record(occurred_at="2026-11-22T10:20:30Z"), AT_MS).occurred_at > AT


@pytest.mark.parametrize("value", [
    b"", b" ", b"{", b"nope", b"{'a': 1}", b"[1,]", record()[:-1], record() + b"x",
    b"\xef\xbb\xbf" + record(),
    b'{"count": NaN}', b'{"count": Infinity}', b'{"count": -Infinity}', b'{"count": 01}', b'{"count": 1e999}',
    b'{"text": "\x01"}', record()[:-1] + b', "count": NaN}', b"\x00" * 100,
])  # fmt: skip
def test_not_json(value):
    assert rejected(value).reason == "not_json"


@pytest.mark.parametrize("value", [
    b"\xff\xfe{\x00", record(text="caf").replace(b"caf", b"caf\xe9"),
    record(other="caf").replace(b"caf", b"\xed\xa0\x80"),
    b'{"\xff": 1}', record(text="halfpair!!").replace(b"halfpair", rb"\ud83dhalf"),
    record(trace="@").replace(b"@", rb"\ud800"), record()[:-1] + rb', "lang": "\uDBFF"}',
    record(trace="halfpair!!").replace(b"halfpair", rb"\udc00half"),
])  # fmt: skip
def test_bad_encoding(value):
    assert rejected(value).reason == "encoding"


@pytest.mark.parametrize("value", [
    b"[" * 60_000, b'{"a":' * 10_000, b"[" * 17 + b"]" * 17,
    record(extra={"a": json.loads("[" * 15 + "]" * 15)}),
    record(trace=json.loads("[" * 16 + "]" * 16)), b'"\\"",' * 10_000 + b"[" * 17,
])  # fmt: skip
def test_too_deep(value):
    assert rejected(value).reason == "depth"


def test_as_deep_as_allowed():
    event = decode(KEY, record(trace=json.loads("[" * 15 + "]" * 15), text="[{" * 50), AT_MS)
    assert event.extra is not None


def test_hundred_thousand_brackets_do_no_harm():
    assert is_deep(b"[" * 100_000)
    assert is_deep(b'{"a":' * 100_000)
    assert not is_deep(b'"' + b"[" * 100_000 + b'"')
    assert not is_deep(b'"' + b'\\"[' * 100_000)  # a string that does not end
    assert not is_deep(b"[]" * 100_000)
    assert rejected(b"[" * 100_000).reason == "too_large"


def test_record_of_a_million_bytes():
    found = rejected(record(text="x" * 1_000_000))
    assert (found.reason, "65536" in found.errors[0].message) == ("too_large", True)
    frame = len(record(media_type=""))
    assert decode(KEY, record(media_type="x" * (65_536 - frame)), AT_MS).verbatim
    assert rejected(record(media_type="x" * (65_537 - frame))).reason == "too_large"


def test_null_value():
    assert rejected(None).reason == "null"


@pytest.mark.parametrize("key", [None, b"", b"someone", KEY + b" ", b"\xff\xfe"])
def test_key_that_is_not_the_influencer(key):
    found = rejected(record(), key)
    assert (found.reason, found.errors[0].field) == ("key", "influencer_id")
    assert "send it with `influencer_id` as its key" in found.errors[0].message


@pytest.mark.parametrize(("time_", "says"), [
    ("2003-12-31T23:59:59.999999Z", "before 2004"), ("1970-01-01T00:00:00Z", "before 2004"),
    ("0001-01-01T00:00:00+14:00", "before 2004"), ("2026-11-22T10:20:30.001Z", "ahead"),
    ("9999-12-31T23:59:59-14:00", "ahead"),
])  # fmt: skip
def test_clock(time_, says):
    found = rejected(record(occurred_at=time_))
    assert (found.reason, found.errors[0].field) == ("clock", "occurred_at")
    assert says in found.errors[0].message


def test_early_time_beside_other_errors_is_named_with_them():
    found = rejected(record(occurred_at="1970-01-01T00:00:00Z", kind="nope"))
    assert (found.reason, {one.field for one in found.errors}) == ("schema", {"occurred_at", "kind"})


@pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None])
def test_other_versions(version):
    assert rejected(record(schema_version=version)).reason == "unknown_version"


@pytest.mark.parametrize("value", [b"null", b"[]", b"1", b'"event"', b"true", b"[" + record() + b"]"])
def test_json_that_is_no_object(value):
    found = rejected(value)
    assert (found.reason, "object" in found.errors[0].message) == ("schema", True)


@pytest.mark.parametrize(("changes", "field"), [
    ({"kind": "nope"}, "kind"), ({"kind": None}, "kind"), ({"kind": 3}, "kind"), ({"op": "delete"}, "op"),
    ({"op": None}, "op"), ({"clock": "mine"}, "clock"), ({"event_id": ""}, "event_id"),
    ({"event_id": "x" * 257}, "event_id"), ({"influencer_id": 5}, "influencer_id"),
    ({"actor": "ann"}, "actor"),
    ({"actor": {}}, "actor.id"), ({"actor": {"id": "a", "followers": "210"}}, "actor.followers"),
    ({"actor": {"id": "a", "followers": 210.0}}, "actor.followers"),
    ({"actor": {"id": "a", "followers": True}}, "actor.followers"),
    ({"actor": {"id": "a", "followers": -1}}, "actor.followers"),
    ({"actor": {"id": "a", "followers": 10**30}}, "actor.followers"),
    ({"actor": {"id": "a", "bot": 1}}, "actor.bot"),
    ({"actor": {"id": "a", "topics": [1]}}, "actor.topics.0"),
    ({"occurred_at": 1_795_000_000}, "occurred_at"), ({"occurred_at": "2026-11-22T10:15:30"}, "occurred_at"),
    ({"occurred_at": "soon"}, "occurred_at"), ({"received_at": 5}, "received_at"), ({"text": 5}, "text"),
    ({"text": ["a"]}, "text"), ({"tags": None}, "tags"), ({"tags": "a"}, "tags"),
    ({"tags": {"a": 1}}, "tags"),
    ({"target": {"type": "post"}}, "target.id"), ({"target": []}, "target"), ({"extra": [1]}, "extra"),
    ({"sponsored": {"label": "yes"}}, "sponsored.label"), ({"count": 2**53}, "count"),
    ({"metric": "x"}, "metric"),
    ({"cumulative": None}, "cumulative"), ({"actor": None}, ""),
])  # fmt: skip
def test_schema_errors_name_the_field(changes, field):
    found = rejected(record(**changes))
    assert (found.reason, [one.field for one in found.errors]) == ("schema", [field])


@pytest.mark.parametrize(
    ("digits", "reason"), [(20, "schema"), (400, "schema"), (4_000, "schema"), (5_000, "not_json")]
)
def test_huge_numbers_are_refused_in_counts(digits, reason):
    assert rejected(record(count="@").replace(b'"@"', b"9" * digits)).reason == reason


def test_huge_number_in_an_unknown_field_is_kept():
    event = decode(KEY, record(trace=10**100), AT_MS)
    assert event.extra == json.loads(to_json(event))["extra"] == {"trace": 10**100}


def test_all_missing_fields_are_named_at_once():
    found = rejected(b'{"kind": "like"}')
    assert {one.field for one in found.errors} == {"event_id", "source", "occurred_at", "influencer_id"}


def test_errors_have_the_shape_of_the_contract():
    for fault in rejected(record(kind="x" * 5000)).errors:
        assert FieldError.model_validate_json(msgspec.json.encode(fault)).model_extra == {}
    assert set(FieldFault.__struct_fields__) == set(FieldError.model_fields)


def test_poison_costs_little():
    # A guard against work that grows with the square of the input; the bound is generous for slow machines.
    poison = [
        b"[" * 60_000, record(tags=[1] * 15_000), b'"' + b'\\"' * 32_000, b'{"a":"' * 10_000,
        record(**{f"f{number}": number for number in range(4000)}), b"{" + b'"a":1,' * 10_000 + b'"a":1}',
    ]  # fmt: skip
    started = time.perf_counter()
    for value in poison * 5:
        try:
            decode(KEY, value, AT_MS)
        except Rejected as found:
            assert found.reason != "too_large"
    assert time.perf_counter() - started < 3
