"""`python -m tests.fuzz`: a million bent inputs to everything that reads what comes from outside.

Each input is made from seed, target and number alone, so a finding can be made again. Stops at the first
finding of a target, keeps the input beside, goes on with the others, and ends with 1.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import Files, Target, all_targets, rng_of
from tests.servers import REPO

#: An input that takes longer hangs, seconds.
HANGS_S = 5
_KEPT = REPO / "tests" / "artifacts" / "fuzz"


class HangError(Exception):
    """An input took too long."""


def _hang(*_: object) -> None:
    raise HangError(f"not done within {HANGS_S} s")


def fuzz(
    target: Target, count: int, seed: int, *, first: int = 0, say: bool = True
) -> tuple[Counter[str], str]:
    """So many inputs to one target: what became of them, and the first finding's story ("": none)."""
    found: Counter[str] = Counter()
    begun = told = time.monotonic()
    for number in range(first, first + count):
        rng = rng_of(seed, target.name, number)
        data = mutated(rng.choice(target.seeds), target.seeds, rng)
        signal.setitimer(signal.ITIMER_REAL, HANGS_S)
        try:
            found[target.run(data)] += 1
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            signal.setitimer(signal.ITIMER_REAL, 0)
            story = traceback.format_exc()
            _KEPT.mkdir(parents=True, exist_ok=True)
            kept = _KEPT / f"{target.name}-{seed}-{number}"
            kept.write_bytes(data)
            return found, f"{target.name}: input {number} of seed {seed}, kept in {kept}\n{story}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if say and time.monotonic() - told > 10:
            told = time.monotonic()
            rate = (number - first + 1) / (told - begun)
            print(f"{target.name}: {number - first + 1:,} of {count:,}, {rate:,.0f}/s", file=sys.stderr)
    return found, ""


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--inputs", type=int, default=1_000_000, help="in all, over the targets (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed, the same inputs")
    parser.add_argument("--only", help="this target")
    parser.add_argument("--input", type=Path, help="one kept file to the target that --only names")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGALRM, _hang)
    warnings.simplefilter("error")
    files = Files()
    try:
        targets = [t for t in all_targets(files) if options.only in (None, t.name)]
        if not targets:
            parser.error(f"there is no target {options.only!r}")
        if options.input:
            print(targets[0].run(options.input.read_bytes()))
            return 0
        return _all(targets, options.inputs, options.seed)
    finally:
        files.close()


def _all(targets: list[Target], inputs: int, seed: int) -> int:
    shares = sum(target.share for target in targets)
    stories, total, begun = [], 0, time.monotonic()
    print(f"seed {seed}")
    gc.freeze()
    for target in targets:
        started = time.monotonic()
        found, story = fuzz(target, inputs * target.share // shares, seed)
        total += found.total()
        took = time.monotonic() - started
        outcome = ", ".join(f"{name} {count:,}" for name, count in found.most_common())
        print(
            f"{target.name:12} {found.total():>9,} inputs {found.total() / took:>8,.0f}/s  {outcome}",
            flush=True,
        )
        if story:
            stories.append(story)
            print(story, flush=True)
    took = time.monotonic() - begun
    print(f"{total:,} inputs in {took:,.0f} s, {len(stories)} findings (seed {seed})")
    return 1 if stories else 0


if __name__ == "__main__":
    sys.exit(main())
