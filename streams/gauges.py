"""Metrics of partnerships and alerts for Prometheus.

Gauges are bounded: beyond RAPPORT_METRICS_PARTNERSHIPS none are added, and how many partnerships that leaves
out is a gauge itself. A series belongs to the worker that owns the partition. When the partition goes, its
series go: a value that nobody keeps current would be shown for ever beside the one of the new owner.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from processors.boundary import Shown
from processors.detection.registry import DETECTORS
from processors.state.store import Answer
from schemas.alerts import Signal
from schemas.notifications import Why
from schemas.rejected import RejectReason
from streams import metrics

_BY_PARTITION = (
    metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.WATERMARK, metrics.ALERTS_FIRING, metrics.OUTBOX,
)  # fmt: skip
#: What becomes of a record.
OUTCOMES = ("counted", "duplicate", "rejected", "expired")
#: Why alerts end; why they begin is mostly their detector's own word.
_ENDINGS = ("recovered", "not_confirmed", "no_data_for_long")


def begin_at_zero(topics: Iterable[str]) -> None:
    """Counters that mostly stay at 0 begin there: Prometheus does not see the first increase of one that
    began with its first event, so an alert on it would come one event late."""
    for reason in get_args(RejectReason):
        metrics.REJECTED.labels(reason)
    for answer in Answer:
        metrics.FENCE.labels(answer)
    for topic in topics:
        metrics.PRODUCE_RETRIES.labels(topic)
        metrics.PRODUCE_DROPPED.labels(topic)
    for complete in ("true", "false"):
        metrics.READINGS.labels(complete)
    for signal in get_args(Signal):
        metrics.ALERT_DELAY.labels(signal)
        for reason in _ENDINGS:
            metrics.TRANSITIONS.labels(signal, "resolved", reason)
    for detector in DETECTORS:
        for state in ("pending", "firing"):
            metrics.TRANSITIONS.labels(detector.signal, state, detector.subject or detector.rule)


def begin_partition(number: int) -> None:
    """The same for a partition's own: also where nothing comes is told from the first look on."""
    for counter in (metrics.EVENTS_READ, metrics.LATE, metrics.LOST, metrics.FORGOTTEN):
        counter.labels(str(number))
    for outcome in OUTCOMES:
        metrics.EVENTS.labels(str(number), outcome)


def begin_receiver(name: str) -> None:
    """The same for a receiver of the notifier."""
    for outcome in ("delivered", "failed", "off"):
        metrics.NOTIFICATIONS.labels(name, outcome)
    for why in get_args(Why):
        metrics.NOTIFICATIONS_DECIDED.labels(name, why)
    metrics.NOTIFICATION_RETRIES.labels(name)
    metrics.NOTIFICATION_SECONDS.labels(name)


def count_transitions(alerts: Iterable[Mapping[str, Any]]) -> None:
    """Count transitions that are stored now, given as on the alerts' topic."""
    for alert in alerts:
        metrics.TRANSITIONS.labels(alert["signal"], alert["state"], alert["reason"]).inc()
        # What fires again with another severity was delayed by nothing.
        if alert["state"] == "firing" and alert.get("previous_state") == "pending":
            begun, at = (datetime.fromisoformat(alert[name]) for name in ("started_at", "at"))
            metrics.ALERT_DELAY.labels(alert["signal"]).observe((at - begun).total_seconds())


@dataclass(slots=True)
class Gauges:
    """What one worker shows. `limit`: partnerships shown at most."""

    limit: int
    _shown: dict[str, Shown] = field(default_factory=dict)
    _of_partition: dict[int, set[str]] = field(default_factory=dict)
    _hidden: dict[int, set[str]] = field(default_factory=dict)

    def show(self, partition: int, scores: Mapping[str, Shown], firing: int, listed: Container[str]) -> None:
        """Set the gauges of partnerships that were evaluated, and how many alerts fire in the partition.

        `listed`: partnerships that still are; the series of others go.
        """
        own = self._of_partition.setdefault(partition, set())
        hidden = self._hidden.setdefault(partition, set())
        for pid in [pid for pid in own if pid not in listed]:
            own.discard(pid)
            self._remove(pid)
        hidden.difference_update([pid for pid in hidden if pid not in listed])
        for pid, now in scores.items():
            before = self._shown.get(pid)
            if before is None and len(self._shown) >= self.limit:
                hidden.add(pid)
                continue
            if before is not None and _labels(before) != _labels(now):
                self._remove(pid)
            hidden.discard(pid)
            self._shown[pid] = now
            own.add(pid)
            _set(pid, now)
        metrics.PARTNERSHIPS_HIDDEN.set(sum(map(len, self._hidden.values())))
        metrics.ALERTS_FIRING.labels(str(partition)).set(firing)

    def drop(self, partition: int) -> None:
        """The partition is gone: so are its series."""
        for pid in self._of_partition.pop(partition, ()):
            self._remove(pid)
        self._hidden.pop(partition, None)
        metrics.PARTNERSHIPS_HIDDEN.set(sum(map(len, self._hidden.values())))
        for gauge in _BY_PARTITION:
            with contextlib.suppress(KeyError):
                gauge.remove(str(partition))

    def _remove(self, pid: str) -> None:
        shown = self._shown.pop(pid, None)
        if shown is None:
            return
        with contextlib.suppress(KeyError):
            metrics.HEALTH.remove(pid, *_labels(shown))
        with contextlib.suppress(KeyError):
            metrics.PARTNERSHIP_FIRING.remove(pid, *_labels(shown))
        for signal in shown.signals:
            with contextlib.suppress(KeyError):
                metrics.SIGNAL.remove(pid, signal)


def _labels(shown: Shown) -> tuple[str, str, str, str]:
    return shown.brand, shown.influencer, shown.tier, shown.platform


def _set(pid: str, now: Shown) -> None:
    """What is not measurable has no series: a gap, never a 0."""
    if now.health is None:
        with contextlib.suppress(KeyError):
            metrics.HEALTH.remove(pid, *_labels(now))
    else:
        metrics.HEALTH.labels(pid, *_labels(now)).set(now.health)
    metrics.PARTNERSHIP_FIRING.labels(pid, *_labels(now)).set(now.firing)
    for signal, value in now.signals.items():
        if value is None:
            with contextlib.suppress(KeyError):
                metrics.SIGNAL.remove(pid, signal)
        else:
            metrics.SIGNAL.labels(pid, signal).set(value)
