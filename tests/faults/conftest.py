"""A seed for what breaks things. RAPPORT_FAULT_SEED repeats a schedule (a failure names its seed)."""

from __future__ import annotations

import os
import random
import secrets
from dataclasses import dataclass, field

import pytest

# Read when the module is: tests run without RAPPORT_ variables.
_SEED = os.environ.get("RAPPORT_FAULT_SEED")


@dataclass
class Schedule:
    """When to hurt whom."""

    seed: int
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def say(self, line: str) -> None:
        """What was done, for the report of a run (pytest -s, or a failure)."""
        print(f"\n{line} (seed {self.seed})")


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed that was asked for, or a new one; a failing test shows it."""
    return int(_SEED) if _SEED else secrets.randbelow(1_000_000)


@pytest.fixture
def schedule(seed: int) -> Schedule:
    """A schedule with that seed."""
    print(f"RAPPORT_FAULT_SEED={seed}")
    return Schedule(seed)
