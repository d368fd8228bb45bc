"""`kill -9` of the notifier, and a receiver that fails at random: nothing decided is lost, doubled in another
form, or out of order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.settings import Settings
from tests.conftest import Pair
from tests.faults.conftest import Schedule
from tests.faults.hook import Hook
from tests.faults.storm import check, check_bodies, under_kills
from tests.faults.telling import PARTITIONS, Drill

pytestmark = [pytest.mark.servers, pytest.mark.fault, pytest.mark.timeout(180)]
#: Few, so that the suite stays short: the scenario `notifier-killed` has more.
KILLS = 4
SESSION_S = 1.5


async def test_kill_9_and_a_bad_receiver_lose_nothing(
    pair: Pair, settings_for: Callable[..., Settings], schedule: Schedule, tmp_path: Path
) -> None:
    settings = settings_for(
        pair, partitions=PARTITIONS, session_timeout_s=SESSION_S, rebalance_timeout_s=2.0, redis_timeout_s=1.0
    )
    drill, rng, begun = Drill(settings, tmp_path), schedule.rng, time.monotonic()
    async with Hook(rng) as hook:
        await drill.open(hook.port)
        try:
            came = await under_kills(drill, hook, rng, KILLS, schedule.say)
        finally:
            await drill.close()
    check(came.decided, hook.arrived)
    repeats = len(hook.arrived) - len(came.decided)
    schedule.say(
        f"{pair.kind}: {KILLS} kills, {came.at_work} at work, {drill.step} transitions, "
        f"{len(came.decided)} told, {came.tries} tries under kills, {repeats} repeated, "
        f"{time.monotonic() - begun:.1f} s"
    )
    assert {line["why"] for line in came.decided} >= {"first_notification", "resolved", "repeat_interval"}


async def test_one_of_two_that_was_frozen_past_its_session_decides_nothing_more(
    pair: Pair, settings_for: Callable[..., Settings], schedule: Schedule, tmp_path: Path
) -> None:
    """Two at once and a bad receiver; one is stopped for longer than its session, and wakes a zombie."""
    settings = settings_for(
        pair, partitions=PARTITIONS, session_timeout_s=SESSION_S, rebalance_timeout_s=2.0, redis_timeout_s=1.0
    )
    drill, rng = Drill(settings, tmp_path), schedule.rng
    async with Hook(rng) as hook:
        await drill.open(hook.port)
        other = drill.second()
        both = (drill, other)

        async def until(holds: Callable[[], bool], what: str) -> None:
            end = time.monotonic() + 30.0
            while not holds():
                assert time.monotonic() < end, what
                await drill.change(rng)
                await asyncio.sleep(rng.uniform(0.0, 0.2))

        try:
            drill.start()
            await until(lambda: drill.at_work, "the first has all")
            other.start()
            await until(lambda: "claimed" in other.child.logged(), "the second has its part")
            for sleeper, waker in (both, both[::-1]):
                had = waker.child.logged().count("claimed")
                sleeper.child.freeze()
                await until(lambda w=waker, n=had: w.child.logged().count("claimed") >= n + 2, "it has all")  # type: ignore[misc]
                sleeper.child.thaw()
                had = sleeper.child.logged().count("claimed")
                await until(lambda s=sleeper, n=had: s.child.logged().count("claimed") > n, "it is back")  # type: ignore[misc]
                assert all(one.child.running for one in both), sleeper.child.logged()[-3_000:]
            await drill.turn([which for which, fires in drill.fires.items() if fires])
            hook.rng = None
            await drill.settled(30.0)
            decided = await drill.state.decisions()
            assert [other.stop(), drill.stop()] == [0, 0]
        finally:
            for one in both:
                if one._child is not None and one.child.running:
                    one.child.thaw()
                    one.child.stop()
            await drill.close()
    first = {one.id: one for one in reversed(hook.arrived)}  # a zombie's last try may come late: a repeat
    check(decided, [one for one in hook.arrived if first[one.id] is one])
    check_bodies(decided, hook.arrived)
    schedule.say(f"{pair.kind}: 2 freezes, {drill.step} transitions, {len(decided)} told, "
                 f"{len(hook.arrived) - len(decided)} repeated")  # fmt: skip
