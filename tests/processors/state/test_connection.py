"""What the connection to Redis does that redis-py's own does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from redis.exceptions import TimeoutError as LateError

from processors.state.connect import open_redis
from tests.cluster import RedisCluster
from tests.servers import RedisServer

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("kind", ["server", "cluster"])
async def test_a_cancellation_is_heard_wherever_it_falls(kind: str, request: pytest.FixtureRequest) -> None:
    """On 3.11 redis-py's own loses those that come right after a write: Ctrl-C was never heard of again."""
    if kind == "server":
        url = request.getfixturevalue("redis_server")().url
    else:
        cluster: RedisCluster = request.getfixturevalue("redis_cluster")
        url = cluster.url
    client = open_redis(url, socket_timeout=5.0)

    async def asks() -> None:
        for _ in range(3):
            await client.get("a")

    try:
        await asks()
        for steps in range(1, 12):
            task = asyncio.create_task(asks())
            for _ in range(steps):
                await asyncio.sleep(0)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled(), f"overheard after {steps} steps"
        await asks()
    finally:
        await client.aclose()


async def test_a_write_that_does_not_get_through_is_ended_by_the_timeout(
    redis_server: Callable[..., RedisServer],
) -> None:
    server = redis_server()
    client = open_redis(server.url, socket_timeout=0.5, retry=None)
    try:
        await client.ping()
        server.freeze()
        with pytest.raises(LateError, match="writing to socket"):
            await client.set("a", b"x" * 64_000_000)
        server.thaw()
        assert await client.get("a") is None
    finally:
        server.thaw()
        await client.aclose()


@pytest.mark.parametrize("wanted", [True, False])
def test_transactions_are_refused_on_a_cluster(wanted: bool) -> None:
    client = open_redis("redis://127.0.0.1:1?cluster=yes")
    if wanted:
        with pytest.raises(NotImplementedError, match="script"):
            client.pipeline(transaction=True)
    else:
        client.pipeline(transaction=False).get("a")
