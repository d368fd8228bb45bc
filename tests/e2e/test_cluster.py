"""Everything on a Redis Cluster: the processes and commands, and a primary that dies under load."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from processors.generator.demo import demo
from processors.state.layout import PartitionKeys
from schemas import topics
from streams.children import Child, free_port
from streams.reader import Reader
from streams.sending import Sender, send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.cluster import RedisCluster
from tests.conftest import Pair, missing
from tests.faults.load import Load, make
from tests.servers import ServerMissingError
from tests.workers import WorkerProcess, environment, read_totals, until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """Three primaries, a replica of each."""
    try:
        started = RedisCluster(replicas=1).start()
    except ServerMissingError as error:
        missing(str(error))
    yield started
    started.stop()


def test_all_processes_and_commands_work(
    embedded_pair: Pair, cluster: RedisCluster, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(
        embedded_pair, redis_url=cluster.url, http_port=free_port(), notifier_http_port=free_port(),
        serve_port=free_port(), gateway_port=free_port(),
    )  # fmt: skip
    events = tmp_path / "events.ndjson"
    with events.open("wb") as file:
        for count, record in enumerate(demo(datetime.now(UTC), seed=3).generated.events()):
            file.write((record.value or b"") + b"\n")
            if count == 1_000:
                break

    def rapport(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "streams.cli", *words], env=environment(settings),
            capture_output=True, text=True, timeout=90,
        )  # fmt: skip

    assert rapport("topics", "create").returncode == 0
    with contextlib.ExitStack() as stack:
        children = []
        for name in ("worker", "notifier", "serve", "gateway"):
            command = [sys.executable, "-m", "streams.cli", name]
            child = Child(name, command, tmp_path / f"{name}.log", env=environment(settings))
            stack.callback(child.stop, 15)
            children.append(child)
        done = rapport("replay", str(events))
        assert done.returncode == 0, done.stdout + done.stderr
        _wait(lambda: rapport("status", "--json").returncode == 0, "the first events counted")
        words = (
            ["doctor"], ["forget", "x:somebody-who-never-was", "--show"], ["state", "reset", "--dry-run"],
            ["alerts", "silence", "brand_id=acme", "--for", "2h", "-m", "tried"],
        )  # fmt: skip
        with ThreadPoolExecutor(len(words)) as pool:
            for asked, done in zip(words, pool.map(lambda each: rapport(*each), words), strict=True):
                assert done.returncode == 0, f"{asked}: {done.stdout}{done.stderr}"
        for child in children:
            assert child.running, child.logged()
            assert "Traceback" not in child.logged(), child.logged()


def _wait(done: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.3)


async def test_a_primary_dies_under_load_and_nothing_is_lost_or_counted_twice(
    embedded_pair: Pair, cluster: RedisCluster, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    """Its replica lags: what it had not yet got is counted again from its older fence."""
    settings = settings_for(
        embedded_pair, redis_url=cluster.url, redis_timeout_s=1.0, idle_speed=0.0, hash_key="secret"
    )
    load = make(10_000, settings.partitions, story=False)
    await ensure_topics(settings)
    await send_partnerships(settings, load.partnerships)
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        await _feed(settings, load, 0.0, 0.3)
        await until(lambda: read_totals(settings), lambda t: t.read > 0, within=60, child=worker.child)
        await _feed(settings, load, 0.3, 0.6)
        events = settings.topic(topics.EVENTS)
        cluster.owner_of(PartitionKeys(settings.namespace, events, 0).fence).child.kill()
        await _feed(settings, load, 0.6, 1.0)
        wanted = len(load.records)
        await until(lambda: _patient(settings), lambda read: read == wanted, within=90, child=worker.child)
    async with Reader(settings) as reader:
        totals = await reader.totals()
        assert {name: getattr(totals, name) for name in load.outcomes} == dict(load.outcomes)
        for influencer, counts in load.lifetime.items():
            state = await reader.influencer(influencer)
            assert state is not None and dict(state.lifetime) == dict(counts), influencer


async def _patient(settings: Settings) -> int:
    """Records read; -1 while the cluster has a slot without a node."""
    with contextlib.suppress(Exception):
        return (await read_totals(settings)).read
    await asyncio.sleep(0.2)
    return -1


async def _feed(settings: Settings, load: Load, start: float, end: float) -> None:
    count = len(load.records)
    async with Sender(settings) as sender:
        for record in load.records[round(start * count) : round(end * count)]:
            await sender.send(record)
