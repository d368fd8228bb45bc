"""Prometheus rules on the health of Rapport itself: symptoms that somebody must act on, each with a runbook.

About partnerships there is nothing here: the worker raises those alerts itself (docs/alerts.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

#: Directory of the runbooks, as links in a message have it.
RUNBOOKS: Final = "docs/runbooks"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `wait`: Prometheus's `for`. `summary` and `description` are templates of Prometheus."""

    name: str
    expr: str
    wait: str
    severity: str
    summary: str
    description: str

    def as_prometheus(self) -> dict[str, Any]:
        """As an entry of a rule group."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.wait,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": f"{RUNBOOKS}/{self.name}.md",
            },
        }


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "RapportWatchdog",
        "vector(1)",
        "0m",
        "none",  # nobody's concern while it rings
        "Prometheus evaluates rules and tells of them",
        "Rings always. Send it to something outside that rings when it stops: then Prometheus, Alertmanager "
        "or the way out is down, and no other rule can say so.",
    ),
    Rule(
        "RapportWorkerMissing",
        'absent(up{job="rapport-worker"} == 1)',
        "2m",
        "critical",
        "No worker answers",
        "No worker has answered Prometheus for two minutes: nothing is scored, events wait in Kafka.",
    ),
    Rule(
        "RapportBehind",
        "max(rapport_lag_seconds) > 300",
        "5m",
        "warning",
        "Readings are {{ $value | humanizeDuration }} behind",
        "The oldest event that is not yet counted is that old. Readings and alerts are late, not lost.",
    ),
    Rule(
        "RapportFarBehind",
        "max(rapport_lag_seconds) > 3600",
        "10m",
        "critical",
        "Readings are {{ $value | humanizeDuration }} behind",
        "What is older than the topic's retention will be lost if the worker does not catch up before.",
    ),
    Rule(
        "RapportStalled",
        "sum(rapport_watchdog_stalled_partitions) > 0",
        "2m",
        "critical",
        "{{ $value }} partitions stand still",
        "These partitions have records waiting, but their worker gets no batch of them.",
    ),
    Rule(
        "RapportNothingComes",
        # The second half: six hours ago there was a worker to count, so a new one is not asked yet.
        "sum(increase(rapport_events_read_total[6h])) == 0 and sum(rapport_events_read_total offset 6h) >= 0",
        "10m",
        "warning",
        "No event has come for six hours",
        "Workers are well and have nothing to read: readings grow old. Is what sends events still running?",
    ),
    Rule(
        "RapportRecordsLost",
        "sum(increase(rapport_lost_records_total[15m])) > 0",
        "0m",
        "critical",
        "Records were deleted from the log before they were counted",
        "The topic's retention is shorter than the time that the worker was away.",
    ),
    Rule(
        "RapportManyRejected",
        "sum(rate(rapport_events_rejected_total[10m])) / sum(rate(rapport_events_read_total[10m])) > 0.05",
        "10m",
        "warning",
        "{{ $value | humanizePercentage }} of the events are rejected",
        "A source sends what does not fit the contract. `rapport rejected list` shows the events and why.",
    ),
    Rule(
        "RapportStoreTrouble",
        "sum(rate(rapport_redis_retries_total[5m])) > 0.2",
        "5m",
        "critical",
        "Redis does not answer",
        "Calls to Redis are tried again and again. The worker keeps its place and waits; no reading is new.",
    ),
    Rule(
        "RapportFenceMoved",
        "sum(increase(rapport_reclaims_total[15m])) > 5",
        "0m",
        "warning",
        "Partitions are claimed again and again",
        "The fence stands elsewhere than its worker thinks: Redis lost writes, or two groups share a prefix.",
    ),
    Rule(
        "RapportOutboxStuck",
        "max(rapport_outbox_pending) > 0 and sum(rate(rapport_outbox_retries_total[5m])) > 0",
        "5m",
        "critical",
        "Alerts wait in the outbox",
        "Alerts were raised, but do not reach their topic, so nobody is told of them.",
    ),
    Rule(
        "RapportNotifierMissing",
        'absent(up{job="rapport-notifier"} == 1)',
        "5m",
        "critical",
        "No notifier answers",
        "Alerts are raised and kept on their topic, but nobody is told of them until a notifier runs.",
    ),
    Rule(
        "RapportNotifierStuck",
        "max by (receiver) (rapport_notification_oldest_seconds) > 1800",
        "5m",
        "warning",
        "Notifications to {{ $labels.receiver }} wait for {{ $value | humanizeDuration }}",
        "Deliveries to this receiver fail and are tried again by the schedule.",
    ),
    Rule(
        "RapportReceiverOff",
        "max(rapport_receivers_off) > 0",
        "0m",
        "warning",
        "{{ $value }} receivers are switched off",
        "A receiver has answered 410 Gone and gets nothing any more until somebody switches it on again.",
    ),
    Rule(
        "RapportNotificationsGivenUp",
        "max(rapport_notifications_failed_listed) > 0",
        "0m",
        "warning",
        "{{ $value }} notifications were given up",
        "They were tried for a day. `rapport alerts redeliver` sends them again.",
    ),
    Rule(
        "RapportGatewayWithoutKafka",
        "max(rapport_gateway_kafka_up) == 0",
        "2m",
        "critical",
        "The gateway cannot reach Kafka",
        "It answers 503 and takes nothing in. Senders that try again lose nothing; others do.",
    ),
    Rule(
        "RapportGatewayTurnsAway",
        'sum(rate(rapport_gateway_refused_total{why=~"lag|queue|memory"}[5m])) > 0',
        "10m",
        "warning",
        "The gateway asks senders to come later",
        "The workers are behind, or Kafka takes too little: senders get 429 and have to try again.",
    ),
    Rule(
        "RapportGatewayUnauthorised",
        'sum(rate(rapport_gateway_refused_total{why=~"token|signature"}[10m])) > 0.1',
        "10m",
        "warning",
        "The gateway refuses tokens or signatures",
        "A secret was changed on one side only, or somebody tries their luck.",
    ),
    Rule(
        "RapportSourceTokenRefused",
        'sum by (source) (increase(rapport_source_results_total{result="token"}[15m])) > 0',
        "0m",
        "critical",
        "{{ $labels.source }} refuses our token",
        "Nothing more comes from this source until it has a new token.",
    ),
    Rule(
        "RapportManyMarkedWrong",
        "max(rapport_alerts_wrong_ratio) > 0.5",
        "1h",
        "warning",
        "{{ $value | humanizePercentage }} of the alerts are marked as wrong",
        "People do not believe the alerts: rules, target audiences or a source need a look.",
    ),
)


def groups() -> dict[str, Any]:
    """The rules file as Prometheus reads it."""
    return {"groups": [{"name": "rapport", "rules": [rule.as_prometheus() for rule in RULES]}]}
