"""The snapshot as workers merge, read and hand it out; on the store in memory, and once on a real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from processors.actors import ActorHasher
from processors.book import Book
from processors.partition import Partition
from processors.records import Config
from processors.snapshot import Facts, Member, Part, decode_snapshot, encode, merge
from processors.state.layout import PartitionKeys, snapshot_key
from processors.state.memory_store import MemoryStore
from processors.state.redis_store import RedisStore
from processors.state.store import StoreError
from streams.settings import Settings
from streams.snapshots import Snapshots

HOUR = 500_000


def part(hour: int, *names: str) -> bytes:
    return encode(Part(hour, tuple(Member(name, 10_000, "x", hour * 3_600, (), Facts()) for name in names)))


def owned(*numbers: int) -> list[Partition]:
    keys = [PartitionKeys("ns", "events", number) for number in numbers]
    return [Partition(key, Book(), ActorHasher(b"k"), Config()) for key in keys]


def put(store: MemoryStore, number: int, data: bytes) -> None:
    store.strings[PartitionKeys("ns", "events", number).part] = data


async def test_who_owns_partition_0_merges_and_all_others_read() -> None:
    store = MemoryStore()
    put(store, 0, part(HOUR, "ann"))
    put(store, 1, part(HOUR - 1, "bob"))
    first, second = owned(0), owned(1)
    other = Snapshots(store, "ns", "events", 2, lambda: second)
    await other.look()
    assert other.newest is None and second[0].evaluator.snapshot is None
    one = Snapshots(store, "ns", "events", 2, lambda: first)
    await one.look()
    await other.look()
    assert one.newest is not None and [m.influencer for m in one.newest.members] == ["ann", "bob"]
    assert first[0].evaluator.snapshot == second[0].evaluator.snapshot == one.newest


async def test_it_is_merged_anew_when_an_hour_has_passed_or_the_log_began_anew() -> None:
    store = MemoryStore()
    put(store, 0, part(HOUR, "ann"))
    held = owned(0)
    snapshots = Snapshots(store, "ns", "events", 1, lambda: held)
    await snapshots.look()
    first = snapshots.newest
    put(store, 0, part(HOUR, "ann", "eve"))
    await snapshots.look()
    assert snapshots.newest == first
    put(store, 0, part(HOUR + 1, "ann", "eve"))
    await snapshots.look()
    assert snapshots.newest is not None and len(snapshots.newest.members) == 2
    put(store, 0, part(HOUR - 1_000, "bob"))
    await snapshots.look()
    assert [m.influencer for m in snapshots.newest.members] == ["bob"]


async def test_what_cannot_be_read_is_left_out_and_what_is_there_goes_on_being_used(caplog: Any) -> None:
    class Away(MemoryStore):
        away = False

        async def read_strings(self, keys: Any) -> list[bytes]:
            if self.away:
                raise StoreError("Redis is away", retryable=True)
            return await super().read_strings(keys)

    store = Away()
    put(store, 0, part(HOUR, "ann"))
    put(store, 1, b"\xff broken")
    store.strings[snapshot_key("ns")] = b"\x00 of another version"
    held = owned(0)
    snapshots = Snapshots(store, "ns", "events", 2, lambda: held)
    await snapshots.look()
    assert snapshots.newest is not None and len(snapshots.newest.members) == 1
    store.away = True
    await snapshots.look()
    assert held[0].evaluator.snapshot == snapshots.newest
    assert "cannot be read" in caplog.text and "Redis is away" in caplog.text


@pytest.mark.servers
async def test_on_a_real_store(embedded_pair: Any, settings_for: Callable[..., Settings]) -> None:
    settings = settings_for(embedded_pair)
    store = RedisStore(settings.redis_url)
    keys = PartitionKeys(settings.namespace, "events", 0)
    held = [Partition(keys, Book(), ActorHasher(b"k"), Config())]
    try:
        await store.put_string(keys.part, part(HOUR, "ann"))
        await Snapshots(store, settings.namespace, "events", 3, lambda: held).look()
        data = (await store.read_strings([snapshot_key(settings.namespace)]))[0]
        assert decode_snapshot(data) == merge(
            [Part(HOUR, (Member("ann", 10_000, "x", HOUR * 3_600, (), Facts()),))]
        )
    finally:
        await store.close()
