"""Faust as its introduction shows it: one event at a time. `PEER_TAKE=1000`: in lists of up to a thousand."""

import os
import sys
from collections import Counter

import faust
from report import BROKER, EVENTS, TOPIC, Clock, group

TAKE = int(os.environ.get("PEER_TAKE", "0"))
app = faust.App(
    group(), broker=f"kafka://{BROKER}", store="memory://", topic_disable_leader=True, web_enabled=False,
    consumer_auto_offset_reset="earliest", broker_rebalance_timeout=6.0, datadir=os.environ["PEER_DIR"],
)  # fmt: skip
topic = app.topic(TOPIC, value_serializer="json")
counts: Counter[tuple[str, str, str]] = Counter()
clock = Clock()


def count(event: dict[str, str]) -> None:
    counts[event["influencer_id"], event["occurred_at"][:16], event["kind"]] += 1


def look(new: int) -> None:
    clock.tick(new)
    if clock.seen >= EVENTS:
        clock.report(sum(counts.values()))
        os._exit(0)  # the time to leave is nobody's


@app.agent(topic)
async def per_event(stream: faust.Stream) -> None:
    if TAKE:
        async for events in stream.take(TAKE, within=1.0):
            for event in events:
                count(event)
            look(len(events))
        return
    async for event in stream:
        count(event)
        look(1)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "warn"]
    app.main()
