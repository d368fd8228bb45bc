"""From a record's bytes to an event, or to the reason why not: the first step of the hot path.

The contract is `schemas.EngagementEvent`; the structs here are its fast twin, and a property test holds the
two together. Most events pass `_decode` at once. What it refuses is looked at with care: unknown fields are
moved to `extra`, too long text is cut, and what is left is refused with pydantic's errors.
"""

from __future__ import annotations

import copy
import datetime as dt
import re
from typing import Annotated, Any, Final, NoReturn

import msgspec
from pydantic import ValidationError

from schemas.common import (
    EARLIEST,
    EVENT_BYTES_MAX,
    EXTRA_BYTES_MAX,
    ID_MAX,
    INT_MAX,
    NESTING_MAX,
    TEXT_MAX,
    SchemaVersion,
)
from schemas.events import Clock, EngagementEvent, Kind, Metric, Op
from schemas.rejected import RejectReason

#: How far an event may lie ahead of its record's timestamp, s.
AHEAD_MAX: Final = 300
#: Errors named per record, and characters shown of what stood there.
ERRORS_MAX: Final = 20
INPUT_MAX: Final = 200

_EARLIEST_S: Final = EARLIEST.timestamp()
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_MAX)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=INT_MAX)]
_Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_MAX)]


# gc=False is safe: an event holds no reference that could lead back to it.
class Actor(msgspec.Struct, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Who acted: see `schemas.Actor`."""

    id: _Id
    handle: str | None = None
    followers: _Count | None = None
    following: _Count | None = None
    posts: _Count | None = None
    created_at: _Time | None = None
    has_avatar: bool | None = None
    has_bio: bool | None = None
    bot: bool | None = None
    lang: str | None = None
    country: str | None = None
    topics: list[str] | None = None
    age_band: str | None = None
    segment: str | None = None


class Target(msgspec.Struct, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """What the act is about: see `schemas.Target`."""

    id: _Id
    type: str | None = None
    author_id: _Id | None = None
    parent_id: _Id | None = None
    root_id: _Id | None = None


class Sponsored(msgspec.Struct, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """What the source says about advertising: see `schemas.Sponsored`."""

    label: bool | None = None
    disclosed: bool | None = None
    brand_id: _Id | None = None
    ad_id: _Id | None = None


class Event(msgspec.Struct, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """One event: see `schemas.EngagementEvent`. The last two fields are ours and not part of the record."""

    event_id: _Id
    source: _Id
    kind: Kind
    occurred_at: _Time
    influencer_id: _Id
    actor: Actor | None = None
    op: Op = "create"
    clock: Clock = "event"
    object_id: _Id | None = None
    target: Target | None = None
    text: _Text | None = None
    text_truncated: bool = False
    lang: str | None = None
    tags: list[str] = []
    mentions: list[str] = []
    urls: list[str] = []
    sponsored: Sponsored | None = None
    media_type: str | None = None
    received_at: _Time | None = None
    raw_ref: str | None = None
    undoes: _Id | None = None
    metric: Metric | None = None
    count: _Count | None = None
    cumulative: bool = True
    extra: dict[str, Any] | None = None
    schema_version: SchemaVersion = 1
    # Wire names that no source uses: these two are set by `decode`, whatever the record says.
    occurred_s: float = msgspec.field(default=0.0, name="~occurred_s")  # `occurred_at` in epoch seconds
    verbatim: bool = msgspec.field(default=False, name="~verbatim")  # bytes may go out as they came


class FieldFault(msgspec.Struct, frozen=True, gc=False):
    """What is wrong with one field, in the shape of `schemas.FieldError`."""

    field: str  # dotted path; empty: the record as a whole
    message: str
    input: str | None = None


class Rejected(Exception):  # noqa: N818  (an outcome, not a failure of the program)
    """The record is refused: `reason` is one of `schemas.RejectReason`, `errors` say what to mend."""

    def __init__(self, reason: RejectReason, errors: tuple[FieldFault, ...]) -> None:
        super().__init__(reason, errors)
        self.reason: RejectReason = reason
        self.errors = errors


_decode = msgspec.json.Decoder(Event).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_OURS: Final = frozenset({"occurred_s", "verbatim"})
_KNOWN: Final = frozenset(Event.__struct_fields__) - _OURS
_KNOWN_IN: Final = {
    "actor": frozenset(Actor.__struct_fields__),
    "target": frozenset(Target.__struct_fields__),
    "sponsored": frozenset(Sponsored.__struct_fields__),
}


def decode(key: bytes | None, value: bytes | None, timestamp_ms: int) -> Event:
    """The event in a record of engagement.events.v1.

    Arguments: key, value and timestamp (ms since the epoch) of the record. Raises Rejected.
    """
    if value is not None and len(value) <= EVENT_BYTES_MAX:
        try:
            event = _decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode_with_care(key, value, timestamp_ms)
        occurred_s = event.occurred_at.timestamp()
        if (
            event.influencer_id.encode() == key
            and _EARLIEST_S <= occurred_s <= timestamp_ms / 1000 + AHEAD_MAX
            and _is_complete(event)
            and event.extra is None  # its size and depth are not known here
        ):
            event.occurred_s = occurred_s
            event.verbatim = value[-1] == 0x7D  # "}": no space after it, so that fields can be spliced in
            return event
    return _decode_with_care(key, value, timestamp_ms)


def to_json(event: Event) -> bytes:
    """The event as a record again, defaults left out: for events whose bytes cannot be used as they came."""
    record = copy.copy(event)
    record.occurred_s, record.verbatim = 0.0, False  # defaults are not written
    return _encode(record)


def _is_complete(event: Event) -> bool:
    if event.kind == "counter":
        return event.metric is not None and event.count is not None
    return event.actor is not None


def _decode_with_care(key: bytes | None, value: bytes | None, timestamp_ms: int) -> Event:
    """As `decode`, for records that are unusual or wrong; some 10 µs where that takes 2."""
    value = _whole(value)
    raw = _parse(value)
    if not isinstance(raw, dict):
        raise _by_contract(value, "should be an object")
    version = raw.get("schema_version", 1)
    if type(version) is not int or version != 1:
        _reject("unknown_version", "this worker reads version 1: update it", version, "schema_version")
    unknown = _take_unknown(raw)
    cut = _cut_text(raw)
    try:
        event = msgspec.convert(raw, Event)
    except msgspec.ValidationError as error:
        raise _by_contract(value, str(error)) from None
    if not _is_complete(event):
        raise _by_contract(value, "a field that this kind needs is missing")
    kept = _keep_extra(event, unknown)
    _check_key(key, event.influencer_id)
    _check_clock(event, timestamp_ms)
    event.verbatim = kept and not cut and value[-1] == 0x7D
    return event


def _whole(value: bytes | None) -> bytes:
    if value is None:
        _reject("null", "the record has no value: events are never deleted, send an `undo` instead")
    if len(value) > EVENT_BYTES_MAX:
        _reject("too_large", f"{len(value)} bytes, more than {EVENT_BYTES_MAX}")
    return value


def _parse(value: bytes) -> Any:
    """The JSON value in the bytes, or Rejected with what is wrong with them."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        _reject("encoding", f"not UTF-8: {error.reason} at byte {error.start}", value[error.start :][:16])
    if is_deep(value):
        _reject("depth", f"nested deeper than {NESTING_MAX}")
    try:
        return _decode_any(value)
    except msgspec.DecodeError as error:
        # Half of a surrogate pair is fine as JSON, but no text that could be written again.
        if "surrogate" in str(error) or _HALF_AT_END.search(value):
            _reject("encoding", "half of a surrogate pair (\\ud800 to \\udfff)", value[:INPUT_MAX])
        _reject("not_json", str(error), value[:INPUT_MAX])


#: Here the parser looks for the other half past the end, and calls the record truncated.
_HALF_AT_END: Final = re.compile(rb'\\u[dD][89abAB][0-9a-fA-F]{2}"[\s\]}]{1,4}\Z')
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: linear on any input
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def is_deep(value: bytes, limit: int = NESTING_MAX) -> bool:
    """Whether brackets are nested deeper than `limit`: no recursion, no parsing, linear time."""
    if value.count(b"[") + value.count(b"{") <= limit:
        return False
    depth = 0
    for bracket in _STRINGS.sub(b"", value).translate(None, _NOT_BRACKETS):
        if bracket in b"[{":
            depth += 1
            if depth > limit:
                return True
        else:
            depth -= 1
    return False


def _take_unknown(raw: dict[str, Any]) -> dict[str, Any]:
    """Remove the fields that the contract does not know, and give them back, nested as they were."""
    unknown = {name: raw.pop(name) for name in [name for name in raw if name not in _KNOWN]}
    for name, known in _KNOWN_IN.items():
        part = raw.get(name)
        if isinstance(part, dict) and (names := [name for name in part if name not in known]):
            unknown[name] = {inner: part.pop(inner) for inner in names}
    return unknown


def _cut_text(raw: dict[str, Any]) -> bool:
    text = raw.get("text")
    if not isinstance(text, str) or len(text) <= TEXT_MAX:
        return False
    raw["text"], raw["text_truncated"] = text[:TEXT_MAX], True
    return True


def _keep_extra(event: Event, unknown: dict[str, Any]) -> bool:
    """Put what is unknown into `extra`, up to its limit. Whether `extra` is still what the record says."""
    if unknown:
        event.extra = {**(event.extra or {}), **unknown}
    if event.extra is not None and (size := len(_encode(event.extra))) > EXTRA_BYTES_MAX:
        event.extra = {"_dropped_bytes": size}
        return False
    return not unknown


def _check_key(key: bytes | None, influencer_id: str) -> None:
    if key != influencer_id.encode():
        has = "has no key" if key is None else f"has the key {_show(key)}"
        _reject(
            "key",
            f"the record {has} and would go to another partition: send it with `influencer_id` as its key",
            influencer_id,
            "influencer_id",
        )


def _check_clock(event: Event, timestamp_ms: int) -> None:
    event.occurred_s = occurred_s = event.occurred_at.timestamp()
    ahead = occurred_s - timestamp_ms / 1000
    if occurred_s < _EARLIEST_S:
        message = "lies before 2004: is the unit (s, ms) or the zone wrong?"
    elif ahead > AHEAD_MAX:
        message = (
            f"{ahead:.0f} s ahead of the record's timestamp, more than {AHEAD_MAX}: is a clock or zone wrong?"
        )
    else:
        return
    _reject("clock", message, event.occurred_at.isoformat(), "occurred_at")


def _by_contract(value: bytes, otherwise: str) -> Rejected:
    """The rejection in pydantic's words; `otherwise` stands in should pydantic find nothing."""
    try:
        EngagementEvent.model_validate_json(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        faults = tuple(
            FieldFault(
                ".".join(map(str, one["loc"])),
                one["msg"],
                None if one["type"] == "missing" or not one["loc"] else _show(one["input"]),
            )
            for one in found[:ERRORS_MAX]
        )
        return Rejected("clock" if all(one["type"] == "clock" for one in found) else "schema", faults)
    return Rejected("schema", (FieldFault("", otherwise),))


def _show(value: Any) -> str:
    return repr(value)[:INPUT_MAX]


def _reject(reason: RejectReason, message: str, value: Any = None, field: str = "") -> NoReturn:
    raise Rejected(reason, (FieldFault(field, message, None if value is None else _show(value)),))
