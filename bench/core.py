"""`python -m bench.core`: the core alone, in memory: decode, fold, evaluate, write. No Kafka, no Redis.

CPU time of this process, the best of the runs: other work on the machine only ever adds. `--profile` prints
where it goes.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.load import partnerships
from processors.actors import ActorHasher
from processors.book import Book
from processors.generator.bench import bench_events
from processors.partition import Config, Partition
from processors.state.layout import PartitionKeys, partition_of

PARTITIONS = 8


@dataclass(slots=True)
class Rec:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def made(count: int, stretch_s: float) -> list[list[Rec]]:
    """Records by partition."""
    out: list[list[Rec]] = [[] for _ in range(PARTITIONS)]
    where: dict[bytes, int] = {}
    for record in bench_events(count, start=1.79e9, stretch_s=stretch_s):
        number = where.get(record.key)
        if number is None:
            number = where[record.key] = partition_of(record.key, PARTITIONS)
        rows = out[number]
        rows.append(Rec(len(rows), int(record.at * 1_000), record.key, record.value))
    return out


def once(
    by_partition: list[list[Rec]],
    options: argparse.Namespace,
    produce: Callable[[list[Any]], None] | None = None,
) -> tuple[Counter[str], int]:
    """CPU seconds by step, and the bytes of the writes. `produce`: what is done with enriched events."""
    spent: Counter[str] = Counter()
    size = 0
    book = Book(partnerships(options.partnerships))
    hasher = ActorHasher(b"bench")
    cpu = time.process_time
    for number, records in enumerate(by_partition):
        part = Partition(PartitionKeys("bench", "e", number), book, hasher, Config())
        prev, now = -1, 0.0
        for start in range(0, len(records), options.fence):
            rows = records[start : start + options.fence]
            for first in range(0, len(rows), options.slice):
                t0 = cpu()
                decoded = part.decode(rows[first : first + options.slice])
                t1 = cpu()
                for name in part.missing(decoded):
                    part.load(name, {}, b"")
                t2 = cpu()
                part.fold(decoded, 0)
                spent["decode"] += t1 - t0
                spent["load"] += t2 - t1
                spent["fold and evaluate"] += cpu() - t2
            t3 = cpu()
            now += 1.0
            part.provisional(now, 5.0, 50)
            enriched = list(part.out.enriched) if produce is not None else []
            t4 = cpu()
            write = part.write(prev, rows[-1].offset + 1)
            t5 = cpu()
            write.arguments()
            size += write.size()
            part.written()
            spent["provisional"] += t4 - t3
            spent["write"] += t5 - t4
            spent["arguments"] += cpu() - t5
            if produce is not None:
                t6 = cpu()
                produce(enriched)
                spent["produce"] += cpu() - t6
            prev = rows[-1].offset + 1
            gc.collect(0)
        spent["readings"] += part.totals.readings
    return spent, size


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.core", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--stretch-s", type=float, default=720.0)
    parser.add_argument("--partnerships", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--fence", type=int, default=5_000, help="records between writes")
    parser.add_argument("--slice", type=int, default=1_500)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    records = made(options.events, options.stretch_s)
    gc.freeze()
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(once, records, options)
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return
    runs = [once(records, options) for _ in range(options.runs)]
    scale = 1e6 / options.events
    total = 0.0
    for name in runs[0][0]:
        if name == "readings":
            continue
        cost = min(spent[name] for spent, _ in runs) * scale
        total += cost
        print(f"{name:20}{cost:8.2f} µs an event")
    print(f"{'all':20}{total:8.2f} µs an event")
    print(f"{'bytes to Redis':20}{runs[0][1] / options.events:8.1f} an event")
    print(f"{'readings':20}{runs[0][0]['readings']:8.0f}")


if __name__ == "__main__":
    main()
