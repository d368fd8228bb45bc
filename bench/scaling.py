"""`python -m bench scaling`: one and two workers, 1 to 64 partitions, fetch and slice sizes, skew.

Each line changes one thing of the job; the first is the job as it is. Where the machine has no free core for
a second worker, events/s cannot rise: then the CPU an event says whether the work itself grew. *Busiest
partition*: its share of the events, times the partitions; a worker can be no faster than its busiest
partition lets it. *All to one*: every event of the topic concerns one of ten influencers.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.installation import Place, bar, console, fill, servers, worker
from bench.load import STRETCH_S, partnerships
from bench.measure import Throughput, Watcher, watch
from bench.report import Sheet, said, spread
from processors.generator.bench import bench_events
from processors.generator.influencer import Record
from processors.state.layout import partition_of

RUNS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """One line: what differs from the job. `changes`: settings of the worker."""

    name: str
    processes: int = 1
    partitions: int = 8
    influencers: int = 1_000
    changes: dict[str, int] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """Cases on the same topic share its events."""
        return f"p{self.partitions}i{self.influencers}."


MIB = 1024 * 1024
CASES = (
    Case("the job: 1 worker, 8 partitions"),
    Case("2 workers", processes=2),
    Case("1 partition", partitions=1),
    Case("16 partitions", partitions=16),
    Case("64 partitions", partitions=64),
    Case("64 partitions, 2 workers", partitions=64, processes=2),
    Case("fetch 256 KiB", changes={"fetch_max_bytes": MIB // 4}),
    Case("fetch 16 MiB", changes={"fetch_max_bytes": 16 * MIB}),
    Case("slices of 200 records", changes={"slice_records": 200}),
    Case("fence every 2,000 records", changes={"fence_records": 2_000}),
    Case("fence every 100,000 records", changes={"fence_records": 100_000}),
    Case("skew: all to one of 10", influencers=10),
    Case("spread: 20,000 influencers", influencers=20_000),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=300_000, help="of each run")
    parser.add_argument("--only", default="", help="cases whose name contains this (the job always runs)")


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """All cases in turn, `--runs` times over."""
    cases = [case for case in CASES if case is CASES[0] or options.only in case.name]
    runs: dict[str, list[Throughput]] = {case.name: [] for case in cases}
    hottest: dict[str, float] = {}
    with servers() as place:
        for run in range(options.runs):
            for number, case in enumerate(cases):
                if case.topic not in hottest:
                    hottest[case.topic] = _fill(place, options, case)
                one = _once(place, options, case, f"c{number}r{run}")
                runs[case.name].append(one)
                console.print(f"run {run + 1}: {case.name}: {one.events_per_s:,.0f} events/s")
    sheet = Sheet(
        f"scaling, {options.events:,} events a run",
        ("", "events/s", "to the job", "CPU, µs an event", "to the job", "of Kafka", "of Redis",
         "Redis, bytes an event", "memory, MiB", "busiest partition"),
        unit="events/s",
    )  # fmt: skip
    told: dict[str, Any] = {}
    for case in cases:
        of = {
            name: spread(getattr(one, name) for one in runs[case.name])
            for name in ("events_per_s", "cpu_us_per_event", "redis_bytes_per_event", "rss_max_mib")
        }
        told[case.name] = of | {"busiest": hottest[case.topic]}
        base = told[CASES[0].name]
        ratio = {name: of[name]["median"] / base[name]["median"] for name in of}
        sheet.rows.append((
            case.name, said(of["events_per_s"]), f"{ratio['events_per_s']:.2f}",
            said(of["cpu_us_per_event"], ".1f"), f"{ratio['cpu_us_per_event']:.2f}",
            *(
                said(spread(one.beside_us[each] for one in runs[case.name]), ".1f")
                for each in ("Kafka", "Redis")
            ),
            said(of["redis_bytes_per_event"]), said(of["rss_max_mib"]), f"{hottest[case.topic]:.2f}",
        ))  # fmt: skip
        sheet.bars.append((case.name, of["events_per_s"]["median"]))
    return {"cases": told}, [sheet]


def _fill(place: Place, options: argparse.Namespace, case: Case) -> float:
    """The case's topic; returns the share of its busiest partition, times the partitions."""
    settings = place.settings("fill", partitions=case.partitions, prefix=case.topic)
    seen: Counter[int] = Counter()

    def counted(records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            seen[partition_of(record.key, case.partitions)] += 1
            yield record

    stretch = options.events * STRETCH_S
    start = time.time() - stretch - 600
    events = bench_events(options.events, start=start, stretch_s=stretch, influencers=case.influencers)
    fill(settings, partnerships(100), counted(events), options.events)
    return max(seen.values()) / options.events * case.partitions


def _once(place: Place, options: argparse.Namespace, case: Case, name: str) -> Throughput:
    settings = place.settings(name, partitions=case.partitions, prefix=case.topic, **case.changes)
    watcher = Watcher(settings)
    ports = [settings.http_port + number for number in range(case.processes)]
    try:
        with (
            worker(settings, place.directory, processes=case.processes) as child,
            bar(case.name, options.events) as told,
        ):
            return watch(
                watcher, child.pid, ports, options.events, told, 120 + options.events / 1_000, place.pids
            )
    finally:
        watcher.close()
