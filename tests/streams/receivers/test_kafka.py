"""Notifications on a topic of their own, on real brokers."""

from __future__ import annotations

import pytest

from schemas import Notification
from schemas.receivers import KafkaReceiver
from streams.consume import scan
from streams.receivers.base import DeliveryError
from streams.receivers.kafka import KafkaSender
from streams.receivers.links import LinkMaker
from streams.receivers.sample import sample
from streams.settings import Settings
from tests.servers import free_port


def sender(settings: Settings, **more: object) -> KafkaSender:
    config = KafkaReceiver.model_validate({"name": "bus", "type": "kafka", **more})
    return KafkaSender(config, settings, LinkMaker())


@pytest.mark.servers
async def test_a_topic_is_made_and_a_retry_carries_the_same_id(settings):
    bus = sender(settings)
    n = sample("bus")
    await bus.deliver(n)
    await bus.deliver(n)
    await bus.aclose()
    again = sender(settings)  # the topic is there now
    await again.deliver(sample("bus", "resolved"))
    await again.aclose()
    found = [record async for record in scan(settings, settings.topic("partnership.notifications.v1"))]
    assert [dict(record.headers)["ce_id"].decode() for record in found] == [
        n.notification_id, n.notification_id, sample("bus", "resolved").notification_id,
    ]  # fmt: skip
    assert {record.key for record in found} == {b"sample:influencer"}
    assert len({record.partition for record in found}) == 1
    assert Notification.model_validate_json(found[0].value or b"") == n


async def test_a_broker_that_is_away_is_a_failure_that_may_be_tried_again():
    bus = sender(Settings(broker=f"127.0.0.1:{free_port()}"), timeout="400ms")
    with pytest.raises(DeliveryError) as caught:
        await bus.deliver(sample("bus"))
    await bus.aclose()
    assert caught.value.retryable and "Kafka at" in str(caught.value)
