"""Records on their way to Kafka: for each partition one batch under way while the next one fills.

Acknowledged by all replicas in sync before anybody is told yes, within bounds of memory and time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from processors.state.layout import partition_of
from streams import metrics
from streams.gateway.answers import Refusal, away
from streams.outputs import BATCH_BYTES, Headers
from streams.sending_lane import TOO_LARGE

log = logging.getLogger("rapport.gateway")
#: What a record takes beside key and value: framing, and its headers.
_OVERHEAD: Final = 160
_BACKOFF_S: Final = (0.1, 0.25, 0.5, 1.0)


class Out(NamedTuple):
    """One record: key, value, timestamp in ms, headers."""

    key: bytes
    value: bytes
    stamp_ms: int
    headers: Headers


class _Order:
    """The records of one request to one topic."""

    __slots__ = ("done", "gone", "large", "left")

    def __init__(self, count: int) -> None:
        self.left = count
        self.large: list[int] = []
        self.gone = False  # nobody waits any more: what is not yet under way is not sent
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self) -> None:
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


class _Waiting(NamedTuple):
    out: Out
    order: _Order
    place: int
    size: int  # bytes, about


class Outlet:
    """The line to Kafka. `send` returns when all is acknowledged."""

    def __init__(self, most_bytes: int, ack_s: float) -> None:
        """`most_bytes`: that may wait here; `ack_s`: longest wait for the acknowledgement."""
        self.most_bytes, self._ack_s = most_bytes, ack_s
        self.waiting_bytes = 0
        self.reachable = False
        #: Set when the producer is of no use any more: whoever made it makes another.
        self.broken: BaseException | None = None
        self._producer: AIOKafkaProducer | None = None
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._partitions: dict[str, int] = {}
        self._place = lru_cache(200_000)(partition_of)

    def connect(self, producer: AIOKafkaProducer, partitions: dict[str, int]) -> None:
        """From now on records can go; `partitions`: their number, by full name of the topic."""
        self._producer, self._partitions = producer, partitions
        self.reachable = True

    def disconnect(self) -> None:
        """Until `connect`, nothing goes."""
        self._producer = None
        self.lost()

    def lost(self) -> None:
        """Kafka does not answer: until `back`, callers are told at once."""
        if self.reachable:
            log.warning("Kafka does not answer: events are refused with 503 until it does")
        self.reachable = False

    def back(self) -> None:
        """Kafka answers."""
        if not self.reachable and self._producer is not None:
            log.info("Kafka answers again")
            self.reachable = True

    def check(self) -> None:
        """Raises Refusal (429, 503) if nothing could be taken now."""
        if not self.reachable:
            raise away("Kafka")
        if self.waiting_bytes >= self.most_bytes:
            raise Refusal(
                429, "Kafka does not keep up", why="queue", retry_s=1, hint="wait, then send the same again"
            )

    async def send(self, topic: str, records: Sequence[Out]) -> list[int]:
        """Returns when all are acknowledged: the places of those that the broker refuses for their size.

        Raises Refusal (503) when they were not within the time; some may be there all the same.
        """
        if not records:
            return []
        self.check()
        count = self._partitions[topic]
        order = _Order(len(records))
        touched = set()
        for index, out in enumerate(records):
            lane = self._lane(topic, self._place(out.key, count))
            size = len(out.key) + len(out.value) + _OVERHEAD
            lane.waiting.append(_Waiting(out, order, index, size))
            self.waiting_bytes += size
            touched.add(lane)
        for lane in touched:
            lane.wake()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._ack_s):
                await order.done
        except TimeoutError:
            self.lost()
            raise away("Kafka") from None
        finally:
            if order.left:
                order.gone = True
                for lane in touched:
                    lane.forget_gone()
        metrics.PRODUCED.labels(topic).inc(len(records) - len(order.large))
        metrics.GATEWAY_ACK_SECONDS.observe(time.monotonic() - began)
        return order.large

    async def close(self) -> None:
        """End the lanes; what somebody waits for has been answered by now."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, topic: str, partition: int) -> _Lane:
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = _Lane(self, topic, partition)
        return lane

    async def deliver(self, topic: str, partition: int, items: Sequence[_Waiting]) -> int:
        """Put as many of these as fit into a batch through. Returns how many; they are acknowledged.

        Raises KafkaError, OSError, TimeoutError; TOO_LARGE ones too.
        """
        if self._producer is None:
            raise KafkaConnectionError
        builder: Any = self._producer.create_batch()
        taken = 0
        for item in items:
            out = item.out
            if builder.append(
                key=out.key, value=out.value, timestamp=out.stamp_ms, headers=out.headers
            ) is None:  # fmt: skip
                break
            taken += 1
        if not taken:
            raise TOO_LARGE[0]
        builder.close()
        await (await self._producer.send_batch(builder, topic, partition=partition))
        self.back()
        return taken


class _Lane:
    """One partition, in order: a batch is sent when the one before is acknowledged."""

    def __init__(self, outlet: Outlet, topic: str, partition: int) -> None:
        self._outlet, self._topic, self._partition = outlet, topic, partition
        self.waiting: deque[_Waiting] = deque()
        self.task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run(), name=f"outlet {self._topic} {self._partition}")

    def forget_gone(self) -> None:
        """Let go of what nobody waits for."""
        kept = deque(item for item in self.waiting if not item.order.gone)
        self._outlet.waiting_bytes -= sum(item.size for item in self.waiting if item.order.gone)
        self.waiting = kept

    async def _run(self) -> None:
        while self.waiting:
            items = self._next()
            try:
                await self._put(items)
            finally:
                self._outlet.waiting_bytes -= sum(item.size for item in items)

    def _next(self) -> list[_Waiting]:
        items: list[_Waiting] = []
        size = 0
        while self.waiting and (not items or size + self.waiting[0].size <= BATCH_BYTES):
            items.append(self.waiting.popleft())
            size += items[-1].size
        return items

    async def _put(self, items: list[_Waiting]) -> None:
        """Tried again until it is acknowledged, or nobody waits for any of it."""
        attempt, most = 0, len(items)
        while items:
            try:
                taken = await self._outlet.deliver(self._topic, self._partition, items[:most])
            except TOO_LARGE:
                if most > 1:
                    most = min(most, len(items)) // 2 or 1
                    continue
                metrics.PRODUCE_DROPPED.labels(self._topic).inc()
                items[0].order.large.append(items[0].place)
                items[0].order.settle()
                items = items[1:]
                continue
            except (KafkaError, OSError, TimeoutError) as error:
                metrics.PRODUCE_RETRIES.labels(self._topic).inc()
                log.warning("topic %s partition %d: a batch was not taken: %r",
                            self._topic, self._partition, error)  # fmt: skip
                if isinstance(error, KafkaError) and not error.retriable:
                    self._outlet.broken = error
                await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
                attempt += 1
                items = [item for item in items if not item.order.gone]
                continue
            for item in items[:taken]:
                item.order.settle()
            items, attempt = items[taken:], 0
