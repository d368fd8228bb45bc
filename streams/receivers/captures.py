"""The messages that docs/alerts.md shows, made by the code that makes real ones.

    python -m streams.receivers.captures docs/alerts.md      writes them anew between their marks

A test compares the document with them, so that they cannot rot.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from standardwebhooks import Webhook

from schemas.alerts import Alert, Cause, Evidence, ExplainerConsidered
from schemas.notifications import Notification, notification_id
from schemas.routing import Links
from streams.receivers.bodies import as_json, notification_body
from streams.receivers.links import LinkMaker
from streams.receivers.sample import sample
from streams.receivers.webhook import signed
from streams.receivers.wording import Wording

AT: Final = dt.datetime(2026, 11, 14, 10, 5, tzinfo=dt.UTC)
LINKS: Final = LinkMaker(Links(partnership="https://rapport.example.com/partnerships/{partnership_id}"))
#: Of the document alone.
KEY: Final = Webhook("whsec_" + base64.b64encode(b"only for the document, not a key").decode())
_MARKED: Final = re.compile(r"(<!-- capture: ([a-z-]+) -->\n```\w*\n).*?(\n```)", re.DOTALL)


def slipping() -> Notification:
    """Two signals of one partnership slip."""
    one = sample("managers").alerts[0].model_copy(
        update={
            "alert_id": "4be0c1d2", "transition_id": "9a31", "fingerprint": "c4d1f0aa",
            "partnership_id": "acme--ann", "influencer_id": "bluesky:did:plc:xyz", "brand_id": "acme",
            "evidence": Evidence(event_ids=["bluesky/3k2a/create", "bluesky/3k1z/create"], actors=37),
        }
    )  # fmt: skip
    two = one.model_copy(
        update={
            "alert_id": "77c09b3e", "transition_id": "52ef", "fingerprint": "0b7e91cd",
            "signal": "audience_fit", "severity": "warning", "value": 48.0, "baseline": 64.0, "change": -0.25,
            "n": 231, "lo": 42.0, "hi": 54.0, "evidence": Evidence(event_ids=[], actors=231),
            "cause": [Cause(part="country", before=0.71, after=0.49, pull=-0.2),
                      Cause(part="topics", before=0.58, after=0.47, pull=-0.09)],
            "explainers": [ExplainerConsidered(kind="surge", why="1.1 times the usual volume in D7")],
            "summary": "Audience fit fell from 64 to 48 in 7 days: fewer of the engaged people come from the "
            "countries aimed at; fewer of the engaged people share the topics aimed at.",
            "advice": "Compare the newest posts' language and topics with the audience aimed at, and check "
            "whether one post or mention brought the new people.",
        }
    )  # fmt: skip
    return _notification([one, two], "firing")


def recovered() -> Notification:
    """One of them is over."""
    (alert,) = sample("managers", "resolved").alerts
    ids = {
        name: getattr(slipping().alerts[0], name) for name in ("alert_id", "fingerprint", "partnership_id")
    }
    over: Alert = alert.model_copy(update={**ids, "transition_id": "f00d", "brand_id": "acme"})
    return _notification([over], "resolved")


def _notification(alerts: list[Alert], status: str) -> Notification:
    why = "first_notification" if status == "firing" else "resolved"
    key = 'route:{partnership_id="acme--ann"}'
    return Notification.model_validate(
        {
            "notification_id": notification_id("managers", key, why, [a.transition_id for a in alerts]),
            "receiver": "managers", "group_key": key, "group_labels": {"partnership_id": "acme--ann"},
            "why": why, "status": status, "alerts": alerts, "decided_at": AT,
        }
    )  # fmt: skip


def captures() -> dict[str, str]:
    """The captures by name."""
    wording = Wording(None, LINKS)
    n, over = slipping(), recovered()

    def message(what: Notification, form: str) -> str:
        title = wording.render(what, "title")
        return f"{title}\n\n{wording.render(what, 'chat' if form == 'chat' else 'mail_text')}"

    body = as_json(notification_body(n, LINKS))
    headers = {"Content-Type": "application/json", **signed(body, n.notification_id, AT, [KEY])}
    shown = json.loads(body)
    shown["alerts"] = [_short(alert) for alert in shown["alerts"]]
    told = json.dumps(shown, indent=2, ensure_ascii=False)
    return {
        "chat": message(n, "chat"),
        "chat-over": message(over, "chat"),
        "mail": message(n, "mail"),
        "webhook": "\n".join(f"{name}: {value}" for name, value in headers.items()) + "\n\n" + told,
    }


def _short(alert: Mapping[str, object]) -> dict[str, object]:
    kept = ("alert_id", "transition_id", "partnership_id", "signal", "rule", "state", "severity", "value",
            "baseline", "n", "lo", "hi", "summary", "links")  # fmt: skip
    return {name: alert[name] for name in kept} | {"…": "as on partnership.alerts.v1"}


def written(document: str) -> str:
    """The document with its captures made anew."""
    made = captures()
    return _MARKED.sub(lambda found: found[1] + made[found[2]] + found[3], document)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
