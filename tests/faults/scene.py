"""What a scenario is given: servers, loads, a seeded source of chance; and what it breaks is counted.

    @scenario("kill-commit", breaks="a worker is killed at a step of the commit")
    async def kill_commit(scene: Scene) -> None: ...

A scenario hurts an installation, lets it finish, and has `scene.check` compare it with an undisturbed run.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.settings import Settings
from tests.cluster import RedisCluster
from tests.faults.drill import Calm, Drill
from tests.faults.load import Load
from tests.faults.shapes import SHAPES
from tests.faults.told import Told
from tests.servers import ApacheKafka, RedisServer

PARTITIONS = 6
SESSION_S = 2.0


class CannotRunError(Exception):
    """This machine lacks what the scenario needs; the message says what."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to break things. `quick`: its size in CI's suite; 0 where it is not part of that. `core`: it is
    not about Redis itself, so it runs on a Redis Cluster as well."""

    name: str
    breaks: str
    run: Callable[[Scene], Awaitable[None]]
    quick: float = 0.0
    limit_s: float = 600.0
    long: bool = False  # only when asked for by name, or in the soak
    core: bool = False


SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str, *, breaks: str, **options: Any) -> Callable[[Any], Any]:
    """Register a scenario under a name that the command line and docs/guarantees.md use."""

    def register(run: Callable[[Scene], Awaitable[None]]) -> Callable[[Scene], Awaitable[None]]:
        assert name not in SCENARIOS, f"two scenarios are named {name}"
        SCENARIOS[name] = Scenario(name, breaks, run, **options)
        return run

    return register


@dataclass
class House:
    """What scenarios share: a broker that nobody hurts, loads, and their undisturbed runs."""

    directory: Path
    broker: str
    say: Callable[[str], None]
    _loads: dict[tuple[str, int, int], Load] = field(default_factory=dict)
    _calm: dict[tuple[str, int, int], Calm] = field(default_factory=dict)

    def load(self, shape: str, count: int, seed: int) -> Load:
        """A load, made once."""
        key = (shape, count, seed)
        if key not in self._loads:
            self._loads[key] = SHAPES[shape](count, PARTITIONS, seed)
            self._loads[key].key = key
        return self._loads[key]

    async def calm(self, load: Load) -> Calm:
        """What an undisturbed run of this load ends with, found out once: two workers nobody hurts, and that
        a busy machine may hold up for long."""
        if load.key not in self._calm:
            begun = time.monotonic()
            name = "calm-" + "-".join(map(str, load.key))
            place = self.directory / name
            place.mkdir(parents=True)
            with RedisServer(place / "redis") as redis:
                made = settings(
                    name, self.broker, redis.url, place, enriched=False,
                    session_timeout_s=20.0, rebalance_timeout_s=20.0, redis_timeout_s=10.0,
                )  # fmt: skip
                drill = Drill(made, load, place)
                try:
                    await drill.prepare()
                    await drill.feed(1.0)
                    for slot in (0, 1):
                        drill.workers.start(slot)
                    self._calm[load.key] = await drill.end()
                    drill.check_totals()
                finally:
                    await drill.close()
            self.say(f"undisturbed run of {len(load.records):,} records: {time.monotonic() - begun:.0f} s")
        return self._calm[load.key]


def settings(name: str, broker: str, redis_url: str, place: Path, **changes: object) -> Settings:
    """Short timeouts. Time does not go on by itself, so that two runs at different speeds find the same."""
    values: dict[str, object] = {
        "broker": broker, "redis_url": redis_url,
        "namespace": name, "group": name, "topic_prefix": f"{name}.",
        "partitions": PARTITIONS, "session_timeout_s": SESSION_S, "rebalance_timeout_s": 4.0,
        "redis_timeout_s": 1.0, "idle_speed": 0.0, "provisional_ms": 2_000, "log_format": "text",
        "data_dir": place / "faust",
    }  # fmt: skip
    return Settings(**(values | changes))  # type: ignore[arg-type]


@dataclass
class Scene:
    """One run of one scenario. `size` multiplies its kills and its load; `cluster`: its store is one."""

    name: str
    seed: int
    directory: Path
    house: House
    size: float = 1.0
    cluster: bool = False
    done: Counter[str] = field(default_factory=Counter)
    events: int = 0
    repeats: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}/{self.name}")
        self.stack = contextlib.AsyncExitStack()
        self._begun = time.monotonic()

    def did(self, what: str, detail: str = "") -> None:
        """Count a fault, and say so: `did("kill worker", "0 at fence.done")`."""
        self.done[what] += 1
        self.house.say(f"  {time.monotonic() - self._begun:6.1f} s  {what} {detail}".rstrip())

    def note(self, text: str) -> None:
        """A measured figure for the report."""
        self.notes.append(text)
        self.house.say(f"  {time.monotonic() - self._begun:6.1f} s  {text}")

    def times(self, count: int) -> int:
        """So often, in this size of run."""
        return max(1, round(count * self.size))

    def load(self, shape: str, count: int) -> Load:
        """The load of this run's seed; what is undisturbed is found out once for all scenarios with it."""
        return self.house.load(shape, self.times(count), self.seed)

    def store(self) -> str:
        """The address of a store that is not hurt itself: a redis-server, or three that share the slots."""
        return self.stack.enter_context(RedisCluster()).url if self.cluster else self.redis().url

    def redis(
        self, name: str = "redis", *, appendonly: bool = True, program: str = "redis-server", **options: str
    ) -> RedisServer:
        """A redis-server of the scenario's own."""
        place = self.directory / name
        server = RedisServer(place, appendonly=appendonly, options=options, program=program)
        self.stack.enter_context(server)
        return server

    def kafka(self, **options: Any) -> ApacheKafka:
        """An Apache Kafka of the scenario's own, to be hurt."""
        kafka = ApacheKafka(self.directory / "kafka", heap_mb=512, **options)
        self.stack.enter_context(kafka)
        return kafka

    async def drill(
        self, load: Load, redis_url: str, /, *, broker: str | None = None, **changes: object
    ) -> Drill:
        """An installation with topics of its own. `changes`: what its workers see otherwise than we."""
        made = settings(f"{self.name}-{self.seed}", broker or self.house.broker, redis_url, self.directory)
        drill = Drill(made, load, self.directory, **changes)
        self.stack.push_async_callback(drill.close)
        await drill.prepare()
        self.events += len(load.records)
        return drill

    async def check(self, drill: Drill) -> Told:
        """Finish, and compare with the undisturbed run of the same load."""
        told = await drill.check(await self.house.calm(drill.load))
        self.repeats += told.repeats
        return told
