"""Rows of the board that come from the HTTP API: intervals, and age of the source."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.api_panels import STATES, columns, rows
from dashboards.infinity import Query
from dashboards.views.links import to_partnership

_ROW: Final = columns(
    Partnership="partnership_id", Brand="brand_id", Influencer="influencer_id", Tier="tier",
    Platform="platform", State="state", Health="health:number", from_="low:number", to="high:number",
    Interaction_quality="interaction_quality:number", Connection="connection:number",
    Audience_fit="audience_fit:number", Authenticity="authenticity:number", All_in="all_in:number",
    Relationship="relationship:number", Source_age="source_age_s:number", As_of="at:timestamp",
)  # fmt: skip
#: As the variables say; all is `.*`, which the API knows.
_CHOSEN: Final = tuple((name, f"${{{name}:csv}}") for name in ("brand", "tier", "influencer", "partnership"))
_SCORES: Final = (
    "Health", "Interaction quality", "Connection", "Audience fit", "Authenticity", "All in", "Relationship",
)  # fmt: skip


def panels() -> list[Builder[models.Panel]]:
    """The panels."""
    return [
        rows(
            "Partnerships with intervals",
            "The 500 weakest partnerships, whatever their number: also those that have no gauges in "
            "Prometheus. From and to: the 95 % interval of health. Source age: that of the newest event of "
            "the influencer's source.",
            Query("/api/v1/tables/partnerships", "items", _ROW, (*_CHOSEN, ("limit", "500"))),
            height=12,
            sort="Health",
            descending=False,
            scores=_SCORES,
            words={"State": STATES},
            units={"Source age": "s"},
            links={"Partnership": to_partnership()},
            widths={"Partnership": 200, "State": 90, "from": 60, "to": 60},
        ),
    ]
