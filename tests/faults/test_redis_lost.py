"""Redis dies and comes back without its last seconds, or with nothing: the log gives back what it lost."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.state.layout import layout_key
from streams.settings import Settings
from tests.faults.conftest import PARTITIONS, Schedule
from tests.faults.drill import Drill
from tests.faults.load import make
from tests.servers import RedisServer

pytestmark = [pytest.mark.servers, pytest.mark.fault, pytest.mark.timeout(300)]
_LOSSES = 2
_EVENTS = 30_000


@pytest.mark.parametrize("comes_back", ["older", "empty"])
async def test_redis_comes_back_with_less_than_it_had(
    fault_settings: Callable[..., Settings], schedule: Schedule, tmp_path: Path, aof_redis: RedisServer,
    comes_back: str,
) -> None:  # fmt: skip
    """Killed under load and started again: from an append-only file of seconds ago, or from nothing."""
    load = make(_EVENTS, PARTITIONS, story=False)
    drill = Drill(fault_settings(), load, tmp_path)
    begun = time.monotonic()
    lost = 0
    try:
        await drill.prepare()
        for slot in (0, 1):
            drill.workers.start(slot)
        for loss in range(_LOSSES):
            await drill.feed((2 * loss + 1) / (2 * _LOSSES))
            await drill.moving(drill.workers)
            before = tmp_path / f"before-{loss}"
            shutil.copytree(aof_redis.directory, before)  # torn at its end, as after a power cut
            await drill.feed((2 * loss + 2) / (2 * _LOSSES))
            await asyncio.sleep(schedule.rng.uniform(0.5, 2.0))
            stood = sum(drill.fences(drill.settings))
            aof_redis.kill()
            await asyncio.sleep(schedule.rng.uniform(0.0, 1.5))
            if comes_back == "older":
                shutil.rmtree(aof_redis.directory)
                shutil.copytree(before, aof_redis.directory)
            aof_redis.restart(empty=comes_back == "empty")
            lost += stood - sum(drill.fences(drill.settings))
            drill.workers.look()
        told = await drill.check()
        assert drill.redis.exists(layout_key(drill.settings.namespace)), (
            "readers cannot find the state any more"
        )
    finally:
        drill.close()
    assert lost > 0, "Redis had lost nothing: the test proves nothing"
    schedule.say(
        f"Redis {comes_back} {_LOSSES} times, {lost:,} of {len(load.records):,} events lost and "
        f"counted again, {told.repeats:,} outputs repeated, {time.monotonic() - begun:.0f} s in all"
    )
