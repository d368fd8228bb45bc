"""Dashboard *Relationships*: who of the brand knows which influencer, and what is lost with whom?"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards import frame
from dashboards.frame import KNOWN, E
from dashboards.parts import SCORE_STEPS, Q, graph, number
from dashboards.rates import in_an_hour, or_none
from dashboards.views import relationships_api
from dashboards.views.board import signal

UID = "rapport-relationships"
TITLE = "Rapport: relationships"
#: Below this nobody of the brand really knows the influencer (the board's red).
LOOSE = 40
_TIES = 'signal="relationship",'


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    return frame.dashboard(
        UID,
        TITLE,
        "Ties between the brand's people and its influencers: how strong, and what leaves with whom.",
        [
            frame.brand(), frame.tier(), frame.platform(), frame.influencer(), frame.partnerships(),
            frame.window(), frame.api(),
        ],
        [
            ("Relationships", [*_numbers(), *_graphs()]),
            ("Map (API)", relationships_api.panels()),
        ],
        annotations=[frame.told_to_grafana("relationship")],
        time_from="now-24h",
        refresh="30s",
    )  # fmt: skip


def _numbers() -> list[Builder[models.Panel]]:
    ties = f"({signal(_TIES, 'partnership')})"
    fell = f'{{signal="relationship",{E}}}'
    return [
        number(
            "Middle",
            "Median relationship of the chosen partnerships, 0 to 100.",
            f"quantile(0.5, {ties})",
            steps=SCORE_STEPS,
            width=6,
        ),
        number(
            "Weakest",
            "The partnership in which the brand's people and the influencer know each other least.",
            f"min({ties})",
            steps=SCORE_STEPS,
            width=6,
        ),
        number(
            "Loose",
            f"Partnerships with a relationship below {LOOSE}: nobody there really knows the influencer.",
            f"count({ties} < {LOOSE}) or vector(0)",
            steps=((None, "green"), (1, "orange")),
            width=6,
        ),
        number(
            "Ties that broke",
            "Alerts on relationships that began to fire in the time shown, over all brands.",
            f"sum(increase(rapport_alert_delay_seconds_count{fell}[$__range]))",
            steps=((None, "green"), (1, "orange")),
            width=6,
        ),
    ]


def _graphs() -> list[Builder[models.Panel]]:
    changes = in_an_hour("rapport_alert_transitions_total", "state, reason", _TIES, of=E)
    return [
        graph(
            "Relationship",
            "Relationship of each chosen partnership over time.",
            Q(signal(_TIES, "partnership"), "{{partnership}}"),
            unit="none",
            width=12,
            height=9,
            steps=SCORE_STEPS,
            high=100,
        ),
        graph(
            "Relationship by tier",
            "Mean relationship by size class: few partners and long, or many and quick?",
            Q(
                f"avg by (tier) (max by (partnership) (rapport_partnership_signal{{{_TIES}{E}}})"
                f" * on (partnership) group_right () max by (partnership, tier) ({KNOWN} * 0 + 1))",
                "{{tier}}",
            ),
            unit="none",
            width=6,
            height=9,
            steps=SCORE_STEPS,
            high=100,
        ),
        graph(
            "Alerts on relationships",
            "Alerts on relationships that changed their state within the hour before, by why.",
            Q(or_none(f"{changes} > 0", "reason"), "{{state}}: {{reason}}"),
            unit="short",
            width=6,
            height=9,
        ),
    ]
