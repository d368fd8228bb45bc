"""The book in the API: followed as workers follow it, from the first request that asks for it on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiokafka.errors import KafkaError

from processors.book import Book
from schemas import Partnership
from schemas.topics import PARTNERSHIPS
from streams.bookreader import BookReader
from streams.errors import BrokerUnavailableError
from streams.people_explain import Publish, publisher
from streams.settings import Settings

log = logging.getLogger("rapport.serve")
#: A request waits at most so long for the first reading of the book, s: less than its own deadline.
WAIT_S: Final = 4.0
#: After a failure the next request tries again only then, s.
AGAIN_S: Final = 5.0
#: Ends of the log are asked for at most so often, s.
ENDS_S: Final = 5.0
#: Longest wait for a record to be acknowledged, s.
DEADLINE_S: Final = 8.0


class LiveBook:
    """Partnerships and people's acts as on their topics. `write` sends (id, JSON or None) to partnerships.v1;
    `book` is one that is there already (embedded use, tests): then nothing is followed."""

    def __init__(
        self, settings: Settings, monotonic: Callable[[], float], *,
        book: Book | None = None, write: Publish | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._monotonic = settings, monotonic
        self._book = book
        self._write = write or publisher(settings, PARTNERSHIPS, deadline_s=DEADLINE_S)
        self._reader: BookReader | None = None
        self._start: asyncio.Task[None] | None = None
        self._due = self._ends_due = float("-inf")
        self._ends: dict[int, int] | None = None
        self._asking: asyncio.Task[None] | None = None
        #: One change at a time, or two of them would each find the book as it was before.
        self.changing = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the book was read."""
        return self._book is not None

    def begin(self) -> None:
        """Begins to follow, unless it does already; returns at once."""
        idle = self._start is None or self._start.done()
        if self._book is None and idle and self._monotonic() >= self._due:
            self._start = asyncio.ensure_future(self._follow())

    def ends(self, topic: str, partitions: int) -> dict[int, int] | None:
        """The next offset of each partition of a topic, as last known; None: not yet. Asked behind, some
        seconds apart: on the line of the book an answer waits for the poll that is under way."""
        idle = self._asking is None or self._asking.done()
        if self._reader is not None and idle and self._monotonic() >= self._ends_due:
            self._ends_due = self._monotonic() + ENDS_S
            self._asking = asyncio.ensure_future(self._ask_ends(self._reader, topic, partitions))
        return self._ends

    async def _ask_ends(self, reader: BookReader, topic: str, partitions: int) -> None:
        try:
            self._ends = await reader.ends(topic, partitions)
        except BrokerUnavailableError as error:
            log.warning("how far workers are behind is not known: %s", error)
            self._ends = None

    async def known(self) -> Book | None:
        """The book; None while Kafka does not answer and nothing was ever read."""
        self.begin()
        if self._book is None and self._start is not None:
            await asyncio.wait({self._start}, timeout=WAIT_S)
        return self._book

    async def get(self) -> Book:
        """The book. Raises BrokerUnavailableError."""
        book = await self.known()
        if book is None:
            raise BrokerUnavailableError(f"the book cannot be read from Kafka at {self._settings.broker}")
        return book

    async def change(self, partnership_id: str, item: Partnership | None) -> None:
        """Writes a partnership, or ends it (None); it stands in the book once Kafka has acknowledged it.
        Raises BrokerUnavailableError or NotFoundError (no such topic)."""
        book = await self.get()
        value = None if item is None else item.model_dump_json(exclude_none=True).encode()
        await self._write(partnership_id.encode(), value)
        if item is None:
            book.end(partnership_id)
        else:
            book.put(item)

    async def close(self) -> None:
        """Stop following."""
        for task in (self._start, self._asking):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if self._reader is not None:
            await self._reader.stop()

    async def _follow(self) -> None:
        reader = BookReader(self._settings, Book())
        try:
            await reader.start()
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("the book cannot be read: %r", error)
            self._due = self._monotonic() + AGAIN_S
            await reader.stop()
        except asyncio.CancelledError:
            await reader.stop()
            raise
        else:
            self._reader, self._book = reader, reader.book
