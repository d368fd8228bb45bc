"""Rows of the detection dashboard that come from the HTTP API: alerts, silences and acts one by one."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.api_panels import SEVERITIES, STATES, columns, rows
from dashboards.infinity import Query
from dashboards.views.links import to_partnership

_ALERT: Final = columns(
    At="at:timestamp", State="state", Severity="severity", Brand="brand_id", Partnership="partnership_id",
    Signal="signal", Subject="subject", Reason="reason", Before="baseline:number", Now="value:number",
    Summary="summary", Taken_by="acknowledged.by", Silenced_by="silenced.by", Wrong_says="wrong.by",
)  # fmt: skip


def panels() -> list[Builder[models.Panel]]:
    """The panels."""
    return [
        rows(
            "Alerts",
            "The newest 200 alerts that are not over, of all brands, with who took them on; filter by the "
            "funnel in a column's head. Before is the frozen reference.",
            Query("/api/v1/alerts", "items", _ALERT, (("limit", "200"),)),
            sort="At",
            words={"State": STATES, "Severity": SEVERITIES},
            links={"Partnership": to_partnership()},
            widths={"At": 170, "State": 90, "Severity": 90, "Summary": 420},
        ),
        rows(
            "Alerts that ended",
            "The newest 100 alerts that ended, of all brands, and whether somebody marked them as wrong.",
            Query("/api/v1/alerts", "items", _ALERT, (("state", "resolved"), ("limit", "100"))),
            sort="At",
            words={"Severity": SEVERITIES},
            links={"Partnership": to_partnership()},
            widths={"At": 170, "State": 90, "Severity": 90, "Summary": 420},
        ),
        rows(
            "Silences",
            "What is kept from people at present, by whom, until when, and why.",
            Query(
                "/api/v1/silences",
                "items",
                columns(State="state", Until="ends_at:timestamp", By="created_by", Why="comment"),
            ),
            width=10,
        ),
        rows(
            "Acts",
            "What people did last: acknowledged, silenced, explained, marked as wrong.",
            Query(
                "/api/v1/audit",
                "items",
                columns(At="at:timestamp", By="by", Did="verb", What="subject", Note="note"),
                (("limit", "100"),),
            ),
            width=14,
            sort="At",
        ),
    ]
