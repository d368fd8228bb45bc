"""Runs scenarios one after the other, keeps what a failed one left behind, and reports."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.faults import scenarios
from tests.faults.report import Result
from tests.faults.scene import SCENARIOS, CannotRunError, House, Scenario, Scene
from tests.servers import ServerMissingError

scenarios.load_all()


def chosen(names: Iterable[str], *, cluster: bool = False) -> list[Scenario]:
    """The scenarios of these names; where none is named all that are not long, or on a cluster the core.
    Raises KeyError."""
    names = list(names)
    usual = [one for one in SCENARIOS.values() if not one.long and (one.core or not cluster)]
    return [SCENARIOS[name] for name in names] or usual


def without_our_variables(directory: Path) -> None:
    """No RAPPORT_ variable and no rapport.toml of whoever runs this changes the outcome."""
    for name in [name for name in os.environ if name.startswith("RAPPORT_")]:
        del os.environ[name]
    os.environ["RAPPORT_CONFIG"] = str(directory / "none.toml")


async def perform(one: Scenario, scene: Scene) -> None:
    """Run a scenario within its limit, and clean up after it. Raises what it raises."""
    async with scene.stack:
        async with asyncio.timeout(one.limit_s * max(1.0, scene.size)):
            await one.run(scene)


def attempt(
    one: Scenario, seed: int, size: float, house: House, keep: bool, *, cluster: bool = False
) -> Result:
    """Run a scenario; its directory stays where it failed."""
    place = house.directory / one.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    scene = Scene(one.name, seed, place, house, size, cluster)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what our own clients meet of it is meant
    begun = time.monotonic()
    state, why = "passed", ""
    try:
        asyncio.run(perform(one, scene))
    except (CannotRunError, ServerMissingError) as error:
        state, why = "skipped", str(error)
    except Exception as error:
        state, why = "failed", f"{type(error).__name__}: {error}"
        (place / "failure.txt").write_text(traceback.format_exc())
    if state != "failed" and not keep:
        shutil.rmtree(place, ignore_errors=True)
    return Result(
        one.name, one.breaks, state, round(time.monotonic() - begun, 1), scene.events, scene.repeats,
        dict(scene.done), scene.notes, why,
    )  # fmt: skip


def run_all(
    todo: list[Scenario],
    seed: int,
    house: House,
    *,
    size: float = 1.0,
    keep: bool = False,
    cluster: bool = False,
) -> Iterator[Result]:
    """Run them in order; each result is said as it comes."""
    for number, one in enumerate(todo, 1):
        house.say(f"[{number}/{len(todo)}] {one.name}: {one.breaks}")
        result = attempt(one, seed, size, house, keep, cluster=cluster)
        house.say(f"[{number}/{len(todo)}] {one.name} {result.state} in {result.seconds:.0f} s")
        if result.state == "failed":
            house.say(f"  {result.why[:2_000]}\n  kept: {house.directory / one.name}")
            how = ("" if size == 1 else f"--size {size:g} ") + ("--cluster " if cluster else "")
            house.say(f"  again: python -m tests.faults --seed {seed} {how}{one.name}")
        elif result.why:
            house.say(f"  {result.why}")
        yield result
