"""Bytewax: a fold window of a minute for each influencer; state in memory."""

import json
import os
from datetime import UTC, datetime, timedelta

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower
from bytewax.testing import TestingSink, cluster_main
from report import BROKER, EVENTS, TOPIC, Clock, group

clock = Clock()


def decode(message: object) -> dict[str, str]:
    return json.loads(message.value)  # type: ignore[attr-defined]


def at(event: dict[str, str]) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def fold(counts: dict[str, int], event: dict[str, str]) -> dict[str, int]:
    counts[event["kind"]] = counts.get(event["kind"], 0) + 1
    clock.tick()
    if clock.seen >= EVENTS:
        clock.report(clock.seen)
        os._exit(0)
    return counts


def merge(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {kind: one.get(kind, 0) + other.get(kind, 0) for kind in one | other}


flow = Dataflow("count")
source = KafkaSource([BROKER], [TOPIC], batch_size=1_000, add_config={"group.id": group()})
events = op.map("decode", op.input("in", flow, source), decode)
keyed = op.key_on("key", events, lambda event: event["influencer_id"])
when = EventClock(ts_getter=at, wait_for_system_duration=timedelta(hours=1))
windows = TumblingWindower(length=timedelta(minutes=1), align_to=datetime(2026, 1, 1, tzinfo=UTC))
counted = win.fold_window("count", keyed, when, windows, dict, fold, merge, ordered=False)
op.output("out", counted.down, TestingSink([]))
cluster_main(flow, [], 0)
