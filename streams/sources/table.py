"""The capability matrices of all sources as tables in Markdown: a test holds docs/sources.md to them."""

from __future__ import annotations

from collections.abc import Iterable

from streams.sources.abilities import ASPECTS, NEEDS
from streams.sources.registry import SOURCES

_SAY = {"each": "one by one", "anonymous": "without authors", "total": "totals", "no": "–"}


def tells() -> str:
    """Aspect by source: how well it is told."""
    rows = [
        [told, *(_SAY[source.abilities[aspect].level] for source in SOURCES.values())]
        for aspect, told in ASPECTS.items()
    ]
    return _table(["", *SOURCES], rows)


def measurable() -> str:
    """Part of a signal by source: whether it can be measured from it alone."""
    missing = {name: source().not_measurable() for name, source in SOURCES.items()}
    rows = [[f"`{part}`", *("–" if part in missing[name] else "yes" for name in SOURCES)] for part in NEEDS]
    return _table(["", *SOURCES], rows)


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
