"""The broker dies and comes back, its disk fills up, and it loses what it knows of the group."""

from __future__ import annotations

import asyncio
import resource
import time

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import for_code
from aiokafka.protocol.admin import DeleteGroupsRequest

from schemas import topics
from streams.consume import spans
from streams.topics import open_admin
from tests.faults.drill import Drill
from tests.faults.scene import Scene, scenario
from tests.servers import ApacheKafka


async def _begun(scene: Scene, kafka: ApacheKafka, count: int = 30_000) -> Drill:
    drill = await scene.drill(scene.load("mix", count), scene.store(), broker=kafka.address)
    for slot in (0, 1):
        drill.workers.start(slot)
    await drill.feed(0.1)
    await drill.moving()
    return drill


@scenario(
    "broker-killed", breaks="Kafka's broker is killed while it is written to, and comes back", core=True
)
async def broker_killed(scene: Scene) -> None:
    """Workers are in the midst of writing. What is fed is acknowledged before: a batch that is unanswered as
    the broker dies is kept twice where its records bear old times, though the producer is idempotent. Such
    repeats are known by their ids, but the offsets would be others than in the undisturbed run."""
    kafka = scene.kafka()
    drill = await _begun(scene, kafka)
    kills = scene.times(2)
    for kill in range(kills):
        stood = drill.fences()
        await drill.feed(0.1 + 0.9 * (kill + 1) / kills)
        await drill.moving(stood)
        await asyncio.sleep(scene.rng.uniform(0.0, 0.5))
        kafka.kill()
        scene.did("kill Kafka")
        await asyncio.sleep(scene.rng.uniform(0.0, 2.0))
        await asyncio.to_thread(kafka.start)
        drill.workers.look()
    await scene.check(drill)


@scenario("broker-killed-in-transaction", breaks="the broker is killed while a source's transaction is open")
async def broker_killed_in_transaction(scene: Scene) -> None:
    """A source that writes in transactions: committed ones leave markers, which are no records, between the
    events; the broker dies with one open. Its records stand in the log all the same: we read uncommitted."""
    kafka = scene.kafka()
    drill = await _begun(scene, kafka)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.address, transactional_id="a-source", request_timeout_ms=60_000,
        transaction_timeout_ms=120_000,
    )  # fmt: skip
    await producer.start()
    markers = 0
    try:
        for transaction in range(6):
            await producer.begin_transaction()
            rows = await drill.feed_with(producer, 0.1 + 0.9 * (transaction + 1) / 6)
            if transaction == 2:
                await producer.flush()
                kafka.kill()
                scene.did("kill Kafka", "with a transaction open")
                await asyncio.to_thread(kafka.start)
            await producer.commit_transaction()
            markers += len(rows)
    finally:
        async with asyncio.timeout(10):
            await producer.stop()
    await drill.counted_records()
    scene.note(f"{markers} markers among {len(drill.load.records):,} records")
    await drill.workers.stop()
    drill.check_totals()


@scenario("broker-disk-full", breaks="the broker's disk is full (an approximation: a limit on file size)")
async def broker_disk_full(scene: Scene) -> None:
    """The broker may write no file beyond a limit: it fails as it does on a full disk, and ends itself. Its
    disk is given room, it is started again."""
    kafka = scene.kafka()
    drill = await _begun(scene, kafka)
    largest = max(path.stat().st_size for path in kafka.directory.glob("data/*/*.log"))
    limit = largest + 300_000
    resource.prlimit(kafka.pid, resource.RLIMIT_FSIZE, (limit, limit))
    scene.did("disk full", f"files end at {limit:,} bytes")
    async with drill.feeding(4.0):
        end = time.monotonic() + 60
        while kafka.running:
            assert time.monotonic() < end, "the broker went on writing: the test proves nothing"
            await asyncio.sleep(0.1)
        scene.did("broker ends itself")
        kafka.kill()
        await asyncio.sleep(scene.rng.uniform(0.5, 2.0))
        await asyncio.to_thread(kafka.start)
        await drill.moving()
    log = (kafka.directory / "kafka.log").read_text(errors="replace")
    assert "File too large" in log, "the broker did not meet the limit"
    await drill.feed(1.0)
    found = await spans(drill.settings, drill.settings.topic(topics.EVENTS))
    ends = [found[part].end for part in range(drill.load.partitions)]
    if ends == drill.load.ends:
        await scene.check(drill)
        return
    # What was fed as it ended itself stands there twice (as with `broker-killed`): at other offsets than in
    # the undisturbed run, and known by its ids.
    await drill.counted(ends)
    await drill.workers.stop()
    scene.note(f"{sum(ends) - sum(drill.load.ends):,} records kept twice by Kafka")
    assert drill.totals()["counted"] == drill.load.outcomes["counted"]


async def _all_gone(scene: Scene, drill: Drill) -> None:
    """Workers are killed; returns when the group has no member any more."""
    for slot in list(drill.workers.running):
        drill.workers.running.pop(slot).kill()
        scene.did("kill worker", f"{slot}")
    await asyncio.sleep(scene.rng.uniform(2.5, 3.5))


@scenario("group-deleted", breaks="the consumer group is deleted", core=True)
async def group_deleted(scene: Scene) -> None:
    """With all its offsets; the fence tells where to go on."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    for number in range(scene.times(2)):
        for slot in (0, 1):
            drill.workers.start(slot)
        await drill.feed((number + 1) / (scene.times(2) + 1))
        await drill.moving()
        await _all_gone(scene, drill)
        await _delete_group(drill)
        scene.did("group deleted")
    for slot in (0, 1):
        drill.workers.start(slot)
    await scene.check(drill)


async def _delete_group(drill: Drill) -> None:
    """As `kafka-consumer-groups --delete` does it; refused while the group has a member."""
    group, end = drill.settings.group, time.monotonic() + 60
    async with open_admin(drill.settings) as admin:
        coordinator = await admin.find_coordinator(group)
        while True:
            answer = await admin._send_request(DeleteGroupsRequest([group]), coordinator)
            (code,) = (error for _, error in answer.results)
            if not code:
                return
            assert time.monotonic() < end, f"the group cannot be deleted: {for_code(code)}"
            await asyncio.sleep(0.5)


@scenario("group-reset", breaks="a paused group is reset to older offsets", core=True)
async def group_reset(scene: Scene) -> None:
    """To the log's start, then to somewhere behind: nothing is counted twice."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    topic = drill.settings.topic(topics.EVENTS)
    for number in range(scene.times(2)):
        for slot in (0, 1):
            drill.workers.start(slot)
        await drill.feed((number + 1) / (scene.times(2) + 1))
        await drill.moving()
        await drill.workers.stop()
        stood = drill.fences()
        offsets = {
            TopicPartition(topic, part): scene.rng.randrange(stood[part] + 1) if number else 0
            for part in range(drill.load.partitions)
        }
        await drill.commit(offsets)
        scene.did("group reset", f"to {sum(offsets.values()):,} of {sum(stood):,}")
    for slot in (0, 1):
        drill.workers.start(slot)
    await scene.check(drill)
    assert drill.totals()["duplicate"] == drill.load.outcomes["duplicate"]
