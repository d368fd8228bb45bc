"""What one partition tells of itself for the snapshot of all, and what partition 0 tells of sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from processors.boundary import Evaluator
from processors.detection.source import source_alerts
from processors.endings import Listed
from processors.influencer import Influencer
from processors.panes import DAY, HOUR
from processors.snapshot import Part, part_of


class Telling:
    """One partition's part, once an hour of its clock."""

    __slots__ = ("_evaluator", "_hour", "_judged", "_part", "_sources")

    def __init__(self, evaluator: Evaluator, sources: bool) -> None:
        """`sources`: whether this partition tells of those that are silent as a whole."""
        self._evaluator, self._sources = evaluator, sources
        self._hour = 0
        self._part: Part | None = None
        self._judged = ""  # id of the snapshot by which sources were judged last

    def turned(self, clock: float) -> bool:
        """Whether the clock (epoch s) has come to another hour since the last call."""
        hour, self._hour = self._hour, int(clock) // HOUR
        return hour != self._hour

    def part(self, held: Iterable[Influencer], clock: float, sources: Mapping[str, int]) -> Part:
        """What these influencers tell."""
        self._part = part_of(held, self._evaluator.facts, clock, sources, self._part)
        return self._part

    def judge(self, listed: Listed, clock: float) -> None:
        """Alerts of operations, from the newest snapshot; each snapshot is looked at once."""
        snapshot = self._evaluator.snapshot
        if not self._sources or snapshot is None or snapshot.id == self._judged:
            return
        self._judged = snapshot.id
        if abs(snapshot.hour * HOUR - clock) <= DAY:
            alerts: list[dict[str, Any]] = source_alerts(snapshot, listed.of_sources())
            for alert in alerts:
                self._evaluator.tell("", alert)
