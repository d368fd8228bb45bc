"""The network between workers and servers: cut, held up, delayed, refused, and answers that get lost."""

from __future__ import annotations

import asyncio
import time

from streams.children import free_port
from tests.faults.drill import Drill
from tests.faults.proxy import Proxy
from tests.faults.scene import Scene, scenario


async def _trouble(scene: Scene, drill: Drill, proxy: Proxy, rounds: int, longest_s: float) -> None:
    """One kind of trouble after the other, in a seeded order, each with work in hand."""
    kinds = ["cut", "hold", "delay", "refuse"] * ((rounds + 3) // 4)
    scene.rng.shuffle(kinds)
    for number, kind in enumerate(kinds[:rounds], 1):
        seconds = scene.rng.uniform(0.5, longest_s)
        async with drill.feeding(seconds + 2, 0.1 + 0.9 * number / rounds):
            await asyncio.sleep(scene.rng.uniform(0.2, 0.8))
            match kind:
                case "cut":
                    scene.did("network cut", f"{proxy.cut()} connections")
                case "hold":
                    proxy.held = True
                    scene.did("network held up", f"for {seconds:.1f} s")
                    await asyncio.sleep(seconds)
                    proxy.held = False
                case "delay":
                    proxy.delay_s = scene.rng.uniform(0.02, 0.2)
                    scene.did("network delayed", f"{proxy.delay_s * 1_000:.0f} ms for {seconds:.1f} s")
                    await asyncio.sleep(seconds)
                    proxy.delay_s = 0.0
                case _:
                    proxy.refusing = True
                    proxy.cut()
                    scene.did("network refused", f"for {seconds:.1f} s")
                    await asyncio.sleep(seconds)
                    proxy.refusing = False
            await asyncio.sleep(0.5)
        drill.workers.look()


@scenario("net-redis", breaks="the network between workers and Redis is cut, held up, delayed, refused")
async def net_redis(scene: Scene) -> None:
    """Longer than a call may take."""
    server = scene.redis()
    proxy = scene.stack.enter_context(Proxy(server.port))
    url = f"redis://127.0.0.1:{proxy.port}/0"
    drill = await scene.drill(scene.load("mix", 30_000), server.url, redis_url=url)
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(0.1)
    await drill.moving()
    await _trouble(scene, drill, proxy, scene.times(8), 3.0)
    await scene.check(drill)


@scenario("lost-answers", breaks="Redis does a fenced write or a claim, and its answer gets lost", quick=0.5)
async def lost_answers(scene: Scene) -> None:
    """The connection is cut after the server has acted: the worker cannot know, asks again, and must not
    count twice."""
    server = scene.redis()
    proxy = scene.stack.enter_context(Proxy(server.port))
    proxy.marker = b"rapport_"
    url = f"redis://127.0.0.1:{proxy.port}/0"
    drill = await scene.drill(scene.load("mix", 30_000), server.url, redis_url=url)
    for slot in (0, 1):
        drill.workers.start(slot)
    rounds = scene.times(8)
    for number in range(rounds):
        async with drill.feeding(1.5, (number + 1) / rounds):
            await asyncio.sleep(scene.rng.uniform(0.2, 0.6))
            before = proxy.lost
            proxy.lose_replies = scene.rng.randint(1, 4)
            await asyncio.sleep(1.0)
            end = time.monotonic() + 10.0
            while proxy.lost == before and time.monotonic() < end:  # noqa: ASYNC110 (on a busy machine)
                await asyncio.sleep(0.05)
            for _ in range(proxy.lost - before):
                scene.did("answer lost")
    proxy.lose_replies = 0
    await scene.check(drill)
    assert scene.done["answer lost"], "no answer was lost: the test proves nothing"


@scenario("net-kafka", breaks="the network between workers and Kafka is cut, held up, delayed, refused")
async def net_kafka(scene: Scene) -> None:
    """A listener of its own leads workers through the proxy, which the broker tells them of, too."""
    direct, behind, controller = free_port(), free_port(), free_port()
    proxy = scene.stack.enter_context(Proxy(behind))
    kafka = scene.kafka(
        answers_at=direct,
        config={
            "listeners": f"PLAINTEXT://127.0.0.1:{direct},PROXIED://127.0.0.1:{behind},"
            f"CONTROLLER://127.0.0.1:{controller}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{direct},PROXIED://127.0.0.1:{proxy.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
        },
    )
    drill = await scene.drill(scene.load("mix", 30_000), scene.redis().url, broker=kafka.address)
    drill.workers.changes["broker"] = f"127.0.0.1:{proxy.port}"
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(0.1)
    await drill.moving()
    await _trouble(scene, drill, proxy, scene.times(6), 4.0)
    await scene.check(drill)
