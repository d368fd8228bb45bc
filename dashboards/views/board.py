"""Dashboard *Board*: which partnerships slip? All of them, the weakest first, with links to each.

Two workers may show the same partnership for a moment around a rebalance, hence `max by` throughout. The
signal gauge carries no brand (labels cost memory): `and on (partnership)` filters it by the health gauge's.
"""

from __future__ import annotations

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

from dashboards import frame
from dashboards.frame import HEALTH, KNOWN, E
from dashboards.parts import (
    ANY_IS_BAD,
    BLUE,
    DATASOURCE,
    NOTHING,
    SCORE_STEPS,
    Q,
    graph,
    number,
    plain_thresholds,
    ref_ids,
    thresholds,
)
from dashboards.rates import rate
from dashboards.views import board_api
from dashboards.views.links import BOARD, to_partnership

UID = BOARD
TITLE = "Rapport: board"
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
    return f"max by (partnership, brand, tier, platform) ({selector})"


def signal(matchers: str, by: str) -> str:
    """The signal gauge of the chosen partnerships."""
    return (
        f'max by ({by}) (rapport_partnership_signal{{{matchers}{E},partnership=~"$partnership"}})'
        f" and on (partnership) {KNOWN}"
    )


def _board() -> table.Panel:
    trend = f"{by_partnership(HEALTH)} - {by_partnership(f'avg_over_time({HEALTH}[$window])')}"
    queries = [
        Q(by_partnership(KNOWN), table=True),
        Q(by_partnership(HEALTH), table=True),
        Q(trend, table=True),
        *(Q(signal(f'signal="{name}",', "partnership"), table=True) for name in SIGNALS),
    ]
    values = ["State", "Health", "Trend", *SIGNALS.values()]
    names = {"partnership": "Partnership", "brand": "Brand", "tier": "Tier", "platform": "Platform"} | {
        f"Value #{chr(ord('A') + index)}": name for index, name in enumerate(values)
    }
    organize = {
        "excludeByName": {"Time": True},
        "renameByName": names,
        "indexByName": {name: index for index, name in enumerate(names)},
    }
    panel = (
        table.Panel()
        .title("Board")
        .datasource(DATASOURCE)
        .span(24)
        .height(11)
        .description(
            "All chosen partnerships, the weakest first. State: how many alerts fire. Health and signals "
            "run from 0 to 100. Trend is the health now less its mean over the chosen window. An empty cell "
            "has too little data. Click a partnership to open it."
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
                _property("mappings", [NOTHING]),
            ],
        )
        .override_by_name(
            "Trend",
            [
                _property("custom.cellOptions", TableColorTextCellOptions()),
                _property("decimals", 1),
                _property("min", -100),
                _property("thresholds", plain_thresholds(((None, "red"), (-5, "text"), (5, "green")))),
            ],
        )
        .override_by_name(
            "State",
            [
                _property(
                    "custom.cellOptions",
                    TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC),
                ),
                _property(
                    "mappings", [{"type": "value", "options": {"0": {"text": "ok", "index": 0}}}, NOTHING]
                ),
                _property("unit", "suffix: firing"),
                _property("thresholds", plain_thresholds(ANY_IS_BAD)),
                _property("max", 1),
            ],
        )
        .override_by_name(
            "Partnership", [_property("links", [to_partnership()]), _property("custom.minWidth", 180)]
        )
    )
    for title in SIGNALS.values():
        panel = panel.override_by_name(
            title,
            [
                _property(
                    "custom.cellOptions",
                    TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC),
                ),
                _property("mappings", [NOTHING]),
            ],
        )
    return panel.sort_by([TableSortByFieldState().display_name("Health").desc(False)])


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    return frame.dashboard(
        UID,
        TITLE,
        "All partnerships with health, signals, state and trend; the weakest first.",
        [
            frame.brand(), frame.tier(), frame.platform(), frame.influencer(), frame.partnerships(),
            frame.window(), frame.api(),
        ],
        [
            ("Partnerships", [*_numbers(), _board(), *_graphs()]),
            ("Partnerships with intervals (API)", board_api.panels()),
        ],
        annotations=[frame.told_to_grafana()],
    )  # fmt: skip


def _numbers() -> list[Builder[models.Panel]]:
    health = by_partnership(HEALTH)
    return [
        number(
            "Partnerships",
            "How many partnerships are shown. Those beyond RAPPORT_METRICS_PARTNERSHIPS are not among them: "
            "see the pipeline's panel of partnerships without gauges.",
            f"count({by_partnership(KNOWN)})",
        ),
        number(
            "Weakest", "Health of the weakest partnership that is shown.", f"min({health})", steps=SCORE_STEPS
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
            "Alerts that fire now for the partnerships that are shown.",
            f"sum({by_partnership(KNOWN)})",
            steps=ANY_IS_BAD,
        ),
        number(
            "Readings",
            "Readings made per minute, over all workers: is anything being scored at all?",
            f"60 * {rate('rapport_readings_total', of=E)}",
            unit="recpm",
            steps=((None, BLUE),),
        ),
    ]


def _graphs() -> list[Builder[models.Panel]]:
    return [
        graph(
            "Health",
            "Health of each chosen partnership over time.",
            Q(by_partnership(HEALTH), "{{partnership}}"),
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
            "Health by tier",
            "Mean health of the chosen partnerships by size class: macro beside micro.",
            Q(f"avg by (tier) ({by_partnership(HEALTH)})", "{{tier}}"),
            unit="none",
            width=12,
            height=7,
            steps=SCORE_STEPS,
            high=100,
        ),
        graph(
            "Health by brand",
            "Mean health of the chosen partnerships by brand, and of the weakest of each.",
            Q(f"avg by (brand) ({by_partnership(HEALTH)})", "{{brand}}"),
            Q(f"min by (brand) ({by_partnership(HEALTH)})", "{{brand}}: weakest"),
            unit="none",
            width=12,
            height=7,
            steps=SCORE_STEPS,
            high=100,
        ),
    ]


def _property(name: str, value: Any) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)
