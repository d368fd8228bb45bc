"""`python -m bench startup`: seconds from starting `rapport worker` to its first event behind the fence.

On Apache Kafka, a topic with events in every partition. *new*: nothing in Redis yet. *again*: started after a
clean stop, with the state of all influencers to be read. Beside it the CPU that the worker took until then,
and the time until it has claimed its first partition: importing, Redis, the book and joining the group.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import psutil

from bench.installation import Place, fill, servers, worker
from bench.load import fresh, partnerships
from bench.measure import Watcher
from bench.report import Sheet, said, spread
from processors.generator.bench import bench_events
from streams.settings import Settings

_DEADLINE_S = 60.0
_LOOK_S = 0.005
_FEW = 8_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--partnerships", type=int, default=100)


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """All runs; every one on an installation of its own."""
    found: dict[str, list[dict[str, float]]] = {"new": [], "again": []}
    with servers() as place:
        for run in range(options.runs):
            settings = place.settings(f"start{run}", partitions=options.partitions, prefix=f"start{run}.")
            now = time.time()
            events = bench_events(_FEW, start=now - 300, stretch_s=240)
            fill(settings, partnerships(options.partnerships), events, _FEW)
            found["new"].append(_once(place, settings, _FEW))
            fill(settings, [], fresh(_FEW, now - 60, 50), _FEW)
            found["again"].append(_once(place, settings, 2 * _FEW))
    sheet = Sheet("start-up of a worker", ("", "first event, s", "first claim, s", "CPU until then, s"))
    medians: dict[str, Any] = {}
    for name, runs in found.items():
        of = {key: spread(run[key] for run in runs) for key in runs[0]}
        medians[name] = of
        sheet.rows.append((name, *(said(of[key], ".2f") for key in ("first_event_s", "claim_s", "cpu_s"))))
        sheet.bars.append((name, of["first_event_s"]["median"]))
    sheet.unit = "s to the first event"
    return {"medians": medians, "runs": found}, [sheet]


def _once(place: Place, settings: Settings, total: int) -> dict[str, float]:
    """Start, wait for the first event, then for all, and stop."""
    watcher = Watcher(settings)
    before, epochs = watcher.read(), _epochs(watcher)
    claimed = 0.0
    try:
        began = time.monotonic()
        with worker(settings, place.directory) as child:
            end = began + _DEADLINE_S
            while watcher.read() == before:
                if not claimed and _epochs(watcher) > epochs:
                    claimed = time.monotonic() - began
                if not child.running or time.monotonic() > end:
                    raise TimeoutError(f"no event within {_DEADLINE_S:.0f} s:\n{child.logged()[-2_000:]}")
                time.sleep(_LOOK_S)
            first = time.monotonic() - began
            used = psutil.Process(child.pid).cpu_times()
            while watcher.read() < total and time.monotonic() < end:
                time.sleep(0.05)
        return {"first_event_s": first, "claim_s": claimed or first, "cpu_s": used.user + used.system}
    finally:
        watcher.close()


def _epochs(watcher: Watcher) -> int:
    return sum(int(row[0] or 0) for row in watcher.fences("epoch"))
