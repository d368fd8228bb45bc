"""A topic made anew under an old Redis: the worker stops and says what to do, and the commands do it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from processors.state.layout import PartitionKeys
from schemas import topics
from streams.sending import send
from streams.settings import Settings
from streams.state_tools import adopt, reset
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.workers import WorkerProcess, read_totals, until

pytestmark = pytest.mark.servers
_AT = 1_790_000_000


def _events(count: int, start: int = 0) -> list[tuple[float, bytes, bytes]]:
    return [
        (_AT + i, b"x:inf", json.dumps({
            "event_id": f"e{start + i}", "source": "test", "kind": "like",
            "occurred_at": "2026-09-21T13:46:40Z",
            "influencer_id": "x:inf", "actor": {"id": f"x:{i}"},
        }).encode())
        for i in range(count)
    ]  # fmt: skip


async def _move_fences(settings: Settings, by: int) -> None:
    async with Redis.from_url(settings.redis_url) as client:
        for number in range(settings.partitions):
            fence = PartitionKeys(settings.namespace, settings.topic(topics.EVENTS), number).fence
            if int(await client.hget(fence, "next") or 0):
                await client.hincrby(fence, "next", by)


async def test_a_fence_beyond_the_log_stops_the_worker_until_it_is_adopted_or_reset(
    pair: Pair, settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)
    await send(settings, _events(20))
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        await until(lambda: read_totals(settings), lambda t: t.counted == 20, within=40, child=worker.child)
    await _move_fences(settings, 1_000)
    with WorkerProcess(_regrouped(settings, 1), tmp_path / "stopped.log") as worker:
        await until(_stopped(worker), bool, within=40)
        assert "rapport state adopt" in worker.child.logged()
    assert [change.before for change in await adopt(settings, dry_run=True)] == [1_020]
    (changed,) = await adopt(settings)
    assert (changed.before, changed.after) == (1_020, 0)
    assert await adopt(settings) == []
    anew = pair.kind == "apache"  # each server sees one of the two, since each takes a worker's start
    if anew:
        assert sum(change.keys_removed for change in await reset(settings)) > 0
        assert (await read_totals(settings)).read == 0
    read = 20 if anew else 40
    with WorkerProcess(_regrouped(settings, 2), tmp_path / "again.log") as worker:
        # What is read again is known by its ids: nothing is counted twice, unless all is forgotten.
        found = await until(
            lambda: read_totals(settings), lambda t: t.read == read, within=40, child=worker.child
        )
        assert (found.counted, found.duplicate) == (20, read - 20)


def _regrouped(settings: Settings, number: int) -> Settings:
    """Another consumer group: it need not wait until the one before has missed its dead member. The fence
    does not care."""
    return settings.model_copy(update={"group": f"{settings.group}-{number}"})


def _stopped(worker: WorkerProcess):  # type: ignore[no-untyped-def]
    async def look() -> bool:
        return not worker.child.running

    return look
