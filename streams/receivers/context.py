"""What templates are handed: a notification as plain words and lists, so that they need no code.

Top: `name`, `title_words`, `why`, `why_words`, `status`, `firing`, `resolved` (lists of alerts), `alerts`,
`truncated`, `several`, `severity`, `links`, `advice`, `sample`, `notification_id`, `receiver`,
`decided_at`.

Each alert: `alert_id`, `partnership_id`, `influencer_id`, `brand_id`, `signal`, `rule`, `subject`, `state`,
`severity`, `label`, `cause`, `summary`, `advice`, `since`, `ended`, `from_to`, `change`, `sure`, `parts`
(`title`, `before`, `after`, `share`), `events`, `actors`, `considered` (`what`, `accepted`, `why`), `links`,
`also` (other partnerships of the influencer that it concerns).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from processors.detection.words import EXPLANATIONS, LABEL, amount, cause_of, part_words, spoken

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from schemas.notifications import Notification

#: Marks a notification that `rapport receivers test` made.
SAMPLE: Final = "rapport-sample"
_WHY: Final = {
    "first_notification": "first message about this",
    "new_alerts_in_group": "something was added",
    "resolved": "it has ended",
    "repeat_interval": "a reminder: it goes on",
}
_RANK: Final = {"info": 0, "warning": 1, "critical": 2}
_WINDOW: Final = {"H1": "1 hour", "D1": "a day", "D7": "7 days", "D28": "28 days", "D90": "90 days"}
_MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_EVENTS_SHOWN: Final = 10
_ALSO_SHOWN: Final = 5


def day_time(when: dt.datetime) -> str:
    """14 Nov 2026, 10:00 UTC; whatever the machine's locale."""
    at = when.astimezone(dt.UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


def context_of(n: Notification, links_of: Callable[[Alert], dict[str, str]]) -> dict[str, Any]:
    """The variables of a template."""
    alerts = [_alert(alert, links_of(alert), n.also.get(alert.alert_id, [])) for alert in n.alerts]
    firing = [item for item in alerts if item["state"] != "resolved"]
    resolved = [item for item in alerts if item["state"] == "resolved"]
    name = _name(n)
    first = (firing or resolved or [{}])[0]
    return {
        "name": name,
        "title_words": _title(n, firing, resolved),
        "why": n.why,
        "why_words": _WHY.get(n.why, spoken(n.why)),
        "status": n.status,
        "firing": firing,
        "resolved": resolved,
        "alerts": alerts,
        "truncated": n.truncated,
        "severity": max((item["severity"] for item in firing), key=lambda s: _RANK.get(s, 0), default=""),
        "links": first.get("links") or {},
        "advice": next((item["advice"] for item in firing if item["advice"]), ""),
        "several": len({item["partnership_id"] for item in alerts}) > 1,
        "sample": SAMPLE in n.group_labels,
        "notification_id": n.notification_id,
        "receiver": n.receiver,
        "decided_at": day_time(n.decided_at),
    }


def _name(n: Notification) -> str:
    ids = list(dict.fromkeys(alert.partnership_id or _source(alert) for alert in n.alerts))
    if len(ids) == 1:
        return ids[0]
    return n.group_labels.get("influencer_id") or n.group_labels.get("brand_id") or f"{len(ids)} partnerships"


def _source(alert: Alert) -> str:
    return f"source {alert.subject}" if alert.subject else "a source"


def _title(n: Notification, firing: list[dict[str, Any]], resolved: list[dict[str, Any]]) -> str:
    if not firing:
        ended = resolved[0]["what"] if len(resolved) == 1 else f"{len(resolved) + n.truncated} alerts"
        return f"{ended} (over)"
    count = len(firing) + n.truncated
    if count == 1:
        return str(firing[0]["what"])
    labels = list(dict.fromkeys(item["label"] for item in firing))
    if len({item["partnership_id"] for item in firing}) == 1 and len(labels) <= 3 and not n.truncated:
        words = [_small(label) for label in labels]
        if len(words) == 1:
            return f"{words[0]}, {count} alerts"
        return " and ".join([", ".join(words[:-1]), words[-1]])
    return f"{count} alerts"


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _alert(alert: Alert, links: dict[str, str], also: list[str]) -> dict[str, Any]:
    cause = cause_of(alert.subject, alert.rule, alert.signal)
    label = LABEL.get(alert.signal, spoken(alert.signal))
    return {
        "alert_id": alert.alert_id,
        "partnership_id": alert.partnership_id or "",
        "influencer_id": alert.influencer_id or "",
        "brand_id": alert.brand_id or "",
        "signal": alert.signal,
        "rule": alert.rule,
        "subject": alert.subject or "",
        "state": alert.state,
        "severity": alert.severity,
        "label": label,
        "what": cause.title if cause else _small(label),
        "cause": cause.title if cause else "",
        "summary": alert.summary,
        "advice": alert.advice or "",
        "since": day_time(alert.started_at),
        "ended": day_time(alert.resolved_at) if alert.resolved_at else "",
        "from_to": _from_to(alert),
        "change": "" if alert.change is None else f"{100 * alert.change:+.0f} %",
        "sure": _sure(alert),
        "parts": _parts(alert),
        "events": alert.evidence.event_ids[:_EVENTS_SHOWN],
        "actors": alert.evidence.actors or 0,
        "considered": [
            {
                "what": EXPLANATIONS.get(item.kind, spoken(item.kind)),
                "accepted": item.accepted,
                "why": item.why or "",
            }
            for item in alert.explainers
            if item.considered
        ],
        "links": links,
        "also": _several(also),
    }


def _several(names: list[str]) -> str:
    more = len(names) - _ALSO_SHOWN
    return ", ".join(names[:_ALSO_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _from_to(alert: Alert) -> str:
    if alert.value is None or alert.baseline is None:
        return ""
    within = f" within {_WINDOW[alert.window]}" if alert.window in _WINDOW else ""
    return f"from {alert.baseline:.0f} to {alert.value:.0f}{within}"


def _sure(alert: Alert) -> str:
    """How sure a value is: the interval, and what it rests on."""
    said = []
    if alert.value is not None and alert.lo is not None and alert.hi is not None:
        said.append(f"with 95 % certainty between {alert.lo:.0f} and {alert.hi:.0f}")
    if alert.n:
        said.append(f"resting on {amount(alert.n, 'count')} observations")
    return ", ".join(said)


def _parts(alert: Alert) -> list[dict[str, str]]:
    down = sum(min(0.0, item.pull or 0.0) for item in alert.cause)
    found = []
    for item in alert.cause:
        title, unit = part_words(item.part)
        pull = item.pull or 0.0
        found.append(
            {
                "title": title,
                "before": amount(item.before, unit),
                "after": amount(item.after, unit),
                "share": f"{100 * pull / down:.0f} %" if pull < 0 and len(alert.cause) > 1 else "",
            }
        )
    return found
