"""`python -m bench.check`: is each stage of the core as cheap as docs/performance.md says? (make bench-check)

Nothing is compared with a time: machines differ, and so does one machine from hour to hour. In one process,
turn about, the stages work on the same records as a yardstick (json.loads of each record and a count in a
dict), and what is checked is the median ratio of their CPU times. The table in the document has each stage's
ratio, and the most that it may be. `--write` measures and writes that table anew, with `--headroom` on top.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.core import Rec, made, once
from bench.load import STRETCH_S
from schemas import topics
from streams.cloudevents import ce_headers
from streams.outputs import BatchSender, Out
from tests.servers import REPO

DOCUMENT = REPO / "docs" / "performance.md"
BEGIN, END = "<!-- budget: made by `python -m bench.check --write` -->", "<!-- end of the budget -->"
_ROW = re.compile(r"^\| ([a-z ]+?) \| [^|]+ \| ([\d.]+) \| ([\d.]+) \| [\d.]+ \|$", re.MULTILINE)
STAGES = {
    "decode": "bytes to checked events",
    "fold and evaluate": "duplicates, panes, ledgers; signals and detection at boundaries",
    "provisional": "readings between boundaries",
    "write": "what goes to Redis, encoded",
    "arguments": "the call to Redis, put together",
    "produce": "enriched events with their headers, in batches for Kafka",
    "all": "the core as a whole",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """Of one stage, in yardsticks: as it was measured, and the most it may be."""

    ratio: float
    most: float


class _NoBroker:
    """In place of aiokafka's producer: real batches, taken at once. (Kafka's own CPU is not ours.)"""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(1_000_000, 0, is_transactional=False)

    async def send_batch(self, _batch: BatchBuilder, _topic: str, partition: int) -> asyncio.Future[int]:
        taken: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        taken.set_result(partition)
        return taken


def _produce(rows: list[Any]) -> None:
    """As a lane does it."""
    common = ce_headers(topics.ENRICHED, b"rapport/bench/worker")
    records: list[Out] = [
        (key, value, stamp, [*common, ("ce_id", b"%b%d" % (b"engagement.events.v1-0-", offset))])
        for key, value, stamp, offset in rows
    ]
    asyncio.run(BatchSender(_NoBroker()).send(topics.ENRICHED, 0, records))  # type: ignore[arg-type]


def yardstick(by_partition: list[list[Rec]]) -> float:
    """CPU seconds of json.loads and a count, over all records."""
    counts: Counter[tuple[str, str]] = Counter()
    begun = time.process_time()
    for rows in by_partition:
        for row in rows:
            event = json.loads(row.value or b"{}")
            counts[event["influencer_id"], event["kind"]] += 1
    return time.process_time() - begun


def measured(options: argparse.Namespace) -> tuple[dict[str, float], float]:
    """(ratio by stage, µs an event of the yardstick), medians of the runs. Each run is held against the
    yardstick just before and just after it: what else the machine does slows both."""
    records = made(options.events, options.events * STRETCH_S)
    gc.freeze()
    ratios: dict[str, list[float]] = {}
    sticks = [yardstick(records)]
    for _ in track(range(options.runs), "measuring", console=Console(stderr=True)):
        spent, _ = once(records, options, _produce)
        del spent["readings"], spent["load"]
        spent["all"] = sum(spent.values())  # type: ignore[assignment]
        sticks.append(yardstick(records))
        for stage, seconds in spent.items():
            ratios.setdefault(stage, []).append(seconds / mean(sticks[-2:]))
    return {stage: median(each) for stage, each in ratios.items()}, median(sticks) / options.events * 1e6


def budgets(text: str) -> dict[str, Budget]:
    """Those of the document. Raises ValueError when it has none."""
    _, found, rest = text.partition(BEGIN)
    table, closed, _ = rest.partition(END)
    rows = {stage: Budget(float(ratio), float(most)) for stage, ratio, most in _ROW.findall(table)}
    if not found or not closed or not rows:
        raise ValueError(f"no budget table between {BEGIN} and {END}")
    return rows


def beyond(ratios: dict[str, float], allowed: dict[str, Budget]) -> list[str]:
    """One line for each stage that is dearer than it may be, has no budget, or was not measured."""
    lines = [f"{stage} has a budget and was not measured" for stage in allowed if stage not in ratios]
    for stage, ratio in ratios.items():
        budget = allowed.get(stage)
        if budget is None:
            lines.append(f"{stage} takes {ratio:.2f} yardsticks and has no budget: --write gives it one")
        elif ratio > budget.most:
            lines.append(
                f"{stage} takes {ratio:.2f} yardsticks; {budget.most:.2f} are allowed, and it took "
                f"{budget.ratio:.2f} when the table was made"
            )
    return lines


def document(text: str, ratios: dict[str, float], base_us: float, headroom: float) -> str:
    """The text with its table made anew."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    rows = [
        f"| {stage} | {what} | {ratios[stage]:.2f} | {ratios[stage] * (1 + headroom) + 0.02:.2f} "
        f"| {ratios[stage] * base_us:.2f} |"
        for stage, what in STAGES.items()
    ]
    table = [
        "| stage | what | yardsticks | at most | µs an event |",
        "| --- | --- | ---: | ---: | ---: |",
        *rows,
    ]
    return "\n".join([f"{head}{BEGIN}", *table, f"{END}{tail}"])


def show(ratios: dict[str, float], base_us: float, allowed: dict[str, Budget]) -> Table:
    """For people."""
    table = Table(title=f"the yardstick takes {base_us:.2f} µs an event")
    for name in ("stage", "yardsticks", "in the table", "at most", "µs an event"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for stage, ratio in ratios.items():
        budget = allowed.get(stage, Budget(0.0, 0.0))
        style = "red" if stage not in allowed or ratio > budget.most else ""
        table.add_row(
            stage,
            f"{ratio:.2f}",
            f"{budget.ratio:.2f}",
            f"{budget.most:.2f}",
            f"{ratio * base_us:.2f}",
            style=style,
        )
    return table


def main(arguments: list[str]) -> int:
    """Exit code 1 when a stage is beyond its budget."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__, formatter_class=raw)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--partnerships", type=int, default=100)
    parser.add_argument("--fence", type=int, default=5_000, help="records between writes")
    parser.add_argument("--slice", type=int, default=1_500)
    parser.add_argument("--write", action="store_true", help=f"write the table in {DOCUMENT.name} anew")
    parser.add_argument(
        "--headroom", type=float, default=0.25, help="with --write: allowed on top of the ratio"
    )
    options = parser.parse_args(arguments)
    text = DOCUMENT.read_text(encoding="utf-8")
    ratios, base_us = measured(options)
    if options.write:
        DOCUMENT.write_text(text := document(text, ratios, base_us, options.headroom), encoding="utf-8")
    allowed = budgets(text)
    Console().print(show(ratios, base_us, allowed))
    faults = beyond(ratios, allowed)
    for line in faults:
        print(f"bench-check: {line}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
