"""`kill -9` of workers: at random moments, and at every step of the commit protocol."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

from schemas import topics
from streams.failpoints import POINTS
from tests.faults.drill import Drill
from tests.faults.scene import Scene, scenario
from tests.faults.told import read_told

_CLAIM = ("claim.done", "claim.restored", "claim.sought")
_COMMIT = ("fold.slice", "produce.sent", "produce.done", "fence.done", "ack.done", "commit.chosen")
_LEAVE = ("revoke.begun", "revoke.committed", "stop.flushed")
_OUTBOX = ("outbox.read", "outbox.produced", "outbox.deleted")
assert {*_CLAIM, *_COMMIT, *_LEAVE, *_OUTBOX} == set(POINTS), "a step of the protocol has no scenario"
_KEPT_ALERTS = 40
_STORY = 48_000  # records: with fewer, however small the run, the planted alert does not fire


@scenario(
    "kill-random",
    breaks="workers are killed at random moments, while alerts fire",
    core=True,
    quick=0.4,
    limit_s=900,
)
async def kill_random(scene: Scene) -> None:
    """A random worker of two is killed while events keep coming, and started again at once."""
    kills = scene.times(24)
    drill = await scene.drill(scene.load("story", max(120_000, round(_STORY / scene.size))), scene.store())
    for slot in (0, 1):
        drill.workers.start(slot)
    for kill in range(kills):
        stood = drill.fences()
        await drill.feed((kill + 1) / kills)
        if kill % 3:  # two of three kills meet a worker at work, the third whatever it is at
            await drill.moving(stood)
        await asyncio.sleep(scene.rng.uniform(0.0, 1.0))
        drill.workers.look()
        slot = scene.rng.randrange(2)
        drill.workers.kill(slot)
        scene.did("kill worker", f"{slot}, {drill.sent:,} of {len(drill.load.records):,} sent")
    told = await scene.check(drill)
    assert told.repeats, "no output was repeated: nobody was killed at work"
    assert told.alerts, "the planted silence raised no alert: the load proves nothing about alerts"


async def _kill_at(scene: Scene, drill: Drill, steps: tuple[str, ...], times: int, most: int) -> None:
    """Two workers, each bound to kill itself at a step; fed until they have; then others with others."""
    todo = [step for step in steps for _ in range(scene.times(times))]
    scene.rng.shuffle(todo)
    rounds = [todo[first : first + 2] for first in range(0, len(todo), 2)]
    for number, pair in enumerate(rounds, 1):
        armed = {slot: f"{step}:{scene.rng.randint(1, most)}" for slot, step in enumerate(pair)}
        for slot, failpoint in armed.items():
            drill.workers.start(slot, failpoint=failpoint)
        await drill.feed((number - 0.5) / len(rounds))
        async with drill.feeding(6.0, number / len(rounds)):
            for slot, failpoint in armed.items():
                await drill.workers.dies(slot)
                scene.did("kill worker", f"{slot} at {failpoint}")
    for slot in (0, 1):
        drill.workers.start(slot)


@scenario("kill-claim", breaks="workers are killed at each step of a claim", core=True)
async def kill_claim(scene: Scene) -> None:
    """Before anything of a partition is folded: the next owner claims again."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    await _kill_at(scene, drill, _CLAIM, times=3, most=3)
    await scene.check(drill)


@scenario("kill-commit", breaks="workers are killed at each step of the commit", core=True, quick=0.5)
async def kill_commit(scene: Scene) -> None:
    """Between folding, producing, the fence, the ack and the commit."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    await _kill_at(scene, drill, _COMMIT, times=3, most=4)
    told = await scene.check(drill)
    assert told.repeats, (
        "nothing was written twice, though killed between output and fence: it proves nothing"
    )


@scenario(
    "kill-leave", breaks="workers are killed as partitions are taken from them, or as they stop", core=True
)
async def kill_leave(scene: Scene) -> None:
    """One is killed as the group takes its partitions away since another joins; one after its last write."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    steps = [step for step in _LEAVE for _ in range(scene.times(2))]
    drill.workers.start(0)
    await drill.feed(0.1)
    await drill.moving()
    for number, step in enumerate(steps, 1):
        drill.workers.start(1, failpoint=step)
        await drill.feed(number / len(steps) * 0.5)
        await _has_partitions(drill, 1)
        async with drill.feeding(3.0, 0.5 * (1 + number / len(steps))):
            if step == "stop.flushed":
                drill.workers.terminate(1)
            else:
                drill.workers.start(2)  # who joins makes the group take partitions away
            await drill.workers.dies(1)
            scene.did("kill worker", f"1 at {step}")
        drill.workers.running.pop(1)
        if 2 in drill.workers.running:
            await drill.workers.retire(2)
            scene.did("worker leaves", "2")
    await scene.check(drill)


async def _has_partitions(drill: Drill, slot: int) -> None:
    for _ in range(1_200):
        drill.workers.look()
        if "claimed" in drill.workers.running[slot].logged():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"worker {slot} got no partition:\n{drill.workers.tail(slot)}")


@scenario("kill-outbox", breaks="workers are killed while the outbox relays alerts", core=True)
async def kill_outbox(scene: Scene) -> None:
    """Transitions are put into the outboxes as a fenced write does it; each must reach the topic, under its
    id, whoever dies while relaying it."""
    drill = await scene.drill(scene.load("mix", 12_000), scene.store())
    ids = count()
    put: dict[bytes, bytes] = {}
    todo = [step for step in _OUTBOX for _ in range(scene.times(3))]
    scene.rng.shuffle(todo)
    await drill.feed(0.1)
    for number, step in enumerate(todo, 1):
        drill.workers.start(0, failpoint=f"{step}:{scene.rng.randint(1, 3)}")
        await drill.feed(number / len(todo))
        for partition in range(drill.load.partitions):
            for _ in range(_KEPT_ALERTS):
                identity, body = _transition(next(ids))
                drill.redis.xadd(drill.keys(partition).outbox, {"alert": body})
                put[identity] = body
        await drill.workers.dies(0)
        scene.did("kill worker", f"0 at {step}")
    drill.workers.start(0)
    mine = await drill.end()
    drill.check_totals()
    told = await read_told(drill.settings, drill.load.partitions)
    assert mine.told.alerts == told.alerts
    assert told.alerts == put, "a transition was lost, or changed"
    assert told.repeats, "no transition was told twice: nobody died between telling and deleting"
    scene.repeats += told.repeats
    scene.note(f"{len(put):,} transitions relayed")


def _transition(number: int) -> tuple[bytes, bytes]:
    identity = f"transition-{number}"
    alert: dict[str, Any] = {
        "transition_id": identity, "influencer_id": f"x:{number % 50}", "at": "2026-06-01T00:00:00Z",
        "topic": topics.ALERTS,
    }  # fmt: skip
    return identity.encode(), json.dumps(alert).encode()
