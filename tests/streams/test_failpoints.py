"""Failpoints: nothing without the variable, `kill -9` with it, an error where it names no step."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from streams.errors import RapportError
from streams.failpoints import POINTS, VARIABLE, Failpoints, parse
from tests.servers import REPO


def test_without_the_variable_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    points = Failpoints()
    points.arm()
    for step in POINTS:
        points.hit(step)  # we are still here


def test_the_process_is_killed_as_it_comes_by_the_nth_time() -> None:
    code = (
        "from streams import failpoints as f; f.arm()\n"
        "for n in range(5): print(n, flush=True); f.hit('ack.done'); f.hit('fence.done')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO,
        env=os.environ | {VARIABLE: "fence.done:3"},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["0", "1", "2"]
    assert "fence.done:3" in done.stderr, "who set it by mistake is told"


@pytest.mark.parametrize("text", ["fence", "fence.done:0", "fence.done:x", ":3"])
def test_what_names_no_step_is_refused(text: str) -> None:
    with pytest.raises(RapportError, match=re.escape(repr(text))):
        parse(text)


def test_every_step_is_hit_somewhere() -> None:
    hit: set[str] = set()
    for path in (REPO / "streams").glob("*.py"):
        hit |= set(re.findall(r'failpoints\.hit\("([a-z.]+)"\)', path.read_text()))
    assert hit == set(POINTS)
