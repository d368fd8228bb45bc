"""A plain loop on confluent-kafka: json.loads and a dict; no store, nothing survives."""

import json
from collections import Counter

from confluent_kafka import Consumer
from report import BROKER, EVENTS, TOPIC, Clock, group

consumer = Consumer({
    "bootstrap.servers": BROKER, "group.id": group(), "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
})  # fmt: skip
consumer.subscribe([TOPIC])
counts: Counter[tuple[str, str, str]] = Counter()
clock = Clock()
while clock.seen < EVENTS:
    for message in consumer.consume(1_000, timeout=1.0):
        event = json.loads(message.value())
        counts[event["influencer_id"], event["occurred_at"][:16], event["kind"]] += 1
        clock.tick()
clock.report(sum(counts.values()))
consumer.close()
