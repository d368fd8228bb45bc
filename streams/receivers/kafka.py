"""Notifications as records of a topic, for services that want what was decided, not every transition."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from processors.state.layout import partition_of
from streams.connecting import kafka
from streams.errors import BrokerUnavailableError
from streams.receivers.base import DeliveryError
from streams.receivers.bodies import as_json, notification_body
from streams.receivers.http import within
from streams.topics import list_states, open_admin

if TYPE_CHECKING:
    from schemas.notifications import Notification
    from schemas.receivers import KafkaReceiver
    from streams.receivers.links import LinkMaker
    from streams.settings import Settings


class KafkaSender:
    """A `Receiver` that writes to a topic; makes it, if it is not there. `ce_id` is the notification's id."""

    def __init__(self, config: KafkaReceiver, settings: Settings, links_of: LinkMaker) -> None:
        self.name = config.name
        self._config = config
        self._settings = settings
        self._links_of = links_of
        self._topic = settings.topic(config.topic)
        self._producer: AIOKafkaProducer | None = None
        self._partitions = 0
        self._lock = asyncio.Lock()

    async def deliver(self, n: Notification) -> None:
        """One record, acknowledged by all replicas. Raises DeliveryError."""
        what = f"Kafka at {self._settings.broker}"
        try:
            await within(self._config.timeout, what, self._send(n))
        except MessageSizeTooLargeError:
            raise DeliveryError(f"{self._topic} takes no record of this size", retryable=False) from None
        except (KafkaError, BrokerUnavailableError, OSError) as error:
            await self._drop()
            raise DeliveryError(f"{what}: {type(error).__name__}", retryable=True) from None

    async def _send(self, n: Notification) -> None:
        async with self._lock:
            if self._producer is None:
                await self._open()
        first = n.alerts[0] if n.alerts else None
        key = ((first.influencer_id if first else None) or n.group_key).encode("utf-8", "replace")
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_type", b"rapport." + self._config.topic.encode()),
            ("ce_source", f"rapport/{self._settings.namespace}/notifier".encode()),
            ("ce_id", n.notification_id.encode()),
        ]
        assert self._producer is not None
        await self._producer.send_and_wait(
            self._topic, as_json(notification_body(n, self._links_of)), key=key, headers=headers,
            partition=partition_of(key, self._partitions),
        )  # fmt: skip

    async def _open(self) -> None:
        async with open_admin(self._settings, self._config.timeout) as admin:
            state = (await list_states(admin)).get(self._topic)
            if state is None:
                count = self._settings.partitions
                await admin.create_topics([NewTopic(self._topic, count, self._settings.replication_factor)])
            self._partitions = state.partitions if state else count
        producer = AIOKafkaProducer(
            **kafka(self._settings), client_id="rapport-notifier", acks="all",
            enable_idempotence=False, request_timeout_ms=int(self._config.timeout * 1_000),
        )  # fmt: skip
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(5.0):
                    await producer.stop()

    async def aclose(self) -> None:
        """Stops the producer."""
        await self._drop()
