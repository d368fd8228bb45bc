"""Lines of JSON: canonical events as they are, or values of another topic, each keyed as its topic is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Final

import msgspec

from processors.decode import Rejected, decode
from schemas.topics import CONTROL, PARTNERSHIPS, READINGS, REJECTED
from streams.reading.model import BadLine, Ear, Line
from streams.reading.opening import bounded_lines


class _Head(msgspec.Struct, gc=False):
    """What must be known of an event to send it."""

    influencer_id: str
    event_id: str = ""
    occurred_at: str | int | float | None = None


class _Any(msgspec.Struct, gc=False):
    """The same of a value of another topic."""

    influencer_id: str = ""
    partnership_id: str = ""
    kind: str = ""
    subject: str = ""
    key: str | None = None
    event_id: str = ""
    transition_id: str = ""
    occurred_at: str | None = None
    at: str | None = None


_head: Final = msgspec.json.Decoder(type=_Head, strict=False).decode
_any: Final = msgspec.json.Decoder(type=_Any).decode
_key: Final = msgspec.json.Decoder(type=dict[str, msgspec.Raw]).decode
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Stamper:
    """A record is stamped with its event's time, as a live source would have at that time; without a readable
    one, or with one that has not come yet, with the newest before it."""

    def __init__(self) -> None:
        self._newest = 0.0
        self._now = time.time()

    def at(self, text: object) -> float:
        """Epoch s for a record whose time is said to be this."""
        at = epoch(text)
        if at is None or not 0 <= at <= self._now:
            return self._newest or self._now
        self._newest = at
        return at


def epoch(text: object) -> float | None:
    """Epoch s of a time in RFC 3339 with an offset; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def judged(name: str, number: int, value: bytes, stamper: Stamper, *, check: bool = True) -> Line | BadLine:
    """An event as a record, or what is wrong with it. `check`: hold it against the contract; without, only
    what keys it must be there."""
    try:
        head = _head(value)
    except _BROKEN:
        head = _Head(_influencer(value))
    key = head.influencer_id.encode()
    at = stamper.at(head.occurred_at)
    if check or not key:
        try:
            decode(key, value, int(at * 1_000))
        except Rejected as no:
            return refused(name, number, value, no, key or None)
        except RecursionError:
            return BadLine(name, number, "depth", "", "nested too deep", key or None, value)
    return Line(at, key, head.event_id, value, number)


def refused(name: str, number: int, value: bytes, no: Rejected, key: bytes | None) -> BadLine:
    """A rejection of the decoder as a bad line: its first fault stands for all."""
    first = no.errors[0] if no.errors else None
    field, message = (first.field, first.message) if first is not None else ("", no.reason)
    more = f" (and {len(no.errors) - 1} more)" if len(no.errors) > 1 else ""
    return BadLine(name, number, no.reason, field, message + more, key, value)


def _influencer(value: bytes) -> str:
    """The influencer id of an event in which something else is of the wrong type."""
    try:
        found = msgspec.json.decode(_key(value).get("influencer_id", b'""'))
    except _BROKEN:
        return ""
    try:
        found.encode()
    except (AttributeError, UnicodeEncodeError):
        return ""
    return str(found)


def events(stream: IO[bytes], name: str, ear: Ear, *, check: bool = True) -> Iterator[Line]:
    """Every valid event of the stream, byte by byte as it is."""
    stamper = Stamper()
    for number, raw, cut in bounded_lines(stream):
        if cut:
            ear.bad(BadLine(name, number, "too_large", "", "a line of more than 8 MiB", raw=raw))
            continue
        found = judged(name, number, raw, stamper, check=check)
        if isinstance(found, Line):
            yield found
        else:
            ear.bad(found)


def values(stream: IO[bytes], name: str, topic: str, ear: Ear) -> Iterator[Line]:
    """Every value of the stream as a record of `topic` (not the events'), keyed as that topic is."""
    stamper = Stamper()
    for number, raw, cut in bounded_lines(stream):
        found = _record(topic, number, raw, stamper) if not cut else "a line of more than 8 MiB"
        if isinstance(found, Line):
            yield found
        else:
            reason = "too_large" if cut else "schema" if found.startswith("no ") else "not_json"
            ear.bad(BadLine(name, number, reason, "", found, raw=raw))  # type: ignore[arg-type]


def _record(topic: str, number: int, value: bytes, stamper: Stamper) -> Line | str:
    try:
        told = _any(value)
    except _BROKEN as error:
        return f"not a record of {topic}: {error}"
    key, why = told.influencer_id, "influencer_id"
    if topic in (PARTNERSHIPS, READINGS):
        key, why = told.partnership_id, "partnership_id"
    elif topic == CONTROL:
        key, why = (f"{told.kind}:{told.subject}" if told.kind and told.subject else ""), "kind and subject"
    elif topic == REJECTED:
        key, why = told.key or "-", "key"
    if not key:
        return f"no {why} to be keyed by"
    at = stamper.at(told.occurred_at or told.at)
    return Line(at, key.encode(), told.event_id or told.transition_id, value, number)
