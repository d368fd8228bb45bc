"""Watching a worker from outside: its fences in Redis, its CPU and memory, its metrics page."""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import subprocess
import time
import urllib.request
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import redis
from prometheus_client.parser import text_string_to_metric_families

from processors.generator.influencer import Record
from processors.influencer import decode_meta
from processors.state.layout import PartitionKeys, partition_of
from processors.tiers import tier
from schemas import Partnership, topics
from streams.settings import Settings

#: Readings are looked for so often, and how far a run is.
POLL_S, LOOK_S = 0.01, 0.05
_FAMILY_S = 1.0


@dataclass(slots=True)
class Throughput:
    """One worker on a full topic: from its claim of the partitions until all records are behind the fence."""

    events: int = 0
    seconds: float = 0.0
    events_per_s: float = 0.0
    cpu_us_per_event: float = 0.0
    redis_bytes_per_event: float = 0.0
    rss_max_mib: float = 0.0
    readings: int = 0
    counters: dict[str, float] = field(default_factory=dict)
    beside_us: dict[str, float] = field(default_factory=dict)  # CPU of the servers an event


class Watcher:
    """Reads the fences of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._redis = redis.Redis.from_url(settings.redis_url)
        topic = settings.topic(topics.EVENTS)
        self.keys = [PartitionKeys(settings.namespace, topic, n) for n in range(settings.partitions)]

    def close(self) -> None:
        self._redis.close()

    def fences(self, *names: str) -> list[list[bytes | None]]:
        pipe = self._redis.pipeline(transaction=False)
        for keys in self.keys:
            pipe.hmget(keys.fence, *names)
        return pipe.execute()

    def read(self) -> int:
        """Records behind the fences of all partitions."""
        return sum(int(row[0] or 0) for row in self.fences("read"))

    def counted(self) -> dict[str, int]:
        names = ("read", "counted", "duplicate", "rejected", "expired", "late", "readings", "provisional")
        rows = self.fences(*names)
        return {name: sum(int(row[i] or 0) for row in rows) for i, name in enumerate(names)}

    def memory(self) -> dict[str, Any]:
        """Redis' memory: bytes per influencer (its hash and its comments), by tier; event ids apart."""
        by_tier: dict[str, list[int]] = {}
        ids = whole = 0
        for keys in self.keys:
            head = keys.influencer("")
            for raw in self._redis.scan_iter(match=f"{_escaped(keys.tag)}*", count=1_000):
                key = raw.decode()
                size = self._redis.memory_usage(key, samples=0) or 0
                whole += size
                if key.startswith((keys.event_ids(0)[:-1], keys.acts(0)[:-1])):
                    ids += size
                elif key.startswith(head):
                    name = key[len(head) :]
                    facts = decode_meta(self._redis.hget(key, "meta"))
                    size += self._redis.memory_usage(keys.comments(name), samples=0) or 0
                    by_tier.setdefault(tier(facts.followers), []).append(size)
        return {
            "bytes_per_influencer_median": {name: int(statistics.median(of)) for name, of in by_tier.items()},
            "bytes_per_influencer_max": max((max(of) for of in by_tier.values()), default=0),
            "influencers": {name: len(of) for name, of in by_tier.items()},
            "event_ids_and_acts_bytes": ids, "all_keys_bytes": whole,
        }  # fmt: skip


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in text)


def scraped(port: int) -> dict[str, float]:
    """Sums over labels of the worker's counters."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    out: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("rapport_") and "le" not in sample.labels:
                out[sample.name] = out.get(sample.name, 0.0) + sample.value
    return out


class Family:
    """A process and those that it forked: CPU seconds and resident memory of all."""

    def __init__(self, pid: int) -> None:
        self._parent = psutil.Process(pid)
        self._found: list[psutil.Process] = []
        self._looked = 0.0

    def _all(self) -> list[psutil.Process]:
        now = time.monotonic()
        if now > self._looked + _FAMILY_S:  # goes through all processes of the machine
            self._looked = now
            self._found = [self._parent, *self._parent.children()]
        return self._found

    def cpu_s(self) -> float:
        """Of those that run now."""
        return sum(one.user + one.system for one in self._told(psutil.Process.cpu_times))

    def rss(self) -> int:
        """Bytes; what they share is counted in each."""
        return sum(one.rss for one in self._told(psutil.Process.memory_info))

    def _told(self, ask: Callable[[psutil.Process], Any]) -> Iterator[Any]:
        """What each tells; one that has ended meanwhile (a helper of a start-up) tells nothing."""
        for process in self._all():
            try:
                yield ask(process)
            except psutil.NoSuchProcess:
                if process is self._parent:
                    raise


def watch(
    watcher: Watcher, pid: int, ports: Sequence[int], events: int, told: Callable[[int], None],
    deadline_s: float, beside: Mapping[str, int] | None = None,
) -> Throughput:  # fmt: skip
    """Poll until `events` records are behind the fences. `ports`: of the workers' metrics pages; `beside`:
    process ids of servers whose CPU is told, too.

    Raises:
        TimeoutError: They are not within `deadline_s`.
        psutil.NoSuchProcess: The worker has died.
    """
    process = Family(pid)
    end = time.monotonic() + deadline_s
    servers = {name: Family(other) for name, other in (beside or {}).items()}
    theirs = {name: one.cpu_s() for name, one in servers.items()}
    cpu = process.cpu_s()
    started = began = time.monotonic()
    rss = read = 0
    claimed = False
    while read < events:
        if time.monotonic() > end:
            raise TimeoutError(f"{read} of {events} records after {deadline_s:.0f} s")
        if not claimed:  # records are fetched from the last claim on
            cpu, began = process.cpu_s(), time.monotonic()
            theirs = {name: one.cpu_s() for name, one in servers.items()}
            claimed = all(row[0] is not None for row in watcher.fences("epoch"))
        time.sleep(LOOK_S)
        read = watcher.read()
        rss = max(rss, process.rss())
        told(read)
    seconds = time.monotonic() - began
    used = process.cpu_s() - cpu
    beside_us = {name: (one.cpu_s() - theirs[name]) / events * 1e6 for name, one in servers.items()}
    counters: dict[str, float] = {}
    for page in map(scraped, ports):
        counters = {name: counters.get(name, 0.0) + value for name, value in page.items()}
    counters["seconds_until_claimed"] = began - started
    return Throughput(
        events, seconds, events / seconds, used / events * 1e6,
        counters["rapport_redis_bytes_total"] / events, rss / 2**20, watcher.counted()["readings"],
        counters, beside_us,
    )  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What the poller saw of one partition: (wall time, event clock of the fence), both rising."""

    at: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def put(self, now: float, clock: float) -> None:
        if not self.clock or clock > self.clock[-1]:
            self.at.append(now)
            self.clock.append(clock)

    def latency(self, stamp: float) -> float | None:
        """Seconds from a record's stamp until it was seen; None if it never was."""
        index = bisect_left(self.clock, stamp)
        return self.at[index] - stamp if index < len(self.at) else None


class Poller:
    """Sees when events become visible: all in state (the fence's clock passes their stamp), comments in the
    reading of their partnership (it changes after that). Stamps are wall times here."""

    def __init__(self, watcher: Watcher, partnerships: list[Partnership]) -> None:
        self._watcher = watcher
        count = len(watcher.keys)
        self.partitions = [Seen() for _ in range(count)]
        self.readings = {str(one.influencer_id): Seen() for one in partnerships}
        self._of: list[list[tuple[str, str]]] = [[] for _ in range(count)]
        for one in partnerships:
            name = str(one.influencer_id)
            self._of[partition_of(name, count)].append((name, str(one.partnership_id)))
        self._last: dict[str, bytes | None] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(POLL_S)

    def look(self) -> None:
        pipe = self._watcher._redis.pipeline(transaction=True)  # clock and readings of one moment
        for keys, of in zip(self._watcher.keys, self._of, strict=True):
            pipe.hget(keys.fence, "clock")
            pipe.hmget(keys.readings, [pid for _, pid in of] or ["-"])
        rows = pipe.execute()
        now = time.time()
        for number, of in enumerate(self._of):
            clock = float(rows[2 * number] or 0)
            self.partitions[number].put(now, clock)
            for (name, pid), body in zip(of, rows[2 * number + 1], strict=False):
                if self._last.get(pid) != body:
                    self._last[pid] = body
                    self.readings[name].put(now, clock)

    def results(self, records: list[Record]) -> dict[str, Any]:
        """Percentiles of both latencies over the records, s."""
        count = len(self.partitions)
        partition = {record.key: partition_of(record.key, count) for record in records}
        state = [self.partitions[partition[r.key]].latency(int(r.at * 1_000) / 1_000) for r in records]
        seen = [
            self.readings[name].latency(int(r.at * 1_000) / 1_000)
            for r in records if (name := r.key.decode()) in self.readings and b'"kind":"comment"' in r.value
        ]  # fmt: skip
        return {"event_to_state": percentiles(state), "event_to_reading": percentiles(seen)}


def percentiles(values: Iterable[float | None]) -> dict[str, float]:
    """p50, p90, p99, p99.9 and the most, s, of those that are known; how many are not."""
    given = list(values)
    known = sorted(value for value in given if value is not None)
    if not known:
        return {"n": 0, "never": len(given)}
    at = {
        f"p{share:g}_s": round(known[min(len(known) - 1, int(len(known) * share / 100))], 4)
        for share in (50, 90, 99, 99.9)
    }
    return {"n": len(known), "never": len(given) - len(known), **at, "max_s": round(known[-1], 4)}


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else ""
    return {
        "cpu": model or platform.processor(), "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1), "system": platform.platform(),
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Of everything that matters here."""
    names = (
        "rapport-monitor",
        "faust-streaming",
        "aiokafka",
        "msgspec",
        "redis",
        "hiredis",
        "uvloop",
        "xxhash",
    )
    found = {name: metadata.version(name) for name in names}
    found["python"] = platform.python_version()
    found["redis-server"] = subprocess.run(
        ["redis-server", "--version"], capture_output=True, text=True, check=False
    ).stdout.split("v=")[-1].split(" ")[0]  # fmt: skip
    found["commit"] = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return found
