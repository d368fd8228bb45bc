"""Whether the newest records of a topic lie where Kafka's default partitioner puts their keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from processors.state.layout import partition_of
from streams.connecting import kafka
from streams.settings import Settings
from streams.undisturbed import undisturbed

#: So many of each partition's newest records are looked at, on at most so many partitions.
_RECORDS, _PARTITIONS = 20, 64
#: With nothing new for so long the rest is taken for markers and compacted gaps, seconds.
_QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A record that lies on another partition than its key belongs to."""

    partition: int
    offset: int
    belongs_on: int


@dataclass(frozen=True, slots=True)
class Sample:
    """How many records were looked at, and how many of them lie wrong or have no key."""

    records: int
    misplaced: int
    keyless: int
    example: Misplaced | None


async def sample_newest(settings: Settings, topic: str, partitions: int) -> Sample:
    """Reads the newest records of each partition, without a group; the caller bounds the time."""
    consumer = AIOKafkaConsumer(
        **kafka(settings), group_id=None, enable_auto_commit=False,
        auto_offset_reset="earliest", max_partition_fetch_bytes=settings.fetch_max_bytes,
    )  # fmt: skip
    records = keyless = 0
    wrong: list[Misplaced] = []
    try:
        await consumer.start()
        todo = await _seek(consumer, topic, partitions)
        quiet = asyncio.get_running_loop().time() + _QUIET_S
        while todo and asyncio.get_running_loop().time() < quiet:
            for place, batch in (await consumer.getmany(*todo, timeout_ms=100)).items():
                quiet = asyncio.get_running_loop().time() + _QUIET_S
                for record in batch:
                    records += 1
                    if record.key is None:
                        keyless += 1
                    elif (home := partition_of(record.key, partitions)) != record.partition:
                        wrong.append(Misplaced(record.partition, record.offset, home))
                if batch and batch[-1].offset + 1 >= todo[place]:
                    del todo[place]
    finally:
        await undisturbed(consumer.stop())
    return Sample(records, len(wrong), keyless, wrong[0] if wrong else None)


async def _seek(consumer: AIOKafkaConsumer, topic: str, partitions: int) -> dict[TopicPartition, int]:
    """Goes to the newest records; where each partition that has some ends."""
    places = [TopicPartition(topic, number) for number in range(min(partitions, _PARTITIONS))]
    starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    filled = {place: ends[place] for place in places if ends[place] > starts[place]}
    consumer.assign(list(filled))
    for place, end in filled.items():
        consumer.seek(place, max(starts[place], end - _RECORDS))
    return filled
