"""Loads of a bad shape, under fire: each is read by two workers of which one is killed again and again."""

from __future__ import annotations

import asyncio

from tests.faults.scene import Scene, scenario


async def _under_kills(scene: Scene, shape: str) -> None:
    drill = await scene.drill(scene.load(shape, 20_000), scene.store())
    for slot in (0, 1):
        drill.workers.start(slot)
    kills = scene.times(2)
    await drill.feed(1 / (kills + 1))
    for kill in range(kills):
        await drill.moving()
        async with drill.feeding(2.0, (kill + 2) / (kills + 1)):
            await asyncio.sleep(scene.rng.uniform(0.1, 1.5))
            slot = scene.rng.randrange(2)
            drill.workers.kill(slot)
            scene.did("kill worker", f"{slot}")
    await scene.check(drill)
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(drill.load.outcomes.items()))
    scene.note(f"{counts}; by partition {drill.load.ends}")


@scenario("poison", breaks="every tenth record cannot be read, in the middle of each batch", core=True)
async def poison(scene: Scene) -> None:
    """Each is kept in the topic of rejected records; none delays the others."""
    await _under_kills(scene, "poison")


@scenario("late-batch", breaks="a fifth of all events comes 36 hours late, at once", core=True)
async def late_batch(scene: Scene) -> None:
    """Counted where they belong."""
    await _under_kills(scene, "late")


@scenario("duplicates", breaks="half of the records are repeats", core=True)
async def duplicates(scene: Scene) -> None:
    """Each is counted once, though repeats come before and after kills."""
    await _under_kills(scene, "duplicates")


@scenario("reordered", breaks="events come in any order within six hours", core=True)
async def reordered(scene: Scene) -> None:
    """All are counted."""
    await _under_kills(scene, "reordered")


@scenario("skewed", breaks="nearly all events are one influencer's, on one partition", core=True)
async def skewed(scene: Scene) -> None:
    """One worker has nearly all of the work."""
    await _under_kills(scene, "skewed")
