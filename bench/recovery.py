"""`python -m bench recovery`: seconds from `kill -9` of a worker until it has caught up, under load.

Events come at an even pace; in the midst of it the worker is killed and started again at once, as a
supervisor would. *Back*: its first fence moved again. *Caught up*: all that had been sent by then is behind
the fence. Alone, and as one of two under `rapport worker --processes 2` (its parent starts it again, the
other goes on). At the end every event must have been counted once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import threading
import time
from typing import Any

import psutil

from bench.installation import Place, fill, servers, worker
from bench.load import fresh, partnerships, send_paced
from bench.measure import Watcher
from bench.report import Sheet, said, spread
from processors.generator.bench import bench_events
from streams.children import Child
from streams.settings import Settings

_LOOK_S = 0.01
_DEADLINE_S = 120.0
_FEW = 20_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=float, default=5_000.0, help="events/s")
    parser.add_argument("--seconds", type=float, default=30.0, help="that events come for")
    parser.add_argument("--partnerships", type=int, default=100)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="a setting of the worker: session_timeout_s=6",
    )  # fmt: skip


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], list[Sheet]]:
    """Both arrangements in turn."""
    found: dict[str, list[dict[str, float]]] = {"one worker": [], "one of two": []}
    with servers() as place:
        for run in range(options.runs):
            for name, processes in (("one worker", 1), ("one of two", 2)):
                key = f"rec{run}p{processes}"
                settings = place.settings(
                    key, partitions=options.partitions, prefix=f"{key}.",
                    **dict(pair.split("=", 1) for pair in options.set),
                )  # fmt: skip
                found[name].append(_once(place, settings, options, processes))
    sheet = Sheet(
        f"recovery from kill -9 at {options.rate:,.0f} events/s",
        ("", "back, s", "caught up, s", "behind, events"),
        unit="s until caught up",
    )  # fmt: skip
    medians = {}
    for name, runs in found.items():
        of = medians[name] = {key: spread(run[key] for run in runs) for key in runs[0]}
        sheet.rows.append((
            name, said(of["back_s"], ".2f"), said(of["caught_up_s"], ".2f"), said(of["behind_most"])
        ))  # fmt: skip
        sheet.bars.append((name, of["caught_up_s"]["median"]))
    return {"medians": medians, "runs": found}, [sheet]


class _Sender(threading.Thread):
    """Events at an even pace, in a thread: what measures must not wait for it."""

    def __init__(self, settings: Settings, rate: float, seconds: float) -> None:
        super().__init__(daemon=True)
        self._settings, self._seconds = settings, seconds
        self.count = int(rate * seconds)
        self.begins = time.time() + 3.0 + self.count / 50_000
        self._records = fresh(self.count, self.begins, seconds)

    def run(self) -> None:
        asyncio.run(send_paced(self._settings, self._records))

    def due(self, now: float) -> int:
        """How many should have been sent by then."""
        return max(0, min(self.count, int(self.count * (now - self.begins) / self._seconds)))


def _once(place: Place, settings: Settings, options: argparse.Namespace, processes: int) -> dict[str, float]:
    fill(settings, partnerships(options.partnerships),
         bench_events(_FEW, start=time.time() - 4_200, stretch_s=3_600), _FEW)  # fmt: skip
    watcher = Watcher(settings)
    try:
        with worker(settings, place.directory, processes=processes) as child:
            _wait(lambda: watcher.read() >= _FEW, child)
            sender = _Sender(settings, options.rate, options.seconds)
            sender.start()
            _wait(lambda: time.time() >= sender.begins + options.seconds / 4, child)
            return _after_kill(place, settings, watcher, sender, child, processes)
    finally:
        watcher.close()


def _after_kill(
    place: Place, settings: Settings, watcher: Watcher, sender: _Sender, child: Child, processes: int
) -> dict[str, float]:
    """Kill, and (for one worker) start another; then look until all is behind the fence."""
    victim = child.pid if processes == 1 else psutil.Process(child.pid).children()[0].pid
    claims = [int(row[0] or 0) for row in watcher.fences("epoch")]
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    if processes > 1:
        return _look(watcher, sender, child, killed, claims)
    with worker(settings, place.directory) as another:
        return _look(watcher, sender, another, killed, claims)


def _look(
    watcher: Watcher, sender: _Sender, child: Child, killed: float, claims: list[int]
) -> dict[str, float]:
    back = caught_up = 0.0
    behind = 0
    counted = watcher.read()
    while True:
        time.sleep(_LOOK_S)
        if not child.running or time.monotonic() > killed + _DEADLINE_S:
            raise TimeoutError(f"{watcher.read()} of {_FEW + sender.count}:\n{child.logged()[-2_000:]}")
        now, read = time.monotonic() - killed, watcher.read()
        lag = _FEW + sender.due(time.time() - 0.5) - read
        claimed = [int(row[0] or 0) for row in watcher.fences("epoch")]
        if not caught_up:
            behind = max(behind, lag)
        if not back and all(map(int.__gt__, claimed, claims)) and read > counted:
            back = now
        if back and not caught_up and lag <= 0:
            caught_up = now
        if caught_up and read >= _FEW + sender.count:
            break
    sender.join()
    outcome = watcher.counted()
    assert outcome["read"] == outcome["counted"] == _FEW + sender.count, outcome
    return {"back_s": back, "caught_up_s": caught_up, "behind_most": float(behind)}


def _wait(holds: Any, child: Child) -> None:
    end = time.monotonic() + _DEADLINE_S
    while not holds():
        if not child.running or time.monotonic() > end:
            raise TimeoutError(f"not within {_DEADLINE_S:.0f} s:\n{child.logged()[-2_000:]}")
        time.sleep(_LOOK_S)
