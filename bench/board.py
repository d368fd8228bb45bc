"""`python -m bench.board`: how long the board with 1,000 partnerships takes to open in Chromium, and whether
it stands still while readings change.

Every partnership has a reading with parts and a history of 90 days at its full resolution, in a redis-server
of this measurement's own; `rapport serve` is a process as people run it. Each opening is in a browser context
of its own, so nothing is cached. A time is from the start of the navigation (the browser's own clock) until
the frame with the rows was painted; the API's is that of `/api/v1/board`, as the browser saw it, to its last
byte. *CPU* is what the page's main thread took of a core, so it says the same on a busy machine.

- *first*: the process of the API has just started, and has parsed nothing;
- *again*: nothing has changed since it was asked last;
- *all new*: every reading was written anew just before.

Then it stays open while all readings change `--rounds` times. *Rows replaced* are elements of lines in view
that were taken out or put in; *shift* is the browser's cumulative layout shift (0: nothing moved).
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import msgspec
from playwright.sync_api import Browser, Page, sync_playwright
from rich.table import Table

from bench.measure import machine
from bench.report import print_found
from processors.readings import packed, unpacked
from processors.state.layout import PartitionKeys
from schemas.topics import EVENTS
from tests.board.world import Served, chromium, serving

#: When the first rows were painted: the task after the frame that holds them.
_SEEN = """
const look = () => document.querySelector('#lines .row')
  ? requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }))
  : requestAnimationFrame(look);
requestAnimationFrame(look);
"""
_TIMES = """() => {
  const told = performance.getEntriesByType('resource').find(one => one.name.endsWith('/api/v1/board'));
  return {
    painted_ms: window.painted, api_ms: told.responseEnd - told.startTime, api_bytes: told.encodedBodySize,
  };
}"""
_WATCH = """() => {
  window.shift = 0; window.replaced = 0; window.longest = 0;
  new PerformanceObserver(all => all.getEntries().forEach(one => window.shift += one.value))
    .observe({type: 'layout-shift'});
  new PerformanceObserver(all => all.getEntries().forEach(
    one => window.longest = Math.max(window.longest, one.duration))).observe({type: 'longtask'});
  new MutationObserver(all => all.forEach(
    one => window.replaced += one.addedNodes.length + one.removedNodes.length))
    .observe(document.getElementById('lines'), {childList: true});
}"""
_SETTLED_S = 6.5  # lines are asked for every five seconds


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.board", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--partnerships", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=5, help="openings of each kind")
    parser.add_argument("--rounds", type=int, default=3, help="changes of all readings while it is open")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def change_all(served: Served, chance: random.Random) -> None:
    """Every reading anew, with each signal moved by up to half a point."""
    keys = PartitionKeys(served.settings.namespace, served.settings.topic(EVENTS), 0)
    pipe = served.store.pipeline(transaction=False)
    for name, value in served.store.hgetall(keys.readings).items():
        reading = msgspec.json.decode(unpacked(value))
        for signal in reading["signals"].values():
            if signal.get("value") is not None:
                signal["value"] = min(100.0, max(0.0, signal["value"] + chance.uniform(-0.5, 0.5)))
        pipe.hset(keys.readings, name, packed(msgspec.json.encode(reading)))
    pipe.execute()


def opened(browser: Browser, served: Served) -> tuple[Page, dict[str, float]]:
    """A page in a context of its own, and what it took."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(_SEEN)
    inside = page.context.new_cdp_session(page)
    inside.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(served.address)
    while page.evaluate("window.painted") is None:  # the page's policy forbids wait_for_function a string
        page.wait_for_timeout(20)
    told = {one["name"]: one["value"] for one in inside.send("Performance.getMetrics")["metrics"]}
    return page, page.evaluate(_TIMES) | {"cpu_ms": 1_000 * told["ThreadTime"]}


def openings(browser: Browser, served: Served, runs: int, before: Callable[[], None]) -> dict[str, Any]:
    """Medians and worst of `runs`, each after `before`."""
    found = []
    for _ in range(runs):
        before()
        page, took = opened(browser, served)
        found.append(took)
        page.context.close()
    return {
        name: {"median": statistics.median(took[name] for took in found), "most": max(t[name] for t in found)}
        for name in found[0]
    }


def staying(browser: Browser, served: Served, rounds: int, chance: random.Random) -> dict[str, Any]:
    """What happens on an open page while everything changes."""
    page, _ = opened(browser, served)
    page.wait_for_selector(".feed .alert")
    page.wait_for_timeout(1_000)
    page.evaluate(_WATCH)
    shown = "[...document.querySelectorAll('#lines .signal')].map(one => one.innerHTML).join()"
    changed = 0
    for _ in range(rounds):
        before = page.evaluate(shown)
        change_all(served, chance)
        page.wait_for_timeout(_SETTLED_S * 1_000)
        changed += page.evaluate(shown) != before
    found = page.evaluate("[window.shift, window.replaced, window.longest]")
    page.context.close()
    return {
        "rounds": rounds,
        "seen": changed,
        **dict(zip(("shift", "replaced", "longest_ms"), found, strict=True)),
    }


def bench(options: argparse.Namespace) -> dict[str, Any]:
    chance = random.Random(1)
    with serving(options.partnerships) as served, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])

        def anew() -> None:
            served.child.stop()
            served.begin()

        def changed() -> None:
            change_all(served, chance)
            time.sleep(1.2)  # what the process keeps of readings is older than that

        opened(browser, served)[0].context.close()  # the browser itself has read its own files
        loads = os.getloadavg()
        kinds = {"first": anew, "again": lambda: None, "all new": changed}
        found = {name: openings(browser, served, options.runs, before) for name, before in kinds.items()}
        stays = staying(browser, served, options.rounds, chance)
        browser.close()
    return {
        "machine": machine(), "load_average": loads, "partnerships": options.partnerships,
        "runs": options.runs,
        "opening": found, "staying": stays,
    }  # fmt: skip


def show(found: dict[str, Any]) -> Table:
    stays = found["staying"]
    table = Table(
        title=f"{found['partnerships']:,} partnerships, medians of {found['runs']} (most); "
        f"load average {found['load_average'][0]:.1f}",
        caption=f"{stays['seen']} of {stays['rounds']} changes of everything seen: "
        f"{stays['replaced']:.0f} rows replaced, shift {stays['shift']:.3f}, "
        f"longest task {stays['longest_ms']:.0f} ms",
    )
    for name in ("", "rows painted, ms", "API, ms", "page's CPU, ms", "API, KB"):
        table.add_column(name, justify="left" if not name else "right")
    for name, one in found["opening"].items():
        times = [
            f"{one[at]['median']:.0f} ({one[at]['most']:.0f})" for at in ("painted_ms", "api_ms", "cpu_ms")
        ]
        table.add_row(name, *times, f"{one['api_bytes']['median'] / 1_000:.0f}")
    return table


def main() -> None:
    options = arguments()
    print_found(bench(options), show, as_json=options.json)


if __name__ == "__main__":
    main()
