"""A lane: the work on one partition between a claim and its loss.

Steps of the commit protocol (named again in the code; what is killed between two of them is done again or
not at all):

1. fold    records are folded into memory, in slices, the loop yielded to between them
2. produce enriched events, rejections and readings are produced and acknowledged
3. fence   one fenced write: changed state, alert transitions (outbox), and the fence `prev` -> `next`
4. ack     the slices behind the fence are acked; Faust commits their offsets now and then
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from typing import Any

from processors.panes import HOUR
from processors.partition import Partition
from processors.records import TOTALS
from processors.state.store import Answer, Store, StoreError
from schemas import topics
from streams import failpoints, metrics
from streams.cloudevents import ce_headers
from streams.gauges import OUTCOMES, Gauges, begin_partition, count_transitions
from streams.outbox import Relay
from streams.outputs import BatchSender, Out
from streams.refusals import refusal
from streams.settings import Settings
from streams.transport import RecordBatch

log = logging.getLogger(__name__)
_SECONDS_IDLE = 2.0  # silence after which the event clock goes on by itself
_PROVISIONAL_TOPIC_S = 5.0
#: At most this share of a worker's time goes into provisional readings.
_PROVISIONAL_SHARE = 0.2
#: While more waits to be folded the fence moves so often, s: hot panes are not rewritten without end.
_BUSY_FENCE_S = 1.0
#: A fetch so nearly full (4 MiB hold some 5,500 records) had been waiting: a backlog is worked off, whose
#: readings nobody awaits by the second. Then the fence moves so often, s: half of what a write costs is the
#: same for many events.
_BACKLOG_RECORDS = 4_000
_BACKLOG_FENCE_S = 3.0
#: Within a batch it moves after so long, s: where a slow worker loses its partitions every few seconds, each
#: turn must have got somewhere.
_LONGEST_S = 5.0
#: A lane with nothing to write looks at its fence so often, to learn whether Redis still has its state.
_IDLE_FENCE_S = 2.0
_RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

Ack = Callable[[], Awaitable[Any]]


class LaneMovedError(Exception):
    """The fence is not where this lane thinks: its memory is void, claim again."""


class LaneOldError(Exception):
    """Somebody with a higher epoch owns the partition."""


@dataclass(slots=True)
class Shared:
    """What all lanes of a worker share."""

    settings: Settings
    store: Store
    sender: BatchSender
    source: bytes  # CloudEvents source of what we write
    gauges: Gauges
    relay: Relay
    counted: int = 0  # records behind the fence, since the start


class Lane:
    """Works off the batches of one claimed partition. `run` ends with LaneMovedError, LaneOldError or
    cancellation."""

    def __init__(
        self,
        shared: Shared,
        partition: Partition,
        start: int,
        claim: int,
        epoch: int,
        caught_up: Callable[[], bool],
    ) -> None:
        self._shared, self.partition, self.claim, self.epoch = shared, partition, claim, epoch
        self.number = partition.keys.partition
        begin_partition(self.number)
        self.fence = start  # everything before it is behind the fence
        #: `next` as Redis has it: -1 without one, less than `fence` after a lost stretch.
        self.fence_in_store = start
        self.folded = start  # offset after the last folded record
        self.received = start  # offset after the last record handed in
        #: False while memory and fence may disagree: between folding and the answer of a write.
        self.clean = True
        self.book_changed = False
        self.stopping = False
        self.waiting_for: str | None = None  # who has to answer, while this lane keeps its place
        self.waiting_since = 0.0
        self.position = start  # of the consumer, looked up now and then: beyond markers, which are no records
        self._queue: asyncio.Queue[tuple[RecordBatch, Ack]] = asyncio.Queue(maxsize=2)
        self._unacked: deque[tuple[int, Ack]] = deque()
        self._caught_up = caught_up
        self._fenced_at = monotonic()
        self._last_record_at = monotonic()
        self._looked_at = monotonic()
        self._arrivals: list[float] = []
        self._per_record_s = 15e-6
        self._per_reading_s = 200e-6
        self._told_at: dict[str, float] = {}
        self.labels = {"partition": partition.keys.partition, "epoch": epoch}
        self._headers_common = ce_headers(topics.ENRICHED, shared.source)
        self._forgotten = 0
        self._counted = {name: getattr(partition.totals, name) for name in TOTALS}

    async def put(self, batch: RecordBatch, ack: Ack) -> None:
        """Hand a batch in; waits while the lane is busy. A stale one is dropped (it will be fetched
        again)."""
        await self._queue.put((batch, ack))
        self.received = batch.end

    @property
    def oldest_waiting_s(self) -> float:
        """Age of the oldest folded but unfenced record's arrival, in seconds; 0 when there is none."""
        return monotonic() - self._arrivals[0] if self._arrivals else 0.0

    @property
    def idle(self) -> bool:
        """Whether all that was handed in is folded."""
        return self._queue.empty() and self.received == self.folded

    async def run(self) -> None:
        """Work until cancelled, or until the fence says otherwise."""
        settings = self._shared.settings
        wait_s = settings.fence_ms / 1_000
        busy_s = max(wait_s, _BUSY_FENCE_S)
        while not self.stopping:
            if self.book_changed:
                self.book_changed = False
                await self.load([i for i in self.partition.watched if i not in self.partition.influencers])
            due_in = wait_s - (monotonic() - self._fenced_at) if self._unfenced else 0.5
            try:
                # Not wait_for: in Python 3.11 it swallows a cancellation that meets a batch.
                async with asyncio.timeout(max(0.001, due_in)):
                    batch, ack = await self._queue.get()
            except TimeoutError:
                await self._quiet()
            else:
                await self._take(batch, ack)
                backlog = batch.end - batch.start >= _BACKLOG_RECORDS
                busy_s = max(wait_s, _BACKLOG_FENCE_S if backlog else _BUSY_FENCE_S)
            waited = monotonic() - self._fenced_at
            due = self._unfenced and (
                self._full or (waited >= wait_s and self._queue.empty()) or waited >= busy_s
            )
            if due or (waited >= _IDLE_FENCE_S and not self._unfenced):
                await self.flush()

    @property
    def _full(self) -> bool:
        """Whether so much waits for a write that the fence should move at once."""
        behind = self.folded - self.fence
        return behind >= self._shared.settings.fence_records or self.partition.crowded

    @property
    def _unfenced(self) -> bool:
        return self.folded != self.fence or self.partition.pending

    async def _quiet(self) -> None:
        """Nothing came: when caught up, the event clock goes on by elapsed wall time; by a second a look at
        most, so that a process that was frozen does not take its own absence for silence."""
        now = monotonic()
        elapsed, self._looked_at = min(now - self._looked_at, 1.0), now
        speed = self._shared.settings.idle_speed
        if not speed or now - self._last_record_at < _SECONDS_IDLE or not self._caught_up():
            return
        partition = self.partition
        target = partition.clock + elapsed * speed
        while partition.clock and partition.clock < target:
            partition.idle(min(target, partition.clock + HOUR))
            await asyncio.sleep(0)

    async def _take(self, batch: RecordBatch, ack: Ack) -> None:
        """Step 1: fold a batch, slice by slice."""
        if batch.claim != self.claim or batch.start != self.folded:
            if batch.claim == self.claim:
                raise LaneMovedError(f"a slice is missing: expected {self.folded}, got {batch.start}")
            return
        self._last_record_at = monotonic()
        settings = self._shared.settings
        records, done = batch.records, 0
        while done < len(records):
            size = max(50, min(settings.slice_records, int(settings.slice_ms / 1_000 / self._per_record_s)))
            part = records[done : done + size]
            self.clean = False
            took = await self._fold(part)
            self.folded = part[-1].offset + 1
            self.clean = True
            failpoints.hit("fold.slice")
            metrics.SLICE_SECONDS.observe(took)
            self._per_record_s = 0.8 * self._per_record_s + 0.2 * took / len(part)
            done += len(part)
            self._arrivals.append(batch.fetched_at)
            due = self._full or monotonic() - self._fenced_at >= _LONGEST_S
            if due and done < len(records):
                await self.flush()
            await asyncio.sleep(0)
        batch.release()
        self._unacked.append((batch.end, ack))

    async def _fold(self, records: Any) -> float:
        """Decode and fold one slice; the seconds it took, without waiting for Redis."""
        partition = self.partition
        started = monotonic()
        decoded = partition.decode(records)
        missing = partition.missing(decoded)
        took = monotonic() - started
        if missing:
            await self.load(missing)
        started = monotonic()
        partition.fold(decoded, int(time()) // HOUR)
        return took + monotonic() - started

    async def load(self, influencers: list[str]) -> None:
        """Read influencers' state, after the claim, so that nobody else writes it any more. The fence is read
        last: where it has moved, or Redis has come back older, what was read is not of this lane, and what
        would be told of it is not what was told before. Raises LaneMovedError, LaneOldError."""
        keys, store = self.partition.keys, self._shared.store
        for start in range(0, len(influencers), 500):
            chunk = influencers[start : start + 500]
            names = [keys.comments(i) for i in chunk]
            comments = await self._keep_trying(partial(store.read_strings, names))
            names = [*map(keys.influencer, chunk), keys.fence]
            *hashes, fence = await self._keep_trying(partial(store.read_hashes, names))
            self._check(int(fence.get(b"epoch", 0)), int(fence.get(b"next", -1)))
            for influencer, fields, appended in zip(chunk, hashes, comments, strict=True):
                self.partition.load(influencer, fields, appended)

    def _check(self, epoch: int, next_: int) -> None:
        if epoch > self.epoch:
            raise self._old()
        if epoch < self.epoch or next_ != self.fence_in_store:
            raise self._moved(next_)

    def _old(self) -> LaneOldError:
        return LaneOldError(f"epoch {self.epoch} was overtaken")

    def _moved(self, to: int) -> LaneMovedError:
        return LaneMovedError(f"the fence stands at {to}, not at {self.fence}")

    async def flush(self) -> None:
        """Steps 2 to 4."""
        partition, shared = self.partition, self._shared
        started = monotonic()
        refreshed = self._refreshed(started)
        await self._produce(refreshed)
        failpoints.hit("produce.done")
        self.clean = False
        write = partition.write(self.fence_in_store, self.folded)
        transitions = bool(partition.evaluator.out.transitions)
        answer, cur = await self._keep_trying(lambda: shared.store.apply(partition.keys, write))
        metrics.FENCE.labels(answer).inc()
        metrics.REDIS_BYTES.inc(write.size())
        if answer is Answer.MOVED:
            raise self._moved(cur)
        if answer is Answer.OLD:
            raise self._old()
        failpoints.hit("fence.done")
        count_transitions(alert for _, alert in partition.evaluator.out.transitions)
        if partition.evaluator.out.shown:
            shown, listed = partition.evaluator.out.shown, partition.book.by_id
            shared.gauges.show(self.number, shown, partition.firing(), listed)
        partition.written()
        self.clean = True
        if -1 < self.fence_in_store < self.fence:  # not at the claim: several may come before a write
            metrics.LOST.labels(str(self.number)).inc(self.fence - self.fence_in_store)
        self.fence = self.fence_in_store = self.folded
        now = monotonic()
        self._fenced_at = now
        for arrived in self._arrivals:
            metrics.VISIBLE_SECONDS.observe(now - arrived)
        self._arrivals.clear()
        while self._unacked and self._unacked[0][0] <= self.fence:
            await self._unacked.popleft()[1]()
            failpoints.hit("ack.done")
        self._count(now - started)
        partition.evict(shared.settings.memory_influencers)
        if transitions:
            shared.relay.wake(self.number)

    def _refreshed(self, now: float) -> list[tuple[str, bytes]]:
        """Provisional readings, in at most a share of the loop's time, which all lanes have together; while
        behind a few, since catching up comes first: one costs what ten events cost."""
        every = self._shared.settings.provisional_ms / 1_000
        if self.received - self.folded >= _BACKLOG_RECORDS:
            return self.partition.provisional(time(), every * 5, 4)
        lanes = max(1, len(self._shared.relay.owned))
        most = int(_PROVISIONAL_SHARE * (now - self._fenced_at) / (lanes * self._per_reading_s))
        refreshed = self.partition.provisional(time(), every, max(4, most))
        if refreshed:
            took = (monotonic() - now) / len(refreshed)
            self._per_reading_s = 0.8 * self._per_reading_s + 0.2 * took
        return refreshed

    async def _produce(self, refreshed: list[tuple[str, bytes]]) -> None:
        """Step 2: everything is acknowledged before the fence moves."""
        partition, shared, number = self.partition, self._shared, self.number
        settings, out = shared.settings, partition.out
        sends = []
        if out.enriched:
            prefix = f"{settings.topic(topics.EVENTS)}-{number}-".encode()
            common = self._headers_common
            records: list[Out] = [
                (key, value, stamp, [*common, ("ce_id", b"%b%d" % (prefix, offset))])
                for key, value, stamp, offset in out.enriched
            ]
            sends.append(shared.sender.send(settings.topic(topics.ENRICHED), number, records))
        if out.rejected:
            source, events = shared.source, settings.topic(topics.EVENTS)
            refused = [refusal(source, events, number, *one) for one in out.rejected]
            sends.append(shared.sender.send_by_key(settings.topic(topics.REJECTED), refused))
        if readings := self._readings(refreshed):
            sends.append(shared.sender.send_by_key(settings.topic(topics.READINGS), readings))
        if sends:
            self._wait_for("Kafka")
            await asyncio.gather(*sends)
            self._wait_for(None)

    def _readings(self, refreshed: list[tuple[str, bytes]]) -> list[Out]:
        """Readings for the topic: all of boundaries, provisional ones at most every five seconds."""
        common = ce_headers(topics.READINGS, self._shared.source)
        rows: list[Out] = [
            (pid.encode(), body, at * 1_000, [*common, ("ce_id", f"{pid}@{at}".encode())])
            for pid, body, at in self.partition.evaluator.out.readings
        ]
        now = time()
        stamp = int(self.partition.clock * 1_000)
        for pid, body in refreshed:
            if not pid.startswith("none--") and now - self._told_at.get(pid, 0.0) >= _PROVISIONAL_TOPIC_S:
                self._told_at[pid] = now
                rows.append(
                    (pid.encode(), body, stamp, [*common, ("ce_id", f"{pid}@{self.folded}".encode())])
                )
        return rows

    def _count(self, took: float) -> None:
        """Metrics of what is now behind the fence."""
        totals, counted = self.partition.totals, self._counted
        label = str(self.number)
        metrics.EVENTS_READ.labels(label).inc(totals.read - counted["read"])
        self._shared.counted += totals.read - counted["read"]
        for outcome in OUTCOMES:
            metrics.EVENTS.labels(label, outcome).inc(getattr(totals, outcome) - counted[outcome])
        metrics.LATE.labels(label).inc(totals.late - counted["late"])
        metrics.READINGS.labels("true").inc(totals.readings - counted["readings"])
        metrics.READINGS.labels("false").inc(totals.provisional - counted["provisional"])
        for name in counted:
            counted[name] = getattr(totals, name)
        forgotten = self.partition.memory.dropped_early
        metrics.FORGOTTEN.labels(label).inc(forgotten - self._forgotten)
        self._forgotten = forgotten
        metrics.WATERMARK.labels(label).set(self.partition.clock)
        log.debug("fence moved", extra={**self.labels, "offset": self.fence, "seconds": round(took, 4)})

    def _wait_for(self, whom: str | None) -> None:
        if whom != self.waiting_for:
            self.waiting_for, self.waiting_since = whom, monotonic()

    async def _keep_trying(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Until Redis is back: the lane keeps its place, releases no batch, and so none is fetched for it."""
        attempt = 0
        while True:
            try:
                answer = await call()
                self._wait_for(None)
                return answer
            except StoreError as error:
                if not error.retryable:
                    raise
                self._wait_for("Redis")
                wait = _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
                if attempt % 5 == 0:
                    log.warning("%s; keeping my place at %d, again in %.1f s", error, self.fence, wait,
                                extra={**self.labels, "offset": self.fence})  # fmt: skip
                await asyncio.sleep(wait)
                attempt += 1
