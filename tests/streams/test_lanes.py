"""A lane reads state only while it is its own: what is told of another's is not what was told before."""

from __future__ import annotations

from typing import Any

import pytest

from processors.actors import ActorHasher
from processors.book import Book
from processors.influencer import Influencer
from processors.partition import Partition
from processors.records import Config
from processors.state.layout import PartitionKeys
from processors.state.memory_store import MemoryStore
from processors.state.store import Answer, Write
from streams.lanes import Lane, LaneMovedError, LaneOldError, Shared
from streams.settings import Settings

KEYS = PartitionKeys("lanes", "engagement.events.v1", 0)
MIA = "bluesky:mia"


async def lane_of(store: MemoryStore) -> Lane:
    """A lane right after its claim."""
    claim = await store.claim(KEYS)
    partition = Partition(KEYS, Book(), ActorHasher(b"key"), Config())
    values: dict[str, Any] = {}
    rest: Any = None  # what a lane needs beside the store once it works
    shared = Shared(Settings(**values), store, rest, b"", rest, rest)
    lane = Lane(shared, partition, 0, 1, claim.epoch, lambda: False)
    lane.fence_in_store = -1 if claim.next is None else claim.next
    return lane


async def moved_on(store: MemoryStore, epoch: int, prev: int, next_: int) -> None:
    """Mia's state as it is at the next fence."""
    mia = Influencer(MIA)
    mia.meta.max_at = float(next_)
    write = Write(epoch, seq=int(store.hashes[KEYS.fence].get(b"seq", b"0")), prev=prev, next=next_)
    write.add("HSET", KEYS.influencer(MIA), mia.writes()[0])
    assert (await store.apply(KEYS, write))[0] is Answer.OK


async def test_state_is_read_while_the_fence_stands_where_the_lane_thinks() -> None:
    store = MemoryStore()
    first = await store.claim(KEYS)
    await moved_on(store, first.epoch, -1, 100)
    lane = await lane_of(store)
    await lane.load([MIA])
    assert lane.partition.influencers[MIA].meta.max_at == 100.0


async def test_a_zombie_does_not_fold_into_what_its_successor_wrote() -> None:
    store = MemoryStore()
    zombie = await lane_of(store)
    other = await lane_of(store)
    await moved_on(store, other.epoch, -1, 100)
    with pytest.raises(LaneOldError):
        await zombie.load([MIA])
    assert MIA not in zombie.partition.influencers


async def test_state_of_a_store_that_came_back_older_is_not_taken_for_that_of_the_fence() -> None:
    store = MemoryStore()
    lane = await lane_of(store)
    await moved_on(store, lane.epoch, -1, 100)
    older = {key: dict(value) for key, value in store.hashes.items()}
    await moved_on(store, lane.epoch, 100, 200)
    lane.fence = lane.fence_in_store = 200
    store.hashes = older
    with pytest.raises(LaneMovedError, match="stands at 100, not at 200"):
        await lane.load([MIA])
    store.hashes = {}  # or with nothing
    with pytest.raises(LaneMovedError):
        await lane.load([MIA])
