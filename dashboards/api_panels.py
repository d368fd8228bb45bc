"""Panels whose data come from the HTTP API, through `infinity`; they lie in rows of their own: (API)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import nodegraph, table
from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    TableCellBackgroundDisplayMode,
    TableCellHeight,
    TableColoredBackgroundCellOptions,
)

from dashboards.infinity import DATASOURCE, Column, Query
from dashboards.parts import NOTHING, SCORE_STEPS, plain_thresholds, thresholds

#: Colours of words, in cells that hold one of them.
STATES: Final = {
    "ok": "green", "resolved": "green", "pending": "yellow", "firing": "red", "no_data": "blue",
    "warming_up": "transparent",
}  # fmt: skip
SEVERITIES: Final = {"info": "blue", "warning": "orange", "critical": "red"}


def columns(**named: str) -> tuple[Column, ...]:
    """Columns by selector: `columns(Health="health.value:number")`; underscores in titles become spaces."""
    made = []
    for title, what in named.items():
        selector, _, kind = what.partition(":")
        name = title.replace("_", " ").strip()  # a trailing one keeps a title clear of Python's own words
        made.append(Column(selector, name, kind or "string"))  # type: ignore[arg-type]
    return tuple(made)


def rows(
    title: str,
    description: str,
    *queries: Query,
    width: int = 24,
    height: int = 9,
    sort: str | None = None,
    descending: bool = True,
    scores: Sequence[str] = (),
    words: Mapping[str, Mapping[str, str]] | None = None,
    units: Mapping[str, str] | None = None,
    links: Mapping[str, Mapping[str, Any]] | None = None,
    widths: Mapping[str, int] | None = None,
) -> table.Panel:
    """A table.

    Args:
        sort: column by which it is sorted at first.
        scores: columns from 0 to 100, coloured so.
        words: column -> word -> colour.
        units: column -> unit.
        links: column -> where a click leads.
        widths: column -> pixels.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .targets(list(queries))
        .unit("none")
        .thresholds(thresholds(((None, "text"),)))
        .span(width)
        .height(height)
        .show_header(True)
        .cell_height(TableCellHeight.SM)
        .filterable(True)
        .no_value("–")
    )
    if len(queries) > 1:
        panel = panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    for name, properties in _by_column(scores, words or {}, units or {}, links or {}, widths or {}).items():
        panel = panel.override_by_name(name, properties)
    return panel.sort_by([TableSortByFieldState().display_name(sort).desc(descending)] if sort else [])


def _by_column(
    scores: Sequence[str],
    words: Mapping[str, Mapping[str, str]],
    units: Mapping[str, str],
    links: Mapping[str, Mapping[str, Any]],
    widths: Mapping[str, int],
) -> dict[str, list[models.DynamicConfigValue]]:
    coloured = TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC)
    found: dict[str, list[models.DynamicConfigValue]] = {}

    def put(column: str, name: str, value: Any) -> None:
        found.setdefault(column, []).append(models.DynamicConfigValue(id_val=name, value=value))

    for column in scores:
        put(column, "custom.cellOptions", coloured)
        put(column, "thresholds", plain_thresholds(SCORE_STEPS))
        put(column, "decimals", 0)
        put(column, "mappings", [NOTHING])
    for column, colours in words.items():
        put(column, "custom.cellOptions", coloured)
        options = {word: {"color": colour, "index": n} for n, (word, colour) in enumerate(colours.items())}
        put(column, "mappings", [{"type": "value", "options": options}, NOTHING])
    for column, unit in units.items():
        put(column, "unit", unit)
    for column, link in links.items():
        put(column, "links", [link])
    for column, pixels in widths.items():
        put(column, "custom.width", pixels)
    return found


def node_graph(
    title: str, description: str, nodes: Query, edges: Query, *, width: int = 24, height: int = 16
) -> nodegraph.Panel:
    """A map of who is in touch with whom."""
    return (
        nodegraph.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .targets([nodes, edges])
        .nodes(nodegraph.NodeOptions().main_stat_unit("none"))
        .edges(nodegraph.EdgeOptions().main_stat_unit("none"))
        .span(width)
        .height(height)
    )
