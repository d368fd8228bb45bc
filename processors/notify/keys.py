"""Where the notifier's state lies in Redis.

Per partition of the alerts topic, TAG being `{<namespace>:<alerts topic>:p<N>}`, written with the fence:

=================  ======  =============================================================================
TAGfence           hash    epoch, seq, next (as of the events topic), and `told`: alerts told of, ever
TAGnotify:alerts   hash    alert id -> what fires, or has ended and its end is still to be told (msgpack)
TAGnotify:groups   hash    group key -> the group with what was told of it (msgpack)
TAGnotify:ended    hash    alert id -> when it was heard to have ended, epoch s; a day, at most 20,000
TAGnotify:queue    hash    <seq> -> a notification on its way (msgpack); t<seq> -> its tries
TAGnotify:failed   hash    notification id -> what was given up (JSON, `Failed`); at most 5,000
TAGnotify:again    hash    notification id -> who asked to send it again; people write it, the fence clears it
TAGnotify:log      stream  field `n`: the newest decisions (JSON: id, receiver, group, why, alerts); bounded
=================  ======  =============================================================================

Whole installation, no fence: `{<namespace>}notify:off` hash: receiver -> why and since when it is switched
off (JSON); `{<namespace>}notify:sources` hash: `<partition>/<alert id>` -> labels of a firing alert about a
source; `{<namespace>}notify:partitions` string: their count.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from processors.state.layout import PartitionKeys


@dataclass(frozen=True, slots=True)
class NotifyKeys:
    """Names of the keys of one partition of the alerts topic."""

    base: PartitionKeys

    @property
    def alerts(self) -> str:
        return self.base.tag + "notify:alerts"

    @property
    def groups(self) -> str:
        return self.base.tag + "notify:groups"

    @property
    def ended(self) -> str:
        return self.base.tag + "notify:ended"

    @property
    def queue(self) -> str:
        return self.base.tag + "notify:queue"

    @property
    def failed(self) -> str:
        return self.base.tag + "notify:failed"

    @property
    def again(self) -> str:
        return self.base.tag + "notify:again"

    @property
    def log(self) -> str:
        return self.base.tag + "notify:log"


def off_key(namespace: str) -> str:
    """Hash of the receivers that are switched off."""
    return f"{{{namespace}}}notify:off"


def sources_key(namespace: str) -> str:
    """Hash of the firing alerts about sources."""
    return f"{{{namespace}}}notify:sources"


def partitions_key(namespace: str) -> str:
    """The alerts topic's partition count, as the notifier saw it."""
    return f"{{{namespace}}}notify:partitions"


class Failed(msgspec.Struct):
    """A notification that was given up. Times: epoch s."""

    notification_id: str
    receiver: str
    group_key: str
    why: str
    decided_at: float
    failed_at: float
    tries: int
    error: str
    body: str  # the notification as JSON


class Off(msgspec.Struct):
    """Why and since when (epoch s) a receiver is switched off."""

    why: str
    since: float
