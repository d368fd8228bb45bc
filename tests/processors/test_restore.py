"""Where the fence falls, and how often a worker starts over from what was written, must not show in anything.

The same log is folded once in one go, and again with fences at random places, restarts at random fences (the
state read back from the store, as a claim does), and work lost between a fence and a crash. No servers: this
finds in seconds what the fault tests would find in minutes.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from processors.actors import ActorHasher
from processors.book import Book
from processors.partition import Partition
from processors.records import Config
from processors.rules import RuleBook
from processors.state.layout import PartitionKeys, partition_of
from processors.state.memory_store import MemoryStore
from processors.state.store import Answer
from schemas import Partnership
from schemas.rules import RulesFile
from tests.faults.load import Load, make
from tests.faults.state import comparable

PARTITIONS = 2
HOUR = 500_000  # of arrival: wall time stands still here
SHADOW = RuleBook(
    RulesFile.model_validate(
        {"defaults": {"connection": {"for": "2h"}, "custom": {"low": "connection below 45 for 3h"}}}
    )
)


@dataclass
class Record:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Run:
    """One partition driven as a lane drives it."""

    def __init__(self, load: Load, records: list[Record], number: int, config: Config) -> None:
        self.store = MemoryStore()
        self.config = config
        self.records = records
        self.keys = PartitionKeys("test", "events", number)
        self.book = Book(Partnership.model_validate(item) for item in load.partnerships)
        self.watched = frozenset(i for i in self.book.watched() if partition_of(i, PARTITIONS) == number)
        self.hasher = ActorHasher(b"key")
        self.enriched: dict[int, bytes] = {}
        self.readings: dict[tuple[str, int], bytes] = {}
        self.rejected: set[int] = set()

    async def claim(self) -> tuple[Partition, int]:
        claim = await self.store.claim(self.keys)
        partition = Partition(self.keys, self.book, self.hasher, self.config)
        ids, acts = partition.memory.hours_to_load(HOUR)
        partition.restore(
            claim,
            zip(ids, await self.store.read_strings([self.keys.event_ids(h) for h in ids]), strict=True),
            zip(acts, await self.store.read_strings([self.keys.acts(h) for h in acts]), strict=True),
            [name.decode() for name in (await self.store.read_hashes([self.keys.unevaluated]))[0]],
        )
        partition.watched = self.watched
        await self.load(partition, sorted(self.watched | partition.unevaluated))
        return partition, claim.next or 0

    async def load(self, partition: Partition, names: list[str]) -> None:
        hashes = await self.store.read_hashes([self.keys.influencer(i) for i in names])
        comments = await self.store.read_strings([self.keys.comments(i) for i in names])
        for name, fields, appended in zip(names, hashes, comments, strict=True):
            shuffled = random.Random(name).sample(list(fields.items()), len(fields))  # Redis keeps no order
            partition.load(name, dict(shuffled), appended)

    async def fold(self, partition: Partition, start: int, end: int) -> None:
        decoded = partition.decode(self.records[start:end])
        if missing := partition.missing(decoded):
            await self.load(partition, missing)
        partition.fold(decoded, HOUR)

    async def fence(self, partition: Partition, start: int, end: int, now: float) -> None:
        partition.provisional(now, 1.0, 50)
        for _, body, _, offset in partition.out.enriched:
            assert self.enriched.setdefault(offset, body) == body, "a repeated enriched event differs"
        for pid, body, at in partition.evaluator.out.readings:
            assert self.readings.setdefault((pid, at), body) == body, "a repeated reading differs"
        self.rejected.update(record.offset for record, _ in partition.out.rejected)
        answer, _ = await self.store.apply(self.keys, partition.write(start if start else -1, end))
        assert answer is Answer.OK
        partition.written()

    async def go(self, rng: random.Random, fence: int, restart: float, evict: bool) -> None:
        """Fences every `fence` records or so; at each, a restart with probability `restart`."""
        partition, at = await self.claim()
        now = 0.0
        while at < len(self.records):
            end = min(len(self.records), at + rng.randint(1, 2 * fence))
            middle = rng.randint(at, end)
            await self.fold(partition, at, middle)
            if rng.random() < restart / 2:  # killed between folding and the fence
                partition, at = await self.claim()
                continue
            await self.fold(partition, middle, end)
            now += rng.random()
            await self.fence(partition, at, end, now)
            at = end
            if evict:
                partition.evict(0)
            if rng.random() < restart / 2:
                partition, at = await self.claim()

    def state(self) -> dict[str, Any]:
        return comparable(self.store.hashes, self.store.strings, self.keys)

    def alerts(self) -> list[bytes]:
        return [body for _, body in self.store.streams.get(self.keys.outbox, [])]

    def compared(self) -> list[bytes]:
        """Transitions under live and shadow rules."""
        return [body for _, body in self.store.streams.get(self.keys.shadow, [])]


def run_of(load: Load, number: int, config: Config) -> Run:
    rows = [r for r in load.records if partition_of(r[1], PARTITIONS) == number]
    return Run(
        load, [Record(i, int(at * 1_000), key, value) for i, (at, key, value) in enumerate(rows)], number,
        config,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("story", "fence", "restart", "evict"),
    [(False, 300, 0.0, False), (False, 2_000, 0.5, False), (False, 700, 0.2, True), (True, 1_000, 0.2, True)],
)
async def test_fences_and_restarts_leave_no_trace(
    story: bool, fence: int, restart: float, evict: bool
) -> None:
    """`story`: the demo's, with references and an alert; else a mix with undos, late events and threads."""
    load = make(60_000, PARTITIONS, story=True) if story else make(15_000, PARTITIONS, story=False)
    number = partition_of(b"gen:sol.cooks", PARTITIONS)  # who raises the alert
    # With an alert also under shadow rules: neither set of rules may tell anything twice, or not at all.
    config = Config(shadow_rules=SHADOW if story else None)
    undisturbed, run = run_of(load, number, config), run_of(load, number, config)
    await undisturbed.go(random.Random(0), 4_000, 0.0, evict=False)
    assert bool(undisturbed.alerts()) == story
    await run.go(random.Random(fence), fence, restart, evict)
    for found, wanted in (
        (run.state(), undisturbed.state()), (run.readings, undisturbed.readings),
        (run.enriched, undisturbed.enriched),
    ):  # fmt: skip
        assert not {name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)}
    assert run.rejected == undisturbed.rejected
    assert sorted(run.alerts()) == sorted(undisturbed.alerts())
    assert sorted(run.compared()) == sorted(undisturbed.compared())
    assert len(set(run.compared())) == len(run.compared())
    if story:
        told = Counter((line["set"], line["state"]) for line in map(json.loads, run.compared()))
        assert told["live", "firing"] and told["shadow", "firing"]
