"""What was decided on and waits for delivery. Pure: clocks and chance are handed in.

First in, first out per receiver and group, so that what is told of an alert arrives in order: while the head
of a group is tried again, what comes after it waits. Other groups and receivers go on.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

import msgspec

#: Seconds after the first try at which it is tried again.
SCHEDULE: Final = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
#: A pause is made longer by up to this share, so that what failed together does not come back together.
JITTER: Final = 0.1
#: Nobody may ask us to wait longer, s.
MOST_RETRY_AFTER: Final = 86_400.0


class Item(msgspec.Struct):
    """One notification on its way. Times: epoch s of the wall clock."""

    seq: int
    notification_id: str
    receiver: str
    group_key: str
    why: str
    decided_at: float
    body: bytes  # the notification as JSON: what is sent again is the same, byte for byte


class Tries(msgspec.Struct):
    """How often it was tried, and when it is next."""

    count: int = 0
    next_at: float = 0.0
    error: str = ""
    pause: float = MOST_RETRY_AFTER  # that led to `next_at`, s (what was written before it was: the longest)


class Queue:
    """Notifications of one partition, those of all receivers."""

    def __init__(self, schedule: tuple[float, ...] = SCHEDULE) -> None:
        self._schedule = schedule
        self.items: dict[int, Item] = {}
        self.tries: dict[int, Tries] = {}
        self._lanes: dict[str, deque[int]] = {}
        self._due: dict[str, list[tuple[float, int]]] = {}
        self._flying: set[int] = set()
        self._count: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self.next_seq = 0

    def restore(self, items: Iterable[Item], tries: dict[int, Tries]) -> None:
        """Take up what was written."""
        for item in sorted(items, key=lambda item: item.seq):
            self.push(item, tries.get(item.seq))

    def push(self, item: Item, tries: Tries | None = None) -> None:
        """Behind what waits for the same receiver and group."""
        self.items[item.seq] = item
        self.tries[item.seq] = tries or Tries()
        lane = self._lanes.setdefault(item.group_key, deque())
        lane.append(item.seq)
        self.next_seq = max(self.next_seq, item.seq + 1)
        self._count[item.receiver] = self._count.get(item.receiver, 0) + 1
        self._bytes[item.receiver] = self._bytes.get(item.receiver, 0) + len(item.body)
        if len(lane) == 1:
            self._head(item.seq)

    def take(self, receiver: str, now: float) -> Item | None:
        """The next that may be tried now; it is on its way until `done`, `failed` or `later`."""
        due = self._due.get(receiver)
        while due and due[0][0] <= now:
            at, seq = heapq.heappop(due)
            # What is no more its time was left by a clock that went back.
            if seq in self.items and seq not in self._flying and at == self.tries[seq].next_at:
                self._flying.add(seq)
                return self.items[seq]
        return None

    def next_at(self, receiver: str) -> float | None:
        """When something of the receiver is due; None: nothing waits."""
        due = self._due.get(receiver)
        return due[0][0] if due else None

    def failed(
        self,
        seq: int,
        now: float,
        error: str,
        chance: Callable[[], float],
        *,
        retry_after: float | None = None,
    ) -> bool:
        """A try failed and may be made again: True, and it waits its time; False when it was the last."""
        tries = self.tries[seq]
        tries.count += 1
        tries.error = error[:500]
        if tries.count >= len(self._schedule):
            return False
        # From this try on, not from the first: a notifier that was away must not make all tries at once.
        pause = self._schedule[tries.count] - self._schedule[tries.count - 1]
        pause *= 1 + JITTER * chance()
        if retry_after is not None:
            pause = max(pause, min(retry_after, MOST_RETRY_AFTER))
        tries.next_at, tries.pause = now + pause, pause
        self.later(seq)
        return True

    def later(self, seq: int) -> None:
        """Not tried after all, or to be tried again at `tries[seq].next_at`."""
        self._flying.discard(seq)
        self._head(seq)

    def done(self, seq: int) -> Item:
        """Delivered, or given up: what is behind it comes forward. Raises KeyError."""
        item = self.items.pop(seq)
        del self.tries[seq]
        self._flying.discard(seq)
        lane = self._lanes[item.group_key]
        head = lane[0] == seq
        lane.remove(seq)
        if not lane:
            del self._lanes[item.group_key]
        elif head:
            self._head(lane[0])
        self._count[item.receiver] -= 1
        self._bytes[item.receiver] -= len(item.body)
        return item

    def mind_the_clock(self, now: float) -> None:
        """The wall clock went back to `now`, or may have while nobody looked: nothing waits longer from here
        than the pause that its last try asked for."""
        for seq, tries in self.tries.items():
            if tries.next_at > now + tries.pause:
                tries.next_at = now + tries.pause
                if seq == self._lanes[self.items[seq].group_key][0] and seq not in self._flying:
                    self._head(seq)

    def count(self, receiver: str) -> int:
        """Notifications that wait for a receiver."""
        return self._count.get(receiver, 0)

    def size(self, receiver: str) -> int:
        """Their bytes."""
        return self._bytes.get(receiver, 0)

    def backlog(self, group_key: str) -> int:
        """Notifications that wait about one group (its key names the receiver)."""
        return len(self._lanes.get(group_key, ()))

    def idle(self, receiver: str, most: int) -> list[Item]:
        """Some that wait for a receiver and are not on their way, oldest first."""
        found = (
            item for item in self.items.values()
            if item.receiver == receiver and item.seq not in self._flying
        )  # fmt: skip
        return list(islice(found, most))

    def oldest(self) -> dict[str, float]:
        """When the oldest was decided on that waits, by receiver."""
        found: dict[str, float] = {}
        for item in self.items.values():
            found[item.receiver] = min(found.get(item.receiver, item.decided_at), item.decided_at)
        return found

    def _head(self, seq: int) -> None:
        item = self.items[seq]
        heapq.heappush(self._due.setdefault(item.receiver, []), (self.tries[seq].next_at, seq))


class Bucket:
    """A token bucket: `rate` a second, at most `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, max(1.0, burst)
        self._tokens, self._at = self._burst, float("-inf")

    def take(self, now: float) -> float:
        """Takes a token: 0.0 when there is one, else the seconds until there is. `now`: any steady clock."""
        if now > self._at:
            gained = (now - self._at) * self._rate if self._at > float("-inf") else 0.0
            self._tokens, self._at = min(self._burst, self._tokens + gained), now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate
