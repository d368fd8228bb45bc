"""`kill -9` at random moments: state exactly once, outputs at least once under ids that don't change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.settings import Settings
from tests.faults.conftest import EVENTS, KILLS, PARTITIONS, Schedule
from tests.faults.drill import Drill
from tests.faults.load import make

pytestmark = [pytest.mark.servers, pytest.mark.fault, pytest.mark.timeout(600)]


async def test_two_workers_under_kill_9_end_with_the_totals_of_an_undisturbed_run(
    fault_settings: Callable[..., Settings], schedule: Schedule, tmp_path: Path
) -> None:
    """A random worker of two is killed at random moments while events keep coming, and started again."""
    load = make(EVENTS, PARTITIONS)
    drill = Drill(fault_settings(), load, tmp_path)
    begun = time.monotonic()
    try:
        await drill.prepare()
        for slot in (0, 1):
            drill.workers.start(slot)
        await drill.feed(1 / (KILLS + 1))
        for kill in range(KILLS):
            await drill.feed((kill + 2) / (KILLS + 1))
            await asyncio.sleep(schedule.rng.uniform(0.2, 3.0))
            drill.workers.look()
            drill.workers.kill(schedule.rng.randrange(2))
        hurt = time.monotonic() - begun
        told = await drill.check()
    finally:
        drill.close()
    assert drill.workers.kills >= KILLS
    assert told.alerts, "the planted silence raised no alert: the load proves nothing about alerts"
    schedule.say(
        f"{drill.workers.kills} kills over {len(load.records):,} events in {hurt:.0f} s, "
        f"{told.repeats:,} outputs repeated under their ids, {time.monotonic() - begun:.0f} s in all"
    )
