"""`python -m bench memory`: memory of the worker and of Redis at 1,000, 10,000 and 100,000 influencers.

The job's mix with so many influencers of Pareto popularity, `--events-each` on average (and no fewer than
`--events` in all), through one worker with everything on. *Held* is how many of them got an event. (What one
influencer takes after months of activity: `python -m bench.memory`.)
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from bench.installation import bar, fill, servers, worker
from bench.load import STRETCH_S, partnerships
from bench.measure import Watcher, scraped, watch
from bench.report import Sheet, said, spread
from processors.generator.bench import bench_events

RUNS = 1  # memory hardly varies, and a run at 100,000 takes minutes


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--influencers", default="1000,10000,100000", help="by commas")
    parser.add_argument("--events-each", type=int, default=10)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--partnerships", type=int, default=100)


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """Each number on servers of its own: Redis gives little memory back."""
    sheet = Sheet(
        "memory by the number of influencers",
        ("influencers", "held", "events", "worker RSS, MiB", "Redis, MiB", "of it event ids, MiB",
         "Redis an influencer, median, KiB", "worker CPU, µs an event"),
        unit="MiB of the worker",
    )  # fmt: skip
    told: dict[str, Any] = {}
    for count in map(int, options.influencers.split(",")):
        runs = [_once(options, count) for _ in range(options.runs)]
        of = {name: spread(one[name] for one in runs) for name in runs[0]}
        told[str(count)] = of
        sheet.rows.append((
            f"{count:,}", *(said(of[name]) for name in ("held", "events", "rss_mib", "redis_mib", "ids_mib")),
            said(of["influencer_kib"], ".1f"), said(of["cpu_us_per_event"], ".1f"),
        ))  # fmt: skip
        sheet.bars.append((f"{count:,}", of["rss_mib"]["median"]))
    return {"by_influencers": told}, [sheet]


def _once(options: argparse.Namespace, count: int) -> dict[str, float]:
    total = max(options.events, count * options.events_each)
    with servers() as place:
        settings = place.settings("sizes", partitions=options.partitions)
        stretch = total * STRETCH_S
        events = bench_events(total, start=time.time() - stretch - 600, stretch_s=stretch, influencers=count)
        fill(settings, partnerships(options.partnerships), events, total)
        watcher = Watcher(settings)
        try:
            with worker(settings, place.directory) as child:
                with bar(f"{count:,} influencers", total) as told:
                    seen = watch(watcher, child.pid, [settings.http_port], total, told, 120 + total / 1_000)
                time.sleep(3.0)  # provisional readings and gauges come after the last fence
                held = scraped(settings.http_port)["rapport_influencers_in_memory"]
                redis = watcher.memory()
        finally:
            watcher.close()
    sizes = redis["bytes_per_influencer_median"]
    counts = redis["influencers"]
    middle = sum(sizes[tier] * counts[tier] for tier in sizes) / max(1, sum(counts.values()))
    return {
        "held": held, "events": total, "rss_mib": seen.rss_max_mib,
        "redis_mib": redis["all_keys_bytes"] / 2**20, "ids_mib": redis["event_ids_and_acts_bytes"] / 2**20,
        "influencer_kib": middle / 1024, "cpu_us_per_event": seen.cpu_us_per_event,
    }  # fmt: skip
