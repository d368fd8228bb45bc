"""Quix Streams: a tumbling window of a minute with a reducer by kind; its state is RocksDB."""

import os
from datetime import datetime, timedelta

from quixstreams import Application
from report import BROKER, EVENTS, TOPIC, Clock, group

app = Application(
    broker_address=BROKER, consumer_group=group(), auto_offset_reset="earliest", loglevel="WARNING",
    state_dir=os.environ["PEER_DIR"], use_changelog_topics=False,
)  # fmt: skip
clock = Clock()


def at(value: dict[str, str], _headers: object, _timestamp: float, _kind: object) -> int:
    return int(datetime.fromisoformat(value["occurred_at"]).timestamp() * 1_000)


def first(event: dict[str, str]) -> dict[str, int]:
    return {event["kind"]: 1}


def more(counts: dict[str, int], event: dict[str, str]) -> dict[str, int]:
    counts[event["kind"]] = counts.get(event["kind"], 0) + 1
    return counts


def look(_counts: object) -> None:
    clock.tick()
    if clock.seen >= EVENTS:
        clock.report(clock.seen)
        os._exit(0)


frame = app.dataframe(app.topic(TOPIC, value_deserializer="json", timestamp_extractor=at))
frame.tumbling_window(timedelta(minutes=1), grace_ms=3_600_000).reduce(more, first).current().update(look)
app.run()
