"""`python -m tests.faults`: break things for real, and compare exact totals with an undisturbed run."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from tests.faults.report import Result, summary, write
from tests.faults.run import chosen, run_all, without_our_variables
from tests.faults.scene import SCENARIOS, House, Scenario
from tests.servers import REPO, ApacheKafka, ServerMissingError

_SOAK_KILLS = 4.0
_ARTIFACTS = REPO / "tests" / "artifacts"
_EXAMPLES = """\
examples:
  python -m tests.faults                          every scenario but the long ones (make faults)
  python -m tests.faults --seed 7 kill-commit     one again, with the same schedule
  python -m tests.faults --size 4 kill-random     four times the kills and the load
  python -m tests.faults --cluster                the core again, on a Redis Cluster of three nodes
  python -m tests.faults --soak                   over 200 kills, and the long ones (make soak)
  python -m tests.faults --size 0.1 soak          six minutes instead of an hour
  python -m tests.faults --list                   what there is

What a scenario that failed left behind (logs of workers and servers, Redis' data, the failure) stays under
tests/artifacts/, beside report.md and report.json.
"""


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="which to run (default: all but long)"
    )
    parser.add_argument("--seed", type=int, help="the schedule's seed (default: a new one, which is told)")
    parser.add_argument("--size", type=float, default=1.0, help="multiplies kills and load (default: 1)")
    parser.add_argument(
        "--keep", action="store_true", help="keep what scenarios that passed left behind, too"
    )
    told = f"kills at {_SOAK_KILLS:g} times their size, then the long scenarios"
    parser.add_argument(
        "--cluster", action="store_true", help="the store is a Redis Cluster (default then: the core)"
    )
    parser.add_argument("--soak", action="store_true", help=told)
    parser.add_argument("--list", action="store_true", help="list the scenarios and end")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.scenarios if name not in SCENARIOS]:
        parser.error(f"no scenario is named {', '.join(unknown)}; --list tells what there is")
    if options.soak and (options.scenarios or options.cluster):
        parser.error("--soak says itself which scenarios, and where: leave names and --cluster out")
    if options.cluster and (other := [name for name in options.scenarios if not SCENARIOS[name].core]):
        parser.error(f"{', '.join(other)}: brings its own store, or none; --list marks the core")
    if not 0 < options.size <= 1_000:
        parser.error(f"--size {options.size:g}: must be above 0, and at most 1000")
    return options


def _parts(options: argparse.Namespace) -> list[tuple[list[Scenario], float]]:
    """Which scenarios, at which size."""
    if not options.soak:
        return [(chosen(options.scenarios, cluster=options.cluster), options.size)]
    kills = [one for one in SCENARIOS.values() if one.name.startswith("kill-")]
    long = [one for one in SCENARIOS.values() if one.long]
    return [(kills, _SOAK_KILLS * options.size), (long, options.size)]


def _say(line: str) -> None:
    print(line, flush=True)


def main(arguments: list[str]) -> int:
    """0 when nothing failed, 1 when something did, 2 when this machine cannot run any of it."""
    options = _options(arguments)
    if options.list:
        for one in SCENARIOS.values():
            marks = ", ".join(
                mark
                for mark, holds in (
                    ("core", one.core), ("in CI", one.quick), ("long: only by name", one.long)
                )
                if holds
            )  # fmt: skip
            print(f"{one.name:20} {one.breaks}" + (f" ({marks})" if marks else ""))
        return 0
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    directory = _ARTIFACTS / f"{time.strftime('%Y%m%d-%H%M%S')}-{seed}"
    directory.mkdir(parents=True)
    without_our_variables(directory)
    _say(f"seed {seed}; everything goes to {directory.relative_to(REPO)}")
    results: list[Result] = []
    interrupted = False
    try:
        with ApacheKafka(directory / "kafka", heap_mb=768) as kafka:
            house = House(directory, kafka.address, _say)
            for todo, size in _parts(options):
                for result in run_all(
                    todo, seed, house, size=size, keep=options.keep, cluster=options.cluster
                ):
                    results.append(result)
    except ServerMissingError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        interrupted = True
        _say("interrupted: what is done so far is told")
    report = write(directory, results, seed, cluster=options.cluster)
    _say(f"{summary(results, seed, cluster=options.cluster)}\nreport: {report.relative_to(REPO)}")
    return int(interrupted or any(result.state == "failed" for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
