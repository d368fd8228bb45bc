"""One partition of a topic that is sent to: one batch under way, one being filled, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

#: (record time in epoch seconds, key, value); a value of None is a tombstone.
Timed = tuple[float, bytes, bytes | None]
#: The same with the time in milliseconds, as a batch takes it.
Stamped = tuple[int, bytes, bytes | None]

Headers = list[tuple[str, bytes]]

TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


class Line(Protocol):
    """What a lane needs of the sender that it belongs to."""

    too_large: list[int]

    def headers_of(self, record: Stamped) -> Headers:
        """Headers that go with a record."""

    def batch_of(self, records: Sequence[Stamped]) -> Any:
        """A new batch of these records."""

    async def deliver(self, partition: int, builder: Any, records: Sequence[Stamped]) -> None:
        """Returns when the batch is acknowledged."""


class Lane:
    """One partition. At most one batch is under way and one is being filled: order holds, memory is
    bounded."""

    __slots__ = ("_builder", "_numbers", "_records", "_sender", "flight", "partition", "sent")

    def __init__(self, sender: Line, partition: int) -> None:
        self._sender = sender
        self.partition = partition
        self.sent = 0
        self.flight: asyncio.Task[None] | None = None
        self._renew()

    def _renew(self) -> None:
        self._builder: Any = self._sender.batch_of(())
        self._records: list[Stamped] = []
        self._numbers: list[int] = []

    @property
    def filled(self) -> bool:
        return bool(self._records)

    def add(self, number: int, record: Timed) -> bool:
        """False when the batch is full: then `make_room` first."""
        stamped = int(record[0] * 1_000 + 0.5), record[1], record[2]
        headers = self._sender.headers_of(stamped)
        if (
            self._builder.append(timestamp=stamped[0], key=stamped[1], value=stamped[2], headers=headers)
            is None
        ):
            return False
        self._records.append(stamped)
        self._numbers.append(number)
        return True

    async def make_room(self) -> None:
        while self.filled:
            if self.flight is not None and not self.flight.done():
                await asyncio.shield(self.flight)
            else:
                self.launch()

    def launch(self) -> None:
        """Sends what is there; no other batch may be under way. Raises what became of the one before."""
        if self.flight is not None:
            self.flight.result()
        self.flight = asyncio.create_task(self._deliver(self._builder, self._records, self._numbers))
        self._renew()

    async def _deliver(self, builder: Any, records: list[Stamped], numbers: list[int]) -> None:
        try:
            await self._sender.deliver(self.partition, builder, records)
        except TOO_LARGE:
            if len(records) == 1:
                self._sender.too_large.append(numbers[0])
                return
            for number, record in zip(numbers, records, strict=True):  # find the one that is
                await self._deliver(self._sender.batch_of([record]), [record], [number])
            return
        self.sent += len(records)
