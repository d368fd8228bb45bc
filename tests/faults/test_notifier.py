"""`kill -9` of the notifier, and a receiver that fails at random: nothing decided is lost, doubled in another
form, or out of order."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.settings import Settings
from tests.conftest import Pair
from tests.faults.conftest import Schedule
from tests.faults.hook import Arrived, Hook
from tests.faults.telling import PARTITIONS, Drill, until_told

pytestmark = [pytest.mark.servers, pytest.mark.fault, pytest.mark.timeout(180)]
#: Tansu lets a member wait a second longer at each start: fewer, so that the suite stays short.
KILLS = {"apache": 6, "embedded": 6}
SESSION_S = 1.5


async def test_kill_9_and_a_bad_receiver_lose_nothing(
    pair: Pair, settings_for: Callable[..., Settings], schedule: Schedule, tmp_path: Path
) -> None:
    settings = settings_for(
        pair, partitions=PARTITIONS, session_timeout_s=SESSION_S, rebalance_timeout_s=2.0, redis_timeout_s=1.0
    )
    kills = KILLS[pair.kind]
    drill, rng, begun = Drill(settings, tmp_path), schedule.rng, time.monotonic()
    async with Hook(rng) as hook:
        await drill.open(hook.port)
        try:
            at_work, early = 0, rng.randrange(kills)
            for number in range(kills):
                drill.start()
                # One dies on the way to work, wherever that is; the others while they are at it.
                way = rng.uniform(0.1, 1.5) if number == early else 15.0
                end = time.monotonic() + way
                while not drill.at_work and time.monotonic() < end:
                    await drill.change(rng)
                    await asyncio.sleep(rng.uniform(0.0, 0.2))
                end = time.monotonic() + (rng.uniform(0.05, 0.8) if drill.at_work else 0.0)
                while time.monotonic() < end:
                    await drill.change(rng)
                    await asyncio.sleep(rng.uniform(0.0, 0.1))
                at_work += drill.at_work
                drill.kill()
            in_storm = len(hook.arrived)
            drill.start()
            await drill.turn([which for which, fires in drill.fires.items() if fires])
            hook.rng = None  # well from now on
            await drill.turn([(100, 0)])
            await until_told(hook, "acme--100", 2)  # with a reminder
            await drill.turn([(100, 0)])
            await drill.settled(30.0)
            decided = await drill.state.decisions()
        finally:
            await drill.close()
    check(decided, hook.arrived)
    repeats = len(hook.arrived) - len(decided)
    schedule.say(
        f"{pair.kind}: {kills} kills, {at_work} at work, {drill.step} transitions, {len(decided)} told, "
        f"{in_storm} tries under kills, {repeats} repeated, {time.monotonic() - begun:.1f} s"
    )
    assert at_work >= kills - 1
    assert {line["why"] for line in decided} >= {"first_notification", "resolved", "repeat_interval"}


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


def check(decided: list[dict[str, object]], arrived: list[Arrived]) -> None:
    """Each decision arrived, always the same, and group by group in order."""
    check_bodies(decided, arrived)
    order: dict[str, list[str]] = defaultdict(list)
    for one in arrived:
        order[one.group].append(one.id)
    wanted: dict[str, list[str]] = defaultdict(list)
    for line in decided:
        wanted[str(line["group"])].append(str(line["notification_id"]))
    for group, told in order.items():
        # Repeats of one come before the next: a group's next is not tried before its last was written off.
        assert [key for key, _ in itertools.groupby(told)] == wanted[group], group


def check_bodies(decided: list[dict[str, object]], arrived: list[Arrived]) -> None:
    """Each decision arrived, nothing else did, and always with the same bytes."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for one in arrived:
        bodies[one.id].add(one.body)
    ids = [str(line["notification_id"]) for line in decided]
    assert len(ids) == len(set(ids)), "decided twice under one id"
    assert set(ids) == bodies.keys(), "lost, or never decided"
    assert all(len(found) == 1 for found in bodies.values()), "one id, two bodies"
