"""The notifier process: reads partnership.alerts.v1 in a consumer group, and tells receivers.

A desk for each partition (`streams.notify_desk`), one courier for all deliveries (`streams.notify_courier`).
Several notifiers share the partitions out. Offsets are those of the fence in Redis; what is committed to
Kafka is for looking at only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from functools import partial
from importlib import metadata
from time import monotonic, time
from typing import Any

from aiohttp import web
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from processors.notify.keys import NotifyKeys
from processors.scores import METHOD_VERSION
from processors.state.layout import PartitionKeys
from processors.state.redis_store import RedisStore
from processors.state.store import StoreError
from schemas import topics
from streams import logs, metrics
from streams.connecting import kafka
from streams.consume import holds
from streams.errors import BrokerUnavailableError, RapportError, UnavailableError
from streams.notifier_state import NotifierState, Seen
from streams.notifier_web import NotifierError, open_pages, show
from streams.notify_courier import Courier
from streams.notify_desk import Desk, DeskMovedError, Shared
from streams.notify_routes import Plan, plan_of, schedule_of
from streams.resets import on_uvloop
from streams.settings import Settings
from streams.signals import asked_to_stop
from streams.topics import ensure_topics
from streams.undisturbed import end

log = logging.getLogger(__name__)
_LOOK_S, _COMMIT_S = 1.0, 2.0
_LAND_S = 3.0
_RETRY_S = 1.0
_STALLED_S = 30.0


class _Observer:
    def call(self, name: str, seconds: float, retries: int) -> None:
        metrics.REDIS_SECONDS.labels(name).observe(seconds)
        if retries:
            metrics.REDIS_RETRIES.labels(name).inc(retries)


class Notifier(ConsumerRebalanceListener):  # type: ignore[misc]
    """Everything that one notifier process holds. `failure` says why it had to stop."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self.settings = settings
        self.failure: str | None = None
        self.stopping = asyncio.Event()
        self.desks: dict[int, Desk] = {}
        self._topic = settings.topic(topics.ALERTS)
        self._store = RedisStore(settings.redis_url, timeout=settings.redis_timeout_s, observer=_Observer())
        self._courier = Courier(plan.receivers, plan.rates, time)
        self._shared = Shared(
            self._store, self._courier, plan.engine, schedule_of(settings.notify_retries), time,
            on_gone=self._gone,
        )  # fmt: skip
        self._state: NotifierState | None = None
        self._consumer: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._runs: dict[int, asyncio.Task[None]] = {}
        self._published: dict[str, dict[str, str]] = {}
        self._joined = False
        self._polled_at = self._looked_at = monotonic()
        self._pages: web.AppRunner | None = None

    # -- start and stop -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Waits for Kafka and Redis, joins the group, and works. Raises RapportError in plain words."""
        settings = self.settings
        self._pages = await open_pages(settings, self.readiness)
        while True:
            try:
                found = {topic.name: topic.partitions for topic in await ensure_topics(settings)}
                break
            except BrokerUnavailableError as error:
                log.warning("%s; trying on", error)
        self._state = NotifierState(settings, found[self._topic])
        while True:
            try:
                await self._store.load_library()
                await self._state.write_down()
                self._took(await self._state.look(()))  # nothing is told before silences are known
                break
            except (StoreError, UnavailableError) as error:
                if isinstance(error, StoreError) and not error.retryable:
                    raise NotifierError(f"Redis cannot be used: {error}") from error
                log.warning("%s; trying on", error)
                await asyncio.sleep(_RETRY_S)
        self._consumer = AIOKafkaConsumer(
            **kafka(settings), group_id=f"{settings.group}.notifier",
            enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed",
            session_timeout_ms=int(settings.session_timeout_s * 1_000),
            heartbeat_interval_ms=int(max(0.3, settings.session_timeout_s / 10) * 1_000),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1_000), fetch_max_wait_ms=200,
            max_partition_fetch_bytes=settings.fetch_max_bytes,
        )  # fmt: skip
        self._consumer.subscribe([self._topic], listener=self)
        await self._consumer.start()
        self._courier.start()
        for work in (self._fetch(), self._look(), self._commit()):
            self._watch(work)
        metrics.BUILD.labels(metadata.version("rapport-monitor"), METHOD_VERSION).set(1)
        log.info("telling %s", ", ".join(sorted(self._courier.receivers)))

    async def stop(self) -> None:
        """What is under way is waited for, a little, and written."""
        await self._end_all()
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        await self._courier.stop()
        if self._consumer is not None:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                async with asyncio.timeout(5.0):
                    await self._commit_now()
                    await self._consumer.stop()
        if self._state is not None:
            await self._state.close()
        await self._store.close()
        if self._pages is not None:
            await self._pages.cleanup()

    def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        """A task whose failure stops the process: nobody would miss it otherwise."""

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.remove(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("the notifier failed", exc_info=error)
                self.fatal(f"it failed: {error!r}")

        task = asyncio.create_task(work)
        task.add_done_callback(ended)
        self._tasks.append(task)

    def fatal(self, why: str) -> None:
        """Stop, and say why."""
        self.failure = self.failure or why
        self.stopping.set()

    def _gone(self, receiver: str, why: str) -> None:
        """A receiver said that it is there no more: nothing is sent to it until somebody enables it."""
        self._see(replace(self._shared.outside, off=self._shared.outside.off | {receiver}))
        log.error("%s is gone and switched off: `rapport receivers enable %s`", receiver, receiver)
        assert self._state is not None
        self._watch(self._disable(receiver, why))

    async def _disable(self, receiver: str, why: str) -> None:
        assert self._state is not None
        while True:
            try:
                return await self._state.disable(receiver, why)
            except UnavailableError:
                await asyncio.sleep(_RETRY_S)

    # -- partitions -----------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The group rebalances (eagerly): all go, after what is settled was written."""
        await self._end_all()
        with contextlib.suppress(KafkaError, OSError):
            await self._commit_now()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """These are ours: claim each."""
        self._joined = True
        metrics.REBALANCES.inc()
        await asyncio.gather(*(self._open(tp.partition) for tp in assigned))

    async def _open(self, number: int, *, wait: bool = False) -> None:
        """Claim a partition, seek to its fence, work on it; again later when something does not answer."""
        tp = TopicPartition(self._topic, number)
        if wait:
            await asyncio.sleep(_RETRY_S)
            if tp not in self._consumer.assignment() or number in self.desks:
                return
        desk = Desk(self._shared, NotifyKeys(PartitionKeys(self.settings.namespace, self._topic, number)))
        try:
            async with asyncio.timeout(5.0):
                following = await desk.claim()
                first = (await self._consumer.beginning_offsets([tp]))[tp]
                end = (await self._consumer.end_offsets([tp]))[tp]
                start = first if following is None else max(first, following)
                if start > end and not await holds(self.settings, self._topic, number, start - 1):
                    log.error("partition %d ends at %d, but was read to %d: made anew? Reading it from its "
                              "start; what was told is remembered", number, end, start)  # fmt: skip
                    start = first
                self._consumer.seek(tp, start)
        except (StoreError, KafkaError, RapportError, OSError, TimeoutError) as error:
            if isinstance(error, StoreError) and not error.retryable:
                self.fatal(str(error))
                return
            log.warning("partition %d is not claimed yet: %s", number, error or "no answer in time")
            self._watch(self._open(number, wait=True))
            return
        if following is not None and first > following:
            metrics.LOST.labels(str(number)).inc(first - following)
            log.error("%d transitions were deleted from the topic before they were read", first - following)
        desk.begin(start, end)
        self.desks[number] = self._courier.sources[number] = desk
        self._runs[number] = asyncio.create_task(desk.run(), name=f"desk-{number}")
        self._runs[number].add_done_callback(partial(self._ended, number, desk))
        log.info("claimed", extra={"partition": number, "offset": start})

    def _ended(self, number: int, desk: Desk, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self.desks.get(number) is desk:
            self._forget(number)
        if isinstance(error, DeskMovedError):
            metrics.RECLAIMS.inc()
            log.warning("%s; claiming it again", error)
            self._watch(self._open(number, wait=True))
        else:
            log.error("partition %d failed", number, exc_info=error)
            self.fatal(f"partition {number} failed: {error}")

    def _forget(self, number: int) -> None:
        desk = self.desks.pop(number)
        desk.open = False
        self._courier.sources.pop(number, None)

    async def _end_all(self) -> None:
        desks = dict(self.desks)
        for number in desks:
            self._forget(number)
        await asyncio.gather(*(self._end(number, desk) for number, desk in desks.items()))

    async def _end(self, number: int, desk: Desk) -> None:
        await self._courier.landed(desk, _LAND_S)
        desk.stop()
        task = self._runs.pop(number)
        done, _ = await asyncio.wait({task}, timeout=_LAND_S)
        if not done:
            task.cancel()  # Redis is away: what is not written is told again by whoever comes next
            await asyncio.wait({task}, timeout=1.0)

    async def _fetch(self) -> None:
        """Records to their desks. A desk that wants none is not read for: the log keeps them."""
        while True:
            desks = {n: desk for n, desk in self.desks.items() if desk.wants and desk.open}
            if not desks:
                await asyncio.sleep(0.05)
                continue
            places = [TopicPartition(self._topic, n) for n in desks]
            try:
                fetched = await self._consumer.getmany(*places, timeout_ms=100, max_records=2_000)
            except (KafkaError, OSError, AssertionError) as error:
                # A partition that a rebalance took away meanwhile is refused by an assertion.
                log.warning("nothing was fetched: %r", error)
                await asyncio.sleep(_RETRY_S)
                continue
            self._polled_at = monotonic()
            for tp, records in fetched.items():
                desk = self.desks.get(tp.partition)
                if desk is not None and desk is desks[tp.partition]:
                    desk.put([(record.offset, record.value) for record in records])
                elif desk is not None and tp in self._consumer.assignment():
                    # Claimed meanwhile: from before that, or from its place on, and lost if not read again.
                    self._consumer.seek(tp, desk.expected)

    async def _look(self) -> None:
        """What people said, and what is to be seen of us."""
        assert self._state is not None
        while True:
            try:
                await self._publish()
                self._took(await self._state.look(self.desks))
            except UnavailableError as error:
                log.warning("what people said is not known anew: %s", error)
            if (failure := self._courier.failure()) is not None:
                raise failure
            show(self.desks.values(), self._courier.receivers)
            await asyncio.sleep(_LOOK_S)

    def _took(self, seen: Seen) -> None:
        self._see(seen.outside)
        self._published = {
            name: one for name, one in seen.sources.items() if int(name.split("/", 1)[0]) in self.desks
        }
        for number, wishes in seen.again.items():
            if wishes and number in self.desks:
                self.desks[number].again = wishes
        metrics.ALERTS_WRONG.set(min(1.0, seen.wrong / seen.told) if seen.told else 0.0)
        self._looked_at = monotonic()

    def _see(self, outside: Any) -> None:
        self._shared.outside = outside
        self._courier.off = outside.off
        metrics.RECEIVERS_OFF.set(len(outside.off & self._courier.receivers.keys()))
        for desk in self.desks.values():
            desk.wake()

    async def _publish(self) -> None:
        """Alerts about sources that fire on our partitions, for all notifiers to see."""
        assert self._state is not None
        fire = {
            f"{number}/{alert_id}": labels
            for number, desk in self.desks.items()
            for alert_id, labels in desk.engine.sources().items()
        }
        old = self._published
        new = {name: labels for name, labels in fire.items() if name not in old}
        ours = {name for name in old if int(name.split("/", 1)[0]) in self.desks}
        if new or ours - fire.keys():
            await self._state.publish_sources(new, ours - fire.keys())

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_S)
            try:
                await self._commit_now()
            except (KafkaError, OSError) as error:
                log.debug("offsets were not committed: %r", error)

    async def _commit_now(self) -> None:
        offsets = {
            TopicPartition(self._topic, n): desk.next
            for n, desk in self.desks.items()
            if TopicPartition(self._topic, n) in self._consumer.assignment()
        }
        if offsets:
            await self._consumer.commit(offsets)

    # -- to be seen -----------------------------------------------------------------------------------------

    def readiness(self) -> dict[str, Any]:
        """Whether it gets on with its work, and if not, why."""
        why = None
        assigned = len(self._consumer.assignment()) if self._joined else 0
        held = sorted(n for n, desk in self.desks.items() if desk.held_up)
        if not self._joined:
            why = "the consumer group is not joined yet"
        elif assigned != len(self.desks):
            why = "partitions are not claimed yet (is Redis there?)"
        elif any(desk.waiting_for_store for desk in self.desks.values()):
            why = "waiting for Redis, with every place kept"
        elif held:
            why = f"receivers are so far behind that partitions {held} are not read on"
        elif self.desks and monotonic() - self._polled_at > _STALLED_S:
            why = "Kafka does not answer"
        elif monotonic() - self._looked_at > _STALLED_S:
            why = "what people said cannot be read"
        off = self._shared.outside.off & self._courier.receivers.keys()
        return {
            "ready": why is None, "why": why, "partitions": sorted(self.desks), "receivers_off": sorted(off),
        }  # fmt: skip


def run_notifier(settings: Settings) -> int:
    """Run a notifier until SIGTERM or SIGINT. Returns the exit code: 0 after a clean stop, 1 after a failure.
    Raises RapportError when it cannot even start."""
    logs.set_up(settings)
    plan = plan_of(settings)
    with on_uvloop() as runner:
        return runner.run(_run(settings, plan))


async def _run(settings: Settings, plan: Plan) -> int:
    notifier = Notifier(settings, plan)
    with asked_to_stop(notifier.stopping.set):
        await _live(notifier)
    if notifier.failure:
        log.critical("stopped: %s", notifier.failure)
    return 1 if notifier.failure else 0


async def _live(notifier: Notifier) -> None:
    starting = asyncio.ensure_future(notifier.start())
    stopped = asyncio.ensure_future(notifier.stopping.wait())
    await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
    try:
        if starting.done():
            await starting
            await stopped
        else:
            await end(starting)
    finally:
        stopped.cancel()
        await notifier.stop()
