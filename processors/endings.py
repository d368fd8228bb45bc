"""When a partnership ends: its reading, trend and alerts leave Redis, and an alert that still fires is
resolved."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from processors.book import Book
from processors.boundary import Outbound
from processors.detection.lifecycle import PENDING, RESOLVED, ended_id
from processors.influencer import Influencer
from processors.readings import rfc3339
from processors.state.layout import PartitionKeys
from processors.state.store import Write


@dataclass(frozen=True, slots=True)
class Gone:
    """What leaves Redis' lists: partnerships, and fingerprints of alerts that were resolved before."""

    partnerships: list[str]
    fingerprints: list[str]

    def remove(self, write: Write, keys: PartitionKeys) -> None:
        """Add the removal to a fenced write."""
        if self.partnerships:
            write.add("HDEL", keys.readings, self.partnerships)
            write.add("HDEL", keys.spark, self.partnerships)
        if self.fingerprints:
            write.add("HDEL", keys.alerts, self.fingerprints)


class Listed:
    """What Redis lists of this partition: partnerships with a reading, and the newest transition of each
    alert."""

    __slots__ = ("_alerts", "_readings", "_version")

    def __init__(self, readings: dict[bytes, bytes], alerts: dict[bytes, bytes]) -> None:
        self._readings = {name.decode() for name in readings}
        self._alerts: dict[str, dict[str, Any]] = {
            name.decode(): json.loads(value) for name, value in alerts.items()
        }
        self._version = -1

    def note(self, out: Outbound) -> None:
        """Keep up with what is about to be written."""
        self._readings.update(pid for pid, (unpartnered, _) in out.newest.items() if not unpartnered)
        for _, alert in out.transitions:
            self._alerts[alert["fingerprint"]] = alert

    def of_sources(self) -> dict[str, dict[str, Any]]:
        """Newest transitions of the alerts of operations, by fingerprint."""
        return {name: alert for name, alert in self._alerts.items() if alert["signal"] == "source"}

    def changed(self, book: Book) -> bool:
        """Whether the book has changed since `end` last looked."""
        return book.version != self._version

    def end(self, book: Book, influencers: Iterable[Influencer], at: int, out: Outbound) -> Gone:
        """What has ended since; alerts that are not resolved yet are, at `at` (epoch s of event time)."""
        self._version = book.version
        gone = {pid for pid in self._readings if pid not in book.by_id}
        silent = []
        for fingerprint in [name for name, alert in self._alerts.items() if alert["partnership_id"] in gone]:
            alert = self._alerts.pop(fingerprint)
            if alert["state"] == RESOLVED:
                silent.append(fingerprint)
            else:
                out.transitions.append((alert["influencer_id"], _resolved(alert, at)))
        for inf in influencers:
            for pid in gone & inf.states.keys():
                inf.forget_alerts(pid)
        for pid in gone:
            out.newest.pop(pid, None)
            out.histories.pop(pid, None)
        self._readings -= gone
        return Gone(sorted(gone), silent)


def _resolved(alert: dict[str, Any], at: int) -> dict[str, Any]:
    quiet = alert["state"] == PENDING
    return alert | {
        "transition_id": ended_id(alert["fingerprint"], alert["alert_id"]),
        "state": RESOLVED,
        "previous_state": alert["state"],
        "at": rfc3339(at),
        "resolved_at": rfc3339(at),
        "reason": "not_confirmed" if quiet else "partnership_ended",
        "summary": "The partnership has ended; it is watched no more.",
    }
