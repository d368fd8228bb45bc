"""Rejected records on their way back: which are asked for, what is sent, what cannot be sent and why.

Pure: records in, records out. Sending is `streams.commands.rejected`'s part.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from schemas import EngagementEvent, RejectedEvent
from streams.errors import InputError
from streams.text import clean


@dataclass(frozen=True, slots=True)
class Mended:
    """A record to be sent.

    `timestamp_ms`: the first record's, so that its clock is judged as it was; of a mended event its own time.
    """

    id: str
    key: bytes
    value: bytes
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that cannot be sent, with the reason for people."""

    id: str
    why: str


def record_id(rejected: RejectedEvent) -> str:
    """Where the record lay, as one word: topic-partition-offset."""
    return f"{rejected.topic}-{rejected.partition}-{rejected.offset}"


def wanted(
    rejected: RejectedEvent,
    *,
    ids: Collection[str] = (),
    reasons: Collection[str] = (),
    since: datetime | None = None,
) -> bool:
    """Whether the filters let it through; an empty filter lets all through."""
    return (
        (not ids or record_id(rejected) in ids)
        and (not reasons or rejected.reason in reasons)
        and (since is None or rejected.at >= since)
    )


def payload(rejected: RejectedEvent) -> bytes:
    """The bytes as they came (cut when `truncated`)."""
    try:
        return base64.b64decode(rejected.payload_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        return b""


def preview(rejected: RejectedEvent, limit: int = 80) -> str:
    """The payload's beginning, safe for a terminal."""
    return clean(payload(rejected)[: limit * 6].decode("utf-8", "replace"), limit)


def as_it_was(rejected: RejectedEvent) -> Mended | Skipped:
    """The payload sent once more, unchanged but keyed as it should be."""
    name = record_id(rejected)
    if rejected.truncated:
        return Skipped(name, "its bytes were cut when it was rejected; send it from its source")
    data = payload(rejected)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return Skipped(name, "not JSON, so it names no influencer to be keyed by")
    key = found.get("influencer_id") if isinstance(found, dict) else None
    if not isinstance(key, str) or not key:
        return Skipped(name, "it names no influencer_id to be keyed by")
    try:
        return Mended(name, key.encode(), data, _millis(rejected.timestamp))
    except UnicodeEncodeError:
        return Skipped(name, "its influencer_id is not valid text")


def edit_line(rejected: RejectedEvent) -> dict[str, Any]:
    """One line of a file to be mended by hand and handed to `rapport rejected replay --edit`."""
    data = payload(rejected)
    try:
        event: Any = json.loads(data)
    except (ValueError, RecursionError):
        event = data.decode("utf-8", "replace")
    return {
        "id": record_id(rejected),
        "reason": rejected.reason,
        "errors": [f"{error.field}: {error.message}" for error in rejected.errors],
        "event": event,
    }


def mended_lines(lines: Iterable[str], now: datetime) -> list[Mended | Skipped]:
    """Mended events out of a file: each line an event, or {"id": …, "event": {…}} as `edit_line` gives it.

    Raises:
        InputError: when a line is not a JSON object.
    """
    return [_mended(number, line, now) for number, line in enumerate(lines, 1) if line.strip()]


def _mended(number: int, line: str, now: datetime) -> Mended | Skipped:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"line {number} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"line {number} is not a JSON object")
    name = str(found.get("id", f"line {number}")) if "event" in found else f"line {number}"
    event = found.get("event", found)
    try:
        model = EngagementEvent.model_validate_json(json.dumps(event))
        value = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the event"
        return Skipped(name, f"still wrong: {field}: {first['msg']}")
    except (UnicodeEncodeError, ValueError) as error:
        return Skipped(name, f"still wrong: {error}")
    # Stamped as a replay would: a present timestamp would carry the event clock of old events to today,
    # a future one (that the worker would then believe) ahead of everybody.
    stamp = min(model.occurred_at, now)
    return Mended(name, model.influencer_id.encode(), value, int(stamp.timestamp() * 1_000))


def _millis(timestamp: datetime | int | None) -> int | None:
    if isinstance(timestamp, datetime):
        return int(timestamp.timestamp() * 1_000)
    return timestamp
