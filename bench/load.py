"""What the bench feeds the worker: events, partnerships, and a paced producer for the latency."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import groupby

from aiokafka import AIOKafkaProducer

from processors.generator.bench import bench_events
from processors.generator.influencer import Record
from processors.state.layout import partition_of
from schemas import Partnership, topics
from streams.connecting import kafka
from streams.settings import Settings

#: Event time of one event, s, as in the job: an hour for a million. The fewer events to a boundary of five
#: minutes, the more an evaluation weighs in each.
STRETCH_S = 0.0036
#: A paced producer sends what is due so often, s.
TICK_S = 0.01


def influencers(seed: int = 1) -> list[str]:
    """Ids of the influencers of the mix, by falling popularity (their order of first appearance is not it, so
    they are counted)."""
    seen: dict[str, int] = defaultdict(int)
    for record in bench_events(100_000, start=0.0, stretch_s=100.0, seed=seed):
        seen[record.key.decode()] += 1
    return sorted(seen, key=lambda name: -seen[name])


def partnerships(count: int, seed: int = 1) -> list[Partnership]:
    """`count` partnerships spread evenly over the influencers, popular and not."""
    names = influencers(seed)
    chosen = names[:: max(1, len(names) // count)][:count] if count else []
    return [
        Partnership.model_validate({
            "partnership_id": f"bench--{number:04}", "brand_id": "bench", "influencer_id": name,
            "target_audience": {"country": {"US": 0.5, "GB": 0.2, "DE": 0.3}, "lang": {"en": 0.7, "de": 0.3}},
        })
        for number, name in enumerate(chosen)
    ]  # fmt: skip


def fresh(count: int, start: float, stretch_s: float, round_: int = 0) -> list[Record]:
    """The mix once more, of the same influencers, under ids of its own (and of the round, 0 to 9): else they
    would be duplicates."""
    events = bench_events(count, start=start, stretch_s=stretch_s)
    mark = b"/4%dl" % round_
    return [record._replace(value=record.value.replace(b"/3l", mark)) for record in events]


def _as_stamped(stamp: float) -> float:
    return stamp


async def send_paced(
    settings: Settings, records: Sequence[Record], due: Callable[[float], float] = _as_stamped
) -> float:
    """Send each record when its time has come: `due` of its timestamp, epoch s of the wall clock. Returns how
    far it fell behind at most, s: a producer that lags would measure itself."""
    producer = AIOKafkaProducer(**kafka(settings), acks=1, max_batch_size=1_000_000)
    await producer.start()
    topic = settings.topic(topics.EVENTS)
    worst = 0.0
    try:
        count = len(await producer.partitions_for(topic))
        partition = {key: partition_of(key, count) for key in {record.key for record in records}}
        for tick, rows in groupby(records, key=lambda record: int(due(record.at) / TICK_S)):
            await asyncio.sleep(max(0.0, (tick + 1) * TICK_S - time.time()))
            by_partition: dict[int, list[Record]] = defaultdict(list)
            for record in rows:
                by_partition[partition[record.key]].append(record)
            for number, some in by_partition.items():
                builder = producer.create_batch()
                for record in some:
                    builder.append(timestamp=int(record.at * 1_000), key=record.key, value=record.value)
                await producer.send_batch(builder, topic, partition=number)
            worst = max(worst, time.time() - (tick + 1) * TICK_S)
        await producer.flush()
    finally:
        await producer.stop()
    return worst
