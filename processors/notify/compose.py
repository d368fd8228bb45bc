"""From a decision to the notification that says it."""

from __future__ import annotations

from datetime import datetime

from processors.notify.state import Group, Held
from schemas import Notification
from schemas.notifications import MOST_ALERTS, Why, notification_id


def compose(
    group: Group, why: Why, about: list[Held], listed: list[Held], at: datetime, also: dict[str, list[str]]
) -> Notification:
    """The notification of one group.

    Args:
        group: Whose `repeats` counts this one already, when it is a reminder.
        why: Why it is sent.
        about: What is told with it: names it.
        listed: What is shown, in order; at most 20 are.
        at: When it was decided on.
        also: Alert id -> other partnerships.
    """
    repeat = group.repeats if why == "repeat_interval" else 0
    shown = listed[:MOST_ALERTS]
    ids = {held.alert_id for held in shown}
    return Notification(
        notification_id=notification_id(
            group.path.receiver, group.key, why, [held.transition_id for held in about], repeat
        ),
        receiver=group.path.receiver,
        group_key=group.key,
        group_labels=group.labels,
        why=why,
        status="resolved" if all(held.state == "resolved" for held in listed) else "firing",
        alerts=[held.alert() for held in shown],
        truncated=len(listed) - len(shown),
        also={alert_id: names for alert_id, names in also.items() if alert_id in ids},
        repeat=repeat,
        decided_at=at,
    )


def ordered(alerts: list[Held], new: set[str]) -> list[Held]:
    """The most severe first, new ones ahead among equals, then the newest."""
    return sorted(alerts, key=lambda held: (-held.rank, held.alert_id not in new, -held.at, held.alert_id))
