"""Which partitions this worker owns: claims them, runs a lane for each, and lets go.

A claim raises the epoch in Redis before any state is read; then the state is read, and the partition is
sought to its fence. Whenever something does not fit (a slice is missing, the fence stands elsewhere, Redis
was emptied) the answer is always the same: drop the partition's memory and queued batches, claim, seek.
Nothing is ever folded again on memory that has folded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic, time
from typing import Any

from aiokafka.errors import KafkaError
from faust.types.tuples import TP

from processors.actors import ActorHasher
from processors.book import Book
from processors.endings import Listed
from processors.partition import Partition
from processors.records import Config
from processors.state.layout import PartitionKeys, partition_of
from processors.state.store import Claim, StoreError
from schemas import topics
from streams import failpoints, metrics
from streams.consume import holds
from streams.errors import RapportError
from streams.lanes import Ack, Lane, LaneMovedError, LaneOldError, Shared
from streams.rulefiles import RuleSets
from streams.sources.untold import untold_by_source
from streams.transport import BatchConsumer, RecordBatch

log = logging.getLogger(__name__)
#: A claim within Faust's callbacks must not wait for a Redis that is away; it is tried again in the
#: background.
_CLAIM_S = 5.0
_RETRY_S = 1.0
#: A server that lets a lane wait for so long is said to be away, in /ready: every answer takes a little.
_AWAY_S = 1.0
#: What may hinder a claim and pass (another's claim crossed it, too): it is tried again.
_PASSING = (
    StoreError, KafkaError, RapportError, OSError, TimeoutError, LaneMovedError, LaneOldError,
)  # fmt: skip


class BeyondEndError(Exception):
    """The fence lies beyond the end of the log: the topic was made anew under an old Redis."""


@dataclass(slots=True)
class _Owned:
    lane: Lane
    task: asyncio.Task[None]


async def _end(owned: _Owned) -> None:
    """Cancel a lane until it has ended. Whoever waits for this may be cancelled too, and is not held up by
    it."""
    owned.lane.stopping = True
    while not owned.task.done():
        owned.task.cancel()
        await asyncio.wait({owned.task}, timeout=1.0)


def _say_unclaimed(number: int, error: Exception) -> None:
    why = str(error) or "no answer in time"
    log.warning("partition %d is not claimed yet: %s", number, why, extra={"partition": number})


class Owner:
    """Claims and lanes of one worker."""

    def __init__(
        self, shared: Shared, book: Book, hasher: ActorHasher, on_fatal: Callable[[str], None]
    ) -> None:
        self._shared, self._book, self._hasher = shared, book, hasher
        self._on_fatal = on_fatal
        self._topic = shared.settings.topic(topics.EVENTS)
        self._owned: dict[int, _Owned] = {}
        self._claims = 0
        self._claiming: dict[int, asyncio.Lock] = {}
        self._retries: dict[int, asyncio.Task[None]] = {}
        self._claimed_at: dict[int, int] = {}  # partition -> number of its newest claim
        self.consumer: BatchConsumer | None = None
        #: Called when Redis knows nothing of a partition: it is new, or Redis was emptied.
        self.on_new: Callable[[], Awaitable[None]] | None = None
        self.book_ready = asyncio.Event()
        self._closing = False
        self.partition_count = shared.settings.partitions
        self._rules = RuleSets()
        self._untold = untold_by_source(shared.settings)

    def _config(self) -> Config:
        """Bounds of one partition: its share of what the worker may hold when it owns them all."""
        settings, count = self._shared.settings, self.partition_count
        return Config(
            settings.duplicate_memory_h,
            max(1_000, settings.duplicate_memory_ids // count),
            max(1_000, settings.undo_memory_acts // count),
            settings.enriched,
            count,
            rules=self._rules.live,
            shadow_rules=self._rules.shadow,
            untold=self._untold,
        )

    # -- claims ---------------------------------------------------------------------------------------------

    async def on_seek(self) -> None:
        """After a rebalance, and whenever Faust has sought to the committed offsets: claim what is
        assigned."""
        assert self.consumer is not None
        if self._closing:
            return
        metrics.REBALANCES.inc()
        assigned = {tp.partition for tp in self.consumer.assignment() if tp.topic == self._topic}
        for number in [number for number in self._owned if number not in assigned]:
            await self.drop(number)
        await self.book_ready.wait()
        await asyncio.gather(*(self._claim_or_retry(number) for number in sorted(assigned)))
        metrics.PARTITIONS.set(len(self._owned))

    async def _claim_or_retry(self, number: int) -> None:
        try:
            async with asyncio.timeout(_CLAIM_S):
                await self.claim(number)
        except _PASSING as error:
            _say_unclaimed(number, error)
            self.claim_later(number)
        except BeyondEndError as error:
            self._on_fatal(str(error))

    def claim_later(self, number: int, wait: float = _RETRY_S) -> None:
        """Claim in the background, until it works or the partition is gone."""
        task = self._retries.get(number)
        if task is None or task.done():
            self._retries[number] = asyncio.create_task(self._retry(number, wait), name=f"claim-{number}")

    async def _retry(self, number: int, wait: float) -> None:
        after = self._claims
        while True:
            await asyncio.sleep(wait)
            if self._closing or self.consumer is None:
                return
            if TP(self._topic, number) not in self.consumer.assignment():
                return
            if not self.consumer.flow_active:
                continue  # a rebalance runs, and claims at its end; or did before the flow was let go
            if self._claimed_at.get(number, 0) > after:
                return  # by a rebalance meanwhile
            try:
                await self.claim(number)
                return
            except _PASSING as error:
                _say_unclaimed(number, error)
            except BeyondEndError as error:
                self._on_fatal(str(error))
                return
            wait = min(wait * 2, 5.0)

    async def claim(self, number: int) -> None:
        """Claim one partition, read its state, seek to its fence, and start its lane.

        Raises StoreError, or BeyondEndError when the fence cannot be right.
        """
        assert self.consumer is not None
        lock = self._claiming.setdefault(number, asyncio.Lock())
        async with lock:
            await self.drop(number)
            keys = PartitionKeys(self._shared.settings.namespace, self._topic, number)
            claim = await self._shared.store.claim(keys)
            failpoints.hit("claim.done")
            if claim.next is None and self.on_new is not None:
                await self.on_new()
            partition = Partition(keys, self._book, self._hasher, self._config())
            await self._restore(partition, claim)
            tp = TP(self._topic, number)
            start = await self._start(tp, claim)
            self._claims += 1
            number_of_claim = self._claims  # other partitions are claimed meanwhile
            self._claimed_at[number] = number_of_claim
            prev = -1 if claim.next is None else claim.next
            lane = Lane(
                self._shared, partition, start, number_of_claim, claim.epoch, lambda: self._caught_up(tp)
            )
            lane.fence_in_store = prev
            self.watch_in(lane)
            await lane.load(sorted(partition.watched | partition.unevaluated))
            failpoints.hit("claim.restored")
            if self._closing:
                return
            self.consumer.start_at(tp, start, number_of_claim)
            task = asyncio.create_task(self._run(number, lane), name=f"lane-{number}")
            self._owned[number] = _Owned(lane, task)
            self.use_rules(self._rules)  # they may have been read again meanwhile
            self.book_changed_in(lane)  # what changed while the state was read
            self._shared.relay.owned = set(self._owned)
            self._shared.relay.wake(number)
            log.info("claimed", extra={"partition": number, "epoch": claim.epoch, "offset": start})
            metrics.PARTITIONS.set(len(self._owned))

    async def _restore(self, partition: Partition, claim: Claim) -> None:
        keys = partition.keys
        id_hours, act_hours = partition.memory.hours_to_load(int(time()) // 3_600)
        store = self._shared.store
        ids = await store.read_strings([keys.event_ids(hour) for hour in id_hours])
        acts = await store.read_strings([keys.acts(hour) for hour in act_hours])
        waiting = [name.decode() for name in (await store.read_hashes([keys.unevaluated]))[0]]
        lists = await store.read_hashes([keys.readings, keys.alerts])
        partition.restore(
            claim, zip(id_hours, ids, strict=True), zip(act_hours, acts, strict=True), waiting, Listed(*lists)
        )

    async def _start(self, tp: TP, claim: Claim) -> int:
        """Where to fetch from: the fence, or the log's start without one."""
        assert self.consumer is not None
        first = next(iter((await self.consumer.earliest_offsets(tp)).values()))
        if claim.next is None:
            return first
        end = next(iter((await self.consumer.highwaters(tp)).values()))
        beyond = end is not None and claim.next > end
        if beyond and not await holds(self._shared.settings, tp.topic, tp.partition, claim.next - 1):
            raise BeyondEndError(
                f"partition {tp.partition} of {tp.topic}: Redis has counted up to offset {claim.next}, but "
                f"the log ends at {end}: was the topic made anew? `rapport state adopt` keeps the state and "
                "goes on at the log's start; `rapport state reset` forgets the state and counts anew."
            )
        if claim.next < first:
            lost = first - claim.next
            log.error("%d records were deleted from the log before they were counted", lost,
                      extra={"partition": tp.partition, "offset": claim.next})  # fmt: skip
            return first
        return claim.next

    def watch_in(self, lane: Lane) -> None:
        """Tell a lane which watched influencers are its own."""
        lane.partition.watched = frozenset(
            influencer for influencer in self._book.watched()
            if partition_of(influencer, self.partition_count) == lane.number
        )  # fmt: skip

    def book_changed(self) -> None:
        """The book has changed: lanes learn of influencers that are watched from now on."""
        for owned in self._owned.values():
            self.book_changed_in(owned.lane)

    def book_changed_in(self, lane: Lane) -> None:
        """Have a lane hold what the book says now."""
        self.watch_in(lane)
        lane.book_changed = True

    # -- lanes ----------------------------------------------------------------------------------------------

    async def _run(self, number: int, lane: Lane) -> None:
        try:
            await lane.run()
        except asyncio.CancelledError:
            raise
        except LaneMovedError as error:
            metrics.RECLAIMS.inc()
            log.warning("partition %d: %s; claiming it again", number, error, extra=lane.labels)
            self.claim_later(number, 0.0)
        except LaneOldError as error:
            # Normally the rebalance that gave the partition away is on its way to us too. If instead a
            # zombie woke up and took it, nobody would come: so look again after its session must have ended.
            log.warning("partition %d: %s", number, error, extra=lane.labels)
            self.claim_later(number, self._shared.settings.session_timeout_s + 1)
        except Exception:
            log.exception("partition %d: the lane failed", number, extra=lane.labels)
            self._on_fatal(f"partition {number} failed: see the log")

    async def deliver(self, batch: RecordBatch, ack: Ack) -> None:
        """Hand a batch to its lane; one that has no lane (not claimed yet) or a stale one is dropped."""
        owned = self._owned.get(batch.tp.partition)
        if owned is None or owned.lane.claim != batch.claim or owned.task.done():
            return
        put = asyncio.ensure_future(owned.lane.put(batch, ack))
        await asyncio.wait((put, owned.task), return_when=asyncio.FIRST_COMPLETED)
        if not put.done():
            put.cancel()

    async def drop(self, number: int) -> None:
        """Forget a partition: its memory, its queue, its lane."""
        owned = self._owned.pop(number, None)
        self._shared.gauges.drop(number)
        if self.consumer is not None:
            self.consumer.forget(TP(self._topic, number))
        if owned is not None:
            await _end(owned)
        self._shared.relay.owned = set(self._owned)
        metrics.PARTITIONS.set(len(self._owned))

    def use_rules(self, rules: RuleSets) -> None:
        """Judge after these from the next boundary on. What was told under the old ones stays told: the work
        between the last fence and a crash, done again, was never told."""
        self._rules = rules
        for partition in self.partitions():
            partition.evaluator.rules, partition.evaluator.shadow_rules = rules.live, rules.shadow

    def partitions(self) -> list[Partition]:
        """What is owned now."""
        return [owned.lane.partition for owned in self._owned.values()]

    async def flush_all(self, within: float) -> None:
        """Bring everything behind the fence, for a clean stop, and claim nothing any more; gives up after
        `within` seconds."""
        self._closing = True
        tasks = []
        for owned in list(self._owned.values()):
            await _end(owned)
            if owned.lane.clean:
                tasks.append(asyncio.create_task(owned.lane.flush()))
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d partitions could not be written in time: what was folded of them is counted "
                            "again by their next owner", len(late))  # fmt: skip
            for task in tasks:
                if task.done() and not task.cancelled() and task.exception():
                    log.warning("not flushed: %s", task.exception())
        self._owned.clear()

    # -- looking --------------------------------------------------------------------------------------------

    def _highwater(self, tp: TP) -> int | None:
        assert self.consumer is not None
        with contextlib.suppress(Exception):
            return self.consumer.highwater(tp)
        return None

    def _caught_up(self, tp: TP) -> bool:
        owned = self._owned.get(tp.partition)
        end = self._highwater(tp)
        return owned is not None and end is not None and max(owned.lane.folded, owned.lane.position) >= end

    async def look_up_positions(self) -> None:
        """Ask the consumer how far it is where a log seems to have more: its end may be a transaction's
        marker, which is no record and is never delivered."""
        assert self.consumer is not None
        for number, owned in list(self._owned.items()):
            tp, lane = TP(self._topic, number), owned.lane
            if not lane.idle or not self.consumer.delivers(tp) or (self._highwater(tp) or 0) <= lane.received:
                continue
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(_CLAIM_S):
                    lane.position = await self.consumer.position(tp) or 0

    @property
    def counted(self) -> int:
        """Records that got behind the fence since the start."""
        return self._shared.counted

    def _see_to(self, number: int) -> None:
        """However a partition came to be assigned and not worked on: claim it (unless that is under way)."""
        lock = self._claiming.get(number)
        if self.consumer is not None and self.consumer.flow_active and not (lock and lock.locked()):
            self.claim_later(number)

    def look(self) -> dict[str, Any]:
        """State of all partitions, for /ready and the metrics; counts the stalled ones."""
        assert self.consumer is not None
        stalled: list[int] = []
        waiting: set[str] = set()
        worst = 0.0
        lag_all = 0
        held = 0
        assigned = {tp.partition for tp in self.consumer.assignment() if tp.topic == self._topic}
        for number in assigned:
            owned = self._owned.get(number)
            tp = TP(self._topic, number)
            if owned is None or owned.task.done() or not self.consumer.delivers(tp):
                self._see_to(number)
                continue
            lane, end = owned.lane, self._highwater(tp) or 0
            more = end > max(lane.received, lane.position)
            lag = max(0, end - lane.fence) if more or lane.received > lane.fence else 0
            quiet = monotonic() - self.consumer.delivered_at.get(tp, monotonic())
            if lane.waiting_for is not None:  # it keeps its place: that is no stall
                if monotonic() - lane.waiting_since >= _AWAY_S:
                    waiting.add(lane.waiting_for)
            elif more and lane.idle and quiet > self._shared.settings.watchdog_s:
                stalled.append(number)
                worst = max(worst, quiet)
            metrics.LAG_RECORDS.labels(str(number)).set(lag)
            metrics.LAG_SECONDS.labels(str(number)).set(max(lane.oldest_waiting_s, quiet if more else 0.0))
            lag_all += lag
            held += len(owned.lane.partition.influencers)
        metrics.WATCHDOG.set(len(stalled))
        metrics.INFLUENCERS.set(held)
        return {
            "assigned": sorted(assigned), "claimed": sorted(self._owned), "stalled": sorted(stalled),
            "stalled_for_s": round(worst, 1), "lag_records": lag_all, "waiting_for": sorted(waiting),
        }  # fmt: skip
