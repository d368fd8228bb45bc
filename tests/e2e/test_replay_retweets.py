"""Real retweets through the whole job: every one counted once, and a second replay changes nothing."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.reader import Reader
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.workers import WorkerProcess, environment, read_totals, until

pytestmark = pytest.mark.servers
FILE = "retweets/retweets.csv.gz"


def _replay(settings: Settings, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "streams.cli", "replay", str(path), "--format", "retweets", "--json"]
    done = subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


async def _lifetimes(settings: Settings, influencers: list[str]) -> dict[str, dict[str, int]]:
    async with Reader(settings) as reader:
        found = {influencer: await reader.influencer(influencer) for influencer in influencers}
    return {name: state.lifetime for name, state in found.items() if state is not None}


async def test_real_retweets_are_counted_once_each(
    settings: Settings, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    path = shared_data(FILE)
    with gzip.open(path, "rt") as lines:
        rows = {tuple(row) for row in csv.reader(lines) if row[0] != "object_id"}
    wanted = Counter(f"retweets:{row[0]}" for row in rows)
    assert sum(wanted.values()) == 35_124
    await ensure_topics(settings)  # a worker that is slow to start may be later than the replay
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        assert _replay(settings, path)["sent"] == 35_125
        first = await until(
            lambda: read_totals(settings), lambda t: t.read == 35_125, within=150, child=worker.child
        )
        assert (first.counted, first.duplicate, first.rejected, first.expired) == (35_124, 1, 0, 0)
        lifetimes = await _lifetimes(settings, list(wanted))
        assert {name: counts.get("share", 0) for name, counts in lifetimes.items()} == wanted

        _replay(settings, path)
        second = await until(
            lambda: read_totals(settings), lambda t: t.read == 70_250, within=150, child=worker.child
        )
        assert (second.counted, second.duplicate) == (35_124, 35_126)
        assert await _lifetimes(settings, list(wanted)) == lifetimes
