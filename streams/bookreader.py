"""Reads the book: partnerships.v1 and control.v1, whole, in every worker.

With a consumer of its own and no group: a Faust agent would get a share only. `start` returns when the
topics have been read to the end that they had then; after it the book is kept current in the background.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from processors.book import Book
from schemas import Control, Partnership, topics
from streams import metrics
from streams.connecting import kafka
from streams.errors import BrokerUnavailableError
from streams.settings import Settings

log = logging.getLogger(__name__)
#: Longest time for reading the book at start, s.
READ_S = 120.0


class BookReader:
    """Keeps `book` as the topics have it. `on_change` is called after each batch of changes."""

    def __init__(self, settings: Settings, book: Book, on_change: Callable[[], None] = lambda: None) -> None:
        self.book = book
        self._settings = settings
        self._on_change = on_change
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self.refused = 0

    async def start(self) -> None:
        """Read both topics to their end. Raises KafkaError or TimeoutError when the broker does not
        answer."""
        names = [self._settings.topic(name) for name in (topics.PARTNERSHIPS, topics.CONTROL)]
        consumer = self._consumer = AIOKafkaConsumer(
            **kafka(self._settings), enable_auto_commit=False,
            auto_offset_reset="earliest", request_timeout_ms=15_000, fetch_max_wait_ms=200,
            isolation_level="read_committed",
        )  # fmt: skip
        await consumer.start()
        partitions = [TopicPartition(name, 0) for name in names]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        async with asyncio.timeout(READ_S):
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                self._take(await consumer.getmany(timeout_ms=500))
        log.info("the book is read", extra={"partnerships": len(self.book.by_id)})
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="book")

    async def ends(self, topic: str, partitions: int) -> dict[int, int]:
        """The next offset of each partition of any topic. Raises BrokerUnavailableError."""
        assert self._consumer is not None
        places = [TopicPartition(topic, number) for number in range(partitions)]
        try:
            found = await self._consumer.end_offsets(places)
        except (KafkaError, OSError) as error:
            raise BrokerUnavailableError(
                f"Kafka at {self._settings.broker} does not answer: {error}"
            ) from error
        return {place.partition: end for place, end in found.items()}

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._consumer is not None:
            await self._consumer.stop()

    async def _follow(self) -> None:
        assert self._consumer is not None
        while True:
            try:
                self._take(await self._consumer.getmany(timeout_ms=1_000))
            except Exception as error:  # a book that stands still must be said, and must not stop the work
                log.warning("the book cannot be followed: %r", error)
                await asyncio.sleep(1.0)

    def _take(self, fetched: dict[TopicPartition, list[object]]) -> None:
        changed = False
        for tp, records in fetched.items():
            for record in records:
                changed = True
                self._take_one(tp.topic, record.key, record.value)  # type: ignore[attr-defined]
        if changed:
            metrics.PARTNERSHIPS.set(len(self.book.by_id))
            self._on_change()

    def _take_one(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        name = (key or b"").decode("utf-8", "replace")
        try:
            if topic == self._settings.topic(topics.CONTROL):
                control = None if value is None else Control.model_validate_json(value)
                self.book.control(name, control)
            elif value is None:
                self.book.end(name)
            else:
                partnership = Partnership.model_validate_json(value)
                self.book.put(partnership)
                if wrong := self.book.refused.get(partnership.partnership_id):
                    # It is watched all the same, under the rules that hold without its own.
                    log.error("record %r of %s: its rules are refused: %s", name, topic, "; ".join(wrong))
        except ValidationError as error:
            # The one before stays in force: a bad record must not end a partnership.
            self.refused += 1
            first = error.errors(include_url=False, include_input=False)[0]
            log.error("record %r of %s refused: %s: %s", name, topic,
                      ".".join(map(str, first["loc"])), first["msg"])  # fmt: skip
        except ValueError as error:  # valid, and yet nothing to act on
            self.refused += 1
            log.error("record %r of %s refused: %s", name, topic, error)
