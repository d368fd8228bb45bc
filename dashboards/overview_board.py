"""Rows of the overview that show partnerships: the board, curves of health and signals, alerts.

Two workers may show the same partnership for a moment around a rebalance, hence `max by` throughout. The
signal gauge carries no brand (labels cost memory): `and on (partnership)` filters it by the health gauge's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    TableBarGaugeCellOptions,
    TableCellBackgroundDisplayMode,
    TableColoredBackgroundCellOptions,
    TableColorTextCellOptions,
)

from dashboards.parts import ANY_IS_BAD, BLUE, DATASOURCE, SCORE_STEPS, Q, graph, number, ref_ids, thresholds

Row = tuple[str, Sequence[Builder[models.Panel]]]

HEALTH = 'rapport_partnership_health{brand=~"$brand",tier=~"$tier",partnership=~"$partnership"}'
TRANSITIONS = "rapport_alert_transitions_total"
#: Signals of the contract in the board's order, with titles. One that nobody computes shows no column.
SIGNALS = {
    "interaction_quality": "Interaction quality",
    "connection": "Connection",
    "audience_fit": "Audience fit",
    "authenticity": "Authenticity",
    "all_in": "All in",
    "relationship": "Relationship",
}
#: Below this, a partnership is counted as weak in the row of numbers (the same bound as the board's orange).
WEAK = 55


def by_partnership(selector: str) -> str:
    """One value per partnership, whichever worker shows it."""
    return f"max by (partnership, brand, tier) ({selector})"


def signal(matchers: str, by: str) -> str:
    """The signal gauge of the chosen partnerships."""
    return (
        f'max by ({by}) (rapport_partnership_signal{{{matchers}partnership=~"$partnership"}})'
        f" and on (partnership) {HEALTH}"
    )


def _board(uid: str) -> table.Panel:
    queries = [
        Q(by_partnership(HEALTH), table=True),
        Q(f"{by_partnership(HEALTH)} - {by_partnership(f'avg_over_time({HEALTH}[$__range])')}", table=True),
        *(Q(signal(f'signal="{name}",', "partnership"), table=True) for name in SIGNALS),
    ]
    values = ["Health", "Trend", *SIGNALS.values()]
    names = {"partnership": "Partnership", "brand": "Brand", "tier": "Tier"} | {
        f"Value #{chr(ord('A') + index)}": name for index, name in enumerate(values)
    }
    organize = {
        "excludeByName": {"Time": True},
        "renameByName": names,
        "indexByName": {name: index for index, name in enumerate(names)},
    }
    link = {
        "title": "Only this partnership",
        "url": f"/d/{uid}?var-partnership=${{__value.text:percentencode}}"
        "&${datasource:queryparam}&${brand:queryparam}&${tier:queryparam}&${__url_time_range}",
    }
    panel = (
        table.Panel()
        .title("Board")
        .datasource(DATASOURCE)
        .span(24)
        .height(11)
        .description(
            "All chosen partnerships, the weakest first. Health and signals run from 0 to 100. Trend is "
            "the health now less its mean over the time shown. A signal without a column is not "
            "computed yet; an empty cell has too little data. Click a partnership to see it alone."
        )
        .targets(list(ref_ids(queries)))
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
        .unit("none")
        .decimals(0)
        .min(0)
        .max(100)
        .thresholds(thresholds(SCORE_STEPS))
        .override_by_name(
            "Health",
            [
                _property("custom.cellOptions", TableBarGaugeCellOptions(mode=BarGaugeDisplayMode.BASIC)),
                _property("color", {"mode": "thresholds"}),
            ],
        )
        .override_by_name(
            "Trend",
            [
                _property("custom.cellOptions", TableColorTextCellOptions()),
                _property("decimals", 1),
                _property("min", -100),
                _property(
                    "thresholds",
                    {
                        "mode": "absolute",
                        "steps": [
                            {"value": None, "color": "red"},
                            {"value": -5, "color": "text"},
                            {"value": 5, "color": "green"},
                        ],
                    },
                ),
            ],
        )
        .override_by_name("Partnership", [_property("links", [link]), _property("custom.minWidth", 180)])
    )
    for title in SIGNALS.values():
        panel = panel.override_by_name(
            title,
            [
                _property(
                    "custom.cellOptions",
                    TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC),
                )
            ],
        )
    return panel.sort_by([TableSortByFieldState().display_name("Health").desc(False)])


def _property(name: str, value: Any) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)


def rows(uid: str) -> list[Row]:
    """The rows: title and panels. `uid` is the dashboard's, for links to itself."""
    health = by_partnership(HEALTH)
    return [
        (
            "Partnerships",
            [
                number("Partnerships", "How many partnerships have a health now.", f"count({health})"),
                number(
                    "Weakest",
                    "Health of the weakest partnership that is shown.",
                    f"min({health})",
                    steps=SCORE_STEPS,
                ),
                number(
                    "Middle",
                    "Median health of the partnerships that are shown.",
                    f"quantile(0.5, {health})",
                    steps=SCORE_STEPS,
                ),
                number(
                    "Weak",
                    f"Partnerships with health below {WEAK}.",
                    f"count({health} < {WEAK}) or vector(0)",
                    steps=((None, "green"), (1, "orange")),
                ),
                number(
                    "Alerts firing",
                    "Alerts that fire now, over all workers and brands.",
                    "sum(max by (partition) (rapport_alerts_firing))",
                    steps=ANY_IS_BAD,
                ),
                number(
                    "Readings",
                    "Readings made per minute, over all workers: is anything being scored at all?",
                    "60 * sum(rate(rapport_readings_total[$__rate_interval]))",
                    unit="recpm",
                    steps=((None, BLUE),),
                ),
                _board(uid),
                graph(
                    "Health",
                    "Health of each chosen partnership over time.",
                    Q(health, "{{partnership}}"),
                    unit="none",
                    width=12,
                    height=9,
                    steps=SCORE_STEPS,
                    high=100,
                ),
                graph(
                    "Signals",
                    "Signals of the chosen partnerships; choose one partnership to read it well.",
                    Q(signal("", "partnership, signal"), "{{partnership}} · {{signal}}"),
                    unit="none",
                    width=12,
                    height=9,
                    steps=SCORE_STEPS,
                    high=100,
                ),
                graph(
                    "Alert transitions",
                    "Alerts that changed their state, by signal and new state, per hour.",
                    Q(
                        f"3600 * sum by (signal, state) (rate({TRANSITIONS}[$__rate_interval]))",
                        "{{signal}} → {{state}}",
                    ),
                    unit="short",
                    width=12,
                    height=7,
                ),
                graph(
                    "Readings",
                    "Readings made per second: complete ones at boundaries of event time, provisional "
                    "ones between.",
                    Q(
                        "sum by (complete) (rate(rapport_readings_total[$__rate_interval]))",
                        "complete: {{complete}}",
                    ),
                    unit="recps",
                    width=12,
                    height=7,
                ),
            ],
        ),
    ]
