"""Helpers that all dashboards share: data source, variables, queries, panels, and the finishing touch.

Rules kept here so that no dashboard has to think of them: every panel has a description; "all" in a variable
becomes `.*`, so that a query stays short however many partnerships there are; panel ids and plugin versions
are set, so that links to panels last and Grafana migrates nothing on loading.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    DataSourceRef,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

#: The Grafana line that the panels are written for; with it set, Grafana runs no panel migrations.
GRAFANA_VERSION = "12.3.0"
DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
#: The data source that `push` and the provisioning files make.
DATASOURCE_UID = "rapport-prometheus"
DATASOURCE_NAME = "Rapport Prometheus"

GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"
Steps = Sequence[tuple[float | None, str]]
#: Health and signals run from 0 to 100; the bounds are for the eye only, alerts have rules of their own.
SCORE_STEPS: Steps = ((None, RED), (40, ORANGE), (55, YELLOW), (70, GREEN))
ANY_IS_BAD: Steps = ((None, GREEN), (1, RED))
#: Of coloured cells: an empty one would get the lowest threshold's colour, as if it were as bad as can be.
NOTHING = {
    "type": "special",
    "options": {"match": "null+nan", "result": {"text": "–", "color": "transparent", "index": 99}},
}


@dataclass(frozen=True, slots=True)
class Q:
    """One PromQL query: a range with lines named by `legend`, or with `table` one instant as a table."""

    expr: str
    legend: str = ""
    table: bool = False


def thresholds(steps: Steps) -> builders.ThresholdsConfig:
    """Absolute thresholds; the first step's value is None (minus infinity)."""
    return (
        builders.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


def plain_thresholds(steps: Steps) -> dict[str, Any]:
    """The same as plain values, for a field's own."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def query(q: Q, ref_id: str) -> prometheus.Dataquery:
    """The query as Grafana's Prometheus data source wants it."""
    built = prometheus.Dataquery().datasource(DATASOURCE).expr(q.expr).ref_id(ref_id)
    if q.table:
        return built.instant().format(PromQueryFormat.TABLE)
    return built.range().format(PromQueryFormat.TIME_SERIES).legend_format(q.legend)


def ref_ids(queries: Sequence[Q]) -> list[prometheus.Dataquery]:
    """The queries under the names A, B, C, …"""
    return [query(q, chr(ord("A") + index)) for index, q in enumerate(queries)]


def graph(
    title: str,
    description: str,
    *queries: Q,
    unit: str,
    width: int = 8,
    height: int = 8,
    stack: bool = False,
    steps: Steps | None = None,
    low: float | None = 0,
    high: float | None = None,
) -> timeseries.Panel:
    """Lines over time, last and highest value in the legend; `steps` are drawn as dashed lines."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .targets(list(ref_ids(queries)))
        .unit(unit)
        .span(width)
        .height(height)
        .line_width(1)
        .fill_opacity(20 if stack else 6)
        .span_nulls(False)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common_builders.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
    )
    if stack:
        panel = panel.stacking(common_builders.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if steps is not None:
        panel = panel.thresholds(thresholds(steps)).thresholds_style(
            common_builders.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    if low is not None:
        panel = panel.min(low)
    return panel if high is None else panel.max(high)


def number(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str = "short",
    steps: Steps = ((None, BLUE),),
    width: int = 4,
    decimals: int = 0,
    empty: str = "–",
) -> stat.Panel:
    """One number, coloured by its thresholds, with its course behind it."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .targets([query(Q(expr), "A")])
        .unit(unit)
        .decimals(decimals)
        .thresholds(thresholds(steps))
        .no_value(empty)
        .span(width)
        .height(4)
        .graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )


def finish(dashboard: builders.Dashboard) -> dict[str, Any]:
    """The dashboard as plain JSON values, with panel ids in order and the panels' version set."""
    model = dashboard.build()
    for number_, panel in enumerate(model.panels or [], start=1):
        panel.id_val = number_
        if isinstance(panel, models.Panel):
            panel.plugin_version = GRAFANA_VERSION
    plain: dict[str, Any] = json.loads(json.dumps(model, cls=JSONEncoder))
    for panel in plain["panels"]:
        if panel["type"] != "row":
            panel.setdefault("fieldConfig", {"defaults": {}, "overrides": []})
    for shown in (*plain.get("links", []), *plain.get("annotations", {}).get("list", [])):
        shown.pop("placement", None)  # the SDK's default hides links and annotations in a menu
    return plain
