"""`python -m tests [pytest's arguments]`: every test, three processes at a time where that saves time.

What waits for servers and processes most of the time is done in two halves (APART and the rest) side by side;
what mostly computes (BESIDE) runs beside both at low priority, so that it takes what they leave. The fault
tests and the demo then have the machine to themselves: they count on both cores.
With a path among the arguments it is plain pytest.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

REPO = Path(__file__).parents[1]
APART = ("tests/e2e", "tests/board", "tests/fuzz")
BESIDE = ("tests/processors", "tests/schemas", "tests/dashboards")
ALONE = ("tests/faults", "tests/e2e/test_demo.py")
#: pytest's exit code when nothing was selected (`-k`): no failure unless it is so everywhere.
_NOTHING = 5


def command(options: list[str], *paths: str) -> list[str]:
    """pytest on these paths."""
    return [sys.executable, "-m", "pytest", *options, *paths]


def without(*paths: str) -> list[str]:
    """The options that leave these out."""
    return [f"--ignore={path}" for path in paths]


@contextmanager
def background(name: str, words: list[str], codes: list[int]) -> Iterator[None]:
    """Runs while the block does, and to its end; then prints what it has said, and adds its exit code."""
    with tempfile.TemporaryFile() as told:
        words = [*words, "-o", f"cache_dir=.pytest_cache/{name}"]
        with subprocess.Popen(words, cwd=REPO, stdout=told, stderr=subprocess.STDOUT) as process:
            try:
                yield
                process.wait()
            finally:
                process.kill()
        told.seek(0)
        sys.stdout.write(told.read().decode(errors="replace"))
        sys.stdout.flush()
    codes.append(process.returncode)


def split(options: list[str]) -> list[int]:
    """Run all, side by side, then those that want it alone; returns pytest's exit codes."""
    codes: list[int] = []
    apart = command([*options, *without(*ALONE)], *APART)
    with ExitStack() as stack:
        stack.enter_context(background("beside", ["nice", "-n", "10", *command(options, *BESIDE)], codes))
        stack.enter_context(background("apart", apart, codes))
        rest = command([*options, *without(*APART, *BESIDE, *ALONE)], "tests")
        codes.append(subprocess.call(rest, cwd=REPO))
    codes.append(subprocess.call(command(options, *ALONE), cwd=REPO))
    return codes


def main(options: list[str]) -> int:
    """Exit code 0 when all that ran passed, and something ran."""
    if any(not option.startswith("-") and Path(option.split("::")[0]).exists() for option in options):
        return subprocess.call(command(options), cwd=REPO)
    begun = time.monotonic()
    codes = split(options)
    passed = sum(code == 0 for code in codes)
    print(f"== {passed} of {len(codes)} parts passed in {time.monotonic() - begun:.0f} s")
    return next((code for code in codes if code not in (0, _NOTHING)), 0 if 0 in codes else _NOTHING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
