"""The same counting on Rapport's batch transport: one Faust event per fetched batch, msgspec, a dict.

No store and no fence: what is compared is the engine, as with the others.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import Any

import faust
import msgspec

from bench.peers.report import BROKER, EVENTS, TOPIC, Clock, group
from streams.transport import BatchConsumer, BatchSchema, BatchTransport, RecordBatch


class Event(msgspec.Struct, gc=False):
    """What the count needs of an event."""

    influencer_id: str
    occurred_at: str
    kind: str


app = faust.App(
    group(), broker=f"kafka://{BROKER}", store="memory://", value_serializer="raw", topic_disable_leader=True,
    topic_allow_declare=False, consumer_auto_offset_reset="earliest", broker_rebalance_timeout=6.0,
    consumer_max_fetch_size=4 * 1024 * 1024, broker_max_poll_records=None, stream_wait_empty=False,
    broker_commit_livelock_soft_timeout=1e9, web_enabled=False, datadir=os.environ["PEER_DIR"],
)  # fmt: skip


class FromTheStart(BatchConsumer):
    """Claims whatever it is given at the log's start: there is no fence here."""

    batch_topics = frozenset({TOPIC})

    async def on_seek(self) -> None:
        for tp in self.assignment():
            if not self.delivers(tp):
                self.start_at(tp, 0, 1)


class Transport(BatchTransport):
    """The worker's, with that consumer."""

    Consumer = FromTheStart


app.transport = Transport([app.conf.broker[0]], app)
topic = app.topic(TOPIC, schema=BatchSchema(key_type=bytes, value_type=bytes), maxsize=8)
counts: Counter[tuple[str, str, str]] = Counter()
clock = Clock()
decode = msgspec.json.Decoder(Event).decode


@app.agent(topic)
async def count(stream: Any) -> None:
    async for event in stream.noack().events():
        batch: RecordBatch = event.value
        for record in batch.records:
            found = decode(record.value)
            counts[found.influencer_id, found.occurred_at[:16], found.kind] += 1
        clock.tick(len(batch.records))
        batch.release()
        event.ack()
        if clock.seen >= EVENTS:
            clock.report(sum(counts.values()))
            os._exit(0)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "warn"]
    app.main()
