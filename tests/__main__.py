"""`python -m tests [pytest's arguments]`: every test, in two processes where that saves time.

What mostly computes (BESIDE) runs beside what waits for servers most of the time, at low priority, so that it
takes what the others leave. The fault tests and the demo then have the machine to themselves: they count on
both cores.
With a path among the arguments it is plain pytest.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).parents[1]
BESIDE = ("tests/processors", "tests/schemas", "tests/dashboards")
ALONE = ("tests/faults", "tests/e2e/test_demo.py")
#: pytest's exit code when nothing was selected (`-k`): no failure unless it is so everywhere.
_NOTHING = 5


def command(options: list[str], *paths: str) -> list[str]:
    """pytest on these paths."""
    return [sys.executable, "-m", "pytest", *options, *paths]


def split(options: list[str]) -> list[int]:
    """Run all in two processes, then those that want it alone; returns pytest's exit codes."""
    others = [f"--ignore={path}" for path in (*BESIDE, *ALONE)]
    beside = command([*options, "-o", "cache_dir=.pytest_cache/beside"], *BESIDE)
    with tempfile.TemporaryFile() as told:
        with subprocess.Popen(
            ["nice", "-n", "10", *beside], cwd=REPO, stdout=told, stderr=subprocess.STDOUT
        ) as other:
            try:
                codes = [subprocess.call(command([*options, *others], "tests"), cwd=REPO)]
                other.wait()
            finally:
                other.kill()
        told.seek(0)
        sys.stdout.write(told.read().decode(errors="replace"))
        sys.stdout.flush()
    codes.append(other.returncode)
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
