"""Records that could not be read, as they are kept in the rejected topic."""

from __future__ import annotations

import base64
from time import time

import msgspec

from processors.decode import Rejected
from processors.readings import rfc3339
from processors.records import Record
from schemas import topics
from streams import metrics
from streams.cloudevents import ce_headers
from streams.outputs import Out

_encode = msgspec.json.Encoder().encode
_PAYLOAD_MAX = 64 * 1024
_KEY_MAX = 1_024  # no key of ours is longer
_LAST_MS = 253_402_300_799_000  # the end of year 9999, the last time that RFC 3339 can write


def refusal(source: bytes, topic: str, partition: int, record: Record, rejected: Rejected) -> Out:
    """The message about a record of the events topic (its full name): reason, place, and its first bytes.
    `source`: CloudEvents source of what we write."""
    value = record.value
    payload = None if value is None else base64.b64encode(value[:_PAYLOAD_MAX]).decode()
    body = _encode({
        "reason": rejected.reason,
        "errors": [{"field": e.field, "message": e.message, "input": e.input} for e in rejected.errors],
        "topic": topic, "partition": partition, "offset": record.offset,
        "timestamp": rfc3339(record.timestamp / 1_000) if 0 <= record.timestamp <= _LAST_MS else None,
        "key": None if record.key is None else record.key.decode("utf-8", "replace")[:256],
        "payload_base64": payload, "truncated": value is not None and len(value) > _PAYLOAD_MAX,
        "at": rfc3339(time()),
    })  # fmt: skip
    metrics.REJECTED.labels(rejected.reason).inc()
    identity = f"{topic}-{partition}-{record.offset}".encode()
    headers = [*ce_headers(topics.REJECTED, source), ("ce_id", identity)]
    return record.key and record.key[:_KEY_MAX], body, int(time() * 1_000), headers
