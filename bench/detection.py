"""`python -m bench.detection`: detection judged on many generated worlds, in stretches if need be.

For each seed a world is generated (200 influencers, 120 days), judged as `rapport evaluate` does it, and
removed; its result stays in `--keep` as JSON. What is there already is not made again, so a run that was
stopped goes on where it was. With all results there the report is written. A seed takes some ten minutes
of a core, and in proportion for fewer `--influencers`; `--controls` takes four times that.

Seeds of `--dev` may have been looked at while limits were set; those of `--held-out` must not have been.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress

from processors.evaluation.judge import Result, document, judge
from processors.evaluation.report import markdown
from processors.generator import generate, load_scenario
from processors.generator.scenario import Hide

#: What evaluation.md calls the hidden variant: as little is known of actors as on real platforms.
HIDDEN = Hide(profiles=0.6, countries=0.65, languages=0.5)
#: Influencers of the default world.
WHOLE = 200
console = Console(stderr=True)


def seeds(text: str) -> list[int]:
    """`1-4,9` as [1, 2, 3, 4, 9]. Raises ValueError."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.detection", description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--dev", type=seeds, default="1-20", metavar="SEEDS", help="e.g. 1-20 (the default)")
    parser.add_argument("--held-out", type=seeds, default="201-220", metavar="SEEDS", help="default 201-220")
    parser.add_argument(
        "--influencers", type=int, default=WHOLE, metavar="N", help=f"of each world; default {WHOLE}"
    )
    parser.add_argument("--hidden", action="store_true", help="worlds in which little is known of actors")
    parser.add_argument("--controls", action="store_true", help="also shuffled, doubled and late")
    parser.add_argument("--keep", type=Path, default=Path("build/detection"), help="where results stay")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--partial", action="store_true", help="make nothing; report on what is there")
    parser.add_argument("--open-sets", type=Path, metavar="FILE", help="JSON of `python -m bench.open_sets`")
    parser.add_argument("--report", type=Path, metavar="FILE", help="Markdown; e.g. docs/evaluation.md")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the same as JSON")
    return parser.parse_args()


def place(options: argparse.Namespace, seed: int) -> Path:
    """Where a seed's result lies."""
    kind = "" if options.influencers == WHOLE else f"-of-{options.influencers}"
    kind += ("-hidden" if options.hidden else "") + ("-controls" if options.controls else "")
    return Path(options.keep) / f"seed-{seed}{kind}.json"


def work(seed: int, target: Path, influencers: int, hidden: bool, controls: bool) -> float:
    """Makes and judges one world; seconds of CPU that it took."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    scenario = load_scenario(None, seed=seed)
    if influencers != WHOLE and scenario.population is not None:
        part = replace(scenario.population, count=influencers)
        events = round(scenario.max_events * influencers / WHOLE)
        scenario = replace(scenario, population=part, max_events=events)
    if hidden:
        scenario = replace(scenario, hide=HIDDEN)
    room = Path(tempfile.mkdtemp(prefix="rapport-detection-"))
    try:
        world = room / target.stem.removesuffix("-controls")
        generate(scenario).write(world)
        result = judge(world, controls=controls)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    half = target.with_suffix(".part")
    half.write_bytes(msgspec.json.encode(result))
    half.replace(target)
    return time.process_time()


def make(options: argparse.Namespace, wanted: list[int]) -> None:
    """Makes what is missing; seeds of both kinds in turn, so that a stretch has some of each."""
    missing = [seed for seed in wanted if not place(options, seed).exists()]
    if not missing:
        return
    options.keep.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with (
        Progress(console=console) as bar,
        ProcessPoolExecutor(options.jobs, context, max_tasks_per_child=1) as pool,
    ):
        task = bar.add_task("worlds judged", total=len(wanted), completed=len(wanted) - len(missing))
        futures = {
            pool.submit(
                work, seed, place(options, seed), options.influencers, options.hidden, options.controls
            ): seed
            for seed in missing
        }
        try:
            for future in as_completed(futures):
                bar.console.print(f"seed {futures[future]}: {future.result():.0f} s of CPU")
                bar.advance(task)
        except BaseException:
            for process in list((getattr(pool, "_processes", None) or {}).values()):
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def read(options: argparse.Namespace, wanted: list[int]) -> list[Result]:
    """Results that are there, in the order of the seeds."""
    paths = [place(options, seed) for seed in wanted]
    return [msgspec.json.decode(path.read_bytes(), type=Result) for path in paths if path.exists()]


def command(options: argparse.Namespace, own: list[Result], held: list[Result]) -> str:
    """How to make this report again."""
    told = [f"{name} {','.join(result.name.split('-')[1] for result in results)}"
            for name, results in (("--dev", own), ("--held-out", held)) if results]  # fmt: skip
    flags = [f"--influencers {options.influencers}"] * (options.influencers != WHOLE)
    flags += ["--hidden"] * options.hidden + ["--controls"] * options.controls
    return " ".join(["python -m bench.detection", *told, *flags])


def main() -> int:
    options = arguments()
    pairs: list[int] = []
    for at in range(max(len(options.dev), len(options.held_out))):
        pairs += [*options.dev[at : at + 1], *options.held_out[at : at + 1]]
    try:
        if not options.partial:
            make(options, pairs)
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        return 130
    own, held = read(options, options.dev), read(options, options.held_out)
    if not own:
        console.print(f"no results in {options.keep}: run it without --partial first")
        return 1
    found, other = document(own), document(held) if held else None
    others: dict[str, Any] = json.loads(options.open_sets.read_text()) if options.open_sets else {}
    text = markdown(found, other, others, datetime.now(UTC).date(), command(options, own, held))
    if options.json:
        options.json.write_text(json.dumps({"dev": found, "held_out": other}, indent=1) + "\n")
    if options.report:
        options.report.write_text(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
