"""`kill -9` of the notifier while its receiver fails at random, and the check of what arrived."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.hook import Arrived, Hook
from tests.faults.telling import Drill, until_told

_TO_WORK_S = 40.0


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of it. `at_work`: kills that met a notifier with its partitions; `tries`: while it lasted."""

    decided: list[dict[str, object]]
    at_work: int
    tries: int


async def under_kills(
    drill: Drill, hook: Hook, rng: random.Random, kills: int, did: Callable[[str], None]
) -> Storm:
    """Kill it so often while alerts begin and end; then let all be told to a receiver that is well. One kill
    comes on the way to work, wherever that is; the others while it is at it."""
    at_work, early = 0, rng.randrange(kills)
    for number in range(kills):
        drill.start()
        end = time.monotonic() + (rng.uniform(0.1, 1.5) if number == early else _TO_WORK_S)
        while not drill.at_work and time.monotonic() < end:
            await drill.change(rng)
            await asyncio.sleep(rng.uniform(0.0, 0.2))
        end = time.monotonic() + (rng.uniform(0.05, 0.8) if drill.at_work else 0.0)
        while time.monotonic() < end:
            await drill.change(rng)
            await asyncio.sleep(rng.uniform(0.0, 0.1))
        at_work += drill.at_work
        drill.kill()
        did("kill notifier")
    tries = len(hook.arrived)
    drill.start()
    await drill.turn([which for which, fires in drill.fires.items() if fires])
    hook.rng = None  # well from now on
    await drill.turn([(100, 0)])
    await until_told(hook, "acme--100", 2)  # with a reminder
    await drill.turn([(100, 0)])
    await drill.settled(60.0)
    assert at_work >= kills - 1, f"only {at_work} of {kills} kills met a notifier at work"
    return Storm(await drill.state.decisions(), at_work, tries)


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
