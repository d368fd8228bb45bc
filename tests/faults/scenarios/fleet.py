"""Workers that join, leave, hang and wake, and that are replaced by others with other settings."""

from __future__ import annotations

import asyncio

from tests.faults.scene import SESSION_S, Scene, scenario

_REFUSED = "was overtaken"  # what a worker says whose epoch is not the newest any more
_MORE = 3  # freezes, when each of the others met a worker with nothing in hand


@scenario(
    "zombie",
    breaks="a worker hangs past its session, and wakes while another has its work",
    core=True,
    quick=0.5,
)
async def zombie(scene: Scene) -> None:
    """SIGSTOP for longer than the session lasts, then SIGCONT, while the other works."""
    freezes = scene.times(3)
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    for slot in (0, 1):
        drill.workers.start(slot)
    most = freezes + _MORE
    await drill.feed(1 / (most + 1))
    await drill.moving()
    for number in range(most):
        if number >= freezes and drill.workers.said(_REFUSED):
            break
        seconds = SESSION_S + scene.rng.uniform(1, 3)
        async with drill.feeding(seconds + 1.5, (number + 2) / (most + 1)):
            await asyncio.sleep(scene.rng.uniform(0.1, 0.5))  # it has work in hand
            slot = scene.rng.randrange(2)
            scene.did("freeze worker", f"{slot} for {seconds:.1f} s")
            await drill.workers.freeze(slot, seconds)
            await asyncio.sleep(1.5)
        drill.workers.look()
    await scene.check(drill)
    refused = drill.workers.said(_REFUSED)
    assert refused, "no zombie was refused: the test proves nothing"
    scene.note(f"{refused} writes of zombies refused")


@scenario("join-leave", breaks="two to four workers join, leave, die and hang in turn", core=True)
async def join_leave(scene: Scene) -> None:
    """A seeded sequence of all of it, never fewer than two."""
    steps = scene.times(8)
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    fleet, rng = drill.workers, scene.rng
    for slot in (0, 1):
        fleet.start(slot)
    await drill.feed(0.05)
    await drill.moving()
    for step in range(steps):
        async with drill.feeding(4.0, (step + 1) / steps):
            await asyncio.sleep(rng.uniform(0.5, 1.5))
            free = [slot for slot in range(4) if slot not in fleet.running]
            slot = rng.choice(sorted(fleet.running))
            acts = ["kill", "freeze"] + ["join"] * 2 * bool(free) + ["leave"] * 2 * (len(fleet.running) > 2)
            match rng.choice(acts):
                case "join":
                    fleet.start(free[0])
                    scene.did("worker joins", f"{free[0]}")
                case "leave":
                    await fleet.retire(slot)
                    scene.did("worker leaves", f"{slot}")
                case "kill":
                    fleet.kill(slot)
                    scene.did("kill worker", f"{slot}")
                case "freeze":
                    seconds = SESSION_S + rng.uniform(0.5, 1.5)
                    scene.did("freeze worker", f"{slot} for {seconds:.1f} s")
                    await fleet.freeze(slot, seconds)
        fleet.look()
    await scene.check(drill)


@scenario(
    "rolling-upgrade", breaks="workers are replaced one by one, by others with changed settings", core=True
)
async def rolling_upgrade(scene: Scene) -> None:
    """As an upgrade goes: each is asked to stop and comes back with other bounds, twice; one dies at it."""
    drill = await scene.drill(scene.load("mix", 30_000), scene.store())
    fleet = drill.workers
    for slot in (0, 1, 2):
        fleet.start(slot)
    await drill.feed(0.1)
    await drill.moving()
    ways: tuple[dict[str, object], ...] = (
        {"fence_ms": 50, "fence_records": 500, "slice_records": 100},
        {"fence_ms": 1_000, "slice_records": 20_000, "slice_ms": 100.0, "fetch_max_bytes": 65_536},
    )
    for number, changes in enumerate(ways):
        for slot in (0, 1, 2):
            share = 0.1 + 0.9 * (3 * number + slot + 1) / 6
            async with drill.feeding(3.0, share):
                await asyncio.sleep(scene.rng.uniform(0.3, 1.0))
                if slot == 2:
                    fleet.running[slot].kill()
                    scene.did("kill worker", f"{slot}")
                else:
                    await fleet.retire(slot)
                    scene.did("worker leaves", f"{slot}")
                fleet.start(slot, **changes)
                scene.did("worker joins", f"{slot} with {', '.join(changes)} changed")
                await asyncio.sleep(1.0)
            fleet.look()
    await scene.check(drill)
