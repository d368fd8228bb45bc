"""An installation under fire: real workers, fed while they are hurt, compared with an undisturbed run.

The undisturbed run has topics, namespace and group of its own, which hold the same bytes at the same offsets;
one run serves all scenarios with the same load.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import CommitFailedError

from processors.influencer import decode_meta, lifetime_counts
from processors.state.address import cluster_of
from processors.state.layout import PartitionKeys, partition_of
from schemas import topics
from streams.outputs import BatchSender, Out
from streams.sending import send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics, open_admin
from tests.faults.fleet import Fleet
from tests.faults.load import Load
from tests.faults.state import comparable, unordered
from tests.faults.told import Told, differences, read_keys, read_told

_STALLED_S = 90.0  # without any progress, on a machine that does much else beside
_LEFT_S = 30.0
_TOTALS = ("read", "counted", "duplicate", "rejected", "expired")


def client_of(url: str) -> Any:
    """A client of ours, that waits, for a server or a cluster."""
    plain, nodes = cluster_of(url)
    if nodes is None:
        return redis.Redis.from_url(url, socket_timeout=20)
    return redis.RedisCluster.from_url(plain, socket_timeout=20)


@dataclasses.dataclass(frozen=True, slots=True)
class Calm:
    """What an undisturbed run ends with."""

    state: dict[str, Any]
    told: Told


class Drill:
    """One installation. `changes`: settings that its workers have and we have not, e.g. a proxy's address."""

    def __init__(self, settings: Settings, load: Load, scratch: Path, **changes: object) -> None:
        self.settings, self.load = settings, load
        self.workers = Fleet(settings, scratch, **changes)
        self.redis: Any = client_of(settings.redis_url)
        self.sent = 0
        self._producer: AIOKafkaProducer | None = None
        #: False where the clock jumps: hours of arrival are then no order of arrival.
        self.in_order_of_arrival = True

    async def close(self) -> None:
        """Leave nothing behind."""
        self.workers.close()
        self.redis.close()
        if self._producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5.0):
                    await self._producer.stop()

    async def prepare(self) -> None:
        """Topics and partnerships. The readings topic keeps them all here: it is compacted otherwise, and the
        months of event time in a load make Kafka compact within the minute."""
        keep_all = {"cleanup.policy": "delete", "retention.ms": "-1"}
        readings = NewTopic(
            self.settings.topic(topics.READINGS), self.load.partitions, 1, topic_configs=keep_all
        )
        async with open_admin(self.settings) as admin:
            await admin.create_topics([readings])
        await ensure_topics(self.settings)
        await send_partnerships(self.settings, self.load.partnerships)
        await self.fresh_producer()

    async def fresh_producer(self) -> None:
        """A producer that remembers nothing of the topics as they were."""
        if self._producer is not None:
            await self._producer.stop()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.bootstrap, acks="all",
            enable_idempotence=True,  # a killed broker must not double what the load counts once
            max_batch_size=1_000_000, request_timeout_ms=60_000,
        )  # fmt: skip
        await self._producer.start()

    async def feed(self, share: float) -> None:
        """Send on, up to this share of the load; returns when all is acknowledged."""
        assert self._producer is not None, "not prepared"
        await self.feed_with(self._producer, share)

    async def feed_with(self, producer: AIOKafkaProducer, share: float) -> dict[int, int]:
        """`feed` through a producer of the caller's; how many records went to which partition."""
        upto = max(self.sent, round(share * len(self.load.records)))
        rows: dict[int, list[Out]] = {}
        for at, key, value in self.load.records[self.sent : upto]:
            rows.setdefault(partition_of(key, self.load.partitions), []).append(
                (key, value, int(at * 1_000), [])
            )
        self.sent = upto
        sender, topic = BatchSender(producer), self.settings.topic(topics.EVENTS)
        await asyncio.gather(*(sender.send(topic, number, these) for number, these in rows.items()))
        return {number: len(these) for number, these in rows.items()}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Set the offsets that the workers' group has committed; nobody of it may run. Who left in the
        midst of a rebalance is its member still, until the session ends: tried until then."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.bootstrap, group_id=self.settings.group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign(list(offsets))
            end = time.monotonic() + _LEFT_S
            while True:
                try:
                    return await consumer.commit(offsets)
                except CommitFailedError:
                    if time.monotonic() > end:
                        raise
                await asyncio.sleep(0.3)
        finally:
            await consumer.stop()

    @contextlib.asynccontextmanager
    async def feeding(self, seconds: float, upto: float = 1.0) -> AsyncIterator[None]:
        """Feed evenly for so long in the background; what is left when the block ends is sent at once."""
        over = asyncio.Event()

        async def go() -> None:
            first, begun = self.sent / len(self.load.records), time.monotonic()
            while not over.is_set() and (passed := (time.monotonic() - begun) / seconds) < 1:
                await self.feed(first + (upto - first) * passed)
                await asyncio.sleep(0.1)
            await self.feed(upto)

        task = asyncio.create_task(go())
        try:
            yield
            over.set()
            await task
        finally:
            task.cancel()

    def fences(self) -> list[int]:
        """Where each partition's fence stands."""
        keys = [self.keys(number).fence for number in range(self.load.partitions)]
        return [int(self.redis.hget(key, "next") or 0) for key in keys]

    def waiting(self) -> int:
        """Transitions in the outboxes."""
        return sum(self.redis.xlen(self.keys(number).outbox) for number in range(self.load.partitions))

    async def counted(self, ends: list[int] | None = None) -> None:
        """Returns when all of the load is behind the fence and no alert waits; fails when nothing moves."""
        last, moved = [0], time.monotonic()
        found: list[int] = []
        waiting = -1
        while True:
            self.workers.look()
            with contextlib.suppress(redis.RedisError):
                found, waiting = self.fences(), self.waiting()
            if found == (ends or self.load.ends) and not waiting:
                return
            if found != last:
                last, moved = found, time.monotonic()
            assert time.monotonic() - moved < _STALLED_S, (
                f"nothing moves at {found} of {ends or self.load.ends}, {waiting} alerts waiting:\n"
                + self.workers.tails()
            )
            await asyncio.sleep(0.2)

    async def counted_records(self, count: int | None = None) -> None:
        """`counted` by the number of records, where the offsets have gaps."""
        wanted, last, moved = count or len(self.load.records), -1, time.monotonic()
        while (found := self.totals()["read"]) != wanted:
            self.workers.look()
            if found != last:
                last, moved = found, time.monotonic()
            assert time.monotonic() - moved < _STALLED_S, (
                f"nothing moves at {found:,} of {wanted:,} records:\n" + self.workers.tails()
            )
            await asyncio.sleep(0.2)

    async def moving(self, since: list[int] | None = None) -> None:
        """Returns when fences move (or have moved since), so that what is done next hurts."""
        first, end = since or self.fences(), time.monotonic() + _STALLED_S
        while self.fences() == first:
            self.workers.look()
            assert time.monotonic() < end, "nothing moves:\n" + self.workers.tails()
            await asyncio.sleep(0.02)

    async def end(self) -> Calm:
        """Feed the rest, wait until it is counted, stop the workers: what they ended with."""
        await self.feed(1.0)
        await self.counted()
        await self.workers.stop()
        return Calm(self.state(), await read_told(self.settings, self.load.partitions))

    async def check(self, calm: Calm) -> Told:
        """Finish, and compare everything with the undisturbed run and with what the load knows of itself."""
        mine = await self.end()
        self.compare(mine, calm)
        return mine.told

    def compare(self, mine: Calm, calm: Calm) -> None:
        """Raises AssertionError that names what differs."""
        states = [mine.state, calm.state]
        if not self.in_order_of_arrival:
            states = [unordered(state) for state in states]
        why = differences(*states)
        assert why is None, f"state: {why}"
        self.check_totals()
        assert mine.told.rejected == calm.told.rejected
        for name in ("readings", "alerts"):
            why = differences(getattr(mine.told, name), getattr(calm.told, name))
            assert why is None, f"{name}: {why}"
        assert len(mine.told.rejected) == self.load.outcomes["rejected"]
        if self.settings.enriched:
            assert mine.told.enriched.keys() == self.load.enriched

    def state(self) -> dict[str, Any]:
        """The whole state, comparable."""
        out: dict[str, Any] = {}
        for number in range(self.load.partitions):
            keys = self.keys(number)
            hashes, strings = read_keys(self.redis, keys)
            out |= {f"p{number} {name}": value for name, value in comparable(hashes, strings, keys).items()}
        return out

    def totals(self) -> dict[str, int]:
        """What the fences say was read, counted and so on, over all partitions."""
        found: dict[str, int] = dict.fromkeys(_TOTALS, 0)
        for number in range(self.load.partitions):
            for name, value in zip(_TOTALS, self.redis.hmget(self.keys(number).fence, _TOTALS), strict=True):
                found[name] += int(value or 0)
        return found

    def check_totals(self) -> None:
        """Against what the load knows of itself, which no line of the engine has counted."""
        wanted = {name: self.load.outcomes[name] for name in _TOTALS} | {"read": len(self.load.records)}
        assert self.totals() == wanted
        lifetime: dict[str, dict[str, int]] = {}
        for number in range(self.load.partitions):
            hashes, _ = read_keys(self.redis, self.keys(number))
            for key, fields in hashes.items():
                _, is_influencer, name = key.partition("}i:")
                if is_influencer:
                    lifetime[name] = lifetime_counts(decode_meta(fields[b"meta"]))
        assert lifetime == {name: dict(counts) for name, counts in self.load.lifetime.items()}

    def keys(self, number: int) -> PartitionKeys:
        """The names of one partition's keys."""
        return PartitionKeys(self.settings.namespace, self.settings.topic(topics.EVENTS), number)
