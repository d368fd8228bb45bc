"""`python -m bench.gateway`: events per second through one gateway, on Apache Kafka and Redis.

Every event of every run is new (none is a duplicate), and after the last run the topic is counted: it must
hold exactly what was answered as accepted. Gateway, Kafka, Redis and the sender share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.measure import machine, versions
from processors.generator.bench import bench_events
from schemas.topics import EVENTS
from streams.consume import spans
from streams.embedded import Embedded
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.gateways import GatewayProcess, make_token
from tests.servers import ApachePair, kafka_jars

console = Console(stderr=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="of each run with batches")
    parser.add_argument("--batch", type=int, default=1_000, help="events in a request")
    parser.add_argument("--connections", type=int, default=4, help="senders at once, with batches")
    parser.add_argument("--singles", type=int, default=10_000, help="requests with one event each; 0: none")
    parser.add_argument("--single-connections", type=int, default=16)
    parser.add_argument("--gzip", action="store_true", help="inflated by the gateway")
    parser.add_argument(
        "--no-ids", action="store_true", help="remember ids in the process only, not in Redis"
    )
    parser.add_argument("--runs", type=int, default=3, help="medians are reported")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--embedded", action="store_true", help="on Tansu and Valkey instead")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    return parser.parse_args()


@dataclass(slots=True)
class Run:
    """One run: what was sent, and what it cost."""

    events: int
    seconds: float
    gateway_cpu_us: float
    rss_max_mib: float
    waits_ms: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        waits = sorted(self.waits_ms)
        return {
            "events_per_s": self.events / self.seconds,
            "gateway_cpu_us_per_event": self.gateway_cpu_us / self.events,
            "answer_p50_ms": waits[len(waits) // 2], "answer_p99_ms": waits[int(len(waits) * 0.99)],
            "rss_max_mib": self.rss_max_mib,
        }  # fmt: skip


def post(address: tuple[str, int], token: str, bodies: Sequence[bytes], headers: dict[str, str],
         waits: list[float], accepted: list[int]) -> None:  # fmt: skip
    """Send bodies one after the other over one connection. Any answer but 200 ends the bench."""
    line = http.client.HTTPConnection(*address, timeout=60)
    for body in bodies:
        began = time.perf_counter()
        line.request("POST", "/v1/events?brief=true", body, headers | {"Authorization": f"Bearer {token}"})
        answer = line.getresponse()
        said = answer.read()
        waits.append((time.perf_counter() - began) * 1_000)
        if answer.status != 200:
            raise SystemExit(f"the gateway answered {answer.status}: {said[:500]!r}")
        accepted.append(json.loads(said)["accepted"])
    line.close()


def drive(gateway: GatewayProcess, token: str, bodies: list[bytes], connections: int,
          headers: dict[str, str]) -> tuple[Run, int]:  # fmt: skip
    process = psutil.Process(gateway.child.pid)
    waits: list[float] = []
    accepted: list[int] = []
    address = ("127.0.0.1", gateway.port)
    threads = [
        threading.Thread(
            target=post, args=(address, token, bodies[n::connections], headers, waits, accepted)
        )
        for n in range(connections)
    ]  # fmt: skip
    cpu = sum(process.cpu_times()[:2])
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    rss = 0
    while any(thread.is_alive() for thread in threads):
        rss = max(rss, process.memory_info().rss)
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    cpu = sum(process.cpu_times()[:2]) - cpu
    return Run(sum(accepted), seconds, cpu * 1e6, rss / 2**20, waits), sum(accepted)


@contextmanager
def servers(embedded: bool) -> Iterator[Any]:
    with Embedded() if embedded else ApachePair() as pair:
        yield pair


def bench(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {"batches": [], "singles": []}
    accepted = 0
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, servers(options.embedded) as pair:
        settings = Settings(
            broker=pair.broker, redis_url=pair.redis_url, partitions=options.partitions,
            log_level="warning", gateway_rate=10_000_000, gateway_rate_events=0,
            gateway_ids=0 if options.no_ids else 2_000_000,
        )  # type: ignore[call-arg]  # fmt: skip
        asyncio.run(ensure_topics(settings))
        token = make_token(settings, "bench")
        per_run = options.events + options.singles
        lines = iter([
            record.value
            for record in bench_events(per_run * options.runs, start=time.time() - 7_200, stretch_s=3_600)
        ])  # fmt: skip
        kind = {"Content-Type": "application/x-ndjson"} | (
            {"Content-Encoding": "gzip"} if options.gzip else {}
        )
        with GatewayProcess(settings.model_copy(update={"log_level": "info"}), Path(scratch)) as gateway:
            for _ in range(options.runs):
                sizes = [options.batch] * (options.events // options.batch)
                bodies = [b"\n".join(next(lines) for _ in range(size)) for size in sizes]
                bodies = [gzip.compress(body, 6) for body in bodies] if options.gzip else bodies
                run, count = drive(gateway, token, bodies, options.connections, kind)
                found["batches"].append(run.figures())
                accepted += count
                if options.singles:
                    bodies = [next(lines) for _ in range(options.singles)]
                    run, count = drive(gateway, token, bodies, options.single_connections,
                                       {"Content-Type": "application/json"})  # fmt: skip
                    found["singles"].append(run.figures())
                    accepted += count
        if not options.embedded:  # Tansu tells an end that lies within the last batch
            ends = asyncio.run(spans(settings, settings.topic(EVENTS)))
            stands = sum(span.end - span.start for span in ends.values())
            if stands != accepted:
                raise SystemExit(f"the topic holds {stands:,} records, {accepted:,} were accepted")
    return {
        "machine": machine(), "load_average": os.getloadavg(),
        "versions": versions() | {"kafka": "Tansu" if options.embedded else kafka_jars().name},
        "settings": vars(options), "accepted": accepted,
        "median": {
            name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in found.items() if runs
        },
        "runs": found,
    }  # fmt: skip


def show(results: dict[str, Any]) -> Table:
    options = results["settings"]
    table = Table(title=f"one gateway, medians of {options['runs']}, {results['accepted']:,} events accepted")
    table.add_column("")
    for name in results["median"]:
        table.add_column(
            f"batches of {options['batch']:,}" if name == "batches" else "single events", justify="right"
        )
    labels = {
        "events_per_s": "events/s", "gateway_cpu_us_per_event": "gateway CPU, µs an event",
        "answer_p50_ms": "answer, median, ms", "answer_p99_ms": "answer, 99th percentile, ms",
        "rss_max_mib": "gateway memory, most, MiB",
    }  # fmt: skip
    for key, label in labels.items():
        table.add_row(label, *(f"{figures[key]:,.1f}" for figures in results["median"].values()))
    return table


def main() -> None:
    options = arguments()
    results = bench(options)
    if options.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    else:
        Console().print(show(results))


if __name__ == "__main__":
    main()
