"""Frozen past the session: what wakes up is a zombie, and must not write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.settings import Settings
from tests.faults.conftest import PARTITIONS, SESSION_S, Schedule
from tests.faults.drill import Drill
from tests.faults.load import make

pytestmark = [pytest.mark.servers, pytest.mark.fault, pytest.mark.timeout(300)]
_FREEZES = 3
_EVENTS = 45_000


async def test_a_worker_that_was_frozen_past_its_session_is_fenced_off(
    fault_settings: Callable[..., Settings], schedule: Schedule, tmp_path: Path
) -> None:
    """One worker of two is stopped for longer than its session lasts, and wakes while the other works."""
    load = make(_EVENTS, PARTITIONS, story=False)
    drill = Drill(fault_settings(), load, tmp_path)
    begun = time.monotonic()
    steps = (
        4 * _FREEZES
    )  # fed all the time, so that the sleeper has work in hand and the other has some to do
    try:
        await drill.prepare()
        for slot in (0, 1):
            drill.workers.start(slot)
        await drill.feed(1 / (steps + 1))
        await drill.moving(drill.workers)
        for step in range(0, steps, 4):
            await drill.feed((step + 1) / steps)
            await asyncio.sleep(schedule.rng.uniform(0.0, 0.4))
            asleep = asyncio.create_task(
                drill.workers.freeze(schedule.rng.randrange(2), SESSION_S + schedule.rng.uniform(1, 3))
            )
            for part in (2, 3, 4):
                await asyncio.sleep(1.0)
                await drill.feed((step + part) / steps)
            await asleep
            await asyncio.sleep(1.5)
            drill.workers.look()
        told = await drill.check()
    finally:
        drill.close()
    refused = sum(log.read_text().count("was overtaken") for log in sorted(tmp_path.glob("*.log")))  # noqa: ASYNC240
    assert refused, "no zombie was refused: the test proves nothing"
    schedule.say(
        f"{drill.workers.freezes} freezes over {len(load.records):,} events, {refused} zombies refused, "
        f"{told.repeats:,} outputs repeated, {time.monotonic() - begun:.0f} s in all"
    )
