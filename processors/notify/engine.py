"""Decides what is told to whom, and when; in Alertmanager's semantics, with all clocks handed in.

    take(alert, value, now)     a transition came
    tick(now, outside, rooms)   what is to be told now
    changes()                   what has to be written before anything of it is delivered
    restore(…)                  back from what was written

    group_wait       from a group's first alert to its first notification; resolved before: nothing is sent
    group_interval   between two notifications of a group: new alerts in it, or resolved ones
    repeat_interval  while something told still fires, unacknowledged, and nothing waits for delivery

A rise in severity counts as a new alert. An alert without data (`no_data`) has not recovered: nothing is
sent about that alone, no reminder, and it is listed with the next notification of its group. What was told as
firing is told as resolved, even when it is inhibited by then; when silenced, once the silence is over.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from processors.notify.compose import compose, ordered
from processors.notify.index import Index
from processors.notify.inhibit import Inhibitors
from processors.notify.once import Known
from processors.notify.outside import Outside
from processors.notify.state import OWED, Group, Held, Path, encode, group_of
from schemas import Alert, Notification
from schemas.notifications import Why

Routes = Callable[[Mapping[str, str]], Sequence[Path]]
Rooms = Callable[[str], int]

#: Ended alerts are remembered, so that a transition that comes twice does not wake them.
ENDED_S: Final = 86_400.0
MOST_ENDED: Final = 20_000
#: Undelivered notifications of one group; beyond, what happens is told together once there is room.
MOST_WAITING: Final = 8
#: Influencers without a partnership are watched, but nobody is told.
_NOBODY: Final = "none--"

#: Hash, field, and new value (None: the field goes).
Change = tuple[str, str, bytes | None]


class Engine:
    """What is told of one partition of the alerts topic."""

    def __init__(
        self,
        routes: Routes,
        receivers: Collection[str],
        *,
        partition: int = 0,
        inhibitors: Inhibitors | None = None,
    ) -> None:
        self._routes, self._receivers, self._partition = routes, receivers, partition
        self._index = Index(inhibitors or Inhibitors())
        self.alerts = self._index.alerts
        self.groups: dict[str, Group] = {}
        self.ended: dict[str, float] = {}  # alert id -> when, oldest first
        self._routed: dict[str, set[str]] = {}  # alert id -> groups that its labels lead to now
        self._members: dict[str, dict[str, None]] = {}  # group -> alert ids, in order of arrival
        self._in: dict[str, set[str]] = {}  # alert id -> groups that it is in, those of former labels too
        self._known = Known(self.alerts)
        self._timers: list[tuple[float, str]] = []
        self._waiting: dict[str, dict[str, None]] = {}  # receiver -> groups whose time has come, without room
        self._dirty: dict[tuple[str, str], None] = {}
        self._last = float("-inf")
        self.told_first = 0  # alerts that somebody was told of for the first time, since this one was made

    # -- state ----------------------------------------------------------------------------------------------

    def restore(
        self, alerts: Iterable[Held], groups: Iterable[Group], ended: Mapping[str, float], now: float
    ) -> None:
        """Take up what was written. Routes may have changed: what was told to a receiver that is gone is
        forgotten, and new ones are told of what fires. Call once, before anything else."""
        for held in alerts:
            self._index.put(held)
        self.ended = dict(sorted(ended.items(), key=lambda item: item[1]))
        for group in groups:
            if group.path.receiver not in self._receivers:
                self._dirty["groups", group.key] = None
                continue
            self.groups[group.key], self._members[group.key] = group, {}
            for alert_id in [one for one in group.told if one not in self.alerts]:
                del group.told[alert_id]
            for alert_id, rank in group.told.items():
                self._join(alert_id, group.key)
                self._known.told(group.path.receiver, self.alerts[alert_id], rank)
        for held in list(self.alerts.values()):
            self._route(held, now)
        for key in list(self.groups):
            if not self._drop_if_empty(key):
                self._schedule(self.groups[key])
        self._last = float("inf")  # the clock may have been set back while we were away
        self._mind_the_clock(now)

    def changes(self) -> list[Change]:
        """What has changed since the last call. Hashes: alerts, groups, ended."""
        found: list[Change] = []
        for kind, name in self._dirty:
            value: bytes | None = None
            if kind == "ended":
                value = b"%.3f" % self.ended[name] if name in self.ended else None
            elif item := (self.alerts if kind == "alerts" else self.groups).get(name):
                value = encode(item)
            found.append((kind, name, value))
        self._dirty.clear()
        return found

    @property
    def dirty(self) -> bool:
        """Whether something has to be written."""
        return bool(self._dirty)

    @property
    def waiting(self) -> int:
        """Groups whose time has come, but whose receiver has no room."""
        return sum(map(len, self._waiting.values()))

    def waiting_for(self, off: Collection[str]) -> int:
        """The same without receivers that are switched off: nobody hurries for these."""
        return sum(len(keys) for receiver, keys in self._waiting.items() if receiver not in off)

    def sources(self) -> dict[str, dict[str, str]]:
        """Labels of the alerts about sources that fire here, by alert id: they inhibit on all partitions."""
        return {
            held.alert_id: held.labels
            for held in self._index.beside("")
            if held.signal == "source" and held.state == "firing"
        }

    # -- transitions ----------------------------------------------------------------------------------------

    def take(self, alert: Alert, value: bytes, now: float) -> bool:
        """A transition, with its bytes. False when it says nothing new (pending, repeated, stale)."""
        held = self.alerts.get(alert.alert_id)
        if alert.state == "pending" or alert.alert_id in self.ended:
            return False
        if (alert.partnership_id or "").startswith(_NOBODY):
            return False
        if held is None:
            if alert.state == "resolved":
                self._end(alert.alert_id, now)  # never fired: nobody knows of it
                return False
        elif held.state == "resolved" or _stale(alert, held):
            return False
        fresh = Held.of(alert, value)
        self._index.put(fresh)
        self._dirty["alerts", fresh.alert_id] = None
        if fresh.state == "resolved":
            self._resolve(fresh, now)
        else:
            self._route(fresh, now)
            if not self._in.get(fresh.alert_id):
                self._forget(fresh.alert_id, now)
        return True

    def _route(self, held: Held, now: float) -> None:
        """Put a firing alert into the groups that its labels lead to, out of those where it was not told."""
        if held.state == "resolved":
            return
        routed: dict[str, str] = {}
        for path in self._routes(held.labels):
            key, labels = group_of(path, held.labels, self._partition)
            routed[key] = path.receiver
            group = self.groups.get(key)
            if group is None:
                group = self.groups[key] = Group(key, path, labels, now + path.group_wait)
                self._members[key] = {}
                self._dirty["groups", key] = None
                self._schedule(group)
            elif group.path != path:
                group.path = path
                self._dirty["groups", key] = None
            self._join(held.alert_id, key)
        self._routed[held.alert_id] = set(routed)
        for key in self._in.get(held.alert_id, set()) - routed.keys():
            group = self.groups[key]
            # Told elsewhere to the same receiver from now on, or never told: nobody waits for its end here.
            if held.alert_id not in group.told or group.path.receiver in routed.values():
                self._leave(held.alert_id, key)

    def _resolve(self, held: Held, now: float) -> None:
        for key in list(self._in.get(held.alert_id, ())):
            group = self.groups[key]
            if held.alert_id in group.told:
                continue
            if group.next_at <= now and key in self._waiting.get(group.path.receiver, ()):
                group.told[held.alert_id] = OWED  # only want of room kept it from being told
                self._dirty["groups", key] = None
            else:
                self._leave(held.alert_id, key)
        if not self._in.get(held.alert_id):
            self._forget(held.alert_id, now)

    def _join(self, alert_id: str, key: str) -> None:
        self._members[key].setdefault(alert_id)
        self._in.setdefault(alert_id, set()).add(key)

    def _leave(self, alert_id: str, key: str) -> None:
        self._members[key].pop(alert_id, None)
        self._in.get(alert_id, set()).discard(key)
        if self.groups[key].told.pop(alert_id, None) is not None:
            self._dirty["groups", key] = None
        self._drop_if_empty(key)

    def _drop_if_empty(self, key: str) -> bool:
        if self._members[key]:
            return False
        group = self.groups.pop(key)
        del self._members[key]
        self._waiting.get(group.path.receiver, {}).pop(key, None)
        self._dirty["groups", key] = None
        return True

    def _forget(self, alert_id: str, now: float) -> None:
        """Nobody has to be told of it any more."""
        held = self._index.remove(alert_id)
        self._routed.pop(alert_id, None)
        self._in.pop(alert_id, None)
        self._dirty["alerts", alert_id] = None
        if held.state == "resolved":
            self._end(alert_id, now)

    def _end(self, alert_id: str, now: float) -> None:
        self.ended.pop(alert_id, None)
        self.ended[alert_id] = now
        self._dirty["ended", alert_id] = None
        while self.ended:
            oldest = next(iter(self.ended))
            if len(self.ended) <= MOST_ENDED and now - self.ended[oldest] <= ENDED_S:
                break
            del self.ended[oldest]
            self._dirty["ended", oldest] = None

    # -- time -----------------------------------------------------------------------------------------------

    def tick(
        self, now: float, outside: Outside, rooms: Rooms, backlog: Rooms = lambda key: 0, most: int = 2_000
    ) -> list[Notification]:
        """Decide on what is due at `now` (epoch s): at most `most` groups are looked at, `due` tells of more.

        Args:
            now: Wall clock. It may jump: backwards, no group waits longer than its interval for it.
            outside: Silences and the like.
            rooms: Receiver -> how many notifications may be added to its queue.
            backlog: Group key -> its notifications that are decided on and not delivered.
            most: Bound of the work done at once.
        """
        self._mind_the_clock(now)
        decided: list[Notification] = []
        left: dict[str, int] = {}
        looked = 0
        for receiver, keys in list(self._waiting.items()):
            room = left[receiver] = 0 if receiver in outside.off else rooms(receiver)
            for key in list(keys)[: most if room else 0]:
                if left[receiver] > 0 and backlog(key) < MOST_WAITING:
                    del keys[key]
                    looked += 1
                    self._look(key, now, outside, backlog, left, decided)
        while self._timers and self._timers[0][0] <= now and looked < most:
            at, key = heapq.heappop(self._timers)
            group = self.groups.get(key)
            if group is None or group.next_at != at or key in self._waiting.get(group.path.receiver, ()):
                continue
            receiver = group.path.receiver
            if receiver not in left:
                left[receiver] = 0 if receiver in outside.off else rooms(receiver)
            looked += 1
            if left[receiver] <= 0 or backlog(key) >= MOST_WAITING:
                self._waiting.setdefault(receiver, {})[key] = None
            else:
                self._look(key, now, outside, backlog, left, decided)
        return decided

    def due(self, now: float) -> bool:
        """Whether a tick at `now` would find something to look at (but for what has no room)."""
        return bool(self._timers) and self._timers[0][0] <= now

    def _schedule(self, group: Group) -> None:
        heapq.heappush(self._timers, (group.next_at, group.key))

    def _mind_the_clock(self, now: float) -> None:
        if now < self._last:
            for group in self.groups.values():
                latest = now + max(group.path.group_wait, group.path.group_interval)
                if group.next_at > latest or group.told_at > now:
                    group.next_at, group.told_at = min(group.next_at, latest), min(group.told_at, now)
                    self._dirty["groups", group.key] = None
                    self._schedule(group)
        self._last = now

    def _look(
        self, key: str, now: float, outside: Outside, backlog: Rooms, left: dict[str, int],
        decided: list[Notification],
    ) -> None:  # fmt: skip
        """One group whose time has come."""
        group = self.groups[key]
        found = self._decide(group, now, outside, backlog)
        if found is not None:
            left[group.path.receiver] -= 1
            decided.append(found)
        if key in self.groups:
            group.next_at = now + group.path.group_interval
            self._dirty["groups", key] = None
            self._schedule(group)

    def _decide(self, group: Group, now: float, outside: Outside, backlog: Rooms) -> Notification | None:
        at = datetime.fromtimestamp(now, UTC)
        new, old, over = self._sort(group, at, outside)
        first = not any(rank > 0 for rank in group.told.values())
        for held in over if not group.path.send_resolved else ():
            self._close(group, held, now)
        over = over if group.path.send_resolved else []
        why: Why
        if new:
            why = "first_notification" if first else "new_alerts_in_group"
            about = [*new, *over]
        elif over:
            why, about = "resolved", over
        elif self._reminds(group, old, now, outside, backlog):
            why, about = "repeat_interval", old
            group.repeats += 1
        else:
            return None
        listed = ordered([*new, *old], {held.alert_id for held in new}) + ordered(over, set())
        told = compose(group, why, about, listed, at, self._index.also(listed))
        group.told_at = now
        self._dirty["groups", group.key] = None
        for held in new:
            self.told_first += not any(
                self.groups[key].told.get(held.alert_id, 0) > 0 for key in self._in[held.alert_id]
            )
            group.told[held.alert_id] = held.rank
            self._known.told(group.path.receiver, held, held.rank)
        for held in over:
            self._close(group, held, now)
        return told

    def _sort(
        self, group: Group, at: datetime, outside: Outside
    ) -> tuple[list[Held], list[Held], list[Held]]:
        """The alerts that may be spoken of: new ones, told ones, and resolved ones that were told."""
        new: list[Held] = []
        old: list[Held] = []
        over: list[Held] = []
        for alert_id in self._members[group.key]:
            held, rank = self.alerts[alert_id], group.told.get(alert_id, 0)
            if outside.silenced(held.labels, at):
                continue
            if held.state == "resolved":
                over.append(held)
            elif group.key in self._routed[alert_id] and not self._index.inhibited(held, outside):
                if rank >= held.rank:
                    old.append(held)
                else:
                    new.append(held)
        return self._known.news(group.path, new), old, over

    def _reminds(self, group: Group, old: list[Held], now: float, outside: Outside, backlog: Rooms) -> bool:
        return (
            now - group.told_at >= group.path.repeat_interval
            and any(held.state == "firing" and held.alert_id not in outside.acked for held in old)
            and backlog(group.key) == 0
        )

    def _close(self, group: Group, held: Held, now: float) -> None:
        """Its end was told, or nobody here wants to know."""
        self._known.over(group.path.receiver, held)
        self._leave(held.alert_id, group.key)
        if not self._in.get(held.alert_id):
            self._forget(held.alert_id, now)


def _stale(alert: Alert, held: Held) -> bool:
    return alert.transition_id == held.transition_id or alert.at.timestamp() < held.at
