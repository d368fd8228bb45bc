"""Dashboard *Partnership*: how does this one stand, why, and what does its audience say?"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards import frame
from dashboards.frame import E
from dashboards.parts import ANY_IS_BAD, BLUE, SCORE_STEPS, Q, graph, number
from dashboards.views import partnership_api
from dashboards.views.board import SIGNALS
from dashboards.views.links import PARTNERSHIP

UID = PARTNERSHIP
_MEANING = {
    "interaction_quality": "How much of the audience's acts is real and goes deep.",
    "connection": "Whether the influencer answers, conversations go on, people come back.",
    "audience_fit": "Whether those who engage are whom the brand wants to reach.",
    "authenticity": "Share of acts by real, attentive people.",
    "all_in": "Whether the brand is spoken of unasked, disclosed and exclusively, not only under contract.",
    "relationship": "How well the brand's people and the influencer know each other, both ways.",
}
TITLE = "Rapport: partnership"
_ONE = f'{E},partnership="$partnership"'
HEALTH = f"max(rapport_partnership_health{{{_ONE}}})"


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    return frame.dashboard(
        UID,
        TITLE,
        "One partnership: all signals with parts and intervals, what moved them, and what the audience says.",
        [
            frame.brand(), frame.tier(), frame.platform(), frame.influencer(), frame.partnership(),
            frame.window(), frame.api(),
        ],
        [
            ("$partnership", [*_numbers(), *_graphs()]),
            ("Parts and intervals (API)", partnership_api.readings()),
            ("Audience and alerts (API)", partnership_api.audience()),
        ],
        annotations=[frame.firing_in_prometheus(), frame.told_to_grafana("partnership:$partnership")],
        time_from="now-24h",
        refresh="30s",
    )  # fmt: skip


def signal(name: str) -> str:
    """A signal of the partnership."""
    return f'max(rapport_partnership_signal{{signal="{name}",{_ONE}}})'


def _numbers() -> list[Builder[models.Panel]]:
    return [
        number(
            "Health",
            "Weighted mean of the signals that are measurable, 0 to 100 (docs/method.md).",
            HEALTH,
            steps=SCORE_STEPS,
            width=8,
            empty="not measurable",
        ),
        number(
            "Trend",
            "Health now less its mean over the chosen window.",
            f"{HEALTH} - max(avg_over_time(rapport_partnership_health{{{_ONE}}}[$window]))",
            steps=((None, "red"), (-5, BLUE), (5, "green")),
            decimals=1,
            empty="not measurable",
            width=8,
        ),
        number(
            "Alerts firing",
            "Alerts of this partnership that fire now.",
            f"max(rapport_partnership_alerts_firing{{{_ONE}}})",
            steps=ANY_IS_BAD,
            width=8,
        ),
        *(
            number(
                title,
                _MEANING[name] + " 0 to 100; empty while it cannot be measured.",
                signal(name),
                steps=SCORE_STEPS,
                empty="not measurable",
            )
            for name, title in SIGNALS.items()
        ),
    ]


def _graphs() -> list[Builder[models.Panel]]:
    mean = f"max(avg_over_time(rapport_partnership_health{{{_ONE}}}[$window]))"
    peers = (
        f"avg(max by (partnership, tier) (rapport_partnership_health{{{E}}}) and on (tier) "
        f"max by (tier) (rapport_partnership_health{{{_ONE}}}))"
    )
    every = f"rapport_partnership_signal{{{_ONE}}}"
    return [
        _scores(
            "Health",
            "Health, its mean over the chosen window, and the mean of all partnerships of its size class.",
            Q(HEALTH, "health"),
            Q(mean, "mean over $window"),
            Q(peers, "its size class"),
        ),
        _scores(
            "Signals",
            "All signals that are measurable. Red marks: an alert fired; orange: its words.",
            Q(f"max by (signal) ({every})", "{{signal}}"),
        ),
        graph(
            "What moved",
            "Each signal now less its mean over the chosen window: what pulls health up and down.",
            Q(
                f"max by (signal) ({every}) - max by (signal) (avg_over_time({every}[$window]))",
                "{{signal}}",
            ),
            unit="none",
            height=9,
            low=None,
        ),
        _scores(
            "Paid versus all in",
            "All in against what the audience does: a partnership that lives on paid posts only has little "
            "of the first. Organic and paid posts beside each other are in the row of parts.",
            Q(signal("all_in"), "all in"),
            Q(signal("interaction_quality"), "interaction quality"),
            width=8,
        ),
        _scores(
            "Audience",
            "Who engages: fit with the target, and authenticity. Bots shift both, so read them together.",
            Q(signal("audience_fit"), "audience fit"),
            Q(signal("authenticity"), "authenticity"),
            width=8,
        ),
    ]


def _scores(title: str, description: str, *queries: Q, width: int = 12) -> Builder[models.Panel]:
    return graph(
        title, description, *queries, unit="none", width=width, height=9, steps=SCORE_STEPS, high=100
    )
