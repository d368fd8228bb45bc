"""Alerts under live rules against those under shadow rules: which only one raised, and how much later.

episodes(lines) -> list[Episode]        from transitions in short (processors.alerting.compared)
pairs(episodes) -> list[Pair]           what belongs together: same alert, at overlapping times
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any, Final

import msgspec

LIVE, SHADOW = "live", "shadow"
#: Episodes of the same alert that lie so far apart at most are still the same story, s.
NEAR_S: Final = 86_400
_FOREVER: Final = float("inf")


class Episode(msgspec.Struct):
    """One alert that fired under one set of rules. Times are epoch s; `ended`: infinite while it is open."""

    set: str
    alert_id: str
    fingerprint: str
    partnership: str
    influencer: str
    brand: str
    signal: str
    rule: str
    subject: str
    started: float
    fired: float
    ended: float = _FOREVER
    severity: str = "warning"
    value: float | None = None
    effect: float = 0.0

    @property
    def name(self) -> str:
        """signal.rule.cause; single things are not told apart."""
        parts = (self.signal, self.rule, "" if self.rule == "event" else self.subject)
        return ".".join(filter(None, parts))


class Pair(msgspec.Struct):
    """An alert under both sets, or under one."""

    live: Episode | None
    shadow: Episode | None

    @property
    def which(self) -> str:
        """both, live or shadow"""
        return "both" if self.live and self.shadow else LIVE if self.live else SHADOW

    @property
    def any(self) -> Episode:
        """The live one, else the shadow's."""
        found = self.live or self.shadow
        assert found is not None
        return found

    @property
    def delay_s(self) -> float | None:
        """How much later the shadow fired; None unless both did."""
        return self.shadow.fired - self.live.fired if self.live and self.shadow else None

    def row(self) -> dict[str, Any]:
        """For JSON."""
        one = self.any
        return {
            "which": self.which, "partnership_id": one.partnership, "influencer_id": one.influencer,
            "rule": one.name, "subject": one.subject or None, "delay_s": self.delay_s,
            "live": _told(self.live), "shadow": _told(self.shadow),
        }  # fmt: skip


def episodes(lines: Iterable[Mapping[str, Any]]) -> list[Episode]:
    """What fired, in order of time. Lines may come twice; an alert whose beginning is not among them is left
    out, since nobody could say when it fired."""
    found: dict[tuple[str, str], Episode] = {}
    for line in sorted(lines, key=lambda one: (one["at"], one["transition_id"])):
        key = (str(line["set"]), str(line["alert_id"]))
        at = _epoch(line["at"])
        known = found.get(key)
        if line["state"] == "firing" and known is None and line.get("previous_state") == "pending":
            found[key] = Episode(
                key[0], key[1], line["fingerprint"], line["partnership_id"], line["influencer_id"],
                line.get("brand_id") or "", line["signal"], line["rule"], line.get("subject") or "",
                _epoch(line["started_at"]), at, _FOREVER, line["severity"], line.get("value"),
                line.get("effect") or 0.0,
            )  # fmt: skip
        elif known is not None and line["state"] == "resolved":
            known.ended = at
        elif known is not None:
            known.severity = line["severity"]
    return sorted(found.values(), key=lambda one: (one.fired, one.fingerprint, one.set))


def pairs(found: Iterable[Episode]) -> list[Pair]:
    """Each live alert with the first shadow of the same fingerprint that overlaps it or lies within a day."""
    shadows: dict[str, list[Episode]] = {}
    lives: list[Episode] = []
    for one in found:
        if one.set == LIVE:
            lives.append(one)
        else:
            shadows.setdefault(one.fingerprint, []).append(one)
    made = []
    for live in lives:
        waiting = shadows.get(live.fingerprint, [])
        other = next((one for one in waiting if _meet(live, one)), None)
        if other is not None:
            waiting.remove(other)
        made.append(Pair(live, other))
    made += [Pair(None, one) for rest in shadows.values() for one in rest]
    return sorted(made, key=lambda pair: (pair.any.fired, pair.any.fingerprint))


def by_rule(found: Sequence[Pair]) -> list[dict[str, Any]]:
    """Counts per rule: live, shadow, both, only one, and the median delay of those that both raised."""
    rows = []
    for name in sorted({pair.any.name for pair in found}):
        mine = [pair for pair in found if pair.any.name == name]
        delays = [pair.delay_s for pair in mine if pair.delay_s is not None]
        both, live = len(delays), sum(pair.live is not None for pair in mine)
        shadow = sum(pair.shadow is not None for pair in mine)
        rows.append({
            "rule": name, "live": live, "shadow": shadow, "both": both, "only_live": live - both,
            "only_shadow": shadow - both, "median_delay_s": median(delays) if delays else None,
        })  # fmt: skip
    return rows


def _meet(one: Episode, other: Episode) -> bool:
    return other.started <= one.ended + NEAR_S and one.started <= other.ended + NEAR_S


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _told(one: Episode | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "alert_id": one.alert_id, "started_at": int(one.started), "fired_at": int(one.fired),
        "ended_at": None if one.ended == _FOREVER else int(one.ended), "severity": one.severity,
        "value": one.value, "effect": one.effect,
    }  # fmt: skip
