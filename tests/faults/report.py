"""What a run of the scenarios broke, and what came of it: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario. `state`: passed, failed, or skipped; `why` says what failed or was missing."""

    name: str
    breaks: str
    state: str
    seconds: float
    events: int
    repeats: int
    faults: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    why: str = ""


def faults_of(results: list[Result]) -> Counter[str]:
    """All faults of a run, by kind."""
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.faults)
    return total


def killed(faults: Mapping[str, int]) -> int:
    """Processes ended by `kill -9`, of whatever kind."""
    return sum(count for name, count in faults.items() if name.startswith("kill"))


def summary(results: list[Result], seed: int, *, cluster: bool = False) -> str:
    """One line. `cluster`: the store was a Redis Cluster."""
    states = Counter(result.state for result in results)
    faults = faults_of(results)
    told = ", ".join(f"{states[name]} {name}" for name in ("passed", "failed", "skipped") if states[name])
    where = ", on a Redis Cluster" if cluster else ""
    return (
        f"seed {seed}{where}: {told}; {killed(faults)} processes killed ({faults['kill worker']} workers), "
        f"{faults.total() - killed(faults)} other faults, {sum(r.events for r in results):,} events, "
        f"{sum(r.repeats for r in results):,} outputs repeated, {sum(r.seconds for r in results):.0f} s"
    )


def write(directory: Path, results: list[Result], seed: int, *, cluster: bool = False) -> Path:
    """report.json and report.md; returns the latter's path."""
    rows = [
        "| scenario | state | faults | events | outputs repeated | s | measured |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        faults = ", ".join(f"{count} {name}" for name, count in sorted(result.faults.items()))
        told = "; ".join([*result.notes, *([result.why.splitlines()[0]] if result.why else [])])
        rows.append(
            f"| {result.name} | {result.state} | {faults} | {result.events:,} | {result.repeats:,} "
            f"| {result.seconds:.0f} | {told.replace('|', '/')} |"
        )
    line = summary(results, seed, cluster=cluster)
    text = f"# What was broken\n\n{line}\n\n" + "\n".join(rows) + "\n"
    (directory / "report.md").write_text(text)
    told_all = {"seed": seed, "summary": line, "faults": faults_of(results),
                "results": [asdict(result) for result in results]}  # fmt: skip
    (directory / "report.json").write_text(json.dumps(told_all, indent=1) + "\n")
    return directory / "report.md"
