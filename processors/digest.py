"""The digest of a stretch of time: what moved, what was done, what is open. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from processors.history import step_s
from processors.panes import HOUR
from schemas import Alert, Reading, SignalReading
from schemas.acts import Act, Mark

#: Rows of each section; the counts beside them are of all.
MOST: Final = 50
#: A point of health is noise.
_STILL: Final = 1.0
#: A value of health that is older than the time asked for by more is none of that time; where health is kept
#: by longer steps, by a step more.
_SLACK_S: Final = 6 * HOUR
_TITLES: Final = {"all_in": "all-in"}

#: (epoch s of event time, health from 0 to 100 or None), newest last.
Line = Sequence[tuple[int, float | None]]


def make_digest(
    readings: Iterable[Reading], sparks: Mapping[str, Line], alerts: Iterable[Alert], acts: Iterable[Act],
    acks: Mapping[str, Mark], wrong: Mapping[str, Mark], *, clock: datetime, now: datetime, length: timedelta,
) -> dict[str, Any]:  # fmt: skip
    """The digest as plain values, ready for JSON and for templates.

    Args:
        readings: newest of each partnership that it is about.
        sparks: health as far back as it is kept ([epoch s, 0-100 or null], newest last) by partnership.
        alerts: newest transition of each alert of these partnerships.
        acts: what people did about them within `length` before `now`.
        clock: event time of now: readings and alerts are told against it.
        now: wall clock: people's acts are told against it.
    """
    since = clock - length
    found = sorted(readings, key=lambda reading: reading.partnership_id)
    moved, missing = [], []
    for reading in found:
        row = _moved(reading, sparks.get(reading.partnership_id, ()), since)
        moved.append(row)
        if row["health"]["why"] is not None and row["health"]["now"] is not None:
            missing.append({"partnership_id": reading.partnership_id, "why": row["health"]["why"]})
    held = list(alerts)
    opened = [alert for alert in held if alert.state in ("firing", "pending", "no_data")]
    closed = [
        alert for alert in held if alert.state == "resolved" and (alert.resolved_at or alert.at) >= since
    ]
    done = [act for act in acts if act.at >= now - length]
    return {
        "from": _text(since), "until": _text(clock), "made_at": _text(now), "days": _days(length),
        "partnerships": len(found),
        "moved": sorted(moved, key=_worst_first)[:MOST],
        "fell": sum(_fell(row) for row in moved), "rose": sum(_rose(row) for row in moved),
        "open": [_alert(alert, acks, wrong) for alert in sorted(opened, key=_urgent_first)[:MOST]],
        "open_count": len(opened),
        "started_count": sum(alert.started_at >= since for alert in held),
        "resolved": [_alert(alert, acks, wrong) for alert in closed[:MOST]], "resolved_count": len(closed),
        "wrong_count": sum(alert.alert_id in wrong for alert in held),
        "done": [_act(act) for act in done[:MOST]], "done_count": len(done),
        "done_by_verb": dict(sorted(Counter(act.verb.replace("_", " ") for act in done).items())),
        "missing": missing[:MOST], "missing_count": len(missing),
        "note": "Signals are held against their frozen reference, health against that of the beginning.",
    }  # fmt: skip


def _moved(reading: Reading, spark: Line, since: datetime) -> dict[str, Any]:
    now = reading.health.value
    when, before, why = _health_at(spark, since.timestamp())
    before_at = None if when is None else _text(datetime.fromtimestamp(when, UTC))
    return {
        "partnership_id": reading.partnership_id, "influencer_id": reading.influencer_id,
        "brand_id": reading.brand_id, "tier": reading.tier, "at": _text(reading.at),
        "health": {
            "now": _round(now), "before": _round(before), "change": _difference(now, before),
            "before_at": before_at, "why": why,
            "lo": _round(reading.health.lo), "hi": _round(reading.health.hi),
        },
        "signals": [_signal(name, signal) for name, signal in sorted(reading.signals.items())],
    }  # fmt: skip


def _signal(name: str, signal: SignalReading) -> dict[str, Any]:
    return {
        "name": name, "title": _TITLES.get(name, name.replace("_", " ")),
        "now": _round(signal.value), "baseline": _round(signal.baseline),
        "change": _difference(signal.value, signal.baseline),
        "lo": _round(signal.lo), "hi": _round(signal.hi), "n": _round(signal.n),
        "why": None if signal.measurable else signal.why or "not measurable here",
    }  # fmt: skip


def _health_at(spark: Line, at: float) -> tuple[float | None, float | None, str | None]:
    """(when, health) at a time (epoch s), and what is missing; the oldest where all is younger."""
    known = [(moment, value) for moment, value in spark if value is not None]
    if not known:
        return None, None, "no history is kept yet"
    place = bisect_right([moment for moment, _ in known], at) - 1
    when, value = known[max(place, 0)]
    if place < 0:
        return (
            when,
            value,
            f"older health is not kept: held against {_text(datetime.fromtimestamp(when, UTC))}",
        )
    if at - when > _SLACK_S + step_s(spark[-1][0] - at):
        return None, None, "no reading at that time"
    return when, value, None


def _alert(alert: Alert, acks: Mapping[str, Mark], wrong: Mapping[str, Mark]) -> dict[str, Any]:
    ack = acks.get(alert.alert_id)
    return {
        "alert_id": alert.alert_id, "partnership_id": alert.partnership_id, "signal": alert.signal,
        "severity": alert.severity, "state": alert.state.replace("_", " "),
        "started_at": _text(alert.started_at),
        "resolved_at": _text(alert.resolved_at) if alert.resolved_at else None,
        "summary": alert.summary, "advice": alert.advice, "acknowledged_by": ack.by if ack else None,
        "wrong": alert.alert_id in wrong,
    }  # fmt: skip


def _act(act: Act) -> dict[str, Any]:
    return {
        "at": _text(act.at), "by": act.by, "verb": act.verb.replace("_", " "), "subject": act.subject,
        "partnership_id": act.partnership_id, "note": act.note,
        "about": act.details.get("summary") or " ".join(map(str, act.details.get("matchers", ()))) or None,
    }  # fmt: skip


def _worst_first(row: Mapping[str, Any]) -> tuple[float, str]:
    change = row["health"]["change"]
    return (change if change is not None else 0.0), row["partnership_id"]


def _urgent_first(alert: Alert) -> tuple[int, int, float]:
    states, severities = ("firing", "no_data", "pending"), ("critical", "warning", "info")
    return states.index(alert.state), severities.index(alert.severity), -alert.at.timestamp()


def _fell(row: Mapping[str, Any]) -> bool:
    return (row["health"]["change"] or 0.0) <= -_STILL


def _rose(row: Mapping[str, Any]) -> bool:
    return (row["health"]["change"] or 0.0) >= _STILL


def _difference(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else round(now - before, 1)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _days(length: timedelta) -> float:
    return round(length.total_seconds() / 86_400, 2)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
