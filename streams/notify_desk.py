"""The desk of one partition of the alerts topic: transitions in, decisions out, each change behind the fence.

1. take     transitions are taken in, what is due is decided on, tries that ended are settled; in memory
2. fence    one fenced write: alerts, groups, queue, and the fence `prev` -> `next`
3. deliver  only then the courier may see what was decided on

Killed before 2, it never happened, and is done again from the log; killed after it, the queue is there. A try
that was made and not written is made again, under the same id with the same bytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import random
from typing import TypeVar

import msgspec
from pydantic import ValidationError

from processors.notify.engine import Engine
from processors.notify.keys import Failed, NotifyKeys
from processors.notify.outside import Outside
from processors.notify.queue import Item, Queue, Tries
from processors.notify.state import decode_group, decode_held
from processors.state.store import Answer, Claim, Store, StoreError, Write
from schemas import Alert, Notification
from streams import metrics
from streams.notify_courier import Courier, Outcome

log = logging.getLogger(__name__)
T = TypeVar("T")
#: Of one receiver in one partition; beyond, its groups wait and are told together later.
QUEUE_MOST, QUEUE_BYTES = 1_000, 16 << 20
#: Groups that wait for room; beyond, the topic is not read on.
WAITING_MOST = 10_000
FAILED_MOST = 5_000
_LOG_MOST = 10_000
_TAKE_MOST = 500
_DECIDE_MOST = 100
_INBOX_MOST = 4
_RECORD_MOST = 256 * 1024
_LOOK_S = 0.25
#: While it reads what came while it was away it tells nothing, s at most: what has ended since is no news.
_CATCH_UP_S = 30.0
_RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_pack = msgspec.msgpack.Encoder().encode
_item = msgspec.msgpack.Decoder(Item).decode
_tries = msgspec.msgpack.Decoder(Tries).decode
_json = msgspec.json.Encoder().encode


class DeskMovedError(Exception):
    """The fence is elsewhere, or somebody else has the partition: memory is void."""


@dataclass(slots=True)
class Shared:
    """What all desks of a notifier share. `outside`, `again` are looked up by the process now and then."""

    store: Store
    courier: Courier
    engine: Callable[[int], Engine]  # a new one, for a partition
    schedule: tuple[float, ...]
    clock: Callable[[], float]
    outside: Outside = Outside()  # noqa: RUF009 - frozen
    on_gone: Callable[[str, str], None] = lambda name, why: None


class Desk:
    """One claimed partition."""

    def __init__(self, shared: Shared, keys: NotifyKeys) -> None:
        self._shared, self.keys = shared, keys
        self.number = keys.base.partition
        self.engine = shared.engine(self.number)
        self.queue = Queue(shared.schedule)
        self.open = False  # whether the courier may deliver what lies here
        self.next = 0  # offset after the last record behind the fence
        self.expected = 0  # offset after the last record that was handed in
        self.caught_up_at = 0  # offset that the log ended at when it was claimed
        self.told = 0  # alerts of which somebody was told, up to the claim
        self.failed: dict[str, float] = {}  # notification id -> when it was given up, oldest first
        self.again: dict[str, bytes] = {}  # wishes for redelivery, as read by the process
        self.waiting_for_store = False
        self._since = shared.clock()
        self._last = self._since
        self._claim = Claim(0, 0, None, {})
        self._inbox: deque[Sequence[tuple[int, bytes | None]]] = deque()
        self._outcomes: list[Outcome] = []
        self._event = asyncio.Event()
        self._stopping = False
        self._ops: list[tuple[str, str, list[bytes | str | int]]] = []
        #: What becomes true behind the fence only: nothing is delivered before it is written, and nothing
        #: behind a notification that was not written off.
        self._after: list[Callable[[], object]] = []
        self._seq = 0

    # -- claim ----------------------------------------------------------------------------------------------

    async def claim(self) -> int | None:
        """Claims the partition and reads its state. The offset that follows; None: there is no state yet.

        Raises:
            StoreError: Redis did not answer.
        """
        keys, store = self.keys, self._shared.store
        self._claim = await store.claim(keys.base)
        alerts, groups, ended, queue, failed = await store.read_hashes(
            [keys.alerts, keys.groups, keys.ended, keys.queue, keys.failed]
        )
        self.engine.restore(
            (decode_held(value) for value in alerts.values()),
            [decode_group(value) for value in groups.values()],
            {name.decode(): float(value) for name, value in ended.items()},
            self._shared.clock(),
        )
        tries = {int(name[1:]): _tries(value) for name, value in queue.items() if name[:1] == b"t"}
        self.queue.restore((_item(value) for name, value in queue.items() if name[:1] != b"t"), tries)
        self.queue.mind_the_clock(self._shared.clock())  # it may have been set back while nobody was here
        self._seq = self.queue.next_seq
        times = {
            name.decode(): msgspec.json.decode(value, type=Failed).failed_at for name, value in failed.items()
        }
        self.failed = dict(sorted(times.items(), key=lambda pair: pair[1]))
        self.told = int(self._claim.fields.get(b"told", b"0"))
        return self._claim.next

    def begin(self, start: int, end: int) -> None:
        """Work begins at offset `start`; the log ends at `end` now."""
        self.next, self.expected, self.caught_up_at = start, start, end
        self.open = True

    # -- what comes in --------------------------------------------------------------------------------------

    @property
    def wants(self) -> bool:
        """Whether it takes more records: not while what waits is too much."""
        return len(self._inbox) < _INBOX_MOST and not self.held_up

    @property
    def held_up(self) -> bool:
        """Whether receivers are so far behind that the topic is not read on."""
        return self.engine.waiting_for(self._shared.outside.off) > WAITING_MOST

    def put(self, records: Sequence[tuple[int, bytes | None]]) -> None:
        """Records as they lie in the log: offset and value."""
        self._inbox.append(records)
        self.expected = records[-1][0] + 1
        self._event.set()

    def report(self, outcome: Outcome) -> None:
        """A try has ended (from the courier)."""
        self._outcomes.append(outcome)
        self._event.set()

    def wake(self) -> None:
        """Something outside has changed."""
        self._event.set()

    def stop(self) -> None:
        """Take nothing in any more; `run` ends after what is settled was written."""
        self._stopping = True
        self.open = False
        self._event.set()

    # -- work -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Works until `stop`. Raises DeskMovedError when the partition is not ours any more."""
        while True:
            self._event.clear()
            busy = await self.step()
            if self._stopping and not self._outcomes:
                return
            if not busy:
                try:
                    async with asyncio.timeout(_LOOK_S):
                        await self._event.wait()
                except TimeoutError:
                    pass
            else:
                await asyncio.sleep(0)

    async def step(self) -> bool:
        """One round: whether there was something to do. Raises DeskMovedError."""
        now = self._shared.clock()
        if now < self._last:
            self.queue.mind_the_clock(now)
        self._last = now
        self._settle(now)
        following = self.next
        if not self._stopping:
            decided = self._decide(now)
            following = self._take(now)
            for notification in decided:
                self._enqueue(notification, now)
            self._give_up_what_is_off(now)
            await self._send_again(now)
        if following == self.next and not self._ops and not self.engine.dirty:
            return False
        await self._fence(following)
        return True

    def _decide(self, now: float) -> list[Notification]:
        if self.next < self.caught_up_at and now - self._since < _CATCH_UP_S:
            return []
        return self.engine.tick(now, self._shared.outside, self._room, self.queue.backlog, most=_DECIDE_MOST)

    def _room(self, receiver: str) -> int:
        if self.queue.size(receiver) > QUEUE_BYTES:
            return 0
        return max(0, QUEUE_MOST - self.queue.count(receiver))

    def _take(self, now: float) -> int:
        """Takes some of the inbox in. The offset after it."""
        following, taken = self.next, 0
        while self._inbox and taken < _TAKE_MOST:
            for offset, value in self._inbox.popleft():
                taken += 1
                if offset < following:
                    continue
                following = offset + 1
                if value is None or len(value) > _RECORD_MOST:
                    metrics.NOTIFIER_TAKEN.labels("unreadable").inc()
                    continue
                try:
                    alert = Alert.model_validate_json(value)
                except ValidationError:
                    metrics.NOTIFIER_TAKEN.labels("unreadable").inc()
                    log.warning("a record of the alerts topic is none of ours",
                                extra={"partition": self.number, "offset": offset})  # fmt: skip
                    continue
                metrics.NOTIFIER_TAKEN.labels(alert.state).inc()
                self.engine.take(alert, value, now)
        return following

    def _enqueue(self, notification: Notification, now: float) -> None:
        n = notification
        item = Item(
            self._seq, n.notification_id, n.receiver, n.group_key, n.why, now,
            n.model_dump_json().encode(),
        )  # fmt: skip
        self._push(item)
        line = _json({
            "notification_id": n.notification_id, "receiver": n.receiver, "group": n.group_key, "why": n.why,
            "at": now, "alerts": [alert.transition_id for alert in n.alerts],
        })  # fmt: skip
        self._ops.append(("XADD", self.keys.log, ["MAXLEN", "~", _LOG_MOST, "*", "n", line]))
        self._ops.append(("HSET", self.keys.base.fence, ["told", self.told + self.engine.told_first]))
        metrics.NOTIFICATIONS_DECIDED.labels(n.receiver, n.why).inc()

    def _push(self, item: Item) -> None:
        self._seq += 1
        self._after.append(partial(self.queue.push, item))
        self._ops.append(("HSET", self.keys.queue, [str(item.seq), _pack(item)]))

    # -- tries ----------------------------------------------------------------------------------------------

    def _settle(self, now: float) -> None:
        outcomes, self._outcomes = self._outcomes, []
        for outcome in outcomes:
            item = self.queue.items[outcome.seq]
            if outcome.how == "delivered":
                self._remove(outcome.seq)
                metrics.NOTIFICATIONS.labels(item.receiver, "delivered").inc()
                continue
            log.warning("%s did not take notification %s: %s", item.receiver, item.notification_id,
                        outcome.error, extra={"partition": self.number})  # fmt: skip
            if outcome.how == "gone":
                self._shared.on_gone(item.receiver, outcome.error)
            if outcome.how == "again" and self.queue.failed(
                outcome.seq, now, outcome.error, random, retry_after=outcome.retry_after
            ):
                metrics.NOTIFICATION_RETRIES.labels(item.receiver).inc()
                tries = self.queue.tries[outcome.seq]
                self._ops.append(("HSET", self.keys.queue, [f"t{outcome.seq}", _pack(tries)]))
                continue
            tries = self.queue.tries[outcome.seq]
            tries.count += outcome.how != "again"  # the queue has counted it otherwise
            self._give_up(item, now, outcome.error, "off" if outcome.how == "gone" else "failed")

    def _give_up(self, item: Item, now: float, error: str, outcome: str) -> None:
        tries = self.queue.tries[item.seq]
        self._remove(item.seq)
        failed = Failed(
            item.notification_id, item.receiver, item.group_key, item.why, item.decided_at, now, tries.count,
            error[:500], item.body.decode(),
        )  # fmt: skip
        self.failed.pop(item.notification_id, None)
        self.failed[item.notification_id] = now
        self._ops.append(("HSET", self.keys.failed, [item.notification_id, _json(failed)]))
        metrics.NOTIFICATIONS.labels(item.receiver, outcome).inc()
        if len(self.failed) > FAILED_MOST:
            oldest = next(iter(self.failed))
            del self.failed[oldest]
            self._ops.append(("HDEL", self.keys.failed, [oldest]))
            log.error("more than %d notifications were given up: %s is forgotten", FAILED_MOST, oldest)

    def _remove(self, seq: int) -> None:
        self._after.append(partial(self.queue.done, seq))
        self._ops.append(("HDEL", self.keys.queue, [str(seq), f"t{seq}"]))

    def _give_up_what_is_off(self, now: float) -> None:
        for receiver in self._shared.outside.off:
            if self.queue.count(receiver):
                for item in self.queue.idle(receiver, _DECIDE_MOST):
                    self._give_up(item, now, "the receiver is switched off", "off")

    async def _send_again(self, now: float) -> None:
        """Those that were given up and somebody wants to be sent once more, behind what waits already."""
        wished, self.again = self.again, {}
        if not wished:
            return
        listed = (await self._ask(lambda: self._shared.store.read_hashes([self.keys.failed])))[0]
        for name in wished:
            value = listed.get(name.encode())
            if value is not None and name in self.failed:
                failed = msgspec.json.decode(value, type=Failed)
                item = Item(
                    self._seq, name, failed.receiver, failed.group_key, failed.why,
                    failed.decided_at, failed.body.encode(),
                )  # fmt: skip
                if failed.receiver in self._shared.courier.receivers:
                    self._push(item)
                    del self.failed[name]
                    self._ops.append(("HDEL", self.keys.failed, [name]))
                else:
                    log.warning("%s is not sent again: there is no receiver %s", name, failed.receiver)
            self._ops.append(("HDEL", self.keys.again, [name]))

    # -- fence ----------------------------------------------------------------------------------------------

    async def _fence(self, following: int) -> None:
        keys, claim = self.keys, self._claim
        prev = -1 if claim.next is None else claim.next
        write = Write(claim.epoch, claim.seq, prev, following)
        names = {"alerts": keys.alerts, "groups": keys.groups, "ended": keys.ended}
        for kind, name, value in self.engine.changes():
            if value is None:
                write.add("HDEL", names[kind], [name])
            else:
                write.add("HSET", names[kind], [name, value])
        for op, key, args in self._ops:
            write.add(op, key, args)
        self._ops = []
        answer, cur = await self._ask(lambda: self._shared.store.apply(keys.base, write))
        metrics.FENCE.labels(answer).inc()
        if answer not in (Answer.OK, Answer.SAME):
            self.open = False
            raise DeskMovedError(
                f"the fence of partition {self.number} answered {answer}, it stands at {cur}"
            )
        self._claim = Claim(claim.epoch, claim.seq + 1, following, claim.fields)
        self.next = following
        after, self._after = self._after, []
        for act in after:
            act()
        self._shared.courier.wake()

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            try:
                answer = await call()
                self.waiting_for_store = False
                return answer
            except StoreError as error:
                if not error.retryable:
                    raise
                self.waiting_for_store = True
                if attempt % 5 == 0:
                    log.warning("%s; keeping my place at %d", error, self.next,
                                extra={"partition": self.number})  # fmt: skip
                await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1
