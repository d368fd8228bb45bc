"""`python -m bench`: a million events through one worker, on Apache Kafka and Redis."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.load import fresh, partnerships, send_paced
from bench.measure import Poller, Throughput, Watcher, machine, versions, watch
from processors.generator.bench import bench_events
from streams.children import Child, free_port
from streams.sending import send, send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.servers import ApachePair, kafka_jars

RESULTS = Path(__file__).parent / "results"
console = Console(stderr=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1, help="throughput runs; medians are reported")
    parser.add_argument("--partitions", type=int, default=8)
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
    parser.add_argument("--note", default="", help="kept with the results")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    return parser.parse_args()


@contextmanager
def bar(what: str, total: int) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def worker(settings: Settings, directory: Path, profile: Path | None) -> Iterator[Child]:
    """One worker as a process of its own, stopped by its id."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        env[f"RAPPORT_{name.upper()}"] = (
            value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        )
    child = Child(
        "worker", [sys.executable, "-m", "streams.cli", "worker"], directory / "worker.log", env=env
    )
    spy = None
    try:
        if profile is not None:
            command = [
                str(Path(sys.executable).with_name("py-spy")),
                "record",
                "--format",
                "raw",
                "--rate",
                "250",
                "--output",
                str(profile),
            ]
            command += ["--pid", str(child.pid), "--nonblocking", "--gil"]
            spy = Child("py-spy", command, directory / "py-spy.log")
        yield child
    finally:
        child.stop(15.0)
        if spy is not None:  # it writes when its process has ended
            end = time.monotonic() + 60
            while spy.running and time.monotonic() < end:
                time.sleep(0.2)
            spy.stop()
        if child.exit_code not in (0, None):
            console.print(f"the worker ended with {child.exit_code}:\n{child.logged()[-2_000:]}")


def settings_of(options: argparse.Namespace, pair: ApachePair, directory: Path, run: int) -> Settings:
    return Settings(
        broker=pair.broker, redis_url=pair.redis_url, partitions=options.partitions,
        namespace=f"bench{run}", group=f"bench{run}", http_port=free_port(), data_dir=directory / "faust",
        log_level="warning", log_format="text", rebalance_timeout_s=6.0, hash_key="bench",
        enriched=not options.no_enriched,
    )  # type: ignore[call-arg]  # fmt: skip


def push(options: argparse.Namespace, settings: Settings, start: float) -> dict[str, float]:
    """Topics, partnerships, events."""
    asyncio.run(ensure_topics(settings))
    asyncio.run(send_partnerships(settings, partnerships(options.partnerships)))
    events = bench_events(options.events, start=start, stretch_s=options.stretch_s)
    with bar("sending", options.events) as told:
        sent = asyncio.run(
            send(settings, events, on_progress=lambda done, _: told(done), total=options.events)
        )
    return {"events": sent.sent, "bytes_per_event": sent.bytes / sent.sent, "events_per_s": sent.per_second}


def latency(options: argparse.Namespace, settings: Settings, watcher: Watcher, rate: float) -> dict[str, Any]:
    """Events at an even pace, stamped with the wall time at which they are due."""
    start = time.time() + 3.0
    count = int(rate * options.latency_s)
    records = fresh(count, start, options.latency_s)
    if time.time() > start:  # made too slowly: shift the start, the stamps must be the wall time
        start = time.time() + 1.05 * (time.time() - start + 3.0)
        records = fresh(count, start, options.latency_s)
    poller = Poller(watcher, partnerships(options.partnerships)[:20])

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


def bench(options: argparse.Namespace) -> dict[str, Any]:
    runs: list[Throughput] = []
    found: dict[str, Any] = {}
    kafka_jars()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, ApachePair() as pair:
        directory = Path(scratch)
        start = time.time() - options.stretch_s - 600
        pushed = push(options, settings_of(options, pair, directory, 0), start)
        for run in range(options.runs):
            settings = settings_of(options, pair, directory, run)
            watcher = Watcher(settings)
            last = run == options.runs - 1
            with worker(settings, directory, options.profile if last else None) as child:
                with bar(f"run {run + 1} of {options.runs}", options.events) as told:
                    runs.append(
                        watch(watcher, child.pid, settings.http_port, options.events, told,
                              60 + options.events / 1_000)
                    )  # fmt: skip
                if last:
                    found["outcomes"] = watcher.counted()
                    found["redis_memory"] = watcher.memory()
                    if options.latency_s:
                        rate = options.rate or statistics.median(r.events_per_s for r in runs) / 2
                        found["latency"] = latency(options, settings, watcher, rate)
            watcher.close()
    names = (
        "seconds", "events_per_s", "cpu_us_per_event", "redis_bytes_per_event", "rss_max_mib", "readings",
    )  # fmt: skip
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "note": options.note,
        "machine": machine(), "versions": versions() | {"kafka": kafka_jars().name.removeprefix("kafka-")},
        "settings": {name: str(value) for name, value in vars(options).items()},
        "pushed": pushed, "load_average": os.getloadavg(),
        "median": {name: statistics.median(getattr(run, name) for run in runs) for name in names},
        "runs": [asdict(run) for run in runs], **found,
    }  # fmt: skip


def show(results: dict[str, Any]) -> Table:
    median, memory, slow = results["median"], results["redis_memory"], results.get("latency")
    table = Table(
        title=f"one worker, {results['pushed']['events']:,} events, medians of {len(results['runs'])}"
    )
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("events/s", f"{median['events_per_s']:,.0f}")
    table.add_row("worker CPU, µs an event", f"{median['cpu_us_per_event']:.1f}")
    table.add_row("bytes to Redis an event", f"{median['redis_bytes_per_event']:.0f}")
    table.add_row("worker memory, most, MiB", f"{median['rss_max_mib']:.0f}")
    table.add_row("readings at boundaries", f"{median['readings']:,.0f}")
    for name, size in sorted(memory["bytes_per_influencer_median"].items()):
        count = memory["influencers"][name]
        table.add_row(f"Redis memory, median {name} ({count}), KiB", f"{size / 1024:.1f}")
    if slow:
        for what in ("event_to_state", "event_to_reading"):
            one = slow[what]
            if one["n"]:
                table.add_row(
                    f"{what.replace('_', ' ')} at {slow['events_per_s']:,.0f}/s, p50 / p99, s",
                    f"{one['p50_s']:.2f} / {one['p99_s']:.2f}",
                )
    table.add_row("bytes of an event, mean", f"{results['pushed']['bytes_per_event']:.0f}")
    return table


def main() -> None:
    options = arguments()
    results = bench(options)
    RESULTS.mkdir(exist_ok=True)
    name = results["at"].replace(":", "").replace("+0000", "Z")
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    if options.json:
        print(json.dumps(results))
    else:
        Console().print(show(results))
    console.print(f"written to {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
