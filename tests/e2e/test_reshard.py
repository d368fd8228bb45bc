"""Events and state from 3 partitions to 6, then to 4 on a topic made anew: totals and people as counted."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.state.layout import PartitionKeys, partition_of
from schemas import topics
from streams.consume import spans
from streams.reader import Reader
from streams.sending import Sender, send_partnerships
from streams.settings import Settings
from streams.state_files import open_store
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.faults.load import Load, make
from tests.servers import RedisServer
from tests.workers import WorkerProcess, environment, read_totals, until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]
_EVENTS = 6_000


async def test_nothing_is_lost_or_counted_twice(
    apache_pair: Pair, redis_server: Callable[..., RedisServer], settings_for: Callable[..., Settings],
    tmp_path: Path,
) -> None:  # fmt: skip
    """Repeats that arrive after a move are known from before it."""
    settings = settings_for(
        apache_pair, redis_url=redis_server().url, partitions=3, idle_speed=0.0, hash_key="secret"
    )
    load = make(_EVENTS, 3, story=False)
    await ensure_topics(settings)
    await send_partnerships(settings, load.partnerships)
    await _count(settings, load, 0, _EVENTS // 3, tmp_path)
    refused = await asyncio.to_thread(_rapport, settings, tmp_path, "reshard", "2", "--yes")
    assert refused.returncode == 2 and "--anew" in refused.stderr

    await _feed(settings, load, _EVENTS // 3, _EVENTS // 3 + 1)
    refused = await asyncio.to_thread(_rapport, settings, tmp_path, "reshard", "6", "--yes")
    assert refused.returncode == 1 and "1 records" in refused.stderr
    await _count(settings, load, _EVENTS // 3 + 1, _EVENTS // 2, tmp_path)

    for partitions, upto, options in ((6, _EVENTS * 3 // 4, ()), (4, len(load.records), ("--anew",))):
        before = await _known(settings)
        done = await asyncio.to_thread(
            _rapport, settings, tmp_path, "reshard", str(partitions), "--yes", *options
        )
        assert done.returncode == 0, done.stderr
        settings = settings.model_copy(update={"partitions": partitions})
        assert len(await spans(settings, settings.topic(topics.EVENTS))) == partitions
        assert await _known(settings) == before
        await _in_their_places(settings)
        read = (await read_totals(settings)).read
        await _count(settings, load, read, upto, tmp_path)

    totals = await read_totals(settings)
    assert totals.read == len(load.records)
    assert {name: getattr(totals, name) for name in load.outcomes} == dict(load.outcomes)
    async with Reader(settings) as reader:
        for influencer, counts in load.lifetime.items():
            state = await reader.influencer(influencer)
            assert state is not None and dict(state.lifetime) == dict(counts), influencer


async def _feed(settings: Settings, load: Load, first: int, end: int) -> None:
    async with Sender(settings) as sender:
        for record in load.records[first:end]:
            await sender.send(record)


async def _count(settings: Settings, load: Load, first: int, end: int, scratch: Path) -> None:
    """Send these records, and let a worker count them. A group of its own each time waits for nobody."""
    await _feed(settings, load, first, end)
    changed = settings.model_copy(update={"group": f"{settings.group}-{end}"})
    with WorkerProcess(changed, scratch / f"worker-{end}.log") as worker:
        await until(
            lambda: read_totals(settings), lambda totals: totals.read == end, within=60, child=worker.child
        )


async def _known(settings: Settings) -> tuple[object, ...]:
    """What a move must not change."""
    async with Reader(settings) as reader:
        readings = {r.partnership_id: r for r in await reader.readings(unpartnered=True)}
        alerts = sorted(alert.fingerprint for alert in await reader.alerts())
        return await reader.totals(), readings, alerts, await reader.sparks()


async def _in_their_places(settings: Settings) -> None:
    async with open_store(settings) as store:
        count = 0
        async for _, place in store.keys.places():
            if place.name[:2] in (b"i:", b"c:"):
                assert place.partition == partition_of(place.name[2:], settings.partitions)
                count += 1
        assert count > 300
        fences = [PartitionKeys(settings.namespace, settings.topic(topics.EVENTS), n).fence for n in range(9)]
        there = [bool(await store.keys.ask(store._redis.exists(fence))) for fence in fences]
        assert there == [number < settings.partitions for number in range(9)]


def _rapport(settings: Settings, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *words], env=environment(settings),
        cwd=place, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
