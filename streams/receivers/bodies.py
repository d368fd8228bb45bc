"""What goes over the wire: our own JSON, and Alertmanager's (the webhook's v4 and the API's v2)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schemas.acts import labels
from streams.text import clean

if TYPE_CHECKING:
    from schemas.alerts import Alert
    from schemas.notifications import Notification


def whole(value: Any) -> Any:
    """The value with lone surrogates in its texts as U+FFFD: what is left is JSON and UTF-8 for everyone."""
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole(item) for item in value]
    return value


def as_json(value: Any) -> bytes:
    """ASCII JSON: what text can do to a log or a terminal (ESC, bidi overrides) is escaped."""
    return json.dumps(whole(value), separators=(",", ":"), allow_nan=False).encode("ascii")


def notification_body(n: Notification, links_of: Callable[[Alert], dict[str, str]]) -> dict[str, Any]:
    """The notification as `schemas.Notification` has it, with the links that are set."""
    found = n.model_dump(mode="json")
    for told, alert in zip(found["alerts"], n.alerts, strict=True):
        told["links"] = links_of(alert)
    return found


def rfc3339(when: dt.datetime) -> str:
    """In UTC, to the millisecond."""
    return when.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alert_labels(alert: Alert) -> dict[str, str]:
    """Alertmanager's labels. It knows an alert by them, so one whose severity rises is another one to it; yet
    severity is what people route by there."""
    return {"alertname": f"{alert.signal}_{alert.rule}", **labels(alert), "job": "rapport"}


def alert_annotations(alert: Alert) -> dict[str, str]:
    """What is told about it, in plain words."""
    found = {"summary": clean(alert.summary, 1_000), "alert_id": alert.alert_id}
    if alert.advice:
        found["advice"] = clean(alert.advice, 1_000)
    for name in ("value", "baseline", "n", "lo", "hi"):
        if (value := getattr(alert, name)) is not None:
            found[name] = f"{value:g}"
    return found


NEVER = "0001-01-01T00:00:00Z"


def webhook_v4(n: Notification, links_of: Callable[[Alert], dict[str, str]]) -> dict[str, Any]:
    """The body that an Alertmanager sends to its webhooks, version 4."""
    told: list[dict[str, Any]] = []
    for alert in n.alerts:
        ended = alert.state == "resolved"
        links = links_of(alert)
        told.append(
            {
                "status": "resolved" if ended else "firing",
                "labels": alert_labels(alert),
                "annotations": alert_annotations(alert),
                "startsAt": rfc3339(alert.started_at),
                "endsAt": rfc3339(alert.resolved_at or alert.at) if ended else NEVER,
                "generatorURL": links.get("partnership") or links.get("dashboard") or "",
                "fingerprint": alert.fingerprint[:16],
            }
        )
    return {
        "version": "4",
        "groupKey": n.group_key,
        "truncatedAlerts": n.truncated,
        "status": n.status,
        "receiver": n.receiver,
        "groupLabels": dict(n.group_labels),
        "commonLabels": _common([item["labels"] for item in told]),
        "commonAnnotations": _common([item["annotations"] for item in told]),
        "externalURL": "",
        "alerts": told,
    }


def _common(every: list[dict[str, str]]) -> dict[str, str]:
    first = every[0] if every else {}
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in every)}
