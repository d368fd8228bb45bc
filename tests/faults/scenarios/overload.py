"""Three times what a worker can do; and a long run at half of it."""

from __future__ import annotations

import asyncio
import time

from tests.faults.drill import Drill
from tests.faults.pressure import Watched, rate_of, rss_mib, slowed
from tests.faults.scene import Scene, scenario
from tests.faults.told import read_keys

#: A worker with default settings and six partitions takes no more, MiB (docs/performance.md).
RSS_LIMIT = 600.0
_SHARE = 0.12  # of the time that the worker runs
_PANES = {"m": (300, 2 * 3_600), "h": (3_600, 48 * 3_600), "d": (86_400, 35 * 86_400)}


async def _overload(scene: Scene, seconds: float, most: int) -> None:
    load = scene.load("heavy", most)
    drill = await scene.drill(load, scene.redis(appendonly=False).url)
    drill.workers.start(0)
    seen = Watched(drill)
    # What is offered depends on what this machine can do: found out first, on a tenth of the load.
    await drill.feed(0.02)
    await drill.counted_records(drill.sent)
    async with slowed(drill.workers.running[0], _SHARE):
        await drill.feed(0.12)
        await drill.moving()
        capacity = await rate_of(drill, 5.0)
        await drill.counted_records(drill.sent)
        room = len(load.records) - drill.sent
        offered = min(3 * capacity, room / seconds)
        upto = (drill.sent + offered * seconds) / len(load.records)
        scene.did("overload", f"{offered:,.0f} records/s of {capacity:,.0f}/s for {seconds:.0f} s")
        async with seen.watching():
            begun = time.monotonic()
            async with drill.feeding(seconds, upto):
                await asyncio.sleep(seconds)
            took, high = time.monotonic() - begun, max(seen.lag)
    async with seen.watching():
        await drill.feed(1.0)
        begun = time.monotonic()
        await drill.counted()
        drained = time.monotonic() - begun
    drill.workers.look()
    await drill.workers.stop()
    drill.check_totals()
    scene.note(
        f"offered {offered:,.0f}/s, {offered / capacity:.1f} x capacity, for {took:.0f} s; lag up to "
        f"{high:,}, drained in {drained:.0f} s; memory at most {max(seen.rss):.0f} MiB; told to last up to "
        f"{max(seen.estimates, default=0):.0f} s"
    )
    assert offered >= 2.5 * capacity, "the load is too small for this machine: not thrice its capacity"
    assert max(seen.rss) <= RSS_LIMIT, f"{max(seen.rss):.0f} MiB"
    assert "behind" in seen.statuses, f"/health never said that it is behind, but {seen.statuses}"


@scenario("overload", breaks="three times of what a worker can do is offered for 45 s", limit_s=400)
async def overload(scene: Scene) -> None:
    """The lag grows and drains, memory stays bounded, /health says how long it takes."""
    await _overload(scene, 45.0 * min(scene.size, 1.0), 300_000)


@scenario(
    "overload-long", breaks="three times of what a worker can do is offered for ten minutes", long=True,
    limit_s=3_000,
)  # fmt: skip
async def overload_long(scene: Scene) -> None:
    """The same, as long as the issue asks for."""
    await _overload(scene, 600.0 * min(scene.size, 1.0), 3_000_000)


@scenario(
    "soak", breaks="an hour at half of what it can do, over 90 days of event time", long=True, limit_s=8_000
)
async def soak(scene: Scene) -> None:
    """Memory stays flat, panes are trimmed, Redis within its budget. `--size` is the share of an hour."""
    seconds = 3_600.0 * scene.size
    load = scene.load("quarter", 1_000_000)
    server = scene.redis(appendonly=False)
    drill = await scene.drill(load, server.url)
    drill.workers.start(0)
    await drill.feed(0.02)
    await drill.counted_records(drill.sent)
    rss: list[float] = []
    redis_mib: list[float] = []
    steps = 30
    async with drill.feeding(seconds):
        for _ in range(steps):
            await asyncio.sleep(seconds / steps)
            drill.workers.look()
            rss.append(rss_mib(drill.workers.running[0].pid))
            redis_mib.append(drill.redis.info("memory")["used_memory"] / 2**20)
    await drill.counted()
    await drill.workers.stop()
    drill.check_totals()
    third = steps // 3
    before, after = max(rss[third : 2 * third]), max(rss[2 * third :])
    untrimmed = _untrimmed(drill)
    each = redis_mib[-1] * 1_024 / len(load.lifetime)
    scene.did("soak", f"{len(load.records):,} records over 90 days in {seconds:.0f} s")
    scene.note(
        f"memory of the worker at most {before:.0f} MiB in the second third, {after:.0f} in the last; Redis "
        f"{redis_mib[third]:.0f}, {redis_mib[2 * third]:.0f}, {redis_mib[-1]:.0f} MiB at the thirds, "
        f"{each:.0f} KiB an influencer, event ids and all"
    )
    assert not untrimmed, f"panes that should be gone: {untrimmed[:5]}"
    assert after <= 1.10 * before + 10, "memory goes on growing"


def _untrimmed(drill: Drill) -> list[str]:
    """Panes that are older than what is kept, by the influencer's own newest event."""
    found = []
    for number in range(drill.load.partitions):
        hashes, _ = read_keys(drill.redis, drill.keys(number))
        for key, fields in hashes.items():
            if "}i:" not in key:
                continue
            newest: dict[str, int] = {}
            panes = []
            for name in fields:
                kind, _, index = name.decode().partition(":")
                if kind in _PANES and index.lstrip("-").isdigit():
                    panes.append((kind, int(index)))
                    newest[kind] = max(newest.get(kind, 0), int(index))
            for kind, index in panes:
                width, keep = _PANES[kind]
                if index < newest[kind] - keep // width - 1:
                    found.append(f"{key} {kind}:{index}")
    return found
