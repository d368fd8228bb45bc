"""What an installation wrote to its output topics, and what lies in its state."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import redis
from aiokafka import AIOKafkaConsumer, TopicPartition

from processors.state.layout import PartitionKeys
from schemas import topics
from streams.settings import Settings

_OUTPUTS = (topics.ENRICHED, topics.READINGS, topics.ALERTS, topics.REJECTED)


@dataclasses.dataclass(slots=True)
class Told:
    """What one installation wrote to the output topics, repeats dropped by id."""

    #: "<partition>-<offset>" -> hash of what was written; that restarts do not change it is for
    #: tests/processors/test_restore.py to show.
    enriched: dict[bytes, int] = dataclasses.field(default_factory=dict)
    #: "<partnership>@<boundary>" -> JSON
    readings: dict[bytes, bytes] = dataclasses.field(default_factory=dict)
    alerts: dict[bytes, bytes] = dataclasses.field(default_factory=dict)  # transition id -> JSON
    rejected: set[bytes] = dataclasses.field(default_factory=set)
    repeats: int = 0

    def take(self, topic: str, identity: bytes, value: bytes) -> None:
        """Take a record; a repeated one must be the same."""
        if topic == topics.REJECTED:  # tells when it was refused: the wall time differs
            self.repeats += identity in self.rejected
            self.rejected.add(identity)
            return
        if topic == topics.READINGS and b'"provisional":true' in value:
            return  # refreshed by wall time
        table: dict[bytes, Any] = {
            topics.ENRICHED: self.enriched, topics.READINGS: self.readings, topics.ALERTS: self.alerts,
        }[topic]  # fmt: skip
        kept: Any = hash(value) if topic == topics.ENRICHED else value
        self.repeats += identity in table
        assert table.setdefault(identity, kept) == kept, f"{topic}: {identity!r} was told in two ways"


async def read_told(settings: Settings, partitions: int) -> Told:
    """What stands in the output topics of an installation that has them for itself."""
    told = Told()
    for name in _OUTPUTS:
        async for headers, value in _records(settings, settings.topic(name), partitions):
            identity = headers["ce_id"].removeprefix(settings.topic(topics.EVENTS).encode() + b"-")
            told.take(name, identity, value)
    return told


async def _records(
    settings: Settings, topic: str, partitions: int
) -> AsyncIterator[tuple[dict[str, bytes], bytes]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 << 20, check_crcs=False,
    )  # fmt: skip
    await consumer.start()
    try:
        parts = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield dict(record.headers), record.value
    finally:
        await consumer.stop()


def read_keys(client: redis.Redis, keys: PartitionKeys) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Hashes and strings of one partition."""
    escaped = keys.tag.replace("[", "\\[")
    names = sorted(client.scan_iter(match=f"{escaped}*", count=5_000))
    pipe: Any = client.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    kinds = pipe.execute()
    for name, kind in zip(names, kinds, strict=True):
        {b"hash": pipe.hgetall, b"string": pipe.get, b"stream": pipe.xlen}[kind](name)
    hashes: dict[str, Any] = {}
    strings: dict[str, bytes] = {}
    for name, kind, value in zip(names, kinds, pipe.execute(), strict=True):
        if kind != b"stream":
            (hashes if kind == b"hash" else strings)[name.decode()] = value
    return hashes, strings


def differences(found: dict[Any, Any], wanted: dict[Any, Any]) -> str | None:
    """What differs, in words; None where nothing does."""
    names = {name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)}
    if not names:
        return None
    few = sorted(names)[:10]
    lines = [f"{n}: {str(found.get(n))[:200]} but undisturbed {str(wanted.get(n))[:200]}" for n in few]
    return f"{len(names)} values differ:\n" + "\n".join(lines)
