"""`python -m bench.costs DIR [--json FILE]`: what each ledger, signal and detector costs, and what they keep.

DIR is what `rapport generate` writes. Its events go through the live path in this process, as `rapport
evaluate` drives it. Per ledger: microseconds an event of the whole stream. Per signal and detector:
microseconds a look, and looks an event. Bytes: what lies in the store for an influencer at the end, by tier
and by field. Times are wall times of a busy interpreter (the timer itself takes .1 us a call): good for
shares, not for fame.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import msgspec

from processors import boundary
from processors.evaluation import drive as driving
from processors.evaluation.feed import Feed
from processors.evaluation.inputs import load
from processors.ledgers import LEDGERS
from processors.signals import SIGNALS

Spent = Counter[str]


def timed(name: str, spent: Spent, calls: Spent, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, its time added up under a name."""

    @wraps(call)
    def run(*args: Any) -> Any:
        begin = perf_counter_ns()
        try:
            return call(*args)
        finally:
            spent[name] += perf_counter_ns() - begin
            calls[name] += 1

    return run


def sizes(driver: Any) -> dict[str, dict[str, list[int]]]:
    """tier -> field group -> bytes per influencer, names included."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for name, tier in driver.run_.tiers.items():
        groups: Counter[str] = Counter()
        for field, value in driver.store.hashes.get(driver.keys.influencer(name), {}).items():
            parts = field.decode().split(":")
            groups[":".join(parts[:2]) if parts[0] == "l" else parts[0]] += len(field) + len(value)
        groups["comments"] = len(driver.store.strings.get(driver.keys.comments(name), b""))
        groups["all"] = sum(groups.values())
        for group, size in groups.items():
            found[tier][group].append(size)
    return found


def measure(directory: Path) -> dict[str, Any]:
    """All figures of one directory."""
    spent: dict[str, Spent] = {"ledger": Counter(), "signal": Counter(), "detector": Counter()}
    calls: dict[str, Spent] = {kind: Counter() for kind in spent}
    for ledger in LEDGERS:
        ledger.act = timed(ledger.name, spent["ledger"], calls["ledger"], ledger.act)  # type: ignore[method-assign]
    for name, signal in list(SIGNALS.items()):
        SIGNALS[name] = timed(name, spent["signal"], calls["signal"], signal)
    boundary.DETECTORS = tuple(
        msgspec.structs.replace(each, judge=timed(
            each.subject or f"{each.signal} {each.rule}", spent["detector"], calls["detector"], each.judge
        ))
        for each in boundary.DETECTORS
    )  # fmt: skip
    driver = driving._Driver(load(directory), Feed(directory / "events.ndjson"))
    begin = perf_counter_ns()
    run = driver.run(None)
    events = run.totals["read"]
    return {
        "events": events,
        "influencers": len(run.tiers),
        "us_per_event_in_all": (perf_counter_ns() - begin) / events / 1e3,
        "us_per_event": {name: ns / events / 1e3 for name, ns in spent["ledger"].most_common()},
        "us_per_look": {
            kind: {name: ns / calls[kind][name] / 1e3 for name, ns in spent[kind].most_common()}
            for kind in ("signal", "detector")
        },
        "looks_per_event": {
            kind: {name: n / events for name, n in calls[kind].items()} for kind in ("signal", "detector")
        },
        "bytes": {
            tier: {group: {"median": median(each), "most": max(each)} for group, each in groups.items()}
            for tier, groups in sizes(driver).items()
        },
    }


def main() -> None:
    """Print the figures, or write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description="What each signal costs.")
    parser.add_argument("directory", type=Path, help="what `rapport generate` wrote")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    text = json.dumps(measure(options.directory), indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
