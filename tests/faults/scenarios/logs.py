"""The events topic is made anew under an old Redis, or its log begins beyond the fence."""

from __future__ import annotations

import asyncio
import re
import time

import aiohttp
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from schemas import topics
from streams.state_tools import reset
from streams.topics import ensure_topics, list_states, open_admin
from tests.faults.drill import Drill
from tests.faults.scene import Scene, scenario


@scenario("topic-anew", breaks="the events topic is made anew under an old Redis", core=True)
async def topic_anew(scene: Scene) -> None:
    """The worker stops and says what to do; `rapport state reset` does it, and the new topic is counted."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(scene.rng.uniform(0.3, 0.6))
    await drill.moving()
    await asyncio.sleep(1.0)
    await drill.workers.stop()
    await _make_anew(drill)
    scene.did("topic made anew")
    drill.workers.start(0)
    child = drill.workers.running[0]
    end = time.monotonic() + 90
    while child.running:
        assert time.monotonic() < end, f"it went on:\n{drill.workers.tail(0)}"
        await asyncio.sleep(0.05)
    assert child.exit_code == 1, f"exit code {child.exit_code}:\n{drill.workers.tail(0)}"
    assert "rapport state adopt" in child.logged()
    drill.workers.close()
    removed = sum(change.keys_removed for change in await reset(drill.settings))
    scene.note(f"{removed:,} keys reset")
    drill.sent = 0
    for slot in (0, 1):
        drill.workers.start(slot)
    await scene.check(drill)


async def _make_anew(drill: Drill) -> None:
    topic = drill.settings.topic(topics.EVENTS)
    async with open_admin(drill.settings) as admin:
        await admin.delete_topics([topic])
        for _ in range(100):
            if topic not in await list_states(admin):
                break
            await asyncio.sleep(0.1)
    await ensure_topics(drill.settings)
    await drill.fresh_producer()


@scenario("log-start", breaks="records are deleted from the log before they were counted", core=True)
async def log_start(scene: Scene) -> None:
    """Nobody works while records come and go. What was lost is counted exactly, the rest goes on."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(0.4)
    await drill.moving()
    await asyncio.sleep(1.0)
    await drill.workers.stop()
    stood = drill.fences()
    await drill.feed(0.7)
    topic, lost = drill.settings.topic(topics.EVENTS), 0
    async with open_admin(drill.settings) as admin:
        gone: dict[TopicPartition, RecordsToDelete] = {}
        for number, fence in enumerate(stood):
            upto = fence + scene.rng.randrange(1, 400)
            gone[TopicPartition(topic, number)] = RecordsToDelete(before_offset=upto)
            lost += upto - fence
        await admin.delete_records(gone)
    scene.did("log start beyond the fence", f"{lost:,} records lost")
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(1.0)
    await drill.counted()
    assert await _lost(drill) == lost
    await drill.workers.stop()
    read = drill.totals()["read"]
    assert read == len(drill.load.records) - lost, f"{read:,} read, {lost:,} lost"
    scene.note(f"{lost:,} records lost and counted as lost, {read:,} read")


async def _lost(drill: Drill) -> int:
    """Sum of rapport_lost_records_total over the workers."""
    total = 0.0
    async with aiohttp.ClientSession() as session:
        for port in drill.workers.ports.values():
            async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                text = await response.text()
            total += sum(map(float, re.findall(r"^rapport_lost_records_total\{[^}]*\} (\S+)$", text, re.M)))
    return int(total)
