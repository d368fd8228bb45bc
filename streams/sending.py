"""Records to topics: in batches, in order by partition, acknowledged by all, tried again until a deadline.

A batch that was not acknowledged may still have arrived, so a record may come twice: events carry ids for
that, and partnerships are compacted. (An idempotent producer would need more of the broker than Tansu can.)
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, RetryError, retry_if_exception, stop_after_delay, wait_random_exponential

from processors.state.layout import partition_of
from schemas import Partnership
from schemas.topics import EVENTS, PARTNERSHIPS
from streams.cloudevents import ce_headers
from streams.connecting import kafka
from streams.errors import BrokerUnavailableError, NotFoundError, RapportError
from streams.sending_lane import TOO_LARGE, Headers, Lane, Stamped, Timed
from streams.settings import Settings
from streams.topics import READY_S, list_states, open_admin
from streams.undisturbed import undisturbed

#: Size of a batch: large enough that a request costs nothing, small enough for any broker's limit of 1 MiB.
_BATCH_BYTES: Final = 512 * 1024
#: A record waits for its batch to fill for at most so long, s.
_LINGER_S: Final = 0.1
#: One try of a batch, ms; the deadline counts over all tries.
_TRY_MS: Final = 10_000
_STOP_S: Final = 5.0
_YIELD_EVERY: Final = 1_000
_MAX_KEYS: Final = 200_000
_PROGRESS_S: Final = 0.1


class SendError(RapportError):
    """The broker refuses what is sent, for a reason that trying again does not mend."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """What was sent. `too_large`: numbers (from 0) of the records that the broker refused for their size."""

    sent: int
    bytes: int
    seconds: float
    per_partition: dict[int, int] = field(default_factory=dict)
    too_large: tuple[int, ...] = ()

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.sent / self.seconds if self.seconds > 0 else 0.0


class Sender:
    """An open line to one topic.

    ```python
    async with Sender(settings) as sender:
        await sender.send((epoch_s, b"influencer", b'{"event_id": …}'))
        await sender.flush()          # returns when all is acknowledged
    ```

    Leaving the block flushes; leaving it with an error drops what is not yet sent. `send` and `flush` raise
    BrokerUnavailableError when a batch was not acknowledged within the deadline,
    SendError when it is refused.
    """

    def __init__(
        self, settings: Settings, *, topic: str = EVENTS, deadline_s: float = 60.0, ready_s: float = READY_S
    ) -> None:
        """`topic`: a contract's name, without prefix. `deadline_s`: for one batch, over all tries."""
        self._settings = settings
        self.topic = settings.topic(topic)
        source = f"rapport/{settings.namespace}/book"
        self._headers: Headers = [] if topic == EVENTS else ce_headers(topic, source)
        self._deadline_s = deadline_s
        self._ready_s = ready_s
        self.producer: AIOKafkaProducer
        self._lanes: list[Lane] = []
        self._by_key: dict[bytes, Lane] = {}
        self._linger: asyncio.Task[None] | None = None
        self.taken = 0
        self.bytes = 0
        self.too_large: list[int] = []

    async def __aenter__(self) -> Self:
        # Looked at through the admin client: a producer that asks for a topic by name makes it on some
        # brokers.
        async with open_admin(self._settings, self._ready_s) as admin:
            state = (await list_states(admin)).get(self.topic)
        if state is None:
            raise NotFoundError(
                f"there is no topic {self.topic} on {self._settings.broker}",
                hint="`rapport topics create` makes the topics",
            )
        self.producer = AIOKafkaProducer(
            **kafka(self._settings), client_id="rapport-sender", acks="all",
            enable_idempotence=False, max_batch_size=_BATCH_BYTES, request_timeout_ms=_TRY_MS,
        )  # fmt: skip
        try:
            await self.producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await self._stop()
            raise BrokerUnavailableError(
                f"Kafka at {self._settings.broker} does not answer: {error}"
            ) from error
        self._lanes = [Lane(self, partition) for partition in range(state.partitions)]
        self._linger = asyncio.create_task(self._send_waiting())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            tasks = [lane.flight for lane in self._lanes if lane.flight is not None]
            tasks += [self._linger] if self._linger is not None else []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stop()

    async def send(self, record: Timed) -> None:
        """Takes one record; returns at once unless its partition's batch is full and another under way."""
        key = record[1]
        lane = self._by_key.get(key)
        if lane is None:
            if len(self._by_key) >= _MAX_KEYS:
                self._by_key.clear()
            lane = self._by_key[key] = self._lanes[partition_of(key, len(self._lanes))]
        while not lane.add(self.taken, record):
            await lane.make_room()
        self.taken += 1
        self.bytes += len(record[2] or b"")
        if self.taken % _YIELD_EVERY == 0:
            await asyncio.sleep(0)

    async def flush(self) -> None:
        """Returns when everything taken so far is acknowledged."""
        await asyncio.gather(*(self._flush(lane) for lane in self._lanes))

    @property
    def per_partition(self) -> dict[int, int]:
        """Acknowledged records by partition."""
        return {lane.partition: lane.sent for lane in self._lanes}

    def batch_of(self, records: Sequence[Stamped]) -> Any:
        """A new batch of these records."""
        builder = self.producer.create_batch()
        for record in records:
            timestamp_ms, key, value = record
            builder.append(timestamp=timestamp_ms, key=key, value=value, headers=self.headers_of(record))
        return builder

    def headers_of(self, record: Stamped) -> Headers:
        """CloudEvents attributes of what we write ourselves; events are their source's, and come without."""
        if not self._headers:
            return self._headers
        timestamp_ms, key, _ = record
        return [*self._headers, ("ce_id", b"%b@%d" % (key, timestamp_ms))]

    async def deliver(self, partition: int, builder: Any, records: Sequence[Stamped]) -> None:
        """Sends one batch until it is acknowledged or the deadline has passed."""
        attempts = AsyncRetrying(
            stop=stop_after_delay(self._deadline_s),
            retry=retry_if_exception(_passing),
            wait=wait_random_exponential(multiplier=0.1, max=3.0),
        )
        try:
            async for attempt in attempts:
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        builder = self.batch_of(records)  # a batch can be sent only once
                    await (await self.producer.send_batch(builder, self.topic, partition=partition))
        except RetryError as error:
            raise BrokerUnavailableError(
                f"Kafka at {self._settings.broker} did not take records for {self.topic} "
                f"within {self._deadline_s:g} s"
            ) from error
        except TOO_LARGE:
            raise
        except KafkaError as error:
            raise SendError(f"Kafka refuses records for {self.topic}: {error}") from error

    async def _flush(self, lane: Lane) -> None:
        await lane.make_room()
        if lane.flight is not None:
            await asyncio.shield(lane.flight)

    async def _send_waiting(self) -> None:
        """Batches that do not fill by themselves are sent after the linger time."""
        while True:
            await asyncio.sleep(_LINGER_S)
            for lane in self._lanes:
                if lane.filled and (
                    lane.flight is None or (lane.flight.done() and lane.flight.exception() is None)
                ):
                    lane.launch()

    async def _stop(self) -> None:
        # It would wait for a broker that is gone until its own timeouts; what was to be flushed is.
        with contextlib.suppress(TimeoutError, KafkaError):
            await undisturbed(self.producer.stop(), _STOP_S)


def _passing(error: BaseException) -> bool:
    """Whether another try may help."""
    return isinstance(error, KafkaError) and bool(error.retriable)


async def send(
    settings: Settings, records: Iterable[Timed] | AsyncIterable[Timed], *,
    on_progress: Callable[[int, int | None], None] | None = None, total: int | None = None,
    speed: float | None = None, topic: str = EVENTS, deadline_s: float = 60.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> SendResult:  # fmt: skip
    """Sends all records, each to its key's partition and stamped with its time, in the order they come.

    Args:
        records: (epoch s, key, value).
        on_progress: called with (taken, total) some ten times a second and at the end.
        total: how many there will be, if known; only handed to `on_progress`.
        speed: seconds of the records' time per second of ours; None: as fast as it goes.
        deadline_s: longest wait for one batch to be acknowledged, over all tries.

    Raises:
        BrokerUnavailableError: no broker, or a batch not acknowledged in time.
        NotFoundError: no such topic.
        SendError: the broker refuses the records.
    """
    async with Sender(settings, topic=topic, deadline_s=deadline_s) as sender:
        return await send_through(
            sender, records, on_progress=on_progress, total=total, speed=speed, monotonic=monotonic
        )


async def send_through(
    sender: Sender, records: Iterable[Timed] | AsyncIterable[Timed], *,
    on_progress: Callable[[int, int | None], None] | None = None, total: int | None = None,
    speed: float | None = None, monotonic: Callable[[], float] = time.monotonic,
) -> SendResult:  # fmt: skip
    """`send` through a line that is open already; the result is that of all that went through it."""
    began = told = monotonic()
    first: float | None = None
    async for record in _each(records):
        if speed is not None:
            first = record[0] if first is None else first
            await _until(began + (record[0] - first) / speed, monotonic)
        await sender.send(record)
        if on_progress is None or (speed is None and sender.taken & 63):
            continue
        if (now := monotonic()) - told > _PROGRESS_S:
            told = now
            on_progress(sender.taken, total)
    await sender.flush()
    if on_progress is not None:
        on_progress(sender.taken, total)
    return SendResult(
        sender.taken - len(sender.too_large), sender.bytes, monotonic() - began, sender.per_partition,
        tuple(sorted(sender.too_large)),
    )  # fmt: skip


async def send_partnerships(settings: Settings, partnerships: Iterable[Partnership | dict[str, Any]]) -> None:
    """Writes partnerships to their topic; returns when all are acknowledged.

    Raises pydantic's ValidationError before anything is sent if one of them is not valid.
    """
    items = [Partnership.model_validate(item) for item in partnerships]
    now = time.time()
    records = [
        (now, item.partnership_id.encode(), item.model_dump_json(exclude_none=True).encode())
        for item in items
    ]
    await send(settings, records, topic=PARTNERSHIPS)


async def end_partnership(settings: Settings, partnership_id: str) -> None:
    """Ends a partnership: a null value on its topic."""
    await send(settings, [(time.time(), partnership_id.encode(), None)], topic=PARTNERSHIPS)


async def _each(records: Iterable[Timed] | AsyncIterable[Timed]) -> AsyncIterator[Timed]:
    if isinstance(records, AsyncIterable):
        async for record in records:
            yield record
    else:
        for record in records:
            yield record


async def _until(due: float, monotonic: Callable[[], float]) -> None:
    # Steps under 20 ms are not worth a timer: they are caught up with at the next one.
    ahead = due - monotonic()
    if ahead > 0.02:
        await asyncio.sleep(ahead)
