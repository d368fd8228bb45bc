"""Dashboard "Rapport: partnerships and pipeline": which partnerships slip, and whether the system is well.

Its rows: the board, alerts on their way, the flow of events, lag and latency, state in Redis and its
guarantees, the processes.
The metrics are those of `streams.metrics` (a test holds both together).
"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from dashboards import overview_alerts, overview_board, overview_pipeline
from dashboards.parts import datasource_variable, finish, label_variable

UID = "rapport-overview"
TITLE = "Rapport: partnerships and pipeline"


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    dashboard = (
        builders.Dashboard(TITLE)
        .uid(UID)
        .tags(["rapport"])
        .timezone("browser")
        .refresh("10s")
        .time("now-6h", "now")
        .description("Health of brand-influencer partnerships, and of the system that scores them.")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("Rapport dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["rapport"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
            .icon("external link")
            .tooltip("All dashboards of Rapport, with the same choice of data source, brand and partnership")
        )
    )
    for variable in (
        datasource_variable(),
        label_variable(
            "brand", "Brand", "rapport_partnership_health, brand", "Whose partnerships are shown."
        ),
        label_variable(
            "tier", "Tier", 'rapport_partnership_health{brand=~"$brand"}, tier', "Size of the influencer."
        ),
        label_variable(
            "partnership",
            "Partnership",
            'rapport_partnership_health{brand=~"$brand",tier=~"$tier"}, partnership',
            "The partnerships of the board and of the curves beside it.",
        ),
        label_variable(
            "worker",
            "Worker",
            "rapport_partitions_owned, instance",
            "Workers whose own figures are shown in the rows of the pipeline.",
        ),
    ):
        dashboard = dashboard.with_variable(variable)
    for title, panels in (*overview_board.rows(UID), *overview_alerts.rows(), *overview_pipeline.rows()):
        dashboard = dashboard.with_row(builders.Row(title))
        for panel in panels:
            dashboard = dashboard.with_panel(panel)
    return finish(dashboard)
