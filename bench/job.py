"""`python -m bench job`: a million events through one worker with everything on.

Decode, enrich, windows, signals, Redis, enriched output: from the claim of the partitions until all events
are behind the fence. Then, on the last run, latency at half of that rate.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.installation import bar, console, fill, servers, worker
from bench.load import fresh, partnerships, send_paced
from bench.measure import Poller, Throughput, Watcher, watch
from bench.report import Sheet, said, spread
from processors.generator.bench import bench_events
from streams.settings import Settings

RUNS = 1
NAMES = ("seconds", "events_per_s", "cpu_us_per_event", "redis_bytes_per_event", "rss_max_mib", "readings")
#: Shares of the highest rate; and what a latency is told by.
SHOWN = ("p50_s", "p99_s", "p99.9_s")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--partnerships", type=int, default=100, help="of 1,000 influencers")
    parser.add_argument("--stretch-s", type=float, default=3_600.0, help="event time that the events span")
    parser.add_argument("--latency-s", type=float, default=20.0, help="seconds at half load; 0: leave it out")
    parser.add_argument("--rate", type=float, help="events/s for the latency (half of what was measured)")
    parser.add_argument("--no-enriched", action="store_true", help="without engagement.enriched.v1")
    parser.add_argument(
        "--profile",
        type=Path,
        help="record the last run with py-spy (install it first) to this file, as raw stacks",
    )


def latency(
    settings: Settings, watcher: Watcher, rate: float, seconds: float, partners: int, *, round_: int = 0
) -> dict[str, Any]:
    """Events at an even pace, stamped with the wall time at which they are due."""
    start = time.time() + 3.0
    count = int(rate * seconds)
    records = fresh(count, start, seconds, round_)
    if time.time() > start:  # made too slowly: shift the start, the stamps must be the wall time
        start = time.time() + 1.05 * (time.time() - start + 3.0)
        records = fresh(count, start, seconds, round_)
    poller = Poller(watcher, partnerships(partners)[:20])

    async def run() -> float:
        polling = asyncio.create_task(poller.run())
        behind = await send_paced(settings, records)
        await asyncio.sleep(3.0)
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
        return behind

    with console.status(f"latency at {rate:,.0f} events/s"):
        behind = asyncio.run(run())
    return {"events_per_s": rate, "producer_behind_max_s": round(behind, 3), **poller.results(records)}


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """All runs on one topic, each with a state of its own."""
    runs: list[Throughput] = []
    found: dict[str, Any] = {}
    with servers() as place:

        def installation(run: int) -> Settings:
            return place.settings(
                f"bench{run}", partitions=options.partitions, enriched=not options.no_enriched
            )

        start = time.time() - options.stretch_s - 600
        events = bench_events(options.events, start=start, stretch_s=options.stretch_s)
        sent = fill(installation(0), partnerships(options.partnerships), events, options.events)
        for run in range(options.runs):
            settings = installation(run)
            watcher = Watcher(settings)
            last = run == options.runs - 1
            with worker(settings, place.directory, profile=options.profile if last else None) as child:
                with bar(f"run {run + 1} of {options.runs}", options.events) as told:
                    runs.append(
                        watch(watcher, child.pid, [settings.http_port], options.events, told,
                              60 + options.events / 1_000, place.pids)
                    )  # fmt: skip
                if last:
                    found["outcomes"] = watcher.counted()
                    found["redis_memory"] = watcher.memory()
                    if options.latency_s:
                        rate = options.rate or statistics.median(r.events_per_s for r in runs) / 2
                        found["latency"] = latency(
                            settings, watcher, rate, options.latency_s, options.partnerships
                        )
            watcher.close()
    found["pushed"] = {
        "events": sent.sent, "bytes_per_event": sent.bytes / sent.sent, "events_per_s": sent.per_second,
    }  # fmt: skip
    found["median"] = {name: statistics.median(getattr(run, name) for run in runs) for name in NAMES}
    found["runs"] = [asdict(run) for run in runs]
    return found, [_sheet(found)]


def _sheet(found: dict[str, Any]) -> Sheet:
    def of(name: str, form: str = ",.0f") -> str:
        return said(spread(run[name] for run in found["runs"]), form)

    memory, slow = found["redis_memory"], found.get("latency", {})
    sheet = Sheet(
        f"one worker, {found['pushed']['events']:,} events, medians of {len(found['runs'])}", ("", "measured")
    )
    sheet.rows = [
        ("events/s", of("events_per_s")),
        ("worker CPU, µs an event", of("cpu_us_per_event", ".1f")),
        *(
            (
                f"CPU of {name}, µs an event",
                said(spread(run["beside_us"][name] for run in found["runs"]), ".1f"),
            )
            for name in found["runs"][0]["beside_us"]
        ),
        ("bytes to Redis an event", of("redis_bytes_per_event")),
        ("worker memory, most, MiB", of("rss_max_mib")),
        ("readings at boundaries", of("readings")),
    ]
    for name, size in sorted(memory["bytes_per_influencer_median"].items()):
        count = memory["influencers"][name]
        sheet.rows.append((f"Redis memory, median {name} ({count}), KiB", f"{size / 1024:.1f}"))
    for what in ("event_to_state", "event_to_reading"):
        if slow and slow[what]["n"]:
            label = f"{what.replace('_', ' ')} at {slow['events_per_s']:,.0f}/s, p50 / p99 / p99.9, s"
            sheet.rows.append((label, " / ".join(f"{slow[what][name]:.2f}" for name in SHOWN)))
    sheet.rows.append(("bytes of an event, mean", f"{found['pushed']['bytes_per_event']:.0f}"))
    sheet.bars = [(f"run {n + 1}", run["events_per_s"]) for n, run in enumerate(found["runs"])]
    sheet.unit = "events/s"
    return sheet
