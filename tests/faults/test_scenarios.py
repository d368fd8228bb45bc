"""The quick half of the scenarios, made smaller; `make faults` runs them all, with more kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Pair
from tests.faults.report import Result, killed, summary, write
from tests.faults.run import attempt, chosen
from tests.faults.scene import SCENARIOS, House
from tests.servers import REPO

_QUICK = [name for name, one in SCENARIOS.items() if one.quick]


@pytest.fixture(scope="session")
def house(apache_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> House:
    """One for all, so that the undisturbed runs are shared."""
    return House(tmp_path_factory.mktemp("faults"), apache_pair.broker, print)


@pytest.mark.servers
@pytest.mark.fault
@pytest.mark.timeout(950)
@pytest.mark.parametrize("name", _QUICK)
def test_all_is_as_in_an_undisturbed_run(name: str, seed: int, house: House) -> None:
    one = SCENARIOS[name]
    result = attempt(one, seed, one.quick, house, keep=False)
    again = f"python -m tests.faults --seed {seed} --size {one.quick:g} {name}"
    assert result.state == "passed", f"{result.why}\nagain: {again}"
    assert result.faults


def test_each_scenario_stands_in_the_guarantees() -> None:
    """A scenario that no row names is not found by who asks what has been tried."""
    told = (REPO / "docs" / "guarantees.md").read_text()
    assert not [name for name in SCENARIOS if f"`{name}`" not in told]


def test_the_long_ones_run_only_when_they_are_named() -> None:
    assert {one.name for one in chosen([])} == {name for name, one in SCENARIOS.items() if not one.long}
    assert [one.name for one in chosen(["soak"])] == ["soak"]
    on_cluster = {one.name for one in chosen([], cluster=True)}
    assert {"kill-commit", "poison"} < on_cluster and not {"redis-aof", "soak"} & on_cluster


def test_a_report_counts_what_was_killed_apart_from_what_else_broke(tmp_path: Path) -> None:
    results = [
        Result("a", "x", "passed", 2.0, 1_000, 7, {"kill worker": 3, "kill Redis": 1, "failover": 1}),
        Result("b", "y", "failed", 1.0, 500, 0, {"kill worker": 2}, why="state: differs\nat length"),
    ]
    assert killed({"kill worker": 5, "kill Redis": 1, "failover": 1}) == 6
    line = summary(results, 9)
    assert line.startswith("seed 9: 1 passed, 1 failed; 6 processes killed (5 workers), 1 other faults")
    text = write(tmp_path, results, 9).read_text()
    assert "| b | failed | 2 kill worker | 500 | 0 | 1 | state: differs |" in text
