"""The worker process: a Faust app with the batch transport, the book, lanes for its partitions, and the
relay."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from time import monotonic
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from processors.actors import ActorHasher
from processors.book import Book
from processors.ledgers.insights import Insights
from processors.scores import METHOD_VERSION
from processors.state.layout import LAYOUT_VERSION, hash_key_key, hash_used_key, layout_key, refusal_of
from processors.state.redis_store import RedisStore
from processors.state.store import StoreError
from schemas import topics
from streams import failpoints, metrics
from streams.bookreader import BookReader
from streams.catching_up import CatchingUp
from streams.errors import BrokerUnavailableError, RapportError
from streams.gauges import Gauges, begin_at_zero
from streams.lanes import Shared
from streams.outbox import Relay
from streams.outputs import BatchSender, start_producer
from streams.owner import Owner
from streams.rulefiles import load_sets
from streams.settings import Settings
from streams.settings_doc import mask_address
from streams.snapshots import Snapshots
from streams.topics import READY_S, can_idempotent, ensure_topics, open_admin
from streams.transport import BatchConsumer, BatchSchema
from streams.undisturbed import end, undisturbed
from streams.worker_app import WorkerError, check_port, make_app

log = logging.getLogger(__name__)
_LOOK_S = 2.0
#: Topics that a worker writes.
WRITTEN = (topics.ENRICHED, topics.READINGS, topics.ALERTS, topics.REJECTED)
_FLUSH_S = 5.0  # to write what is folded, at a stop; with the broker gone nothing makes it longer
_FAREWELL_S = 1.0  # to each client, all at the same time; who does not hear it notices by itself


class _RedisObserver:
    def call(self, name: str, seconds: float, retries: int) -> None:
        metrics.REDIS_SECONDS.labels(name).observe(seconds)
        metrics.REDIS_RETRIES.labels(name).inc(retries)


class Worker:
    """Everything one worker process holds. `app` is the Faust app; `failure` says why it had to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.failure: str | None = None
        self.app = make_app(settings)
        self.store = RedisStore(
            settings.redis_url, timeout=settings.redis_timeout_s, observer=_RedisObserver()
        )
        self.book = Book()
        self.reader = BookReader(settings, self.book, self._book_changed)
        self.owner: Owner | None = None
        self._relay_task: asyncio.Task[None] | None = None
        self._snapshots_task: asyncio.Task[None] | None = None
        self._producer: Any = None
        self._joined = False
        self._ready: dict[str, Any] = {"ready": False, "why": "starting"}
        self._started = asyncio.Event()
        self._wire()

    # -- wiring ---------------------------------------------------------------------------------------------

    def _wire(self) -> None:
        app, settings = self.app, self.settings
        topic = app.topic(
            settings.topic(topics.EVENTS), schema=BatchSchema(key_type=bytes, value_type=bytes), maxsize=8
        )

        async def engagement(stream: Any) -> None:
            manual = stream.noack()
            async for event in manual.events():
                if self.owner is not None:
                    await self.owner.deliver(event.value, partial(manual.ack, event))

        app.agent(topic, name="engagement")(engagement)
        app.on_partitions_assigned.connect(self._assigned)
        app.task(self._look_after)
        self._pages()

    def _pages(self) -> None:
        """/health: the process answers, and says whether it is behind. /ready: it also gets on with its work.
        /metrics: for Prometheus."""

        async def health(web: Any, request: Any) -> Any:
            behind = self._ready.get("behind")
            status = "behind" if behind else "ok"
            version = metadata.version("rapport-monitor")
            return web.json({"status": status, "version": version, "behind": behind})

        async def ready(web: Any, request: Any) -> Any:
            return web.json(self._ready, status=200 if self._ready["ready"] else 503)

        async def scrape(web: Any, request: Any) -> Any:
            # In a thread: with 10,000 partnerships it takes half a second, in which the loop must go on.
            text = await asyncio.to_thread(generate_latest)
            return web.bytes(text, content_type=CONTENT_TYPE_LATEST.split(";")[0])

        for path, view in (("/health", health), ("/ready", ready), ("/metrics", scrape)):
            self.app.page(path)(view)

    async def prepare(self) -> None:
        """Everything that must stand before the group is joined. Raises RapportError in plain words."""
        settings = self.settings
        rules = load_sets(settings)
        check_port(settings)
        await self._topics()
        await self._redis()
        async with open_admin(settings, READY_S) as admin:
            idempotent = await can_idempotent(admin)
        self._producer = await start_producer(settings, idempotent=idempotent)
        key = await self._hash_key()
        await self._note_key(key)
        Insights.quote_days = settings.quote_days
        sender = BatchSender(self._producer)
        source = f"rapport/{settings.namespace}/worker".encode()
        relay = Relay(settings, self.store, sender, source)
        gauges = Gauges(settings.metrics_partnerships)
        begin_at_zero([settings.topic(name) for name in WRITTEN])
        shared = Shared(settings, self.store, sender, source, gauges, relay)
        self.owner = Owner(shared, self.book, ActorHasher(key), self._fatal)
        self.owner.use_rules(rules)
        self.owner.partition_count = await self._layout()
        self.owner.on_new = lambda: self._stand(key)
        consumer: BatchConsumer = self.app.consumer
        consumer.batch_topics = frozenset({settings.topic(topics.EVENTS)})
        consumer.on_seek = self.owner.on_seek
        self.owner.consumer = consumer
        await self.reader.start()
        self.owner.book_ready.set()
        self._relay_task = self._watched(relay.run(), "relay")
        topic, count = settings.topic(topics.EVENTS), self.owner.partition_count
        snapshots = Snapshots(self.store, settings.namespace, topic, count, self.owner.partitions)
        self._snapshots_task = self._watched(snapshots.run(), "snapshots")
        metrics.BUILD.labels(metadata.version("rapport-monitor"), METHOD_VERSION).set(1)

    def _watched(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task whose failure stops the worker: nobody would miss it otherwise."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("the %s failed", name, exc_info=error)
                self._fatal(f"the {name} failed: see the log")

        task = asyncio.create_task(work, name=name)
        task.add_done_callback(ended)
        return task

    async def _topics(self) -> None:
        """Wait for the broker, saying so, and see to the topics."""
        while True:
            try:
                await ensure_topics(self.settings)
                return
            except BrokerUnavailableError as error:
                log.warning("%s; trying on", error)

    async def _redis(self) -> None:
        """Wait for Redis, saying so; what waiting does not mend (a wrong password, a Redis without
        functions) ends the start at once."""
        place = mask_address(self.settings.redis_url)
        wait = 0.5
        while True:
            try:
                await self.store.ping()
                await self.store.load_library()
                return
            except StoreError as error:
                if not error.retryable:
                    raise WorkerError(f"Redis at {place} cannot be used: {error}") from error
                log.warning("Redis at %s does not answer (%s), again in %.1f s", place, error, wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _hash_key(self) -> bytes:
        if self.settings.hash_key is not None:
            return self.settings.hash_key.get_secret_value().encode()
        log.warning(
            "RAPPORT_HASH_KEY is not set: actor ids are hashed with a key that lies in Redis beside them"
        )
        return await self.store.set_once(hash_key_key(self.settings.namespace), secrets.token_hex(32))

    async def _note_key(self, key: bytes) -> None:
        """Note that actors are hashed with this key: `rapport forget` looks for them under all that were."""
        name = hash_used_key(self.settings.namespace, ActorHasher(key).fingerprint)
        await self.store.set_once(name, datetime.now(UTC).isoformat(timespec="seconds"))

    async def _layout(self) -> int:
        """Check, or write, the installation's layout: returns the partition count of the events topic."""
        settings = self.settings
        topic = settings.topic(topics.EVENTS)
        count = len(await self._producer.partitions_for(topic))
        wanted = {"version": str(LAYOUT_VERSION), "topic": topic, "partitions": str(count)}
        found = await self.store.layout(layout_key(settings.namespace), wanted)
        for name, value in wanted.items():
            stands = found[name.encode()].decode()
            if stands != value:
                if name == "version":
                    raise WorkerError(refusal_of(stands))
                raise WorkerError(
                    f"state in Redis (namespace {settings.namespace}) was laid out for {name} {stands}, "
                    f"but here it "
                    f"is {value}: take another RAPPORT_NAMESPACE, or the topic that the state belongs to; "
                    f"`rapport reshard` changes the partitions of both"
                )
        return count

    async def _stand(self, key: bytes) -> None:
        """Redis may have been emptied: write again what the whole installation stands on."""
        try:
            await self._layout()
        except WorkerError as error:
            self._fatal(str(error))
        await self._note_key(key)
        if self.settings.hash_key is None:
            stands = await self.store.set_once(hash_key_key(self.settings.namespace), key.decode())
            if stands != key:
                self._fatal("Redis was emptied, and another worker has made a new hash key: start me again")

    # -- while it runs --------------------------------------------------------------------------------------

    def _book_changed(self) -> None:
        if self.owner is not None:
            self.owner.book_changed()

    def reload_rules(self) -> None:
        """SIGHUP: read the rules files again, to hold from the next boundary on. Bad ones change nothing."""
        try:
            rules = load_sets(self.settings)
        except RapportError as error:
            log.error("the rules stay as they were: %s", error)
            return
        if self.owner is not None:
            self.owner.use_rules(rules)
        log.info("the rules were read again")

    def _fatal(self, why: str) -> None:
        if self.failure is None:
            self.failure = why
            log.critical(why)
            os.kill(os.getpid(), signal.SIGTERM)

    async def _assigned(self, *_: Any, **__: Any) -> None:
        """Faust's signal, also for a worker that gets no partition."""
        self._joined = True

    async def _look_after(self) -> None:
        """Watchdog: looks at every partition each two seconds."""
        assert self.owner is not None
        catching_up = CatchingUp()
        while not self.app.should_stop:
            await asyncio.sleep(_LOOK_S)
            await self.owner.look_up_positions()
            await self.app.consumer.look_up_ends()
            seen = self.owner.look()
            stalled_for = float(seen["stalled_for_s"])
            why = None
            if seen["stalled"]:
                why = (
                    f"no batch for {stalled_for:.0f} s from partitions {seen['stalled']}, though there is lag"
                )
            elif not self._joined:
                why = "the consumer group is not joined yet"  # having nothing to do is ready only after it
            elif seen["assigned"] != seen["claimed"]:
                why = "partitions are not claimed yet (is Redis there?)"
            elif seen["waiting_for"]:
                why = f"waiting for {' and '.join(seen['waiting_for'])}, with every place kept"
            elif not self.app.consumer.flow_active:
                why = "the consumer group rebalances"
            behind = catching_up.look(monotonic(), seen["lag_records"], self.owner.counted)
            told = None if behind is None else behind.as_dict()
            self._ready = {"ready": why is None, "why": why, **seen, "behind": told}
            if stalled_for > 4 * self.settings.watchdog_s:
                self._fatal(f"watchdog: {why}")

    async def close(self) -> None:
        """A clean stop: what is folded goes behind the fence first. Takes 7 s at most, whoever is gone: what
        could not be written is counted again by who comes next."""
        started = monotonic()
        if self.owner is not None:
            await self.owner.flush_all(_FLUSH_S)
        failpoints.hit("stop.flushed")
        ending = [end(task) for task in (self._relay_task, self._snapshots_task) if task is not None]
        await _all_within(_FAREWELL_S, *ending)
        clients = [self.reader.stop(), self.store.close()]
        if self._producer is not None:
            clients.append(self._producer.stop())
        await _all_within(_FAREWELL_S, *clients)
        log.info("stopped cleanly", extra={"seconds": round(monotonic() - started, 2)})


async def _all_within(seconds: float, *work: Coroutine[Any, Any, None]) -> None:
    """Side by side; what fails or takes longer is let be: the process ends anyway."""
    await asyncio.gather(*(undisturbed(one, seconds) for one in work), return_exceptions=True)
