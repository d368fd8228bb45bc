"""Three times what a worker can do; and a long run at half of it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter

from processors.influencer import KEEP_DAYS, KEEP_HOURS, KEEP_MINUTES
from tests.faults.drill import Drill
from tests.faults.pressure import Watched, rss_mib, slowed
from tests.faults.scene import Scene, scenario
from tests.faults.told import read_keys

#: A worker with default settings, six partitions and 200 influencers takes no more, MiB, however much waits:
#: it fetches 4 MiB (RAPPORT_FETCH_MAX_BYTES) at a time, and holds two fetches a partition.
RSS_LIMIT = 800.0
#: Of Redis, for the median influencer of the soak: 2,000 events in 90 days, each comment with its own text.
#: (The budget of 64 KiB is that of a micro-influencer as they are generated: `python -m bench.memory`.)
BUDGET_KIB = 80.0
_SHARE = 0.12  # of the time that the worker runs, to find out how fast it is
_CAPACITY = 800.0  # records a second that it is slowed down to
_AT_FIRST = 28_000  # records at most until its capacity is known
_DRAINS = 4  # times as fast afterwards: long enough for /health to tell how long
_TRIES = 4  # at slowing it down to that, of so many records each
_EACH = 4_000
_KEPT = {"m": KEEP_MINUTES, "h": KEEP_HOURS, "d": KEEP_DAYS}  # panes of each width
_UNSETTLED = 14  # more of them at most: of the last hour and the next boundary


async def _capacity(drill: Drill, upto: int) -> float:
    """Records a second, over those up to this one."""
    first, begun = drill.sent, time.monotonic()
    await drill.feed(upto / len(drill.load.records))
    await drill.counted_records(drill.sent)
    return (drill.sent - first) / (time.monotonic() - begun)


async def _share(drill: Drill, wanted: float) -> float:
    """Of the time that the worker may run, so that it can do so many records a second: loads need not be
    larger on a faster machine."""
    await drill.feed(7_000 / len(drill.load.records))
    await drill.counted_records(drill.sent)
    async with slowed(drill.workers.running[0], _SHARE):
        share = _SHARE * wanted / await _capacity(drill, 12_000)
    return min(0.95, max(0.02, share))


async def _overload(scene: Scene, full_s: float) -> None:
    """`--size` is the share of the time."""
    seconds = full_s * scene.size
    load = scene.load("heavy", round((_AT_FIRST + 3.6 * _CAPACITY * seconds) / scene.size))
    drill = await scene.drill(load, scene.redis(appendonly=False).url)
    drill.workers.start(0)
    worker, seen = drill.workers.running[0], Watched(drill)
    share = await _share(drill, _CAPACITY)
    for _ in range(_TRIES):  # the machine may have done much else beside while it was measured
        async with slowed(worker, share):
            capacity = await _capacity(drill, drill.sent + _EACH)
        if capacity <= 1.1 * _CAPACITY:
            break
        share *= _CAPACITY / capacity
    async with slowed(worker, share):
        offered = min(3 * capacity, (len(load.records) - drill.sent) / seconds)
        scene.did("overload", f"{offered:,.0f} records/s of {capacity:,.0f}/s for {seconds:.0f} s")
        async with seen.watching():
            async with drill.feeding(seconds, (drill.sent + offered * seconds) / len(load.records)):
                await asyncio.sleep(seconds)
            high = max(seen.lag)
    async with seen.watching(), slowed(worker, min(0.95, _DRAINS * share)):
        await drill.feed(1.0)
        begun = time.monotonic()
        await drill.counted()
        drained = time.monotonic() - begun
    drill.workers.look()
    await drill.workers.stop()
    drill.check_totals()
    scene.note(
        f"offered {offered:,.0f}/s, {offered / capacity:.1f} x capacity, for {seconds:.0f} s; lag up to "
        f"{high:,}, drained in {drained:.0f} s; memory at most {max(seen.rss):.0f} MiB; told to last up to "
        f"{max(seen.estimates, default=0):.0f} s"
    )
    assert offered >= 2.5 * capacity, "the load is too small for this machine: not thrice its capacity"
    assert max(seen.rss) <= RSS_LIMIT, f"{max(seen.rss):.0f} MiB"
    assert "behind" in seen.statuses, f"/health never said that it is behind, but {seen.statuses}"
    assert seen.estimates, "/health never said how long it will take"


@scenario("overload", breaks="three times of what a worker can do is offered for 45 s", limit_s=1_500)
async def overload(scene: Scene) -> None:
    """The lag grows and drains, memory stays bounded, /health says how long it takes."""
    await _overload(scene, 45.0)


@scenario(
    "overload-long", breaks="three times of what a worker can do is offered for ten minutes", long=True,
    limit_s=6_000,
)  # fmt: skip
async def overload_long(scene: Scene) -> None:
    """The same, as long as the issue asks for."""
    await _overload(scene, 600.0)


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
    share = await _share(drill, 2 * len(load.records) / seconds)
    rss: list[float] = []
    redis_mib: list[float] = []
    steps = 30
    async with slowed(drill.workers.running[0], share), drill.feeding(seconds):
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
    each = statistics.median(_sizes_kib(drill))
    scene.did("soak", f"{len(load.records):,} records over 90 days in {seconds:.0f} s")
    scene.note(
        f"memory of the worker at most {before:.0f} MiB in the second third, {after:.0f} in the last; Redis "
        f"{redis_mib[third]:.0f}, {redis_mib[2 * third]:.0f}, {redis_mib[-1]:.0f} MiB at the thirds, "
        f"{each:.0f} KiB the median influencer"
    )
    assert each <= BUDGET_KIB, f"{each:.0f} KiB for the median influencer"
    assert not untrimmed, f"panes that should be gone: {untrimmed[:5]}"
    assert after <= 1.10 * before + 10, "memory goes on growing"


def _sizes_kib(drill: Drill) -> list[float]:
    """What each influencer takes in Redis, event ids apart."""
    return [
        drill.redis.memory_usage(name, samples=0) / 1_024
        for number in range(drill.load.partitions)
        for name in drill.redis.scan_iter(match=f"{drill.keys(number).tag}i:*", count=1_000)
    ]


def _untrimmed(drill: Drill) -> list[str]:
    """Influencers with more panes of a width than are kept, beyond those that are not settled yet: of 90 days
    there would be many more."""
    found = []
    for number in range(drill.load.partitions):
        hashes, _ = read_keys(drill.redis, drill.keys(number))
        for key, fields in hashes.items():
            held = Counter(name.decode().partition(":")[0] for name in fields if "}i:" in key)
            found += [
                f"{key}: {held[kind]} {kind}" for kind in _KEPT if held[kind] > _KEPT[kind] + _UNSETTLED
            ]
    return found
