"""`python -m bench.api`: how fast the HTTP API answers, at rest and while a worker folds, on Apache Kafka and
Redis, with 1,000 partnerships. Everything shares the machine's cores.

One client on loopback asks the routes in turn, at an even pace, over one connection kept open; each time for
another partnership, and never with an ETag. A time is from sending the request until the last byte of its
answer. The load is a producer of its own, at `--rate` events/s of the mix of `python -m bench`; how many the
worker folded meanwhile is told beside.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.installation import fill, servers, worker
from bench.load import fresh, partnerships, send_paced
from bench.measure import Watcher, machine, versions
from bench.report import print_found
from processors.generator.bench import bench_events
from streams.children import Child, free_port
from streams.commands.acting import people_of
from streams.people import Who
from streams.serve.tokens import Tokens
from streams.settings import Settings
from tests.workers import environment

console = Console(stderr=True)
#: Route by name; {} is a partnership.
ROUTES = {
    "one partnership": "/api/v1/partnerships/{}",
    "its reading": "/api/v1/partnerships/{}/reading",
    "its history, one signal": "/api/v1/partnerships/{}/history?signal=health",
    "its history, all signals": "/api/v1/partnerships/{}/history",
    "its insights": "/api/v1/partnerships/{}/insights",
    "100 partnerships": "/api/v1/partnerships?limit=100",
    "alerts": "/api/v1/alerts",
    "board, all partnerships": "/api/v1/board",
    "health": "/api/v1/health",
}
#: What must be answered within 10 ms is asked as often as all others together: a 99th percentile needs many.
ORDER = [name for other in list(ROUTES)[1:] for name in ("one partnership", other)]
WATCHED_S = 120.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.api", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--partnerships", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=100_000, help="folded before anything is measured")
    parser.add_argument("--rate", type=int, default=8_000, help="events/s of the load")
    parser.add_argument("--pace", type=float, default=50.0, help="requests/s")
    parser.add_argument("--seconds", type=float, default=40.0, help="of each of the two measurements")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


@contextmanager
def serving(settings: Settings, directory: Path) -> Iterator[Child]:
    """`rapport serve` as a process of its own, stopped by its id."""
    command = [sys.executable, "-m", "streams.cli", "serve"]
    child = Child("serve", command, directory / "serve.log", env=environment(settings))
    try:
        child.wait_until(lambda: answers(settings.serve_port), 60, says="")
        yield child
    finally:
        child.stop(10.0)


def answers(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/api/v1/health")
        return bool(json.loads(link.getresponse().read())["book"] == "ok")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


async def token_of(settings: Settings) -> str:
    async with people_of(settings) as people:
        scopes = ("partnerships:read", "alerts:read")
        return (await Tokens(people.store).create("bench", scopes, Who("bench")))[0]


def ask(settings: Settings, token: str, names: list[str], pace: float, seconds: float) -> dict[str, Any]:
    """Times of each route, s."""
    rng, found = Random(1), {name: [] for name in ROUTES}  # type: dict[str, list[float]]
    sizes: dict[str, int] = {}
    head = {"Authorization": f"Bearer {token}"}
    link = http.client.HTTPConnection("127.0.0.1", settings.serve_port, timeout=30)
    began, number = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        for name in ORDER:
            path = ROUTES[name]
            time.sleep(max(0.0, began + number / pace - time.monotonic()))
            number += 1
            sent = time.perf_counter()
            link.request("GET", path.replace("{}", rng.choice(names)), headers=head)
            answer = link.getresponse()
            body = answer.read()
            found[name].append(time.perf_counter() - sent)
            sizes[name] = len(body)
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
    link.close()
    return {
        name: {
            "requests": len(times), "bytes": sizes[name],
            **{f"p{q}_ms": round(1_000 * sorted(times)[len(times) * q // 100], 2) for q in (50, 90, 99)},
            "max_ms": round(1_000 * max(times), 2),
        }
        for name, times in found.items()
    }  # fmt: skip


def feed(settings: Settings, rate: int, seconds: float) -> None:
    """The load, in a process of its own; nicely, since who produces is elsewhere in earnest."""
    os.nice(5)
    start = time.time() + 1.0
    records = fresh(int(rate * seconds), start, seconds)
    late = time.time() - start
    moved = [record._replace(at=record.at + late + 1.0) for record in records]
    asyncio.run(send_paced(settings, moved))


def until_folded(watcher: Watcher, events: int) -> None:
    end = time.monotonic() + WATCHED_S
    while watcher.read() < events:
        if time.monotonic() > end:
            raise TimeoutError(f"{watcher.read()} of {events} events")
        time.sleep(0.1)


def bench(options: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        place = stack.enter_context(servers())
        settings = place.settings(
            "benchapi", partitions=options.partitions, serve_port=free_port(), serve_rate=1_000_000
        )
        partners = partnerships(options.partnerships)
        events = bench_events(options.events, start=time.time() - 3_700, stretch_s=3_600)
        fill(settings, partners, events, options.events)
        watcher = Watcher(settings)
        stack.callback(watcher.close)
        stack.enter_context(worker(settings, place.directory))
        until_folded(watcher, options.events)
        token = asyncio.run(token_of(settings))
        stack.enter_context(serving(settings, place.directory))
        names = [one.partnership_id for one in partners]
        ask(settings, token, names, options.pace, 3.0)  # all is imported, all caches are filled
        rest = ask(settings, token, names, options.pace, options.seconds)
        feeder = multiprocessing.get_context("spawn").Process(
            target=feed, args=(settings, options.rate, options.seconds + 10)
        )
        feeder.start()
        before = watcher.read()
        while watcher.read() == before:
            time.sleep(0.2)
        time.sleep(3.0)
        before, began = watcher.read(), time.monotonic()
        load = ask(settings, token, names, options.pace, options.seconds)
        folded = (watcher.read() - before) / (time.monotonic() - began)
        feeder.join(60)
        if feeder.is_alive():
            feeder.terminate()
        readings = len(watcher._redis.hgetall(watcher.keys[0].readings))
    return {
        "machine": machine(), "versions": versions(), "load_average": os.getloadavg(),
        "settings": {name: str(value) for name, value in vars(options).items()},
        "readings_on_the_first_partition": readings, "at_rest": rest, "under_load": load,
        "folded_events_per_s": round(folded),
    }  # fmt: skip


def show(found: dict[str, Any]) -> Table:
    table = Table(
        title=f"milliseconds, {found['settings']['partnerships']} partnerships; "
        f"under load the worker folds {found['folded_events_per_s']:,} events/s"
    )
    for name in ("", "KB", "p50", "p99", "max", "p50 under load", "p99", "max"):
        table.add_column(name, justify="left" if not name else "right")
    for name, rest in found["at_rest"].items():
        load = found["under_load"][name]
        times = [one[at] for one in (rest, load) for at in ("p50_ms", "p99_ms", "max_ms")]
        table.add_row(name, f"{rest['bytes'] / 1_000:.1f}", *(f"{value:.1f}" for value in times))
    return table


def main() -> None:
    options = arguments()
    print_found(bench(options), show, as_json=options.json)


if __name__ == "__main__":
    main()
