"""`python -m bench.memory`: what a micro-influencer takes in Redis, with all signals on.

Generated micro-influencers (10,000 to 100,000 followers) post and are engaged with every day for 90 days; a
third of them has an incident. Their events go through the worker's Partition into a real redis-server (or
`--redis URL` of any that may be written to), under the fence, written every six hours of event time, with
readings and their history. (Rules look once a day, from 28 days before the end every six hours, from eleven
on at each boundary.)
Then MEMORY USAGE (all samples) of every key of an influencer is added up: its hash, its open comments, and
its share of the lists of readings, trends and alerts. Memory of event ids and of acts that may be undone has
a budget of its own and is left out.

`--events` is how many events an influencer has on average (the generator thins by a factor that hits all
alike); 0 generates them all, some 30,000, which takes ten times as long.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import redis
from rich.console import Console
from rich.table import Table

from processors.actors import ActorHasher
from processors.book import Book
from processors.generator.generated import Generated, generate
from processors.generator.scenario import parse_scenario
from processors.influencer import Influencer
from processors.panes import DAY, HOUR
from processors.partition import Partition
from processors.records import Config
from processors.snapshot import merge
from processors.state.layout import PartitionKeys
from processors.state.redis_store import RedisStore
from processors.state.store import Answer
from schemas import Partnership
from tests.servers import RedisServer

BUDGET = 64 * 1024
WRITE_S = 6 * HOUR
#: Before the end: every boundary is looked at for so many days, every sixth hour for so many.
ALL_DAYS, SOME_DAYS = 11, 28
ALL = 100_000_000
console = Console(stderr=True)
Evaluate = Callable[[Influencer, Partnership, int], None]


class Rec:
    """A record as a consumer gives it."""

    __slots__ = ("key", "offset", "timestamp", "value")

    def __init__(self, offset: int, at: float, key: bytes, value: bytes) -> None:
        self.offset, self.timestamp = offset, int(at * 1_000)
        self.key: bytes | None = key
        self.value: bytes | None = value


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.memory", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--influencers", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--events", type=int, default=2_500, help="an influencer, on average; 0: unthinned")
    parser.add_argument("--group", type=int, default=100, help="influencers of one partition")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis", help="URL of a server to write to, instead of one of its own")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--out", type=Path, help="also write the JSON to this file")
    return parser.parse_args()


def world(options: argparse.Namespace, number: int, count: int) -> Generated:
    """One group of micro-influencers."""
    return generate(parse_scenario({
        "seed": options.seed * 1_000 + number, "days": options.days,
        "max_events": options.events * count or ALL,
        "population": {"count": count, "tiers": {"micro": 1.0}, "incidents": 0.33, "negatives": 0.2},
    }))  # fmt: skip


async def run_group(store: RedisStore, keys: PartitionKeys, made: Generated) -> tuple[list[str], int]:
    """Feed one group; (its influencers, its events)."""
    claim = await store.claim(keys)
    book = Book(map(Partnership.model_validate, made.partnerships))
    partition = Partition(keys, book, ActorHasher(b"bench"), Config(enriched=False))
    partition.restore(claim, (), ())
    names = [persona.id for persona in made.personas]
    partition.watched = frozenset(names)
    for name in names:
        partition.load(name, {}, b"")
    partition.evaluator.evaluate = _sparing(partition.evaluator.evaluate, made.scenario.ends_at)  # type: ignore[assignment, method-assign]
    prev, offset, written = -1, 0, 0.0
    hour = 0
    events = made.events()
    while part := list(islice(events, 512)):
        records = [Rec(offset + n, one.at, one.key, one.value) for n, one in enumerate(part)]
        offset += len(records)
        partition.fold(partition.decode(records), int(partition.clock) // HOUR)
        if int(partition.clock) // HOUR >= hour + 6:
            hour = int(partition.clock) // HOUR
            partition.evaluator.snapshot = merge((partition.part(),), partition.evaluator.snapshot)
        if partition.clock >= written + WRITE_S or partition.crowded:
            prev, written = await _write(store, partition, prev, offset), partition.clock
    partition.provisional(time.time(), 0.0, len(names))
    await _write(store, partition, prev, offset)
    return names, offset


def _sparing(evaluate: Evaluate, until: float) -> Evaluate:
    """Looks as often as the history keeps readings: references, ledgers and panes come out the same, and it
    takes a fifth of the time."""

    def seldom(inf: Influencer, partnership: Partnership, at: int) -> None:
        step = DAY if at < until - SOME_DAYS * DAY else 6 * HOUR if at < until - ALL_DAYS * DAY else 1
        if at % step == 0:
            evaluate(inf, partnership, at)

    return seldom


async def _write(store: RedisStore, partition: Partition, prev: int, to: int) -> int:
    answer, _ = await store.apply(partition.keys, partition.write(prev, to))
    if answer is not Answer.OK:
        raise RuntimeError(f"the fence answered {answer}")
    partition.written()
    return to


def family(field: str) -> str:
    """What a field of an influencer's hash belongs to."""
    head, _, rest = field.partition(":")
    if head == "l":
        return "l:" + rest.partition(":")[0]
    return {
        "m": "panes", "h": "panes", "d": "panes", "s": "panes of past days", "p": "posts", "a": "actors",
        "ref": "references", "al": "alerts", "sp": "history", "slow": "hourly signals",
    }.get(head, head)  # fmt: skip


def measure(client: Any, keys: PartitionKeys, names: list[str]) -> Iterator[tuple[int, Counter[str]]]:
    """(bytes of all keys, bytes of names and values by family) of each influencer."""
    lists = (keys.readings, keys.spark, keys.alerts)
    shared = sum(client.memory_usage(key, samples=0) or 0 for key in lists) / len(names)
    for name in names:
        own = keys.influencer(name)
        comments = client.memory_usage(keys.comments(name), samples=0) or 0
        sizes: Counter[str] = Counter()
        for field, value in client.hgetall(own).items():
            sizes[family(field.decode())] += len(field) + len(value)
        sizes["open comments"] += comments
        sizes["lists"] += int(shared)
        yield int((client.memory_usage(own, samples=0) or 0) + comments + shared), sizes


@contextmanager
def server(url: str | None) -> Iterator[str]:
    """A redis-server of its own, or the one at `url`."""
    if url is not None:
        yield url
        return
    with RedisServer() as one:
        yield one.url


def quantile(values: list[int], q: float) -> int:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


async def bench(options: argparse.Namespace, url: str) -> dict[str, Any]:
    sizes: list[int] = []
    families: list[Counter[str]] = []
    events = 0
    store, client = RedisStore(url, timeout=30.0), redis.Redis.from_url(url)
    try:
        await store.load_library()
        version = client.info("server").get("redis_version")
        began, number = time.monotonic(), 0
        while len(sizes) < options.influencers:
            count = min(options.group, options.influencers - len(sizes))
            keys = PartitionKeys("memory", "events", number)
            names, fed = await run_group(store, keys, world(options, number, count))
            events += fed
            for size, by in measure(client, keys, names):
                sizes.append(size)
                families.append(by)
            number += 1
            if options.out is not None:  # what there is, should somebody stop it
                found = summary(options, str(version), sizes, families, events)
                options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            console.print(f"{len(sizes)} of {options.influencers}, {time.monotonic() - began:.0f} s")
            client.delete(*client.scan_iter(match=f"{{memory:events:p{keys.partition}}}*", count=10_000))
    finally:
        await store.close()
        client.close()
    return summary(options, str(version), sizes, families, events)


def summary(
    options: argparse.Namespace, version: str, sizes: list[int], families: list[Counter[str]], events: int
) -> dict[str, Any]:
    """The figures of those that were measured."""
    names_ = sorted({name for one in families for name in one})
    return {
        "influencers": len(sizes), "days": options.days, "events_each": round(events / len(sizes)),
        "server": version, "budget_bytes": BUDGET,
        "bytes": {
            "median": int(median(sizes)), "p90": quantile(sizes, 0.9), "p99": quantile(sizes, 0.99),
            "max": max(sizes),
        },
        "within_budget": sum(size <= BUDGET for size in sizes) / len(sizes),
        "families": {
            name: {
                "median": int(median(one[name] for one in families)),
                "max": max(one[name] for one in families),
                "share": sum(one[name] for one in families) / sum(sum(one.values()) for one in families),
            }
            for name in names_
        },
    }  # fmt: skip


def show(found: dict[str, Any]) -> Table:
    """For people."""
    total = found["bytes"]
    table = Table(
        title=f"{found['influencers']:,} micro-influencers, {found['days']} days, "
        f"{found['events_each']:,} events each: bytes in redis {found['server']}"
    )
    for name in ("", "median", "p90", "max", "share"):
        table.add_column(name, justify="left" if not name else "right")
    ends = (f"{total[n]:,}" for n in ("median", "p90", "max"))
    table.add_row("all keys of an influencer", *ends, f"{found['within_budget']:.1%} within 64 KiB")
    rows = sorted(found["families"].items(), key=lambda item: -item[1]["share"])
    for name, one in rows:
        table.add_row(f"  {name}", f"{one['median']:,}", "", f"{one['max']:,}", f"{one['share']:.1%}")
    return table


def main() -> None:
    options = arguments()
    with server(options.redis) as url:
        found = asyncio.run(bench(options, url))
    text = json.dumps(found, indent=1)
    if options.json:
        sys.stdout.write(text + "\n")
    else:
        Console().print(show(found))
    sys.exit(0 if found["bytes"]["median"] <= BUDGET else 1)


if __name__ == "__main__":
    main()
