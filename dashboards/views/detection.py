"""Dashboard *Detection*: what was raised, why, how soon, who was told, and was it right?"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards import frame
from dashboards.frame import KNOWN, E
from dashboards.parts import ANY_IS_BAD, Q, graph, number
from dashboards.rates import in_an_hour, or_none, share
from dashboards.views import detection_api

UID = "rapport-detection"
TITLE = "Rapport: detection"
TRANSITIONS = "rapport_alert_transitions_total"
#: By signal, each from 0 on: Prometheus sees the first alert of a signal as well.
FIRED = f"sum(increase(rapport_alert_delay_seconds_count{{{E}}}[$__range]))"
_FIRED = 'state="firing",'
_RESOLVED = 'state="resolved",'


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    return frame.dashboard(
        UID,
        TITLE,
        "Alerts by state, reason and receiver; how soon they fire; how many people mark as wrong.",
        [
            frame.brand(), frame.tier(), frame.platform(), frame.influencer(), frame.partnerships(),
            frame.window(), frame.api(),
        ],
        [
            ("Raised", [*_raised_numbers(), *_raised_graphs()]),
            ("On their way to people", [*_way_numbers(), *_way_graphs()]),
            ("Alerts one by one (API)", detection_api.panels()),
        ],
        annotations=[frame.told_to_grafana()],
    )  # fmt: skip


def _an_hour(metric: str, by: str, matchers: str = "") -> str:
    return in_an_hour(metric, by, matchers, of=E)


def _raised_numbers() -> list[Builder[models.Panel]]:
    gone = f'sum(increase({TRANSITIONS}{{reason="not_confirmed",{E}}}[$__range]))'
    return [
        number(
            "Firing now",
            "Alerts that fire now, over all workers and brands.",
            f"sum(max by (partition) (rapport_alerts_firing{{{E}}}))",
            steps=ANY_IS_BAD,
        ),
        number(
            "Partnerships affected",
            "Partnerships of the choice above with at least one alert firing.",
            f"count(max by (partnership) ({KNOWN}) > 0) or vector(0)",
            steps=ANY_IS_BAD,
        ),
        number(
            "Fired in this time",
            "Alerts that began to fire in the time shown.",
            FIRED,
        ),
        number(
            "Not confirmed",
            "Of the alerts that ended their waiting in the time shown, the share that went away by "
            "themselves: kept from people, so a high share is no harm. 0 also where none did.",
            share(gone, f"{gone} + {FIRED}", 1),
            unit="percentunit",
        ),
        number(
            "Time to detection",
            "Median of the event time from when a rule was first broken until its alert fired, in the time "
            "shown. The waiting time of the rules (10 minutes and new evidence) is part of it. – where none "
            "fired.",
            "histogram_quantile(0.5, sum by (le) "
            f"(increase(rapport_alert_delay_seconds_bucket{{{E}}}[$__range]))) >= 0",
            unit="s",
        ),
        number(
            "Marked as wrong",
            "Share of the alerts that people were told of and that somebody marked as wrong.",
            f"max(rapport_alerts_wrong_ratio{{{E}}})",
            unit="percentunit",
            decimals=1,
            steps=((None, "green"), (0.05, "orange"), (0.2, "red")),
        ),
    ]


def _raised_graphs() -> list[Builder[models.Panel]]:
    return [
        graph(
            "Alert transitions",
            "Alerts that changed their state within the hour before, by signal and new state.",
            Q(or_none(f"{_an_hour(TRANSITIONS, 'signal, state')} > 0", "signal"), "{{signal}} → {{state}}"),
            unit="short",
            width=12,
        ),
        graph(
            "Fired, by reason",
            "Alerts that began to fire within the hour before, by why: the detector's own word "
            "(docs/method.md).",
            Q(
                or_none(f"{_an_hour(TRANSITIONS, 'signal, reason', _FIRED)} > 0", "signal"),
                "{{signal}}: {{reason}}",
            ),
            unit="short",
            width=12,
            stack=True,
        ),
        graph(
            "Firing by partnership",
            "Alerts firing for each chosen partnership; choose few to read it well.",
            Q(f"max by (partnership) ({KNOWN})", "{{partnership}}"),
            unit="short",
        ),
        graph(
            "Ended, by reason",
            "Alerts that ended within the hour before, by why: recovered, not confirmed, no data for long.",
            Q(_an_hour(TRANSITIONS, "reason", _RESOLVED), "{{reason}}"),
            unit="short",
            stack=True,
        ),
        graph(
            "Time to detection by signal",
            "Median and 90th percentile of the event time from when a rule was first broken until its alert "
            "fired, over the last hour.",
            *(
                Q(
                    f"histogram_quantile({q}, sum by (le, signal) "
                    f"(increase(rapport_alert_delay_seconds_bucket{{{E}}}[1h]))) >= 0",
                    f"{{{{signal}}}} {name}",
                )
                for q, name in ((0.5, "median"), (0.9, "p90"))
            ),
            unit="s",
        ),
    ]


def _way_numbers() -> list[Builder[models.Panel]]:
    return [
        number(
            "Waiting for delivery",
            "Notifications that were decided on and have not reached their receiver.",
            f"sum(rapport_notification_queue{{{E}}})",
            steps=((None, "green"), (100, "orange"), (1_000, "red")),
        ),
        number(
            "Oldest undelivered",
            "Age of the oldest notification that has not reached its receiver.",
            f"max(rapport_notification_oldest_seconds{{{E}}})",
            unit="s",
            steps=((None, "green"), (300, "orange"), (3_600, "red")),
        ),
        number(
            "Given up",
            "Notifications that could not be delivered; `rapport alerts redeliver` sends them again.",
            f"sum(rapport_notifications_failed_listed{{{E}}})",
            steps=ANY_IS_BAD,
        ),
        number(
            "Receivers off",
            "Receivers that said they are gone (410) or were switched off: `rapport receivers enable NAME`.",
            f"max(rapport_receivers_off{{{E}}})",
            steps=ANY_IS_BAD,
        ),
        number(
            "Groups held up",
            "Groups of alerts whose time has come, but whose receiver's queue is full. They are told "
            "together once there is room; many of them pause the reading of the alerts topic.",
            f"sum(rapport_notifier_groups_waiting{{{E}}})",
            steps=ANY_IS_BAD,
        ),
        number(
            "Delivered in this time",
            "Notifications that reached their receiver in the time shown.",
            f'sum(increase(rapport_notifications_total{{outcome="delivered",{E}}}[$__range]))',
        ),
    ]


def _way_graphs() -> list[Builder[models.Panel]]:
    return [
        graph(
            "Notifications by receiver and outcome",
            "Notifications within the hour before: delivered, given up, or not sent because the receiver is "
            "off.",
            Q(_an_hour("rapport_notifications_total", "receiver, outcome"), "{{receiver}} {{outcome}}"),
            unit="short",
        ),
        graph(
            "Decided, by why",
            "Notifications decided on within the hour before: first of a group, new alerts in it, resolved, "
            "reminder.",
            Q(_an_hour("rapport_notifications_decided_total", "why"), "{{why}}"),
            unit="short",
            stack=True,
        ),
        graph(
            "Deliveries tried again",
            "Tries within the hour before that failed and will be made again.",
            Q(_an_hour("rapport_notification_retries_total", "receiver"), "{{receiver}}"),
            unit="short",
        ),
        graph(
            "Queue by receiver",
            "Notifications that wait for each receiver.",
            Q(f"sum by (receiver) (rapport_notification_queue{{{E}}})", "{{receiver}}"),
            unit="short",
        ),
        graph(
            "Time of a delivery",
            "99th percentile of the time of one try within the hour before, by receiver; none where nothing "
            "was sent.",
            Q(
                "histogram_quantile(0.99, "
                f"{_an_hour('rapport_notification_seconds_bucket', 'le, receiver')}) >= 0",
                "{{receiver}} p99",
            ),
            unit="s",
        ),
        graph(
            "Transitions read by the notifier",
            "Transitions of alerts within the hour before, by the state that they led to.",
            Q(or_none(_an_hour("rapport_notifier_transitions_total", "state"), "state"), "{{state}}"),
            unit="short",
            stack=True,
        ),
    ]
