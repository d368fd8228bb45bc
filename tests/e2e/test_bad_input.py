"""Every kind of bad record among good ones: the worker goes on, and nothing is lost without a word."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from processors.generator.render import stamp
from processors.state.layout import partition_of
from schemas import EnrichedEvent, RejectedEvent, topics
from streams.reader import Reader
from streams.sending import send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.workers import WorkerProcess, read_totals, until

pytestmark = pytest.mark.servers
AT = 1_790_000_000.0
KNOWN, UNKNOWN = "x:known", "x:unknown"


def event(number: int, influencer: str = KNOWN, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}", "source": "x", "kind": "like", "occurred_at": stamp(AT + number),
        "influencer_id": influencer, "actor": {"id": f"x:fan{number}"}, **changes,
    }  # fmt: skip


def encoded(*args: Any, **changes: Any) -> bytes:
    return json.dumps(event(*args, **changes)).encode()


def without(name: str) -> bytes:
    whole = event(900)
    del whole[name]
    return json.dumps(whole).encode()


@dataclass(frozen=True)
class Bad:
    """A record that must be refused: with this reason, naming this field."""

    name: str
    value: bytes | None
    reason: str
    field: str = ""
    key: bytes | None = KNOWN.encode()
    elsewhere: bool = False  # sent to a partition that is not its key's


BAD = [
    Bad("not JSON", b"{not json", "not_json"),
    Bad("no bytes at all", b"", "not_json"),
    Bad("cut off", encoded(1)[:-7], "not_json"),
    Bad("a list", b"[1, 2]", "schema"),
    Bad("a wrong type", encoded(1, actor={"id": 7}), "schema", "actor.id"),
    Bad("a wrong time", encoded(1, occurred_at="yesterday"), "schema", "occurred_at"),
    Bad("a missing field", without("influencer_id"), "schema", "influencer_id"),
    Bad("a missing actor", without("actor"), "schema"),
    Bad("an unknown kind", encoded(1, kind="wave"), "schema", "kind"),
    Bad("1,000,000 bytes", encoded(1, text="x" * 999_000).ljust(1_000_000), "too_large"),
    Bad("far in the future", encoded(1, occurred_at="2199-01-01T00:00:00Z"), "clock", "occurred_at"),
    Bad("far in the past", encoded(1, occurred_at="1970-01-01T00:00:00Z"), "clock", "occurred_at"),
    Bad("a wrong key", encoded(1), "key", "influencer_id", key=b"x:other"),
    Bad("no key", encoded(1), "key", "influencer_id", key=None),
    Bad("another partitioner's partition", encoded(1, "x:stray"), "key", "influencer_id", b"x:stray", True),
    Bad("a null value", None, "null"),
    Bad("invalid UTF-8", encoded(1).replace(b"x:fan1", b"\xff\xfe"), "encoding"),
    Bad("half a surrogate pair", encoded(1).replace(b"x:fan1", b"\\ud800"), "encoding"),
    Bad("deep nesting", encoded(1)[:-1] + b',"extra":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "depth"),
    Bad("a version to come", encoded(1, schema_version=2), "unknown_version", "schema_version"),
]
GOOD = 400


async def test_every_kind_of_bad_record_among_good_ones(
    pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(pair)
    await ensure_topics(settings)
    await send_partnerships(
        settings, [{"partnership_id": "b--known", "brand_id": "b", "influencer_id": KNOWN}]
    )
    places = await _send(settings)
    expired = 1
    read = len(BAD) + GOOD + 3 + expired
    with WorkerProcess(settings, tmp_path / "log") as worker:
        totals = await until(
            lambda: read_totals(settings), lambda t: t.read == read, within=40, child=worker.child
        )
        assert worker.child.running
    assert (totals.rejected, totals.duplicate, totals.expired) == (len(BAD), 3, expired)
    assert totals.read == totals.counted + totals.duplicate + totals.rejected + totals.expired
    refused = await _all(settings, topics.REJECTED)
    found = {(r.partition, r.offset): r for r in map(RejectedEvent.model_validate_json, refused)}
    assert found.keys() == places.keys() and len(refused) == len(BAD)
    for place, bad in places.items():
        _check(found[place], bad, settings)
    written = [EnrichedEvent.model_validate_json(value) for value in await _all(settings, topics.ENRICHED)]
    assert sorted(e.event_id for e in written) == sorted([f"e{n}" for n in range(GOOD)] + ["old"])
    ids = {e.influencer_id: e.enrichment.partnership_ids for e in written}
    assert ids == {KNOWN: ["b--known"], UNKNOWN: []}
    async with Reader(settings) as reader:
        scored = {reading.partnership_id for reading in await reader.readings(unpartnered=True)}
    assert scored == {f"none--{UNKNOWN}"}


async def _send(settings: Settings) -> dict[tuple[int, int], Bad]:
    """Good and bad ones by turns, the last ones good; where the bad ones came to lie."""
    topic = settings.topic(topics.EVENTS)
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap, max_request_size=1_048_576)
    await producer.start()

    async def put(key: bytes | None, value: bytes | None, partition: int, at: float) -> tuple[int, int]:
        sent = await producer.send_and_wait(topic, value, key, partition, timestamp_ms=int(at * 1_000))
        return sent.partition, sent.offset

    def home(name: str | bytes) -> int:
        return partition_of(name, settings.partitions)

    places = {}
    try:
        for number in range(GOOD):
            name = (KNOWN, UNKNOWN)[number % 2]
            await put(name.encode(), encoded(number, name), home(name), AT + number)
            if number % 10 == 5 and (index := number // 10) < len(BAD):
                bad = BAD[index]
                partition = (home(bad.key or b"") + bad.elsewhere) % settings.partitions
                places[await put(bad.key, bad.value, partition, AT + number)] = bad
            if number in (50, 60, 70):
                await put(name.encode(), encoded(number, name), home(name), AT + number)  # a duplicate
        old = encoded(0, event_id="old", occurred_at=stamp(AT - 450 * 86_400))
        await put(KNOWN.encode(), old, home(KNOWN), AT + GOOD)
    finally:
        await producer.stop()
    assert len(places) == len(BAD)
    return places


def _check(found: RejectedEvent, bad: Bad, settings: Settings) -> None:
    assert found.reason == bad.reason, bad.name
    assert found.errors and all(error.message for error in found.errors), bad.name
    if bad.field:
        assert bad.field in {error.field for error in found.errors}, (bad.name, found.errors)
    assert found.topic == settings.topic(topics.EVENTS)
    assert found.key == (None if bad.key is None else bad.key.decode())
    kept = None if found.payload_base64 is None else base64.b64decode(found.payload_base64)
    assert kept == (None if bad.value is None else bad.value[: 64 * 1024]), bad.name
    assert found.truncated == (bad.value is not None and len(bad.value) > 64 * 1024)


async def _all(settings: Settings, topic: str) -> list[bytes]:
    """All values of a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(settings.topic(topic), number) for number in range(settings.partitions)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        values: list[bytes] = []
        async with asyncio.timeout(20):
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    values += [record.value for record in records]
        return values
    finally:
        await consumer.stop()
