"""A made-up notification, clearly marked, for `rapport receivers test` and for the documents."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from schemas.alerts import Alert, Cause, Evidence, ExplainerConsidered
from schemas.notifications import Notification, notification_id
from streams.receivers.context import SAMPLE


def sample(
    receiver: str,
    status: Literal["firing", "resolved"] = "firing",
    *,
    at: dt.datetime = dt.datetime(2026, 11, 14, 10, 5, tzinfo=dt.UTC),
    number: str = "1",
) -> Notification:
    """One alert about connection, as a drop would give it. `number`: makes another alert of it."""
    started = at - dt.timedelta(hours=3)
    ended = status == "resolved"
    alert = Alert(
        alert_id=f"sample-{number}", transition_id=f"sample-{number}-{status}", fingerprint=f"sample{number}",
        partnership_id="sample--rapport", influencer_id="sample:influencer", brand_id="sample",
        signal="connection", rule="drop", state="resolved" if ended else "firing",
        previous_state="firing" if ended else "pending", severity="critical",
        started_at=started, at=at, resolved_at=at if ended else None, reason="recovered" if ended else "drop",
        window="D7", value=57.0 if ended else 31.2, baseline=58.0, change=-0.02 if ended else -0.46, n=412,
        lo=53.0 if ended else 27.0, hi=60.5 if ended else 35.5,
        cause=[] if ended else [Cause(part="reply_rate", before=0.41, after=0.08, pull=-0.62)],
        evidence=Evidence(event_ids=["sample/post/1", "sample/post/2"], actors=37),
        explainers=[ExplainerConsidered(kind="posting_pause", accepted=False, why="9 posts in the window")],
        summary=(
            "Connection with the audience has recovered: 57 now, 58 in the reference."
            if ended else
            "Connection with the audience fell from 58 to 31 in 7 days: comments are hardly answered any "
            "more."
        ),
        advice=None if ended else
        "Ask how the week went and agree on an hour a week for answering comments; the questions that wait "
        "longest are a good start.",
    )  # fmt: skip
    why: Literal["resolved", "first_notification"] = "resolved" if ended else "first_notification"
    key = f"{SAMPLE}/{number}"
    return Notification(
        notification_id=notification_id(receiver, key, why, [alert.transition_id]),
        receiver=receiver, group_key=key, group_labels={SAMPLE: "true", "partnership_id": "sample--rapport"},
        why=why, status=status, alerts=[alert], decided_at=at,
    )  # fmt: skip
