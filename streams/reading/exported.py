"""What `rapport export --records` writes, one record a line: the value as it was, with key and timestamp.

    {"timestamp": "2026-11-22T10:15:30.123Z", "key": "bluesky:…", "partition": 3, "offset": 17, "value": {…}}

Bytes that are no text stand in `key_base64`, a value that is no JSON in `value_base64`; a tombstone has
`"value": null`. Replayed, such a file gives the same records: key, value byte by byte, timestamp.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Iterator
from typing import IO, Final

import msgspec

from streams.reading.model import BadLine, Ear, Line
from streams.reading.ndjson import epoch
from streams.reading.opening import bounded_lines


class Envelope(msgspec.Struct, omit_defaults=True):
    """A record as it is written."""

    timestamp: str
    key: str | None = None
    key_base64: str | None = None
    partition: int = -1
    offset: int = -1
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    value_base64: str | None = None


_envelope: Final = msgspec.json.Decoder(Envelope).decode
_encode: Final = msgspec.json.Encoder().encode
_event_id: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_exported(head: bytes) -> bool:
    """Whether a file's first line is such a record."""
    try:
        found = _event_id(head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return "timestamp" in found and ("value" in found or "value_base64" in found)


def stamp_ms(ms: int) -> str:
    """A record's timestamp as text: RFC 3339 in UTC, milliseconds."""
    seconds, rest = divmod(ms, 1_000)
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def to_line(key: bytes | None, value: bytes | None, timestamp: str, partition: int, offset: int) -> bytes:
    """A record as one line, without the end of line."""
    made = Envelope(timestamp, partition=partition, offset=offset)
    if key is not None:
        try:
            made.key = key.decode()
        except UnicodeDecodeError:
            made.key_base64 = base64.b64encode(key).decode()
    if value is None:
        made.value = msgspec.Raw(b"null")
    elif _is_one_line_of_json(value):
        made.value = msgspec.Raw(value)
    else:
        made.value_base64 = base64.b64encode(value).decode()
    return _encode(made)


def _is_one_line_of_json(value: bytes) -> bool:
    if b"\n" in value or value == b"null":
        return False
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return value.strip() == value


def records(stream: IO[bytes], name: str, ear: Ear) -> Iterator[Line]:
    """Every record of the stream."""
    for number, raw, _ in bounded_lines(stream):
        try:
            found = _envelope(raw)
            at = epoch(found.timestamp)
            if at is None:
                raise ValueError("timestamp should be a time like 2026-11-22T10:15:30Z")
            key = base64.b64decode(found.key_base64, validate=True) if found.key_base64 else None
            yield Line(round(at, 3), key or (found.key or "").encode(), *_value(found), number)
        except (msgspec.DecodeError, UnicodeError, ValueError, binascii.Error) as error:
            ear.bad(BadLine(name, number, "schema", "", f"not an exported record: {error}", raw=raw))


def _value(found: Envelope) -> tuple[str, bytes | None]:
    """(event id, value) of a record."""
    if found.value_base64 is not None:
        return "", base64.b64decode(found.value_base64, validate=True)
    if found.value is msgspec.UNSET:
        raise ValueError("value is missing")
    value = bytes(found.value)
    if value == b"null":
        return "", None
    return event_id_of(value), value


def event_id_of(value: bytes) -> str:
    """The event id in a JSON value; empty if it has none."""
    try:
        found = _event_id(value).get("event_id")
        return str(msgspec.json.decode(found)) if found is not None else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
