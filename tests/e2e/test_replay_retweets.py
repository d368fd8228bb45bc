"""Real retweets through the whole job: every one counted once, and a second replay changes nothing."""

from __future__ import annotations

import csv
import gzip
import itertools
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
from tests.conftest import Pair
from tests.workers import WorkerProcess, environment, read_totals, until

pytestmark = pytest.mark.servers
FILE = "retweets/retweets.csv.gz"
_FEW = 5_000


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
    pair: Pair, settings: Settings, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """All of them on Apache Kafka and Redis, the first on the embedded pair."""
    path = tmp_path / "retweets.csv.gz"
    with gzip.open(shared_data(FILE), "rt") as lines, gzip.open(path, "wt") as kept:
        most = None if pair.kind == "apache" else 1 + _FEW
        found = list(itertools.islice(lines, most))
        kept.writelines(found)
    listed = [tuple(row) for row in csv.reader(found[1:])]
    rows = set(listed)
    sent, repeated = len(listed), len(listed) - len(rows)
    wanted = Counter(f"retweets:{row[0]}" for row in rows)
    assert (sent, repeated) == ((35_125, 1) if most is None else (_FEW, 0))
    await ensure_topics(settings)  # a worker that is slow to start may be later than the replay
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        assert _replay(settings, path)["sent"] == sent
        first = await until(
            lambda: read_totals(settings), lambda t: t.read == sent, within=150, child=worker.child
        )
        assert (first.counted, first.duplicate, first.rejected, first.expired) == (len(rows), repeated, 0, 0)
        lifetimes = await _lifetimes(settings, list(wanted))
        assert {name: counts.get("share", 0) for name, counts in lifetimes.items()} == wanted

        _replay(settings, path)
        second = await until(
            lambda: read_totals(settings), lambda t: t.read == 2 * sent, within=150, child=worker.child
        )
        assert (second.counted, second.duplicate) == (len(rows), sent + repeated)
        assert await _lifetimes(settings, list(wanted)) == lifetimes
