"""Bounded one-shot reads of topics, and a tail that follows. No consumer group, nothing is committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from streams.connecting import kafka
from streams.errors import BrokerUnavailableError, NotFoundError
from streams.settings import Settings
from streams.topics import list_states, open_admin
from streams.undisturbed import undisturbed

#: Longest wait for one answer of the broker, s.
ANSWER_S = 10.0
#: Longest wait for a broker that does not answer at all, s: these are one-shot reads, people wait.
READY_S = 5.0
#: With nothing new for so long before the end offset, the rest is taken for markers and compacted gaps, s.
_QUIET_S = 3.0
#: Records taken at a time when partitions are merged.
_MERGED = 5_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic; `timestamp_ms` since 1970, a `value` of None is a tombstone."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Where the log of one partition begins and ends (`end`: the offset of the next record)."""

    start: int
    end: int


async def spans(settings: Settings, topic: str) -> dict[int, Span]:
    """First and next offset of each partition of a topic (its full name)."""
    async with _consumer(settings) as consumer:
        return await _spans(settings, consumer, topic, await _partitions(settings, topic))


async def scan(
    settings: Settings, topic: str, *, since_ms: int | None = None, timeout_s: float = 60.0
) -> AsyncGenerator[Record, None]:
    """All records from the start (or from `since_ms`) to the end as it is now, in order by partition.

    Raises:
        NotFoundError: no such topic.
        BrokerUnavailableError: no broker, or not done within `timeout_s`.
    """
    places = await _partitions(settings, topic)
    async with _consumer(settings) as consumer:
        ends = {
            number: span
            for number, span in (await _spans(settings, consumer, topic, places)).items()
            if span.end > span.start
        }
        todo = {TopicPartition(topic, number): span.end for number, span in ends.items()}
        if not todo:
            return
        consumer.assign(list(todo))
        await _seek(settings, consumer, list(todo), since_ms)
        loop = asyncio.get_running_loop()
        seen: set[TopicPartition] = set()
        deadline, quiet_since = loop.time() + timeout_s, loop.time()
        while todo:
            batches = await _ask(settings, consumer.getmany(*todo, timeout_ms=250, max_records=2_000))
            for place in batches.keys() - seen:
                # Tansu tells an end that lies within the last batch; what comes with a fetch is right.
                todo[place] = max(todo.get(place, 0), consumer.highwater(place) or 0)
            seen |= batches.keys()
            for place, records in batches.items():
                for record in records:
                    if record.offset < todo.get(place, 0):
                        yield _record(record)
            now = loop.time()
            if batches:
                quiet_since = now
            for place, end in list(todo.items()):
                if await consumer.position(place) >= end or now - quiet_since > _QUIET_S:
                    del todo[place]
            if now > deadline:
                raise BrokerUnavailableError(f"{topic} was not read to its end within {timeout_s:g} s")


async def merged(
    settings: Settings, topic: str, *, since_ms: int | None = None,
    stretches: Mapping[int, tuple[int, int | None]] | None = None,
) -> AsyncGenerator[Record, None]:  # fmt: skip
    """As `scan`, but in order of time as far as the order within each partition allows, and for as long as it
    takes: each partition is read only when its next record is needed.

    Args:
        stretches: partition -> (first offset, offset to end before or None); others are left out.

    Raises:
        NotFoundError: no such topic. BrokerUnavailableError: no broker, or it went away.
    """
    numbers = await _partitions(settings, topic)
    async with _consumer(settings) as consumer:
        found = await _spans(settings, consumer, topic, numbers)
        todo: dict[TopicPartition, int] = {}
        first: dict[TopicPartition, int] = {}
        limits: dict[TopicPartition, int] = {}
        for number, span in found.items():
            begin, before = stretches.get(number, (0, 0)) if stretches else (0, None)
            place = TopicPartition(topic, number)
            if before is not None:
                limits[place] = before
            end = span.end if before is None else min(before, span.end)
            first[place] = max(begin, span.start)
            # An end that lies too early (see `_merge`) must not hide a stretch; what is before it is dropped.
            if first[place] < end or span.start < begin < (before or begin + 1):
                todo[place] = end
        if not todo:
            return
        consumer.assign(list(todo))
        await _seek(settings, consumer, list(todo), since_ms)
        for place in todo if stretches else ():
            consumer.seek(place, max(first[place], await _ask(settings, consumer.position(place))))
        async for record in _merge(settings, consumer, topic, todo, first, limits):
            yield record


async def _merge(
    settings: Settings, consumer: AIOKafkaConsumer, topic: str, todo: dict[TopicPartition, int],
    first: Mapping[TopicPartition, int], limits: Mapping[TopicPartition, int],
) -> AsyncGenerator[Record, None]:  # fmt: skip
    loop = asyncio.get_running_loop()
    queues: dict[TopicPartition, deque[Any]] = {place: deque() for place in todo}
    heads: list[tuple[int, int, TopicPartition]] = []
    seen: set[TopicPartition] = set()
    quiet_since = loop.time()
    while todo or heads:
        empty = [place for place in todo if not queues[place]]
        if empty:
            batches = await _ask(settings, consumer.getmany(*empty, timeout_ms=250, max_records=_MERGED))
            for place, records in batches.items():
                if place not in seen:  # Tansu tells an end that lies within the last batch
                    seen.add(place)
                    end = max(todo[place], consumer.highwater(place) or 0)
                    todo[place] = min(end, limits.get(place, end))
                queues[place].extend(r for r in records if first[place] <= r.offset < todo[place])
                if queues[place]:
                    heappush(heads, (queues[place][0].timestamp, place.partition, place))
            quiet_since = loop.time() if batches else quiet_since
            quiet = loop.time() - quiet_since > _QUIET_S
            if quiet:  # gaps and markers, if the broker still answers
                await _spans(settings, consumer, topic, [place.partition for place in empty])
            for place in empty:
                if not queues[place] and (quiet or await consumer.position(place) >= todo[place]):
                    del todo[place]
            continue
        _, _, place = heappop(heads)
        queue = queues[place]
        yield _record(queue.popleft())
        if queue:
            heappush(heads, (queue[0].timestamp, place.partition, place))
        elif await consumer.position(place) >= todo[place]:
            del todo[place]


async def latest(settings: Settings, topic: str, *, timeout_s: float = 60.0) -> dict[bytes, Record]:
    """The last record of each key of a compacted topic; a value of None is a tombstone. Records without key
    are left out."""
    newest: dict[bytes, Record] = {}
    async for record in scan(settings, topic, timeout_s=timeout_s):
        if record.key is not None:
            newest[record.key] = record
    return newest


async def follow(settings: Settings, topic: str, *, last: int = 0) -> AsyncGenerator[Record, None]:
    """The `last` records of each partition, then everything new, until the caller stops."""
    places = [TopicPartition(topic, number) for number in await _partitions(settings, topic)]
    async with _consumer(settings) as consumer:
        consumer.assign(places)
        for number, span in (await _spans(settings, consumer, topic, [p.partition for p in places])).items():
            consumer.seek(TopicPartition(topic, number), max(span.start, span.end - last))
        while True:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield _record(record)


async def holds(settings: Settings, topic: str, partition: int, offset: int) -> bool:
    """Whether the log has a record at `offset` or after it. Asked by reading: Tansu's end offset is the base
    of the last batch plus one, which may lie before records that are there.

    Raises:
        BrokerUnavailableError: no broker.
    """
    place = TopicPartition(topic, partition)
    async with _consumer(settings, reset="none") as consumer:
        consumer.assign([place])
        consumer.seek(place, offset)
        try:
            fetched = await _ask(settings, consumer.getmany(place, timeout_ms=int(_QUIET_S * 1_000)))
        except BrokerUnavailableError as error:
            if isinstance(error.__cause__, OffsetOutOfRangeError):
                return False
            raise
        return any(record.offset >= offset for record in fetched.get(place, []))


def _record(record: Any) -> Record:
    return Record(
        record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers)
    )


@asynccontextmanager
async def _consumer(settings: Settings, *, reset: str = "earliest") -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        **kafka(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        request_timeout_ms=int(ANSWER_S * 1_000),
        max_partition_fetch_bytes=settings.fetch_max_bytes,
        isolation_level="read_committed",
    )
    try:
        await _ask(settings, consumer.start())
        yield consumer
    finally:
        await undisturbed(consumer.stop(), ANSWER_S)


async def _partitions(settings: Settings, topic: str) -> list[int]:
    async with open_admin(settings, READY_S) as admin:
        # All topics are asked for: brokers make a topic that somebody merely asks about by name.
        state = (await _ask(settings, list_states(admin))).get(topic)
    if state is None:
        raise NotFoundError(
            f"the topic {topic} is not there", hint="`rapport topics create` makes all topics"
        )
    return list(range(state.partitions))


async def _spans(
    settings: Settings, consumer: AIOKafkaConsumer, topic: str, numbers: Sequence[int]
) -> dict[int, Span]:
    places = [TopicPartition(topic, number) for number in numbers]
    starts = await _ask(settings, consumer.beginning_offsets(places))
    ends = await _ask(settings, consumer.end_offsets(places))
    return {place.partition: Span(starts[place], ends[place]) for place in places}


async def _seek(
    settings: Settings, consumer: AIOKafkaConsumer, places: list[TopicPartition], since_ms: int | None
) -> None:
    if since_ms is None:
        await _ask(settings, consumer.seek_to_beginning(*places))
        return
    found = await _ask(settings, consumer.offsets_for_times(dict.fromkeys(places, since_ms)))
    for place in places:
        if (hit := found.get(place)) is not None:
            consumer.seek(place, hit.offset)
        else:
            await _ask(settings, consumer.seek_to_end(place))


async def _ask(settings: Settings, call: Awaitable[_T]) -> _T:
    """The broker's answer, or one plain error."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await call
    except (KafkaError, TimeoutError, OSError) as error:
        raise BrokerUnavailableError(
            f"Kafka at {settings.broker} does not answer: {error or type(error).__name__}",
            hint="is it running, and is RAPPORT_BROKER (or --broker) right? `rapport doctor` looks closer",
        ) from error
