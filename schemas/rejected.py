"""engagement.rejected.v1: what could not be read, why, and its bytes so that it can be mended."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.common import Count, Flag, Record, Text, Time

RejectReason = Literal[
    "not_json", "encoding", "depth", "null", "key", "schema", "too_large", "clock", "unknown_version"
]  # fmt: skip


class FieldError(Record):
    """What is wrong with one field."""

    field: Text
    """Dotted path; empty: the record as a whole."""
    message: Text
    input: Text | None = None
    """What stood there, at most 200 characters."""


class RejectedEvent(Record):
    """A record that was refused. Record key: that of the source record."""

    reason: RejectReason
    errors: list[FieldError] = Field(default_factory=list)
    topic: Text
    partition: Count
    offset: Count
    timestamp: Time | None = None
    """Timestamp of the source record; null: none, or not a time."""
    key: Text | None = None
    """Key of the source record, bytes that are not UTF-8 replaced; null: no key."""
    payload_base64: Text | None = None
    """Value of the source record, its first 64 KiB; null: the value was null."""
    truncated: Flag = False
    """The payload was longer than that."""
    at: Time
    """When it was refused, wall clock."""
