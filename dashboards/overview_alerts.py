"""Row of the overview that shows alerts on their way to people: decided, delivered, waiting, given up."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.parts import ANY_IS_BAD, Q, graph, number

Row = tuple[str, Sequence[Builder[models.Panel]]]


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


def rows() -> list[Row]:
    """The rows: title and panels. The notifier is no worker: the choice of workers does not apply."""
    return [("Alerts on their way", [*_numbers(), *_graphs()])]


def _numbers() -> list[Builder[models.Panel]]:
    return [
        number(
            "Waiting for delivery",
            "Notifications that were decided on and have not reached their receiver.",
            "sum(rapport_notification_queue)",
            steps=((None, "green"), (100, "orange"), (1_000, "red")),
        ),
        number(
            "Oldest undelivered",
            "Age of the oldest notification that has not reached its receiver.",
            "max(rapport_notification_oldest_seconds)",
            unit="s",
            steps=((None, "green"), (300, "orange"), (3_600, "red")),
        ),
        number(
            "Given up",
            "Notifications that could not be delivered; `rapport alerts redeliver` sends them again.",
            "sum(rapport_notifications_failed_listed)",
            steps=ANY_IS_BAD,
        ),
        number(
            "Receivers off",
            "Receivers that said they are gone (410) or were switched off: `rapport receivers enable NAME`.",
            "max(rapport_receivers_off)",
            steps=ANY_IS_BAD,
        ),
        number(
            "Groups held up",
            "Groups of alerts whose time has come, but whose receiver's queue is full. They are told "
            "together once there is room; many of them pause the reading of the alerts topic.",
            "sum(rapport_notifier_groups_waiting)",
            steps=ANY_IS_BAD,
        ),
        number(
            "Marked as wrong",
            "Share of the alerts that people were told of and that somebody marked as wrong.",
            "max(rapport_alerts_wrong_ratio)",
            unit="percentunit",
            decimals=1,
            steps=((None, "green"), (0.05, "orange"), (0.2, "red")),
        ),
    ]


def _graphs() -> list[Builder[models.Panel]]:
    return [
        graph(
            "Notifications by receiver and outcome",
            "Notifications per second: delivered, given up, or not sent because the receiver is off.",
            Q(_rate("rapport_notifications_total", "receiver, outcome"), "{{receiver}} {{outcome}}"),
            unit="ops",
        ),
        graph(
            "Decided, by why",
            "Notifications decided on per second: first of a group, new alerts in it, resolved, reminder.",
            Q(_rate("rapport_notifications_decided_total", "why"), "{{why}}"),
            unit="ops",
            stack=True,
        ),
        graph(
            "Deliveries tried again",
            "Tries per second that failed and will be made again.",
            Q(_rate("rapport_notification_retries_total", "receiver"), "{{receiver}}"),
            unit="ops",
        ),
        graph(
            "Queue by receiver",
            "Notifications that wait for each receiver.",
            Q("sum by (receiver) (rapport_notification_queue)", "{{receiver}}"),
            unit="short",
        ),
        graph(
            "Time of a delivery",
            "99th percentile of the time of one try, by receiver.",
            Q(
                "histogram_quantile(0.99, "
                + _rate("rapport_notification_seconds_bucket", "le, receiver")
                + ")",
                "{{receiver}} p99",
            ),
            unit="s",
        ),
        graph(
            "Transitions read by the notifier",
            "Transitions of alerts per second, by the state that they led to.",
            Q(_rate("rapport_notifier_transitions_total", "state"), "{{state}}"),
            unit="ops",
            stack=True,
        ),
    ]
