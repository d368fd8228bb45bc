"""A node of a Redis Cluster dies under load."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from redis.exceptions import RedisClusterException, RedisError

from tests.cluster import RedisCluster
from tests.faults.scene import Scene, scenario

_WITHIN_S = 60.0


@scenario(
    "cluster-node-killed", breaks="a primary of a Redis Cluster is killed, a replica that lags takes over"
)
async def cluster_node_killed(scene: Scene) -> None:
    """Three primaries, a replica of each; who was killed comes back and follows who took over."""
    cluster = scene.stack.enter_context(RedisCluster(replicas=1))
    drill = await scene.drill(scene.load("mix", 30_000), cluster.url)
    drill.redis.close()
    drill.redis = scene.stack.enter_context(cluster.client())
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(0.1)
    await drill.moving()
    kills, lost = scene.times(3), 0
    for kill in range(kills):
        part = scene.rng.randrange(drill.load.partitions)
        fence = drill.keys(part).fence
        primary = cluster.owner_of(fence)
        replica = cluster.replica_of(primary)
        async with drill.feeding(6.0, 0.1 + 0.9 * (kill + 1) / kills):
            await asyncio.sleep(scene.rng.uniform(0.0, 0.5))
            replica.child.freeze()
            primary.ask("CLIENT", "KILL", "TYPE", "replica")  # else much of it waits in the socket's buffer
            first = drill.fences()[part]
            await _until(lambda n=part, f=first: drill.fences()[n] > f, "a write that the replica lacks")  # type: ignore[misc]
            await asyncio.sleep(scene.rng.uniform(0.3, 1.0))
            stood = drill.fences()
            primary.child.kill()
            scene.did("kill Redis", f"the primary on port {primary.port}")
            replica.child.thaw()
            await _until(lambda k=fence, p=primary: cluster.owner_of(k) is not p, "a failover")  # type: ignore[misc]
            scene.did("failover")
            await _until(lambda: bool(drill.fences()), "an answer of all that have slots")
            lost += sum(max(0, was - now) for was, now in zip(stood, drill.fences(), strict=True))
            primary.restart()
            await _until(lambda p=primary: p.ask("ROLE")[3] == b"connected", "its return as a replica")  # type: ignore[misc]
        drill.workers.look()
    await scene.check(drill)
    moved = drill.workers.said("the fence stands at")  # where it was counted again before we could look
    scene.note(f"{lost:,} events seen lost by failing over and counted again, {moved} fences found older")
    assert lost or moved, "no replica lagged: the test proves nothing"


async def _until(holds: Callable[[], bool], what: str) -> None:
    """A node or a slot that is away for the moment is asked again."""
    end = time.monotonic() + _WITHIN_S
    while True:
        with contextlib.suppress(RedisError, RedisClusterException, OSError, IndexError):
            if holds():
                return
        assert time.monotonic() < end, f"{what}: not within {_WITHIN_S:g} s"
        await asyncio.sleep(0.05)
