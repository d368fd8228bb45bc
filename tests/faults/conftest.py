"""Sizes and the schedule of the fault tests.

RAPPORT_FAULT_SEED repeats a schedule (a failure names its seed); RAPPORT_FAULT_EVENTS and RAPPORT_FAULT_KILLS
change the size of the kill test.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from streams.settings import Settings
from tests.conftest import Pair
from tests.servers import RedisServer

# Read when the module is: tests run without RAPPORT_ variables.
EVENTS = int(os.environ.get("RAPPORT_FAULT_EVENTS", "400000"))
KILLS = int(os.environ.get("RAPPORT_FAULT_KILLS", "30"))
_SEED = os.environ.get("RAPPORT_FAULT_SEED")
PARTITIONS = 6
SESSION_S = 2.0


@dataclass
class Schedule:
    """When to hurt whom."""

    seed: int
    rng: random.Random = field(init=False)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def say(self, line: str) -> None:
        """What was done, for the report of a run (pytest -s, or a failure)."""
        print(f"\n{line} (seed {self.seed})")


@pytest.fixture
def schedule() -> Schedule:
    """A schedule with the seed that was asked for, or a new one; a failing test shows it."""
    seed = int(_SEED) if _SEED else secrets.randbelow(1_000_000)
    print(f"RAPPORT_FAULT_SEED={seed}")
    return Schedule(seed)


@pytest.fixture
def aof_redis(redis_server: Callable[..., RedisServer]) -> RedisServer:
    """A redis-server of the test's own, with an append-only file."""
    return redis_server(appendonly=True)


@pytest.fixture
def fault_settings(
    apache_pair: Pair, aof_redis: RedisServer, settings_for: Callable[..., Settings]
) -> Callable[..., Settings]:
    """Settings on Apache Kafka and that Redis, with short timeouts. Time does not go on by itself, so that
    two runs at different speeds find the same."""

    def make(**changes: object) -> Settings:
        values: dict[str, object] = {
            "redis_url": aof_redis.url, "partitions": PARTITIONS, "session_timeout_s": SESSION_S,
            "rebalance_timeout_s": 4.0, "redis_timeout_s": 1.0, "idle_speed": 0.0, "provisional_ms": 2_000,
        }  # fmt: skip
        return settings_for(apache_pair, **(values | changes))

    return make
