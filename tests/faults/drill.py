"""An installation under fire: real workers, fed while they are hurt, compared with an undisturbed run.

Both runs read the same events topic, each in a namespace and a group of its own; the second one is a replay
by two workers that nobody hurts.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import redis
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic

from processors.influencer import decode_meta, lifetime_counts
from processors.state.layout import PartitionKeys
from schemas import topics
from streams.children import Child, free_port
from streams.sending import Sender, send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics, open_admin
from tests.faults.load import Load
from tests.faults.state import comparable
from tests.servers import REPO
from tests.workers import environment

_MAIN = (  # without the command line's imports, which a worker that starts thirty times need not pay
    "import sys; from streams.settings import Settings; from streams.running import run_worker; "
    "sys.exit(run_worker(Settings()))"
)
_STALLED_S = 60.0


class Workers:
    """Workers of one installation, by slot."""

    def __init__(self, settings: Settings, scratch: Path) -> None:
        self.settings, self._scratch = settings, scratch
        self.running: dict[int, Child] = {}
        self.kills = self.freezes = 0

    def start(self, slot: int) -> None:
        """Start the worker of a slot."""
        name = f"{self.settings.namespace}-{slot}"
        changes = {"http_port": free_port(), "hash_key": "secret", "data_dir": self._scratch / name}
        env = environment(self.settings, **changes)
        env |= {"PYTHONPATH": str(REPO), "RAPPORT_CONFIG": str(self._scratch / "none.toml")}
        command = [sys.executable, "-c", _MAIN]
        self.running[slot] = Child(name, command, self._scratch / f"{name}.log", env=env)

    def kill(self, slot: int) -> None:
        """kill -9, and start another at once."""
        self.running[slot].kill()
        self.kills += 1
        self.start(slot)

    async def freeze(self, slot: int, seconds: float) -> None:
        """SIGSTOP for so long, then SIGCONT."""
        self.freezes += 1
        self.running[slot].freeze()
        await asyncio.sleep(seconds)
        self.running[slot].thaw()

    def look(self) -> None:
        """Fail when a worker ended by itself."""
        for slot, child in self.running.items():
            assert child.running, f"worker {slot} ended by itself; its log ends with:\n{self.tail(slot)}"

    def tail(self, slot: int, lines: int = 40) -> str:
        """End of the log of a slot's worker."""
        return "\n".join(self.running[slot].logged().splitlines()[-lines:])

    async def stop(self) -> None:
        """SIGTERM to all; each must end with 0 within 20 s."""
        for child in self.running.values():
            os.kill(child.pid, signal.SIGTERM)
        for _ in range(400):
            if not any(child.running for child in self.running.values()):
                break
            await asyncio.sleep(0.05)
        for slot, child in self.running.items():
            assert child.exit_code == 0, f"worker {slot} did not stop cleanly:\n{self.tail(slot)}"
        self.close()

    def close(self) -> None:
        """Kill what still runs."""
        for child in self.running.values():
            child.kill()
        self.running.clear()


@dataclasses.dataclass(slots=True)
class Told:
    """What one installation wrote to the output topics, repeats dropped by id."""

    #: "<partition>-<offset>" -> hash of what was written; that restarts do not change it is for
    #: tests/processors/test_restore.py to show.
    enriched: dict[bytes, int] = dataclasses.field(default_factory=dict)
    readings: dict[bytes, bytes] = dataclasses.field(
        default_factory=dict
    )  # "<partnership>@<boundary>" -> JSON
    alerts: dict[bytes, bytes] = dataclasses.field(default_factory=dict)  # transition id -> JSON
    rejected: set[bytes] = dataclasses.field(default_factory=set)
    repeats: int = 0

    def take(self, topic: str, identity: bytes, value: bytes) -> None:
        """Take a record; a repeated one must be the same."""
        if topic == topics.REJECTED:  # tells when it was refused: the wall time differs
            self.repeats += identity in self.rejected
            self.rejected.add(identity)
            return
        if topic == topics.READINGS and b'"provisional":true' in value:
            return  # refreshed by wall time
        table: dict[bytes, Any] = {
            topics.ENRICHED: self.enriched, topics.READINGS: self.readings, topics.ALERTS: self.alerts,
        }[topic]  # fmt: skip
        kept: Any = hash(value) if topic == topics.ENRICHED else value
        self.repeats += identity in table
        assert table.setdefault(identity, kept) == kept, f"{topic}: {identity!r} was told in two ways"


class Drill:
    """One scenario on one pair of servers."""

    def __init__(self, settings: Settings, load: Load, scratch: Path) -> None:
        self.settings, self.load = settings, load
        self.workers = Workers(settings, scratch)
        self.calm = Workers(settings.model_copy(update=_calm(settings)), scratch)
        self.redis: Any = redis.Redis.from_url(settings.redis_url, socket_timeout=5)
        self.sent = 0

    def close(self) -> None:
        """Leave nothing behind."""
        self.workers.close()
        self.calm.close()
        self.redis.close()

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

    async def feed(self, share: float) -> None:
        """Send on, up to this share of the load."""
        upto = round(share * len(self.load.records))
        async with Sender(self.settings) as sender:
            for record in self.load.records[self.sent : upto]:
                await sender.send(record)
        self.sent = max(self.sent, upto)

    def fences(self, settings: Settings) -> list[int]:
        """Where each partition's fence stands."""
        keys = [self._keys(settings, number).fence for number in range(self.load.partitions)]
        return [int(self.redis.hget(key, "next") or 0) for key in keys]

    async def counted(self, workers: Workers) -> None:
        """Returns when all of the load is behind the fence and no alert waits; fails when nothing moves."""
        last, moved = [0], time.monotonic()
        while True:
            workers.look()
            found = self.fences(workers.settings)
            waiting = sum(
                self.redis.xlen(self._keys(workers.settings, number).outbox)
                for number in range(self.load.partitions)
            )
            if found == self.load.ends and not waiting:
                return
            if found != last:
                last, moved = found, time.monotonic()
            assert time.monotonic() - moved < _STALLED_S, (
                f"nothing moves at {found} of {self.load.ends}, {waiting} alerts waiting:\n"
                + "\n--\n".join(map(workers.tail, workers.running))
            )
            await asyncio.sleep(0.2)

    async def moving(self, workers: Workers) -> None:
        """Returns when fences move, so that what is done next hurts."""
        first, end = self.fences(workers.settings), time.monotonic() + _STALLED_S
        while self.fences(workers.settings) == first:
            workers.look()
            assert time.monotonic() < end, "nothing moves:\n" + "\n--\n".join(
                map(workers.tail, workers.running)
            )
            await asyncio.sleep(0.02)

    async def check(self) -> Told:
        """Finish the run under fire, make the undisturbed one, and compare everything."""
        await self.counted(self.workers)
        await self.workers.stop()
        for slot in (0, 1):
            self.calm.start(slot)
        await self.counted(self.calm)
        await self.calm.stop()
        found, wanted = self.state(self.workers.settings), self.state(self.calm.settings)
        differing = {name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)}
        assert not differing, self._differences(found, wanted, differing)
        self._check_totals()
        told = await self.told()
        mine, calm = (told[s.settings.namespace] for s in (self.workers, self.calm))
        assert mine.rejected == calm.rejected
        for name in ("readings", "alerts"):
            left, right = getattr(mine, name), getattr(calm, name)
            differing = {key for key in left.keys() | right.keys() if left.get(key) != right.get(key)}
            assert not differing, f"{name}: {self._differences(left, right, differing)}"
        assert len(mine.rejected) == self.load.outcomes["rejected"]
        if self.settings.enriched:
            assert mine.enriched.keys() == self.load.enriched
        return mine

    def state(self, settings: Settings) -> dict[str, Any]:
        """The whole state of an installation, comparable."""
        out: dict[str, Any] = {}
        for number in range(self.load.partitions):
            keys = self._keys(settings, number)
            hashes, strings = self._read(keys)
            out |= {f"p{number} {name}": value for name, value in comparable(hashes, strings, keys).items()}
        return out

    def _read(self, keys: PartitionKeys) -> tuple[dict[str, Any], dict[str, bytes]]:
        escaped = keys.tag.replace("[", "\\[")
        names = sorted(self.redis.scan_iter(match=f"{escaped}*", count=5_000))
        pipe = self.redis.pipeline(transaction=False)
        for name in names:
            pipe.type(name)
        kinds = pipe.execute()
        for name, kind in zip(names, kinds, strict=True):
            {b"hash": pipe.hgetall, b"string": pipe.get, b"stream": pipe.xlen}[kind](name)
        hashes: dict[str, Any] = {}
        strings: dict[str, bytes] = {}
        for name, kind, value in zip(names, kinds, pipe.execute(), strict=True):
            if kind != b"stream":
                (hashes if kind == b"hash" else strings)[name.decode()] = value
        return hashes, strings

    def _check_totals(self) -> None:
        """Against what the load knows of itself, which no line of the engine has counted."""
        totals: dict[str, int] = {}
        lifetime: dict[str, dict[str, int]] = {}
        for number in range(self.load.partitions):
            hashes, _ = self._read(self._keys(self.settings, number))
            for key, fields in hashes.items():
                if key.endswith("fence"):
                    for name in ("read", "counted", "duplicate", "rejected", "expired"):
                        totals[name] = totals.get(name, 0) + int(fields[name.encode()])
                _, is_influencer, name = key.partition("}i:")
                if is_influencer:
                    lifetime[name] = lifetime_counts(decode_meta(fields[b"meta"]))
        assert totals == {"read": len(self.load.records), **self.load.outcomes}
        assert lifetime == {name: dict(counts) for name, counts in self.load.lifetime.items()}

    async def told(self) -> dict[str, Told]:
        """What stands in the output topics, by namespace."""
        out = {workers.settings.namespace: Told() for workers in (self.workers, self.calm)}
        for name in (topics.ENRICHED, topics.READINGS, topics.ALERTS, topics.REJECTED):
            async for headers, value in self._records(self.settings.topic(name)):
                namespace = headers["ce_source"].decode().split("/")[1]
                identity = headers["ce_id"].removeprefix(self.settings.topic(topics.EVENTS).encode() + b"-")
                out[namespace].take(name, identity, value)
        return out

    async def _records(self, topic: str) -> Any:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 << 20, check_crcs=False,
        )  # fmt: skip
        await consumer.start()
        try:
            parts = [TopicPartition(topic, number) for number in range(self.load.partitions)]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends = await consumer.end_offsets(parts)
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        yield dict(record.headers), record.value
        finally:
            await consumer.stop()

    @staticmethod
    def _keys(settings: Settings, number: int) -> PartitionKeys:
        return PartitionKeys(settings.namespace, settings.topic(topics.EVENTS), number)

    @staticmethod
    def _differences(found: dict[Any, Any], wanted: dict[Any, Any], names: set[Any]) -> str:
        few = sorted(names)[:10]
        lines = [f"{n}: {str(found.get(n))[:200]} but undisturbed {str(wanted.get(n))[:200]}" for n in few]
        return f"{len(names)} values differ:\n" + "\n".join(lines)


def _calm(settings: Settings) -> dict[str, object]:
    name = f"{settings.namespace}-calm"
    return {"namespace": name, "group": name, "enriched": False}
