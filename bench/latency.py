"""`python -m bench latency`: event to state in Redis and to a visible reading, at 10, 50 and 80 % load.

First the rate of a full topic (or `--full-rate`), then shares of it at an even pace, each event stamped with
the wall time at which it was due. *State*: the fence has passed it. *Reading*: the provisional reading of its
partnership was refreshed after that. Sender, poller, Kafka, Redis and worker share the machine: `sender
behind` says when the machine itself was late.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import asdict
from typing import Any

from bench.installation import Place, bar, console, fill, servers, worker
from bench.job import SHOWN, latency
from bench.load import STRETCH_S, partnerships
from bench.measure import Throughput, Watcher, watch
from bench.report import Sheet
from processors.generator.bench import bench_events

LOADS = (10, 50, 80)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=400_000, help="of the full topic")
    parser.add_argument("--full-rate", type=float, help="events/s of one worker, rather than measured")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run at each load")
    parser.add_argument("--loads", default=",".join(map(str, LOADS)), help="percent, by commas")
    parser.add_argument("--partnerships", type=int, default=100)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the worker: fence_ms=100",
    )


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """Each load `--runs` times, alternating, on workers with a state of their own."""
    loads = [float(load) for load in options.loads.split(",")]
    found: dict[float, list[dict[str, Any]]] = {load: [] for load in loads}
    rates: list[dict[str, Any]] = []
    with servers() as place:
        for run in range(options.runs):
            full = _run(place, options, run, found)
            console.print(
                f"run {run + 1} of {options.runs}: full rate {full.events_per_s:,.0f} events/s, "
                f"{full.cpu_us_per_event:.1f} µs of CPU an event"
            )
            rates.append(asdict(full))
    heads = (
        "load",
        "events/s",
        *(f"{what} {name[:-2]}, s" for what in ("state", "reading") for name in SHOWN),
    )
    sheet = Sheet("latency, medians of the runs", (*heads, "sender behind, s"))
    told: dict[str, Any] = {}
    for load, runs in found.items():
        of = {
            what: {
                name: statistics.median(run[what].get(name, float("nan")) for run in runs) for name in SHOWN
            }
            for what in ("event_to_state", "event_to_reading")
        }
        told[f"{load:g}%"] = of
        rate = statistics.median(run["events_per_s"] for run in runs)
        figures = [f"{of[what][name]:.3f}" for what in of for name in SHOWN]
        behind = max(run["producer_behind_max_s"] for run in runs)
        sheet.rows.append((f"{load:g} %", f"{rate:,.0f}", *figures, f"{behind:.2f}"))
        sheet.bars += [(f"{load:g} %, reading {name[:-2]}", of["event_to_reading"][name]) for name in SHOWN]
    sheet.unit = "s from event to visible reading"
    runs = {f"{load:g}%": each for load, each in found.items()}
    return {"medians": told, "runs": runs, "full_rates": rates}, [sheet]


def _run(
    place: Place, options: argparse.Namespace, run: int, found: dict[float, list[dict[str, Any]]]
) -> Throughput:
    """One worker: its full rate, then all loads; returns what it was."""
    changes = dict(pair.split("=", 1) for pair in options.set)
    settings = place.settings(f"late{run}", partitions=options.partitions, prefix=f"late{run}.", **changes)
    stretch = options.events * STRETCH_S
    start = time.time() - stretch - 600
    partners = partnerships(options.partnerships)
    events = bench_events(options.events, start=start, stretch_s=stretch)
    fill(settings, partners, events, options.events)
    watcher = Watcher(settings)
    try:
        with worker(settings, place.directory) as child:
            with bar("full rate", options.events) as told:
                seen = watch(watcher, child.pid, [settings.http_port], options.events, told,
                             60 + options.events / 1_000)  # fmt: skip
            full = options.full_rate or seen.events_per_s
            for number, load in enumerate(found):
                one = latency(
                    settings, watcher, full * load / 100, options.seconds, options.partnerships,
                    round_=number,
                )  # fmt: skip
                found[load].append(one)
    finally:
        watcher.close()
    return seen
