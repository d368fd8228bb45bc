"""Relays alert transitions from the outbox, where they stand with the state, to partnership.alerts.v1.

Produced and acknowledged first, then forgotten: a crash in between repeats a transition under the same id,
and never loses one.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

import msgspec
from aiokafka.errors import KafkaError

from processors.state.layout import PartitionKeys
from processors.state.store import Store, StoreError
from schemas import topics
from streams import failpoints, metrics
from streams.cloudevents import ce_headers
from streams.outputs import BatchSender, Out
from streams.settings import Settings

log = logging.getLogger(__name__)
_COUNT = 500
_SWEEP_S = 10.0
_RETRY_S = 1.0


class _Alert(msgspec.Struct):
    transition_id: str
    influencer_id: str | None
    at: str


_decode = msgspec.json.Decoder(_Alert).decode


class Relay:
    """One task for all partitions of a worker; `wake(partition)` when something was written."""

    def __init__(self, settings: Settings, store: Store, sender: BatchSender, source: bytes) -> None:
        self._settings, self._store, self._sender, self._source = settings, store, sender, source
        self.owned: set[int] = set()
        self._awake: asyncio.Event = asyncio.Event()
        self._waiting: set[int] = set()

    def wake(self, partition: int) -> None:
        """The partition's outbox has something."""
        self._waiting.add(partition)
        self._awake.set()

    async def run(self) -> None:
        """Relay until cancelled; looks at every owned partition now and then, for what a crash left
        behind."""
        while True:
            try:
                async with asyncio.timeout(_SWEEP_S):
                    await self._awake.wait()
            except TimeoutError:
                self._waiting |= self.owned
            self._awake.clear()
            failed = set()
            while self._waiting:
                partition = self._waiting.pop()
                try:
                    await self.drain(partition)
                except (StoreError, KafkaError, OSError) as error:
                    failed.add(partition)
                    metrics.OUTBOX_RETRIES.inc()
                    log.warning("the outbox waits: %s", error, extra={"partition": partition})
            if failed:
                self._waiting |= failed
                self._awake.set()
                await asyncio.sleep(_RETRY_S)

    async def drain(self, partition: int) -> int:
        """Relay all that waits in one partition's outbox. Returns how many. Raises StoreError."""
        keys = PartitionKeys(self._settings.namespace, self._settings.topic(topics.EVENTS), partition)
        done = 0
        while entries := await self._store.read_outbox(keys, _COUNT):
            metrics.OUTBOX.labels(str(partition)).set(len(entries))
            failpoints.hit("outbox.read")
            await self._sender.send_by_key(
                self._settings.topic(topics.ALERTS), [self._out(body) for _, body in entries]
            )
            failpoints.hit("outbox.produced")
            await self._store.delete_outbox(keys, [entry for entry, _ in entries])
            failpoints.hit("outbox.deleted")
            done += len(entries)
        metrics.OUTBOX.labels(str(partition)).set(0)
        return done

    def _out(self, body: bytes) -> Out:
        alert = _decode(body)
        headers = [
            *ce_headers(topics.ALERTS, self._source),
            ("ce_id", alert.transition_id.encode()),
            ("ce_time", alert.at.encode()),
            ("ce_dataschema", b"urn:rapport:schema:partnership.alerts.v1"),
        ]
        stamp = int(msgspec.convert(alert.at, type=datetime).timestamp() * 1_000)
        return (alert.influencer_id or "source").encode(), body, stamp, headers
