"""`python -m bench counting`: events counted by influencer, minute and kind on our engine, no Redis.

The job that `python -m bench.peers` also gives to Faust, Quix, Bytewax and Kafka Streams, alone: our batch
transport, msgspec, a dict. What it leaves of the machine's speed is what the whole job can have at most.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from bench.peers.__main__ import OURS, run
from bench.report import Sheet, said, spread
from processors.generator.bench import bench_events
from streams.sending import send
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.servers import ApacheKafka


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--most-s", type=float, default=300.0, help="longest time of one run")


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """All runs on one topic."""
    runs = []
    with ApacheKafka() as kafka:
        settings = Settings(broker=kafka.address, partitions=options.partitions)  # type: ignore[call-arg]
        asyncio.run(ensure_topics(settings))
        events = bench_events(options.events, start=time.time() - 7_200, stretch_s=3_600.0)
        asyncio.run(send(settings, events, total=options.events))
        measured = options.events - OURS.warmup
        for number in range(options.runs):
            if (one := run(OURS, settings, measured, number, options.most_s)) is not None:
                runs.append(one)
    if not runs:
        raise SystemExit("no run came to its end")
    rates = spread(one["events"] / one["seconds"] for one in runs)
    cpu = spread(one["cpu_s"] / one["events"] * 1e6 for one in runs)
    sheet = Sheet(f"the counting job, {measured:,} events", ("", "measured"))
    sheet.rows = [("events/s", said(rates)), ("CPU, µs an event", said(cpu, ".2f"))]
    sheet.bars = [(f"run {n + 1}", one["events"] / one["seconds"]) for n, one in enumerate(runs)]
    sheet.unit = "events/s"
    return {"events_per_s": rates, "cpu_us_per_event": cpu, "runs": runs}, [sheet]
