"""Sending on real brokers: partitions, order, times, tombstones, pace, and what the broker does not take."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from processors.generator.bench import bench_events
from processors.state.layout import partition_of
from schemas import Partnership
from schemas.topics import EVENTS, PARTNERSHIPS
from streams.consume import Record, latest, scan
from streams.errors import BrokerUnavailableError, NotFoundError
from streams.sending import Sender, SendError, end_partnership, send, send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics

pytestmark = pytest.mark.servers


async def everything(settings: Settings, topic: str = EVENTS) -> list[Record]:
    return [record async for record in scan(settings, settings.topic(topic))]


async def test_each_record_lands_on_its_keys_partition_in_order_with_its_own_time(settings: Settings) -> None:
    await ensure_topics(settings)
    records = list(bench_events(6_000, start=1.76e9, stretch_s=3_600, influencers=50))
    told: list[tuple[int, int | None]] = []
    result = await send(
        settings, records, total=6_000, on_progress=lambda done, total: told.append((done, total))
    )
    found = await everything(settings)
    assert result.sent == len(found) == 6_000
    assert result.bytes == sum(len(r.value) for r in records)
    assert told[-1] == (6_000, 6_000)
    assert result.per_partition == {n: Counter(r.partition for r in found)[n] for n in range(4)}
    expected: dict[int, list[tuple[int, bytes, bytes]]] = defaultdict(list)
    for at, key, value in records:
        expected[partition_of(key, 4)].append((round(at * 1_000), key, value))
    actual: dict[int, list[tuple[int, bytes | None, bytes | None]]] = defaultdict(list)
    for record in found:
        actual[record.partition].append((record.timestamp_ms, record.key, record.value))
    assert dict(actual) == dict(expected)


async def test_partnerships_are_written_and_ended(settings: Settings) -> None:
    await ensure_topics(settings)
    ann: dict[str, Any] = {"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": "t:ann"}
    await send_partnerships(settings, [ann, Partnership(**{**ann, "partnership_id": "acme--ben"})])
    await end_partnership(settings, "acme--ben")
    book = await latest(settings, settings.topic(PARTNERSHIPS))
    assert Partnership.model_validate_json(book[b"acme--ann"].value or b"").influencer_id == "t:ann"
    assert book[b"acme--ben"].value is None
    for key, record in book.items():  # what we write carries CloudEvents attributes
        headers = dict(record.headers)
        assert headers["ce_specversion"] == b"1.0" and headers["ce_type"] == b"rapport.partnerships.v1"
        assert headers["ce_id"].startswith(key + b"@") and headers["ce_source"]


async def test_an_accelerated_stream_keeps_its_pace_and_is_visible_before_its_end(settings: Settings) -> None:
    await ensure_topics(settings)
    seen_early = 0

    async def source() -> AsyncIterator[tuple[float, bytes, bytes]]:
        nonlocal seen_early
        for number in range(11):
            yield 1_000.0 + number * 360, b"ann", b"%d" % number
            if number == 9:
                seen_early = len(await everything(settings))

    began = time.monotonic()
    result = await send(settings, source(), speed=3_600.0)
    assert 1.0 <= time.monotonic() - began < 10.0
    assert result.sent == 11
    assert seen_early >= 5


async def test_a_record_larger_than_the_broker_takes_is_named_and_the_rest_goes_on(
    apache_pair: Any, settings_for: Callable[..., Settings]
) -> None:
    settings = settings_for(apache_pair)
    await ensure_topics(settings)
    records = [(1e9, b"ann", b"a"), (1e9, b"ann", b"x" * 3_000_000), (1e9, b"ann", b"b"), (1e9, b"ben", b"c")]
    result = await send(settings, records)
    assert result.too_large == (1,)
    assert result.sent == 3
    assert sorted(r.value or b"" for r in await everything(settings)) == [b"a", b"b", b"c"]


async def test_what_the_broker_refuses_for_good_is_an_error_at_once(
    apache_pair: Any, settings_for: Callable[..., Settings]
) -> None:
    settings = settings_for(apache_pair)
    await ensure_topics(settings)
    began = time.monotonic()
    with pytest.raises(SendError, match=r"refuses records"):
        await send(settings, [(time.time() + 30 * 86_400, b"ann", b"from the future")])
    assert time.monotonic() - began < 20


async def test_a_missing_topic_and_a_missing_broker_are_told_within_seconds(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match=r"there is no topic"):
        await send(settings, [(1.0, b"k", b"v")])
    gone = Settings(**{**settings.model_dump(), "broker": "127.0.0.1:9"})
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:9 did not answer"):
        async with Sender(gone, ready_s=1.0):
            pass
