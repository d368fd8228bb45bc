"""The wall clock of the workers jumps (Debian's faketime)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.scene import CannotRunError, Scene, scenario

_LIBRARY = "faketime/libfaketimeMT.so.1"
_PLACES = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu"), Path("/usr/lib64"))


def _library() -> Path:
    for place in _PLACES:
        if (place / _LIBRARY).exists():
            return place / _LIBRARY
    raise CannotRunError("libfaketime is not installed on this machine (Debian: apt-get install faketime)")


@scenario("clock-jumps", breaks="the workers' clock jumps an hour ahead, and back by two")
async def clock_jumps(scene: Scene) -> None:
    """While half of the records are repeats, which are known by the hour of their arrival; workers are killed
    in between, so that each claim finds hours of a clock that is no more."""
    library = _library()
    now = scene.directory / "now"
    drill = await scene.drill(
        scene.load("duplicates", 20_000), scene.redis().url, session_timeout_s=6.0, rebalance_timeout_s=8.0
    )
    drill.in_order_of_arrival = False
    drill.workers.environ = {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(now), "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    _set(now, 0)
    for slot in (0, 1):
        drill.workers.start(slot)
    jumps = [3_600, -3_600, 0, 3_600, 0, -3_600][: scene.times(6)]
    for number, seconds in enumerate(jumps, 1):
        async with drill.feeding(15.0, number / len(jumps)):
            await drill.moving()
            await asyncio.sleep(scene.rng.uniform(0.2, 0.6))
            _set(now, seconds)
            scene.did("clock jumps", f"to {seconds:+d} s")
            await drill.moving()
            await asyncio.sleep(scene.rng.uniform(0.2, 0.6))
            slot = scene.rng.randrange(2)
            drill.workers.kill(slot)
            scene.did("kill worker", f"{slot}")
        drill.workers.look()
    await scene.check(drill)


def _set(file: Path, seconds: int) -> None:
    """Written beside and moved, so that nobody reads half a number."""
    new = file.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(file)
