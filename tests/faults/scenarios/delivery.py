"""The notifier and the gateway are killed: what was decided arrives, what was answered is kept."""

from __future__ import annotations

import asyncio

from streams.topics import ensure_topics
from tests.faults import posting, storm
from tests.faults.hook import Hook
from tests.faults.scene import Scene, scenario, settings
from tests.faults.telling import PARTITIONS, Drill
from tests.gateways import GatewayProcess, make_token


@scenario("notifier-killed", breaks="the notifier is killed, while its receiver fails at random", core=True)
async def notifier_killed(scene: Scene) -> None:
    """Each decided notification arrives at least once, under one id, in the order of its group."""
    made = settings(
        f"{scene.name}-{scene.seed}", scene.house.broker, scene.store(), scene.directory,
        partitions=PARTITIONS, session_timeout_s=1.5, rebalance_timeout_s=2.0,
    )  # fmt: skip
    drill = Drill(made, scene.directory)
    async with Hook(scene.rng) as hook:
        await drill.open(hook.port)
        try:
            came = await storm.under_kills(drill, hook, scene.rng, scene.times(12), scene.did)
        finally:
            await drill.close()
    storm.check(came.decided, hook.arrived)
    scene.events, scene.repeats = drill.step, len(hook.arrived) - len(came.decided)
    scene.note(f"{len(came.decided):,} notifications decided, {came.tries:,} tries while it was killed")


@scenario("gateway-killed", breaks="the gateway is killed while four senders post batches", core=True)
async def gateway_killed(scene: Scene) -> None:
    """Everything that was answered with 2xx is in the topic; nothing is there that nobody sent."""
    made = settings(
        f"{scene.name}-{scene.seed}", scene.house.broker, scene.store(), scene.directory,
        gateway_ack_s=5.0,
    )  # fmt: skip
    await ensure_topics(made)
    token = await asyncio.to_thread(make_token, made)
    gateway = GatewayProcess(made, scene.directory)
    senders = posting.Senders(gateway, token)
    kills = scene.times(12)
    with gateway.running(), senders.sending():
        for _ in range(kills):
            await asyncio.to_thread(senders.get_on)
            await asyncio.sleep(scene.rng.uniform(0.0, 0.4))
            gateway.kill()
            scene.did("kill gateway", f"{len(senders.answered):,} events answered")
            await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(senders.get_on)
    scene.events = len(senders.sent)
    scene.repeats = senders.check(await posting.in_topic(made), kills)
    scene.note(f"{len(senders.answered):,} events answered with 2xx")
