"""Gauges of partnerships and alerts for Prometheus, bounded: beyond RAPPORT_METRICS_PARTNERSHIPS none are
added.

A series belongs to the worker that owns the partition. When the partition goes, its series go: a value that
nobody keeps current would be shown for ever beside the one of the new owner.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from processors.boundary import Shown
from streams import metrics

_BY_PARTITION = (
    metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.WATERMARK, metrics.ALERTS_FIRING, metrics.OUTBOX,
)  # fmt: skip


@dataclass(slots=True)
class Gauges:
    """What one worker shows. `limit`: partnerships shown at most."""

    limit: int
    _shown: dict[str, Shown] = field(default_factory=dict)
    _of_partition: dict[int, set[str]] = field(default_factory=dict)

    def show(self, partition: int, scores: dict[str, Shown], firing: int) -> None:
        """Set the gauges of partnerships that were evaluated, and how many alerts fire in the partition."""
        own = self._of_partition.setdefault(partition, set())
        for pid, now in scores.items():
            before = self._shown.get(pid)
            if before is None and len(self._shown) >= self.limit:
                continue
            if before is not None and (before.brand, before.tier) != (now.brand, now.tier):
                self._remove(pid)
            self._shown[pid] = now
            own.add(pid)
            if now.health is None:
                with contextlib.suppress(KeyError):
                    metrics.HEALTH.remove(pid, now.brand, now.tier)
            else:
                metrics.HEALTH.labels(pid, now.brand, now.tier).set(now.health)
            for signal, value in now.signals.items():
                if value is None:
                    with contextlib.suppress(KeyError):
                        metrics.SIGNAL.remove(pid, signal)
                else:
                    metrics.SIGNAL.labels(pid, signal).set(value)
        metrics.ALERTS_FIRING.labels(str(partition)).set(firing)

    def drop(self, partition: int) -> None:
        """The partition is gone: so are its series."""
        for pid in self._of_partition.pop(partition, ()):
            self._remove(pid)
        for gauge in _BY_PARTITION:
            with contextlib.suppress(KeyError):
                gauge.remove(str(partition))

    def _remove(self, pid: str) -> None:
        shown = self._shown.pop(pid, None)
        if shown is None:
            return
        with contextlib.suppress(KeyError):
            metrics.HEALTH.remove(pid, shown.brand, shown.tier)
        for signal in shown.signals:
            with contextlib.suppress(KeyError):
                metrics.SIGNAL.remove(pid, signal)
