"""A partnership that is ended leaves the lists, and its alert is resolved."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

from processors.actors import ActorHasher
from processors.book import Book
from processors.generator.demo import SLIPS, demo
from processors.partition import Partition
from processors.records import Config
from processors.state.layout import PartitionKeys
from processors.state.memory_store import MemoryStore
from schemas import Alert, Partnership
from tests.processors.core import Rec

KEYS = PartitionKeys("test", "events", 0)


def test_an_ended_partnership_leaves_the_lists_and_its_alert_is_resolved() -> None:
    asyncio.run(_end_while_it_fires())


async def _end_while_it_fires() -> None:
    story = demo(datetime(2026, 11, 23, tzinfo=UTC))
    slipping = [p for p in story.generated.partnerships if p["partnership_id"] == SLIPS]
    book = Book(Partnership.model_validate(p) for p in slipping)
    store = MemoryStore()
    partition = Partition(KEYS, book, ActorHasher(b"test"), Config(enriched=False))
    partition.restore(await store.claim(KEYS), [], [])
    partition.watched = frozenset(book.watched())
    (influencer,) = partition.watched
    partition.load(influencer, {}, b"")
    until = story.live_from + 4 * 86_400
    records = [
        Rec(offset, int(at * 1_000), key, value)
        for offset, (at, key, value) in enumerate(story.generated.events(end=until))
        if key.decode() == influencer
    ]
    partition.fold(partition.decode(records), 0)
    await store.apply(KEYS, partition.write(-1, 1))
    partition.written()
    assert _states(store)[-1] == "firing"
    assert SLIPS.encode() in store.hashes[KEYS.readings]

    book.end(SLIPS)
    assert partition.pending
    await store.apply(KEYS, partition.write(1, 1))
    partition.written()
    assert not partition.pending
    assert _states(store)[-1] == "resolved"
    assert json.loads(store.streams[KEYS.outbox][-1][1])["reason"] == "partnership_ended"
    assert store.hashes[KEYS.readings] == {} and store.hashes[KEYS.spark] == {}
    assert partition.influencers[influencer].references, "its reference stays, in case it comes back"


def _states(store: MemoryStore) -> list[str]:
    return [Alert.model_validate_json(body).state for _, body in store.streams[KEYS.outbox]]
