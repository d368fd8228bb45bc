"""What a receiver is told: one notification about one group of alerts, with why it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field

from schemas.alerts import Alert
from schemas.common import Count, Id, Record, Text, Time

#: Alerts told in one notification at most; `truncated` counts the others.
MOST_ALERTS: Final = 20

Why = Literal["first_notification", "new_alerts_in_group", "resolved", "repeat_interval"]
Status = Literal["firing", "resolved"]


class Notification(Record):
    """One message to one receiver about one group of alerts; its repeats are the same, byte for byte."""

    notification_id: Id
    """Hash of receiver, group, why, what was told and the repeat's number: a retry carries the same."""
    receiver: Text
    """Name of the receiver."""
    group_key: Text
    """Names the group: the route, and the labels that it is grouped by."""
    group_labels: dict[Text, Text] = Field(default_factory=dict)
    """The labels that all alerts of the group share, e.g. partnership_id."""
    why: Why
    """Why it is sent."""
    status: Status
    """firing while at least one of the alerts fires."""
    alerts: Annotated[list[Alert], Field(max_length=MOST_ALERTS)]
    """Newest state of each, firing ones first, the most severe ahead."""
    truncated: Count = 0
    """Alerts of the group that are not listed."""
    also: dict[Id, list[Text]] = Field(default_factory=dict)
    """Alert id -> other partnerships of the influencer that it concerns, told once per receiver."""
    repeat: Count = 0
    """Which reminder it is: 0 unless `why` is repeat_interval."""
    decided_at: Time
    """When it was decided on (wall clock)."""


def notification_id(receiver: str, group_key: str, why: str, told: Iterable[str], repeat: int = 0) -> str:
    """The id of a notification: 32 hex digits of blake2b.

    Args:
        receiver: Name of the receiver.
        group_key: Names the group.
        why: One of `Why`.
        told: Transition ids of the alerts that it is about, in any order, those that are truncated too.
        repeat: Number of the reminder.
    """
    text = "\x1f".join((receiver, group_key, why, str(repeat), *sorted(told)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
