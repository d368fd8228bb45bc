"""Rows of the relationships' dashboard that come from the HTTP API: map, stages, what leaves with whom."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.api_panels import columns, node_graph, rows
from dashboards.infinity import Query
from dashboards.views.links import to_partnership

_PATH: Final = "/api/v1/tables/relationships"
_BRANDS: Final = (("brand", "${brand:csv}"),)
#: The node graph's own names of fields.
_NODES: Final = columns(
    id="id", title="title", subtitle="subtitle", mainstat="mainstat", secondarystat="secondarystat",
    color="color",
)  # fmt: skip
_EDGES: Final = columns(
    id="id", source="source", target="target", mainstat="mainstat", secondarystat="secondarystat",
    thickness="thickness:number",
)  # fmt: skip


def panels() -> list[Builder[models.Panel]]:
    """The panels."""
    return [
        node_graph(
            "Who knows whom",
            "The brands' people and accounts (blue) and their influencers, coloured by relationship. Thick "
            "lines are strong ties. On an influencer: the relationship, 0 to 100; on a person: how much of "
            "all relationships is lost if they leave. Of the chosen brands that the API's token may see.",
            Query(_PATH, "nodes", _NODES, _BRANDS, form="node-graph-nodes", ref="nodes"),
            Query(_PATH, "edges", _EDGES, _BRANDS, form="node-graph-edges", ref="edges"),
        ),
        rows(
            "Stages and bus factor",
            "Each influencer's stage, from Unaware to Advocate. Bus factor: share of the strongest person in "
            "all contact, above 0.6 the tie leaves with one person. One sidedness: share of contact that the "
            "brand sends, above 0.8 it chases.",
            Query(
                _PATH,
                "influencers",
                columns(
                    Partnership="partnership_id", Brand="brand_id", Relationship="relationship:number",
                    Stage="stage", Bus_factor="bus_factor:number", Strongest="strongest",
                    One_sidedness="one_sidedness:number", Last_contact="last_contact_days:number",
                ),
                _BRANDS,
            ),
            width=14,
            sort="Relationship",
            descending=False,
            scores=("Relationship",),
            units={"Bus factor": "percentunit", "One sidedness": "percentunit", "Last contact": "d"},
            links={"Partnership": to_partnership()},
        ),
        rows(
            "Lost if they leave",
            "What each relationship would fall to without one of the brand's people.",
            Query(
                _PATH,
                "people",
                columns(
                    Person="name", Account="account_id", Partnership="partnership_id",
                    Now="relationship:number", Without="without:number", Lost="lost:number",
                    Share="share:number",
                ),
                _BRANDS,
            ),
            width=10,
            sort="Lost",
            units={"Share": "percentunit"},
            links={"Partnership": to_partnership()},
        ),
    ]  # fmt: skip
