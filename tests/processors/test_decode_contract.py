"""The fast decoder and pydantic model are one contract: they take the same, with equal values."""

import datetime as dt
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from processors.decode import Actor, Event, Rejected, Sponsored, Target, decode
from schemas import Actor as ActorRecord
from schemas import EngagementEvent
from schemas import Sponsored as SponsoredRecord
from schemas import Target as TargetRecord
from schemas.events import KINDS

OURS = {"occurred_s", "verbatim"}
AT_MS = 4_000_000_000_000  # later than any time below, so that the model's rules are all that matter

ids = st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(["x" * 256, "é" * 256]))
texts = st.text(max_size=20)
counts = st.integers(0, 2**53 - 1)
times = st.datetimes(
    dt.datetime(2004, 1, 2), dt.datetime(2090, 1, 1),
    timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30)),
                               dt.timezone(dt.timedelta(hours=-8))]),
).map(lambda at: at.isoformat())  # fmt: skip


def nullable(strategy):
    return st.none() | strategy


actors = st.fixed_dictionaries({"id": ids}, optional={
    "handle": nullable(texts), "followers": nullable(counts), "following": nullable(counts),
    "posts": nullable(counts),
    "created_at": nullable(times), "has_avatar": nullable(st.booleans()), "has_bio": nullable(st.booleans()),
    "bot": nullable(st.booleans()), "lang": nullable(texts), "country": nullable(texts),
    "topics": nullable(st.lists(texts, max_size=3)), "age_band": nullable(texts), "segment": nullable(texts),
})  # fmt: skip
targets = st.fixed_dictionaries({"id": ids}, optional={
    "type": nullable(texts), "author_id": nullable(ids), "parent_id": nullable(ids), "root_id": nullable(ids),
})  # fmt: skip
sponsors = st.fixed_dictionaries({}, optional={
    "label": nullable(st.booleans()), "disclosed": nullable(st.booleans()), "brand_id": nullable(ids),
    "ad_id": nullable(ids),
})  # fmt: skip
events = st.fixed_dictionaries(
    {"event_id": ids, "source": ids, "kind": st.sampled_from(KINDS), "occurred_at": times,
     "influencer_id": ids, "actor": actors},
    optional={
        "op": st.sampled_from(["create", "update", "undo"]),
        "clock": st.sampled_from(["event", "send", "poll"]),
        "object_id": nullable(ids), "target": nullable(targets),
        "text": nullable(st.one_of(texts, st.integers(9_999, 10_002).map(lambda n: "ü" * n))),
        "text_truncated": st.booleans(), "lang": nullable(texts), "tags": st.lists(texts, max_size=3),
        "mentions": st.lists(texts, max_size=3), "urls": st.lists(texts, max_size=3),
        "sponsored": nullable(sponsors), "media_type": nullable(texts), "received_at": nullable(times),
        "raw_ref": nullable(texts), "undoes": nullable(ids),
        "metric": nullable(st.sampled_from(["likes", "reach"])),
        "count": nullable(counts), "cumulative": st.booleans(), "schema_version": st.just(1),
    },
)  # fmt: skip

odd_times = st.sampled_from([
    "2026-11-22T10:15:30", "2026-11-22 10:15:30Z", "2026-11-22t10:15:30z", "2026-11-22T10:15Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T10:15:60Z", "2026-11-22T10:15:30.1234567Z", "2026-11-22T10:15:30+0200",
    "2026-11-22T10:15:30+02",
    "2026-11-22T10:15:30-23:59", "2026-11-22T10:15:30+24:00", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "1999-01-01T00:00:00Z", "2003-12-31T23:59:59.999999Z",
    "2004-01-01T00:00:00Z", "now",
])  # fmt: skip
odd = st.one_of(
    odd_times, st.none(), st.booleans(), texts, ids,
    st.sampled_from(["", "x" * 257, *KINDS, "nope", "create", "likes"]),
    st.integers(-3, 3),
    st.sampled_from([2**53 - 1, 2**53, 2**63, 2**64, 10**30, -(10**30), 1.0, 0.5, -0.0, 1e300]),
    st.lists(texts | st.integers(), max_size=2), st.dictionaries(texts, st.integers() | texts, max_size=2),
    actors, targets, sponsors,
)  # fmt: skip
FIELDS = {
    (): [*EngagementEvent.model_fields, "trace", "occurred_s", "verbatim", "enrichment"],
    ("actor",): [*ActorRecord.model_fields, "pronouns"],
    ("target",): [*TargetRecord.model_fields, "title"],
    ("sponsored",): [*SponsoredRecord.model_fields, "price"],
}
MISSING = object()
changes = st.lists(
    st.sampled_from([(*path, name) for path, names in FIELDS.items() for name in names]).flatmap(
        lambda path: st.tuples(st.just(path), odd | st.just(MISSING))
    ),
    max_size=3,
)


def change(raw: dict, path: tuple[str, ...], value) -> None:
    for step in path[:-1]:
        raw = raw.get(step)
        if not isinstance(raw, dict):
            return
    if value is MISSING:
        raw.pop(path[-1], None)
    else:
        raw[path[-1]] = value


def same(fast, record) -> bool:
    """Whether a struct and a model hold equal values in all fields of the contract."""
    if isinstance(fast, (Event, Actor, Target, Sponsored)):
        names = set(fast.__struct_fields__) - OURS - {"extra"}
        assert names == set(type(record).model_fields) - {"extra"}
        return all(same(getattr(fast, name), getattr(record, name)) for name in names)
    return type(fast) is type(record) and fast == record


def both(raw: dict) -> tuple[Event | Rejected, EngagementEvent | ValidationError]:
    value = json.dumps(raw, ensure_ascii=False).encode()
    influencer = raw.get("influencer_id")
    key = influencer.encode() if isinstance(influencer, str) else b""
    try:
        # From the bytes, by pydantic's own parser: no code is shared but the parser of times.
        record: EngagementEvent | ValidationError = EngagementEvent.model_validate_json(value)
    except ValidationError as error:
        record = error
    try:
        return decode(key, value, AT_MS), record
    except Rejected as found:
        return found, record


@settings(max_examples=400, deadline=None)
@given(events, changes)
def test_both_take_and_refuse_the_same(raw, odd_ones):
    for path, value in odd_ones:
        change(raw, path, value)
    fast, record = both(raw)
    if isinstance(record, EngagementEvent):
        assert isinstance(fast, Event), fast
        assert same(fast, record)
        assert fast.occurred_s == record.occurred_at.timestamp()
        return
    assert isinstance(fast, Rejected), record
    found = {".".join(map(str, one["loc"])): one for one in record.errors()}
    if fast.reason == "unknown_version":
        assert "schema_version" in found
    elif fast.errors[0].field == "occurred_at" and fast.reason == "clock":
        assert {one["type"] for one in found.values()} == {"clock"}
    else:
        assert fast.reason == "schema"
        assert {one.field: one.message for one in fast.errors} == {
            path: one["msg"] for path, one in found.items()
        }


@settings(max_examples=200, deadline=None)
@given(events)
def test_what_the_contract_takes_goes_out_as_it_came(raw):
    fast, record = both(raw)
    if raw["kind"] == "counter" and (raw.get("metric") is None or raw.get("count") is None):
        assert isinstance(fast, Rejected)
        return
    assert same(fast, record)
    assert fast.verbatim == (len(raw.get("text") or "") <= 10_000)


@settings(max_examples=200, deadline=None)
@given(
    events,
    st.dictionaries(texts, st.integers() | texts | st.lists(texts, max_size=2), min_size=1, max_size=3),
)
def test_unknown_fields_end_in_extra_whatever_they_are(raw, unknown):
    unknown = {name: value for name, value in unknown.items() if name not in EngagementEvent.model_fields}
    fast, record = both({**raw, "kind": "like", **unknown})
    assert same(fast, record)
    assert (fast.extra or {}) == record.model_extra == unknown


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ue0019-.truefalsn', max_size=80).map(str.encode))
def test_any_bytes_are_an_event_or_rejected(value):
    try:
        assert isinstance(decode(b"k", value, AT_MS), Event)
    except Rejected as found:
        assert found.errors
        try:
            EngagementEvent.model_validate_json(value)
        except ValidationError:
            return
        raise AssertionError("pydantic takes what was refused") from found
