"""Faust's transport with one Faust event per fetched record batch.

Faust's own cost is some 65 µs an event; paid once per fetched slice of one partition it vanishes, and Faust
keeps what it is good at: the app, agents, consumer groups, web, timers. Offsets, seeking and commits of the
batch topics are ours.

Pinned to faust-streaming 0.15.3 and aiokafka 0.14.0. What is relied on beyond their public interface is
marked [private] and has a contract test in tests/streams/test_faust_contract.py that says what breaks when
it moves.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from operator import attrgetter
from time import monotonic
from typing import Any

import faust
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams import failpoints
from streams.tracker import Pending, PrefixTracker

#: A fetch that finds nothing is answered after so long, ms.
FETCH_WAIT_MS = 100
#: Batches of one partition that are handed out and not folded yet, at most: one is worked on while the other
#: waits. More would take memory with what waits in Kafka, and their lane's turn would hold up other lanes.
AHEAD = 2
#: A partition that is held back for that is looked at again after so long, s.
_ROOM_S = 0.05
#: Longest wait for the broker to say where logs end, s.
_ENDS_S = 2.0
#: Called after every seek to the committed offsets, to claim the partitions and to seek to their fences.
OnSeek = Callable[[], Awaitable[None]]


class RecordBatch:
    """What was fetched of one partition at once.

    `start` is where the slice began: the end of the one before, so gaps in the offsets are legal and a slice
    that went missing is not. `claim` names the claim under which it was fetched; a batch of an older claim
    is stale. Whoever has worked it off releases it: with AHEAD of them unreleased, no more are fetched.
    """

    __slots__ = ("_on_release", "claim", "end", "fetched_at", "records", "start", "tp")

    def __init__(
        self,
        tp: TP,
        records: Sequence[ConsumerRecord[bytes, bytes]],
        start: int,
        claim: int,
        on_release: Callable[[RecordBatch], None],
    ) -> None:
        self.tp, self.records, self.start, self.claim = tp, records, start, claim
        self.end = int(records[-1].offset) + 1  # offset after the last record
        self.fetched_at = monotonic()
        self._on_release = on_release

    def release(self) -> None:
        """Let go of the records, which are folded, so that others are fetched. (Whoever is to ack the batch
        holds it until the fence has moved.)"""
        self.records = ()
        self._on_release(self)


class BatchMessage(ConsumerMessage):
    """A Faust message that stands for a whole slice."""

    pending: Pending

    def on_final_ack(self, consumer: Any) -> bool:
        """Faust calls this when the last stream has acked."""
        self.pending.done = True
        return super().on_final_ack(consumer)


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust has a fetch wait 1.5 s for records. What is drained, claimed or asked of the same broker
    meanwhile waits behind it: a worker's first event, and on quiet topics any."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # [private]
        return consumer


class BatchConsumer(driver.Consumer):
    """Delivers slices of the batch topics, single messages of all others."""

    batch_topics: frozenset[str] = frozenset()
    on_seek: OnSeek | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._trackers: defaultdict[TP, PrefixTracker] = defaultdict(PrefixTracker)
        self.claims: dict[TP, int] = {}
        self._chain: dict[TP, int] = {}
        self._to_seek: dict[TP, tuple[int, int]] = {}  # offset and claim
        self.delivered_at: dict[TP, float] = {}
        self._ahead: defaultdict[TP, set[RecordBatch]] = defaultdict(set)  # handed out, not released
        self._room = asyncio.Event()
        self._ends: dict[TP, int] = {}  # of logs, as asked for

    def _new_consumer_thread(self) -> Any:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- claims ---------------------------------------------------------------------------------------------

    def start_at(self, tp: TP, offset: int, claim: int) -> None:
        """Fetch `tp` from `offset` on, under a new claim; whatever was fetched before is stale from now on.

        The seek is done by the next `getmany`, before it fetches: a seek beside a fetch under way would move
        the position under it, and records fetched from the new position would be dropped as stale, silently.
        """
        self.forget(tp)
        self._trackers.pop(tp, None)
        self._to_seek[tp] = (offset, claim)
        self.delivered_at[tp] = monotonic()

    def forget(self, tp: TP) -> None:
        """Deliver nothing of `tp` until it is claimed again."""
        self.claims.pop(tp, None)
        self._chain.pop(tp, None)
        self._to_seek.pop(tp, None)
        self._ahead.pop(tp, None)
        self._ends.pop(tp, None)

    def delivers(self, tp: TP) -> bool:
        """Whether `tp` is claimed, and fetched from or about to be."""
        return tp in self.claims or tp in self._to_seek

    async def _seek_claimed(self) -> None:
        """Seek what was claimed since the last fetch, all at once: the first to be sought would be fetched
        alone, and the others would wait for the answer, which waits for records."""
        wanted = dict(self._to_seek)
        if not wanted:
            return
        try:
            await self.seek_wait({tp: offset for tp, (offset, _) in wanted.items()})
        except Exception as error:
            # After a freeze a partition is gone, and the seek refused: the rebalance claims it anew. Which
            # one it was is not said.
            self.log.warning("seek of partitions %r failed (%r), again one by one", list(wanted), error)
            wanted = {tp: at for tp, at in wanted.items() if await self._sought(tp, *at)}
        for tp, (offset, claim) in wanted.items():
            if self._forget_seek(tp, claim):  # not claimed again, nor taken away, meanwhile
                self.claims[tp] = claim
                self._chain[tp] = offset
                self._read_offset[tp] = offset or None  # [private]
                self._committed_offset[tp] = None  # [private] the fence may lie before it
                failpoints.hit("claim.sought")

    async def _sought(self, tp: TP, offset: int, claim: int) -> bool:
        """Whether one partition could be sought; if not, it is delivered no more until it is claimed."""
        try:
            await self.seek_wait({tp: offset})
        except Exception as error:
            self.log.warning("seek of partition %r failed: %r", tp, error)
            self._forget_seek(tp, claim)
            return False
        return True

    def _forget_seek(self, tp: TP, claim: int) -> bool:
        wanted = self._to_seek.get(tp)
        if wanted is None or wanted[1] != claim:
            return False
        del self._to_seek[tp]
        return True

    # -- delivery -------------------------------------------------------------------------------------------

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        """[private] Fetch from those that have room."""
        held = self._held()
        if active_partitions is None or not held:
            return await super()._getmany(active_partitions, timeout)
        if free := active_partitions - held:  # an empty set would mean all to aiokafka
            return await super()._getmany(free, min(timeout, _ROOM_S))
        self._room.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout, _ROOM_S)):
                await self._room.wait()
        return {}

    def _held(self) -> set[TP]:
        return {tp for tp, batches in self._ahead.items() if len(batches) >= AHEAD}

    async def look_up_ends(self) -> None:
        """Ask where the logs end of partitions that are held back: else only a fetch would tell."""
        if held := self._held():
            with suppress(KafkaError, TimeoutError):  # what was known last still holds
                async with asyncio.timeout(_ENDS_S):
                    ends = await self.highwaters(*held)
                    found = {ensure_TP(tp): end for tp, end in ends.items()}
                    self._ends |= {tp: found[tp] for tp in found.keys() & self._ahead.keys()}

    def highwater(self, tp: TP) -> int:
        """Offset after the last record of the log, as far as is known."""
        return max(super().highwater(tp) or 0, self._ends.get(tp, 0))

    def _released(self, batch: RecordBatch) -> None:
        self._ahead[batch.tp].discard(batch)  # of an older claim: is no longer in it
        self._room.set()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 (Faust's)
        """What was fetched, a slice at a time."""
        await self._seek_claimed()
        claims = dict(self.claims)  # taken before the fetch: what an older claim fetched is not delivered
        records, active = await self._wait_next_records(timeout)  # [private]
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            try:
                await self.perform_seek()
            except Exception as error:
                # Stock Faust survives this too: after a freeze the group is gone and the seek is refused; the
                # rebalance that follows seeks again.
                self.log.warning("seek while not active failed: %r", error)
            return
        for raw_tp, fetched in records.items():
            tp = ensure_TP(raw_tp)
            if not self.flow_active or self.app.consumer_generation_id != generation:
                break  # a rebalance runs; after it every partition is claimed and sought anew
            stale = active is not None and tp not in active and tp not in self._buffered_partitions
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            if tp.topic not in self.batch_topics:
                if not stale:
                    for record in fetched:
                        yield tp, self._to_message(tp, record)
                continue
            claim = claims.get(tp)
            if claim is None or self.claims.get(tp) != claim:
                continue  # fetched before the claim that now holds, which sought back
            if stale:
                self._to_seek[tp] = (self._chain[tp], claim)  # fetched before it was paused: again, later
                continue
            start = self._chain[tp]
            if fetched and fetched[0].offset < start:
                fetched = fetched[bisect_left(fetched, start, key=attrgetter("offset")) :]
            if fetched:
                yield tp, self._to_batch_message(tp, fetched, start, claim, generation)

    def _to_batch_message(
        self, tp: TP, records: Sequence[Any], start: int, claim: int, generation: int
    ) -> BatchMessage:
        last = records[-1]
        batch = RecordBatch(tp, records, start, claim, self._released)
        self._ahead[tp].add(batch)
        value: Any = batch  # Faust hands a value through as it is; it only says that it is bytes
        message = BatchMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1_000.0, last.timestamp_type,
            [], None, value, None, None, None, tp, generation_id=generation,
        )  # fmt: skip
        message.pending = self._trackers[tp].delivered(batch.end)
        self._chain[tp] = batch.end
        self.delivered_at[tp] = batch.fetched_at
        return message

    def on_buffer_full(self, tp: TP) -> None:
        """Stock Faust sleeps a second when all partitions are full; the bounded queue's put blocks
        instead."""
        if tp.topic not in self.batch_topics:
            super().on_buffer_full(tp)

    # -- offsets --------------------------------------------------------------------------------------------

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:  # [private]
        if tp.topic not in self.batch_topics:  # a slice is not a gap
            await super()._add_gap(tp, offset_from, offset_to)

    def _new_offset(self, tp: TP) -> int | None:  # [private]
        if tp.topic not in self.batch_topics:
            return super()._new_offset(tp)
        offset = self._trackers[tp].committable()
        if offset is not None:
            failpoints.hit("commit.chosen")
            self._acked[tp].clear()  # [private]
            self._acked_index[tp].clear()  # [private]
        return offset

    # -- rebalance ------------------------------------------------------------------------------------------

    async def perform_seek(self) -> None:
        """Seek to the committed offsets, then let the owner claim each partition and seek to its fence."""
        for tp in [tp for tp in self._trackers if tp.topic in self.batch_topics]:
            del self._trackers[tp]
        for tp in [*self.claims, *self._to_seek]:
            self.forget(tp)  # before the position moves under it
        await super().perform_seek()
        if self.on_seek:
            await self.on_seek()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit what is done before stock Faust drops its acks."""
        if revoked:  # none when the group is joined for the first time
            failpoints.hit("revoke.begun")
        await self.commit()
        if revoked:
            failpoints.hit("revoke.committed")
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._trackers.pop(tp, None)
            self.forget(tp)


class BatchTransport(driver.Transport):
    """The aiokafka transport with our consumer."""

    Consumer = BatchConsumer


class BatchSchema(faust.Schema[Any, Any]):
    """Hands the slice through as the event's value: nothing is decoded here."""

    def compile(
        self,
        app: Any,
        *,
        on_key_decode_error: Any = None,
        on_value_decode_error: Any = None,
        default_propagate: bool = False,
    ) -> Any:
        """The decode function that Faust calls once per message."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = default_propagate) -> Any:
            return create_event(None, message.value, None, message)

        return decode
