"""`python -m bench alerts`: from sending the event that decides an alert to the alert on its topic.

A limit that every partnership crosses (a rules file) makes alerts at the full hour of event time, the
heaviest boundary there is: everyone is evaluated. Half an hour of events comes first; the last ones are sent
at `--rate` around that hour, `--speed` times as fast as their timestamps. Which event decides an alert is
found by the core itself, on the same records in this process: what comes out depends on their order only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from bench.core import Rec
from bench.installation import Place, console, fill, servers, worker
from bench.load import fresh, partnerships, send_paced
from bench.measure import Watcher, percentiles
from bench.report import Sheet
from processors.actors import ActorHasher
from processors.book import Book
from processors.generator.bench import bench_events
from processors.generator.influencer import Record
from processors.partition import Partition
from processors.records import Config
from processors.rules import RuleBook
from processors.state.layout import PartitionKeys, partition_of
from schemas import topics
from streams.connecting import kafka
from streams.rulefiles import load_rules
from streams.settings import Settings

_RULES = "defaults: {custom: {bench: {signal: audience_fit, above: 1, for: 0s}}}\n"
_HOUR = 3_600
_FIRST, _BEFORE_S = 40_000, 1_800  # events that come first, and the event time that they span
_AROUND_S = (30, 150)  # … of what is sent at an even pace, before and after the hour


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=float, default=5_000.0, help="events/s")
    parser.add_argument("--speed", type=float, default=10.0, help="seconds of event time a second")
    parser.add_argument("--partnerships", type=int, default=100)


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """All runs; every alert of every run is one sample."""
    samples: list[float | None] = []
    with servers() as place:
        for run in range(options.runs):
            found = _once(place, options, run)
            console.print(f"run {run + 1}: {len(found)} alerts")
            samples += found
    of = percentiles(samples)
    shown = ("p50_s", "p99_s", "p99.9_s", "max_s")
    sheet = Sheet(
        f"event to alert at {options.rate:,.0f} events/s, at a full hour",
        ("alerts", *(f"{name[:-2]}, s" for name in shown)), unit="s to the alert on its topic",
    )  # fmt: skip
    sheet.rows.append((f"{of['n']:,}", *(f"{of.get(name, 0):.3f}" for name in shown)))
    sheet.bars = [(name[:-2], of.get(name, 0.0)) for name in shown]
    return {"latency": of}, [sheet]


def _once(place: Place, options: argparse.Namespace, run: int) -> list[float | None]:
    rules = place.directory / "rules.yaml"
    rules.write_text(_RULES)
    settings = place.settings(
        f"alerts{run}", partitions=options.partitions, prefix=f"alerts{run}.", rules=rules, idle_speed=0
    )
    hour = int(time.time()) // _HOUR * _HOUR - _HOUR
    before, after = _AROUND_S
    first = list(bench_events(_FIRST, start=hour - _BEFORE_S - before, stretch_s=_BEFORE_S))
    paced = int(options.rate * (before + after) / options.speed)
    rest = fresh(paced, hour - before, before + after)
    partners = partnerships(options.partnerships)
    fill(settings, partners, first, len(first))
    watcher = Watcher(settings)
    try:
        with worker(settings, place.directory) as child:
            end = time.monotonic() + 120
            while watcher.read() < len(first):
                if not child.running or time.monotonic() > end:
                    raise TimeoutError(child.logged()[-2_000:])
                time.sleep(0.05)
            began, seen = asyncio.run(_send(settings, rest, options.speed))
    finally:
        watcher.close()
    decided = deciding(first + rest, options.partitions, Book(partners), rules)
    due = {pid: began + (at - rest[0].at) / options.speed for pid, at in decided.items()}
    return [seen[pid] - at if pid in seen else None for pid, at in due.items()]


async def _send(settings: Settings, records: list[Record], speed: float) -> tuple[float, dict[str, float]]:
    """(wall time at which the first was due, partnership -> wall time at which its alert fired)."""
    seen: dict[str, float] = {}
    listening = asyncio.create_task(_listen(settings, seen))
    await asyncio.sleep(1.0)
    began = time.time() + 1.0
    at = records[0].at
    await send_paced(settings, records, due=lambda stamp: began + (stamp - at) / speed)
    await asyncio.sleep(3.0)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening
    return began, seen


async def _listen(settings: Settings, seen: dict[str, float]) -> None:
    """Note when each partnership's first alert that fires arrives."""
    consumer = AIOKafkaConsumer(**kafka(settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.subscribe([settings.topic(topics.ALERTS)])
        while True:
            fetched = await consumer.getmany(timeout_ms=50)
            now = time.time()
            for record in (record for rows in fetched.values() for record in rows):
                alert = json.loads(record.value)
                if alert["state"] == "firing" and alert["partnership_id"] is not None:
                    seen.setdefault(alert["partnership_id"], now)
    finally:
        await consumer.stop()


def deciding(records: list[Record], partitions: int, book: Book, rules: Path) -> dict[str, float]:
    """Partnership -> timestamp of the record in whose folding its first alert fires. The clock is looked at
    once a minute: only a record that begins a minute can be one."""
    by_partition: dict[int, list[Rec]] = defaultdict(list)
    for record in records:
        rows = by_partition[partition_of(record.key, partitions)]
        rows.append(Rec(len(rows), int(record.at * 1_000), record.key, record.value))
    found: dict[str, float] = {}
    config = Config(enriched=False, partitions=partitions, rules=RuleBook(load_rules(rules)))
    for number, rows in by_partition.items():
        core = Partition(PartitionKeys("bench", "e", number), book, ActorHasher(b"bench"), config)
        core.watched = frozenset(name for name in book.watched() if partition_of(name, partitions) == number)
        for name in core.watched:
            core.load(name, {}, b"")
        start = 0
        for index in [*_minutes(rows), len(rows)]:
            _fold(core, rows[start:index])
            start = index
            for _, alert in core.evaluator.out.transitions:
                if alert["state"] == "firing":
                    found.setdefault(str(alert["partnership_id"]), rows[index - 1].timestamp / 1_000)
            core.evaluator.written()
    return found


def _minutes(rows: list[Rec]) -> list[int]:
    """Indices around each record that begins a minute: itself, and the one after it."""
    out: list[int] = []
    minute = 0
    for index, row in enumerate(rows):
        if row.timestamp // 60_000 > minute:
            minute = row.timestamp // 60_000
            out += [index, index + 1]
    return out


def _fold(core: Partition, rows: list[Rec]) -> None:
    decoded = core.decode(rows)
    for name in core.missing(decoded):
        core.load(name, {}, b"")
    core.fold(decoded, 0)
