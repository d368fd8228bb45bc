"""Servers that are not there yet, go away for a while, or a worker that is asked to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors.generator.render import stamp
from streams.reader import Totals
from streams.sending import Timed, send
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair, missing
from tests.servers import ApacheKafka, RedisServer, ServerMissingError
from tests.workers import WorkerProcess, read_totals, until

pytestmark = pytest.mark.servers
AT = 1_790_000_000.0


def likes(count: int, first: int = 0) -> list[Timed]:
    records: list[Timed] = []
    for number in range(first, first + count):
        name = f"x:inf{number % 20}"
        event = {
            "event_id": f"e{number}", "source": "x", "kind": "like", "occurred_at": stamp(AT + number / 100),
            "influencer_id": name, "actor": {"id": f"x:fan{number}"},
        }  # fmt: skip
        records.append((AT + number / 100, name.encode(), json.dumps(event).encode()))
    return records


def all_counted(count: int) -> Callable[[Totals], bool]:
    return lambda t: t.read == t.counted == count and not t.duplicate


async def says(worker: WorkerProcess, text: str, within: float = 20) -> None:
    """Wait until the worker has said this, and no stack trace."""

    async def heard() -> str:
        return worker.child.logged()

    await until(heard, lambda log: text in log, within=within, child=worker.child)
    assert "Traceback" not in worker.child.logged()


@pytest.fixture
def own_kafka() -> Iterator[ApacheKafka]:
    try:
        kafka = ApacheKafka().start()
    except ServerMissingError as error:
        missing(str(error))
    yield kafka
    kafka.stop()


async def ended(worker: WorkerProcess, within: float = 15) -> str:
    """Ask the worker to stop; it must end with 0 in time. What it has said."""
    os.kill(worker.child.pid, signal.SIGTERM)
    asked = time.monotonic()
    while worker.child.running and time.monotonic() < asked + within:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    log = worker.child.logged()
    assert worker.child.exit_code == 0, log
    assert "stopped cleanly" in log and "Traceback" not in log
    return log


async def test_a_worker_waits_for_broker_and_redis_goes_on_when_they_come_and_stops_without_them(
    own_kafka: ApacheKafka, apache_pair: Pair, redis_server: Callable[..., RedisServer],
    settings_for: Callable[..., Settings], tmp_path: Path,
) -> None:  # fmt: skip
    redis = redis_server()
    settings = settings_for(apache_pair, broker=own_kafka.address, redis_url=redis.url, partitions=2)
    await ensure_topics(settings)
    await send(settings, likes(500))
    own_kafka.kill()
    redis.kill()
    with WorkerProcess(settings, tmp_path / "log") as worker:
        await says(worker, f"Kafka at {own_kafka.address} does not answer", within=8)
        own_kafka.start()
        await says(worker, f"Redis at {redis.url} does not answer", within=40)
        redis.restart()
        await until(lambda: read_totals(settings), all_counted(500), within=40, child=worker.child)
        assert "Traceback" not in worker.child.logged()
        await send(settings, likes(3_000, 500))
        own_kafka.kill()
        redis.freeze()
        await ended(worker)
        redis.thaw()


async def test_redis_away_for_some_seconds_costs_nothing(
    embedded_pair: Pair, redis_server: Callable[..., RedisServer], settings_for: Callable[..., Settings],
    tmp_path: Path,
) -> None:  # fmt: skip
    redis = redis_server(appendonly=True)
    settings = settings_for(embedded_pair, redis_url=redis.url, redis_timeout_s=1.0)
    await ensure_topics(settings)
    await send(settings, likes(1_000))
    with WorkerProcess(settings, tmp_path / "log") as worker:
        await until(lambda: read_totals(settings), all_counted(1_000), within=40, child=worker.child)
        await asyncio.sleep(1.1)  # until the append-only file is flushed
        redis.kill()
        await send(settings, likes(1_000, 1_000))
        await says(worker, "keeping my place")
        await asyncio.sleep(3)
        assert worker.child.running
        redis.restart()
        await until(lambda: read_totals(settings), all_counted(2_000), within=30, child=worker.child)
        assert "Traceback" not in worker.child.logged()


async def test_sigterm_brings_what_is_folded_behind_the_fence_and_ends_with_0(
    pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    """With a fence that moves once a minute, nothing would be counted after seconds but for the stop."""
    settings = settings_for(pair, fence_ms=60_000, fence_records=1_000_000)
    await ensure_topics(settings)
    await send(settings, likes(3_000))
    with WorkerProcess(settings, tmp_path / "log") as worker:
        await says(worker, "claimed", within=30)
        await asyncio.sleep(4)
        before = await read_totals(settings)
        await ended(worker)
        stopped = await read_totals(settings)
    assert before.read == 0 and stopped.read == stopped.counted == 3_000
