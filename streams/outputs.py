"""Producing in batches: one `send_batch` per partition and megabyte, not one `send` an event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from processors.state.layout import partition_of
from streams import failpoints, metrics
from streams.connecting import kafka
from streams.errors import RapportError
from streams.settings import Settings

log = logging.getLogger(__name__)
Headers = Sequence[tuple[str, bytes]]
#: key, value, timestamp in ms, headers
Out = tuple[bytes | None, bytes | None, int, Headers]

BATCH_BYTES = 900_000  # under Kafka's default message.max.bytes of 1,048,588
_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)


async def start_producer(settings: Settings, *, idempotent: bool) -> AIOKafkaProducer:
    """A producer with the strongest guarantees that the broker can give (`streams.topics.can_idempotent`).

    Apache Kafka gives idempotence; Tansu has no InitProducerId, and there a retried batch may stand twice
    (under the same ids).
    """
    log.info("producing %s", "idempotently" if idempotent else "at least once: the broker cannot do better")
    producer = AIOKafkaProducer(
        **kafka(settings),
        acks="all",
        enable_idempotence=idempotent,
        max_batch_size=1_000_000,
        max_request_size=1_048_576,
        request_timeout_ms=15_000,
        retry_backoff_ms=100,
    )
    await producer.start()
    return producer


class ProducerEndedError(RapportError):
    """The producer sends no more, and never will: start the process again."""


class BatchSender:
    """Sends lists of records to one partition each, and waits until all are acknowledged."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, topic: str, partition: int, records: Iterable[Out]) -> int:
        """Send and wait for the acknowledgements; errors of the broker are retried until it answers (the
        caller keeps its place). Returns the number of records. Raises ProducerEndedError."""
        started = monotonic()
        batches, count = self._build(records)
        attempt = 0
        while batches:
            batches = await self._try(topic, partition, batches)
            if batches:
                metrics.PRODUCE_RETRIES.labels(topic).inc(len(batches))
                # [private] What aiokafka takes for its own defect, or the broker for a producer that lost its
                # place, ends its sender for good.
                if self._producer._sender.sender_task.done():
                    raise ProducerEndedError("the producer to Kafka has ended: the log says why, above")
                wait = _wait_s(attempt)
                log.warning("topic %s partition %d: %d batches not taken, again in %.1f s",
                            topic, partition, len(batches), wait)  # fmt: skip
                await asyncio.sleep(wait)
                attempt += 1
        if count:
            metrics.PRODUCED.labels(topic).inc(count)
            metrics.PRODUCE_SECONDS.labels(topic).observe(monotonic() - started)
        return count

    async def send_by_key(self, topic: str, records: Iterable[Out]) -> int:
        """Send each record to the partition of its key, as Kafka's default partitioner has it."""
        count = await self._partitions(topic)
        by_partition: dict[int, list[Out]] = {}
        for record in records:
            by_partition.setdefault(partition_of(record[0] or b"", count), []).append(record)
        sent = await asyncio.gather(
            *(self.send(topic, number, rows) for number, rows in by_partition.items())
        )
        return sum(sent)

    async def _partitions(self, topic: str) -> int:
        """How many the topic has; a broker that does not answer is waited for, as in `send`."""
        attempt = 0
        while True:
            try:
                return len(await self._producer.partitions_for(topic))
            except (KafkaError, OSError, TimeoutError) as error:
                metrics.PRODUCE_RETRIES.labels(topic).inc()
                wait = _wait_s(attempt)
                log.warning("topic %s is not known (%r), again in %.1f s", topic, error, wait)
                await asyncio.sleep(wait)
                attempt += 1

    def _build(self, records: Iterable[Out]) -> tuple[list[list[Out]], int]:
        """Records in lists that each fit one batch (sizes with room for headers and record framing)."""
        lists: list[list[Out]] = []
        size = BATCH_BYTES + 1
        count = 0
        for record in records:
            key, value, _, headers = record
            length = len(key or b"") + len(value or b"") + 40 + 60 * len(headers)
            if size + length > BATCH_BYTES:
                lists.append([])
                size = 0
            lists[-1].append(record)
            size += length
            count += 1
        return lists, count

    async def _try(self, topic: str, partition: int, lists: list[list[Out]]) -> list[list[Out]]:
        """Send all; returns the lists to be sent again: from the first that was not acknowledged on, so that
        the order within the partition stays (an older reading must not end up behind a newer one)."""
        todo = list(lists)
        futures: list[tuple[list[Out], Any]] = []
        while todo:
            records = todo.pop(0)
            builder = self._producer.create_batch()
            taken = 0
            for key, value, stamp, headers in records:
                if builder.append(key=key, value=value, timestamp=stamp, headers=headers) is None:
                    break
                taken += 1
            if taken < len(records):  # our estimate of the size was short
                todo.insert(0, records[max(taken, 1) :])
                if not taken:
                    self._too_large(topic, records[0])
                    continue
                records = records[:taken]
            builder.close()
            try:
                futures.append(
                    (records, await self._producer.send_batch(builder, topic, partition=partition))
                )
            except (KafkaError, OSError, TimeoutError):
                todo.insert(0, records)
                break
        failpoints.hit("produce.sent")
        return await self._acknowledged(topic, futures) + todo

    async def _acknowledged(self, topic: str, futures: list[tuple[list[Out], Any]]) -> list[list[Out]]:
        """Wait for all; the lists from the first that failed on.

        Errors are asked for, not raised: a traceback holds this frame, and the frame the future that holds
        the error. Such a ring keeps its megabytes until the collector comes by, which is seldom.
        """
        again: list[list[Out]] = []
        if futures:
            await asyncio.wait([future for _, future in futures])
        for records, future in futures:
            error = TimeoutError("given up") if future.cancelled() else future.exception()
            if error is None:
                if again:
                    again.append(records)
            elif isinstance(error, MessageSizeTooLargeError):
                if len(records) == 1:
                    self._too_large(topic, records[0])
                else:
                    half = len(records) // 2
                    again += (records[:half], records[half:])
            elif isinstance(error, (KafkaError, OSError, TimeoutError)):
                log.debug("topic %s: %r", topic, error)
                again.append(records)
            else:
                raise error
        return again

    @staticmethod
    def _too_large(topic: str, record: Out) -> None:
        """One record alone is too large for the broker: said and counted; it must not hold up all others for
        ever."""
        metrics.PRODUCE_DROPPED.labels(topic).inc()
        log.error("a record of %d bytes with key %r is too large for topic %s: dropped",
                  len(record[1] or b""), (record[0] or b"")[:100], topic)  # fmt: skip


def _wait_s(attempt: int) -> float:
    """How long to wait after so many tries that failed."""
    return _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)]
