"""Marks of what was taken in, in Redis: known to all, within a budget, and never in anybody's way."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis

from streams.gateway.ids import Ids, SharedIds
from tests.conftest import Pair

pytestmark = pytest.mark.servers
HOUR = 3_600.0


@pytest.fixture
async def store(embedded_pair: Pair) -> AsyncIterator[redis.Redis]:
    client = redis.Redis.from_url(embedded_pair.redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def name() -> str:
    return f"ids{os.urandom(4).hex()}"


def marks(count: int) -> list[bytes]:
    return [os.urandom(8) for _ in range(count)]


async def kept(store: redis.Redis, name: str) -> int:
    found = [key async for key in store.scan_iter(f"{{{name}}}gateway:ids:*")]
    return sum([await store.scard(key) for key in found])


async def test_what_one_remembers_another_knows(store: redis.Redis, name: str) -> None:
    one, two = (SharedIds(store, name, 8_000, lambda: 1_000.0) for _ in range(2))
    some, more = marks(20), marks(5)
    assert await one.seen(some) == set()
    await one.add(some)
    assert await two.seen([*some, *more]) == set(some)
    for key in [key async for key in store.scan_iter(f"{{{name}}}*")]:
        assert 47 * HOUR < await store.ttl(key) <= 48 * HOUR


async def test_the_budget_holds_and_the_newest_stay(store: redis.Redis, name: str) -> None:
    now = 0.0
    ids = SharedIds(store, name, 800, lambda: now)
    every: list[bytes] = []
    for _ in range(40):
        now += 10.0
        every += (new := marks(50))
        await ids.add(new)
        assert await kept(store, name) <= 900
    assert set(every[-600:]) <= await ids.seen(every)
    assert await store.llen(f"{{{name}}}gateway:ids") <= 8


async def test_a_set_a_day_old_is_followed_by_a_new_one_so_that_old_marks_go(
    store: redis.Redis, name: str
) -> None:
    now = 0.0
    ids = SharedIds(store, name, 8_000, lambda: now)
    for _ in range(7):
        await ids.add(marks(3))
        now += 12 * HOUR
    assert await store.llen(f"{{{name}}}gateway:ids") == 3


async def test_without_redis_nobody_waits_and_what_was_taken_is_brought_later(
    store: redis.Redis, name: str
) -> None:
    now = 0.0
    nowhere = redis.Redis(port=1, retry=None)
    shared = SharedIds(nowhere, name, 8_000, lambda: 1_000.0)
    ids = Ids(shared, 8_000, lambda: now)
    first, second = marks(2)
    assert await ids.seen([first]) == set() and not ids.reachable
    ids.remember([first])
    assert await ids.seen([first, second]) == {first}
    shared._redis = store  # it is back, but rests for two seconds
    await ids.flush()
    assert await kept(store, name) == 0
    now = 3.0
    await ids.flush()
    assert ids.reachable and await kept(store, name) == 1
    await nowhere.aclose()


async def test_none_are_kept_in_redis_where_the_budget_is_zero(store: redis.Redis, name: str) -> None:
    ids = Ids(SharedIds(store, name, 0, lambda: 1_000.0), 0)
    (mark,) = marks(1)
    ids.remember([mark])
    await ids.flush()
    assert await ids.seen([mark]) == {mark}
    assert await kept(store, name) == 0
