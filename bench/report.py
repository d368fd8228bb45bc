"""What every measurement ends in: JSON with all that was found, a table in Markdown, and a picture of it."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rich.console import Console
from rich.table import Table

from bench.installation import console
from bench.measure import machine, versions
from tests.servers import kafka_jars

RESULTS = Path(__file__).parent / "results"


@dataclass(slots=True)
class Sheet:
    """A table, and (label, value) of the bars that are drawn beside it, in `unit`."""

    title: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    bars: list[tuple[str, float]] = field(default_factory=list)
    unit: str = ""

    def table(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title)
        for number, head in enumerate(self.heads):
            table.add_column(head, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """The same for a document."""
        lines = [self.heads, tuple("---:" if n else "---" for n in range(len(self.heads))), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def svg(self) -> str:
        """The bars."""
        most = max((value for _, value in self.bars), default=0.0) or 1.0
        height = 30 + 22 * len(self.bars)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" '
            f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
            f'<text x="10" y="18" font-weight="bold">{escape(f"{self.title}: {self.unit}")}</text>'
        ]
        for number, (label, value) in enumerate(self.bars):
            y = 30 + 22 * number
            wide = 380 * value / most
            parts.append(
                f'<text x="230" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
                f'<rect x="240" y="{y + 2}" width="{wide:.1f}" height="15" fill="#3b6ea5"/>'
                f'<text x="{246 + wide:.1f}" y="{y + 13}">{value:,.4g}</text>'
            )
        return "\n".join([*parts, "</svg>\n"])


def print_found(found: dict[str, Any], show: Callable[[dict[str, Any]], Table], *, as_json: bool) -> None:
    """What a measurement that keeps no file found, on stdout: one line of JSON, or a table for people."""
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        Console().print(show(found))


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median, least and most of the runs."""
    known = sorted(values)
    return {"median": statistics.median(known), "min": known[0], "max": known[-1], "runs": len(known)}


def said(values: dict[str, float], form: str = ",.0f") -> str:
    """A spread for people: "25,300 (23,300 to 26,500)"."""
    text = format(values["median"], form)
    if values["runs"] > 1:
        text += f" ({format(values['min'], form)} to {format(values['max'], form)})"
    return text


def finish(name: str, options: argparse.Namespace, found: dict[str, Any], sheets: Sequence[Sheet]) -> Path:
    """Print, and write everything under bench/results; returns the path of the JSON."""
    at = dt.datetime.now(dt.UTC)
    whole = {
        "what": name, "at": at.isoformat(timespec="seconds"), "note": options.note, "machine": machine(),
        "versions": versions() | {"kafka": kafka_jars().name.removeprefix("kafka-")},
        "settings": {key: str(value) for key, value in vars(options).items()},
        "load_average": os.getloadavg(), **found,
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{at:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(_document(whole, sheets, path.stem), encoding="utf-8")
    for number, sheet in enumerate(sheets):
        if sheet.bars:
            (RESULTS / f"{path.stem}-{number}.svg").write_text(sheet.svg(), encoding="utf-8")
        if not options.json:
            Console().print(sheet.table())
    if options.json:
        print(json.dumps(whole))
    console.print(f"written to {os.path.relpath(path)}, with .md and .svg beside it")
    return path


def _document(whole: dict[str, Any], sheets: Sequence[Sheet], stem: str) -> str:
    one = whole["machine"]
    told = ", ".join(f"{name} {version}" for name, version in whole["versions"].items())
    load = " ".join(f"{value:.1f}" for value in whole["load_average"])
    lines = [
        f"# {whole['what']}, {whole['at']}", "",
        f"{one['cores']} cores of {one['cpu']}, {one['memory_gib']} GiB, {one['system']}; load average "
        f"{load} at the end. {told}. {whole['note']}", "",
        f"Settings: {', '.join(f'{k}={v}' for k, v in whole['settings'].items() if v not in ('', 'None'))}.",
    ]  # fmt: skip
    for number, sheet in enumerate(sheets):
        lines += ["", f"## {sheet.title}", "", sheet.markdown()]
        if sheet.bars:
            lines += ["", f"![{sheet.unit}]({stem}-{number}.svg)"]
    return "\n".join(lines) + "\n"
