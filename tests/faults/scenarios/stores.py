"""Redis dies, comes back with less, fails over, fills up, loads, refuses writes, and takes its time."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from typing import Any

import aiohttp
import redis

from processors.state.layout import layout_key
from streams.embedded import EmbeddedError, valkey_program
from tests.faults.drill import Drill
from tests.faults.proxy import Proxy
from tests.faults.scene import CannotRunError, Scene, scenario
from tests.servers import RedisServer

_AWAY_S = 90.0
#: What /ready says of Redis, of a worker that is at work and of one that has only just joined.
_WAITS = ("waiting for Redis", "is Redis there?")


async def _begun(scene: Scene, redis_url: str, /, count: int = 30_000, **changes: object) -> Drill:
    """Two workers that have begun to count."""
    drill = await scene.drill(scene.load("mix", count), redis_url, **changes)
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(0.1)
    await drill.moving()
    return drill


async def _says_waiting(drill: Drill, slot: int = 0) -> None:
    """Returns when /ready of a worker says that it waits for Redis."""
    end, answer = time.monotonic() + _AWAY_S, ""
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end:
            with contextlib.suppress(aiohttp.ClientError):  # it may not listen yet
                async with session.get(f"http://127.0.0.1:{drill.workers.ports[slot]}/ready") as response:
                    answer = await response.text()
                    if response.status == 503 and any(way in answer for way in _WAITS):
                        return
            await asyncio.sleep(0.1)
    raise AssertionError(f"/ready never said that it waits for Redis, but: {answer}")


@scenario("redis-aof", breaks="Redis is killed, and comes back with its append-only file")
async def redis_aof(scene: Scene) -> None:
    """Killed under load, away for up to two seconds."""
    server = scene.redis()
    drill = await _begun(scene, server.url)
    losses = scene.times(3)
    for loss in range(losses):
        async with drill.feeding(4.0, 0.1 + 0.9 * (loss + 1) / losses):
            await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
            server.kill()
            scene.did("kill Redis")
            await asyncio.sleep(scene.rng.uniform(0.0, 2.0))
            server.restart()
            await asyncio.sleep(1.0)
        drill.workers.look()
    await scene.check(drill)


async def _comes_back(scene: Scene, server: RedisServer, *ways: str) -> None:
    """Killed, and back as it was seconds ago ("older") or with nothing ("empty"); each way in turn."""
    drill = await scene.drill(scene.load("mix", 30_000), server.url)
    for slot in (0, 1):
        drill.workers.start(slot)
    losses, lost = len(ways), 0
    for loss, way in enumerate(ways):
        await drill.feed((2 * loss + 1) / (2 * losses))
        await drill.moving()
        before = scene.directory / f"before-{loss}"
        shutil.copytree(server.directory, before)  # torn at its end, as after a power cut
        copied = drill.fences()
        await drill.feed((2 * loss + 2) / (2 * losses))
        await drill.moving(copied)  # else the copy would hold all, and nothing would be lost
        await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
        stood = sum(drill.fences())
        server.kill()
        scene.did(f"kill {server.name}")
        await asyncio.sleep(scene.rng.uniform(0.0, 1.5))
        if way == "older":
            shutil.rmtree(server.directory)
            shutil.copytree(before, server.directory)
        server.restart(empty=way == "empty")
        lost += stood - sum(drill.fences())
        drill.workers.look()
    await scene.check(drill)
    assert drill.redis.exists(layout_key(drill.settings.namespace)), "readers cannot find the state any more"
    assert lost > 0, "nothing was lost: the test proves nothing"
    scene.note(f"{lost:,} events lost by {server.name} and counted again")


@scenario("redis-older", breaks="Redis is killed, and comes back as it was seconds ago", quick=0.5)
async def redis_older(scene: Scene) -> None:
    """From an append-only file of before."""
    await _comes_back(scene, scene.redis(), *["older"] * scene.times(2))


@scenario("redis-empty", breaks="Redis is killed, and comes back with nothing", quick=0.5)
async def redis_empty(scene: Scene) -> None:
    """All is counted again from the log's start."""
    await _comes_back(scene, scene.redis(), *["empty"] * scene.times(2))


@scenario("valkey", breaks="Valkey is the store: it is killed, and comes back older, then with nothing")
async def valkey(scene: Scene) -> None:
    """The program that the embedded store starts, here with an append-only file."""
    try:
        program = valkey_program()
    except EmbeddedError as error:
        raise CannotRunError(str(error)) from error
    server = scene.redis("valkey", program=program)
    with contextlib.closing(redis.Redis.from_url(server.url)) as client:
        assert client.info("server")["server_name"] == "valkey"
    await _comes_back(scene, server, *["older", "empty"] * scene.times(1))


@scenario("redis-replica", breaks="Redis fails over to a replica that lags")
async def redis_replica(scene: Scene) -> None:
    """The replica stands still for a while, then the primary dies and the replica takes its address."""
    primary = scene.redis()
    drill: Drill | None = None
    proxy = scene.stack.enter_context(Proxy(primary.port))
    lost = 0
    for over in range(scene.times(2)):
        replica = scene.redis(f"replica-{over}", replicaof=f"127.0.0.1 {primary.port}")
        drill = drill or await _begun(scene, primary.url, redis_url=f"redis://127.0.0.1:{proxy.port}/0")
        client: Any = redis.Redis.from_url(replica.url)
        await _until(lambda c=client: c.info("replication")["master_link_status"] == "up")  # type: ignore[misc]
        async with drill.feeding(4.0, 0.1 + 0.9 * (over + 1) / scene.times(2)):
            await asyncio.sleep(scene.rng.uniform(0.3, 1.0))
            replica.freeze()
            await asyncio.sleep(scene.rng.uniform(1.0, 2.0))
            stood = sum(drill.fences())
            primary.kill()
            scene.did("kill Redis", "the primary")
            replica.thaw()
            client.replicaof("NO", "ONE")
            proxy.target = replica.port
            proxy.cut()
            scene.did("failover")
            drill.redis.close()
            drill.redis, primary = client, replica
            lost += stood - sum(drill.fences())
            await asyncio.sleep(1.0)
        drill.workers.look()
    assert drill is not None
    await scene.check(drill)
    scene.note(f"{lost:,} events lost by failing over, and counted again")
    assert lost > 0, "the replica did not lag: the test proves nothing"


async def _until(holds: Any, within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.05)


@scenario("redis-full", breaks="Redis reaches its memory limit")
async def redis_full(scene: Scene) -> None:
    """A limit just above what it holds: writes are refused with OOM until the limit is raised."""
    server = scene.redis()
    drill = await _begun(scene, server.url)
    for number in range(scene.times(2)):
        limit = drill.redis.info("memory")["used_memory"] + 500_000
        drill.redis.config_set("maxmemory", limit)
        async with drill.feeding(2.0, 0.1 + 0.4 * (number + 1)):
            await _says_waiting(drill)
            scene.did("Redis full", f"at {limit:,} bytes")
        stood = drill.fences()
        await asyncio.sleep(scene.rng.uniform(1.0, 2.0))
        assert drill.workers.said("used memory > 'maxmemory'"), "no worker was refused: it proves nothing"
        refused = drill.redis.info("errorstats").get("errorstat_OOM", {}).get("count", 0)
        drill.redis.config_set("maxmemory", 0)
        await _until(lambda s=stood: drill.fences() != s)  # type: ignore[misc]
        scene.note(f"{refused} writes refused with OOM")
    await scene.check(drill)


@scenario("redis-loading", breaks="Redis answers LOADING for seconds after its start")
async def redis_loading(scene: Scene) -> None:
    """Started with an append-only file that takes long to load."""
    server = scene.redis()
    drill = await _begun(scene, server.url)
    await drill.feed(0.5)
    await drill.moving()
    await asyncio.sleep(1.0)
    server.options = {"key-load-delay": "4000", "loading-process-events-interval-bytes": "1024",
                      "aof-use-rdb-preamble": "yes"}  # fmt: skip
    drill.redis.bgrewriteaof()
    await _until(lambda: not drill.redis.info("persistence")["aof_rewrite_in_progress"])
    server.kill()
    scene.did("kill Redis")
    begun = time.monotonic()
    async with drill.feeding(5.0):
        await asyncio.to_thread(server.restart)
        took = time.monotonic() - begun
        scene.did("Redis loading", f"for {took:.1f} s")
    assert drill.workers.said("Redis is loading"), "no worker met LOADING: the test proves nothing"
    drill.redis.config_set("key-load-delay", 0)
    await scene.check(drill)


@scenario("redis-readonly", breaks="Redis refuses writes, as a replica that was the primary does")
async def redis_readonly(scene: Scene) -> None:
    """Made a replica of nobody that answers, then a primary again, with all that it held."""
    server = scene.redis(**{"replica-serve-stale-data": "yes"})
    drill = await _begun(scene, server.url)
    for number in range(scene.times(2)):
        drill.redis.replicaof("127.0.0.1", 9)  # nobody listens there
        scene.did("Redis read-only")
        async with drill.feeding(2.0, 0.1 + 0.4 * (number + 1)):
            await _says_waiting(drill)
            await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
        drill.redis.replicaof("NO", "ONE")
        await drill.moving()
    assert drill.workers.said("read only replica"), "no worker was refused: the test proves nothing"
    await scene.check(drill)


@scenario("redis-slow", breaks="Redis stands still for longer than a call may take, again and again")
async def redis_slow(scene: Scene) -> None:
    """Stopped for up to three timeouts: calls time out here and are done there all the same."""
    server = scene.redis()
    drill = await _begun(scene, server.url)
    halts = scene.times(4)
    for halt in range(halts):
        async with drill.feeding(4.0, 0.1 + 0.9 * (halt + 1) / halts):
            await asyncio.sleep(scene.rng.uniform(0.3, 1.0))
            seconds = scene.rng.uniform(0.5, 3.0)
            server.freeze()
            scene.did("freeze Redis", f"for {seconds:.1f} s")
            await asyncio.sleep(seconds)
            server.thaw()
            await asyncio.sleep(0.5)
        drill.workers.look()
    await scene.check(drill)
