"""Keeps the line to Kafka: opens it, looks every two seconds whether it holds and how far the workers are
behind, and says so. The gateway starts without Kafka, and goes on when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.topics import CONTROL, EVENTS, REJECTED
from streams import metrics
from streams.connecting import kafka
from streams.errors import NotFoundError, RapportError
from streams.gateway.lag import Lag
from streams.gateway.outlet import Outlet
from streams.outputs import start_producer
from streams.settings import Settings
from streams.topics import can_idempotent, list_states, open_admin
from streams.undisturbed import undisturbed

log = logging.getLogger("rapport.gateway")
_EVERY_S: Final = 2.0
_ANSWER_S: Final = 5.0
_FAULTS: Final = (KafkaError, OSError, TimeoutError, RapportError)


class Line:
    """The line of one gateway. `problem`: why it is not open, for people; None when all is well."""

    def __init__(self, settings: Settings, outlet: Outlet) -> None:
        self._settings, self._outlet = settings, outlet
        self.lag = Lag()
        self.problem: str | None = "not connected yet"
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._places: list[TopicPartition] = []

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self._outlet.broken is not None:
                    await self._drop_producer()
                if self._producer is None:
                    await self._open()
                await self._look()
            except Exception as error:  # whatever it is: without this task the gateway would never go on
                self._failed(error)
            metrics.GATEWAY_KAFKA.set(self._outlet.reachable)
            await asyncio.sleep(_EVERY_S if self._outlet.reachable else 0.5)

    async def close(self) -> None:
        """Let Kafka go; the producer sends what it still holds."""
        for part in (self._consumer, self._producer):
            if part is not None:
                with contextlib.suppress(*_FAULTS):
                    await undisturbed(part.stop(), _ANSWER_S)

    async def _drop_producer(self) -> None:
        """An idempotent producer that lost its place in a partition refuses all for good: a new one begins
        anew. What was under way is sent again, under the same ids."""
        log.warning("the producer is made anew: %r", self._outlet.broken)
        producer, self._producer, self._outlet.broken = self._producer, None, None
        self._outlet.disconnect()
        if producer is not None:
            with contextlib.suppress(*_FAULTS):
                await undisturbed(producer.stop(), _ANSWER_S)

    async def _open(self) -> None:
        settings = self._settings
        async with open_admin(settings, _ANSWER_S) as admin:
            async with asyncio.timeout(_ANSWER_S):
                states = await list_states(admin)
            idempotent = await can_idempotent(admin)
        partitions = {}
        for name in (settings.topic(name) for name in (EVENTS, REJECTED, CONTROL)):
            if name not in states:
                raise NotFoundError(f"there is no topic {name}: `rapport topics create` makes the topics")
            partitions[name] = states[name].partitions
        events = settings.topic(EVENTS)
        self._places = [TopicPartition(events, number) for number in range(partitions[events])]
        self._consumer = await self._started_consumer()
        async with asyncio.timeout(_ANSWER_S * 2):
            self._producer = await start_producer(settings, idempotent=idempotent)
        self._outlet.connect(self._producer, partitions)

    async def _started_consumer(self) -> AIOKafkaConsumer:
        if self._consumer is not None:  # of a try before that got no producer
            await undisturbed(self._consumer.stop(), _ANSWER_S)
        # Of the workers' group by name only: it joins nothing, and asks where the group stands.
        consumer = AIOKafkaConsumer(
            **kafka(self._settings), group_id=self._settings.group,
            enable_auto_commit=False, request_timeout_ms=int(_ANSWER_S * 1_000),
            client_id="rapport-gateway-lag",
        )  # fmt: skip
        consumer.assign(self._places)
        consumer.pause(*self._places)
        try:
            async with asyncio.timeout(_ANSWER_S):
                await consumer.start()
        except BaseException:
            await undisturbed(consumer.stop(), _ANSWER_S)
            raise
        return consumer

    async def _look(self) -> None:
        """Where log and workers stand; an answer says that Kafka is back, too."""
        consumer: Any = self._consumer
        async with asyncio.timeout(_ANSWER_S):
            ends = await consumer.end_offsets(self._places)
        self._outlet.back()
        self.problem = None
        committed = await self._committed(consumer)
        self.lag.note(
            time.monotonic(), {place.partition: end for place, end in ends.items()}, committed,
        )  # fmt: skip
        metrics.GATEWAY_LAG.set(self.lag.seconds or 0.0)

    async def _committed(self, consumer: Any) -> dict[int, int | None]:
        """Where the group stands; if nobody can say, it is as if nobody read: no reason to refuse."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await asyncio.gather(*(consumer.committed(place) for place in self._places))
        except _FAULTS as error:
            log.warning("the workers' place cannot be asked for: %r", error)
            return {}
        return {place.partition: at for place, at in zip(self._places, found, strict=True)}

    def _failed(self, error: Exception) -> None:
        told = f"{error or type(error).__name__}"
        if told != self.problem:
            log.warning("no line to Kafka at %s: %s", self._settings.broker, told)
        self.problem = told
        self._outlet.lost()
