"""The hourly snapshot of what crosses influencers: merged by who owns partition 0, read by every worker.

Parts lie in Redis, written in each partition's fenced write. The merged snapshot is not fenced: two owners
(one of them a zombie) may write it, both from the same parts, and the next merge stands. Nothing waits for
it: when Redis is away, or a value cannot be read, the snapshot that is there goes on being used.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec

from processors.partition import Partition
from processors.snapshot import Part, Snapshot, decode_part, decode_snapshot, encode, merge
from processors.state.layout import PartitionKeys, snapshot_key
from processors.state.store import Store, StoreError

log = logging.getLogger(__name__)
#: Between two looks, s of wall time. Event time may run faster in a replay: merging follows the parts' hours.
EVERY_S = 60.0
#: All reading and writing of one look, s; after it the next look tries again.
WITHIN_S = 30.0
#: Partitions read at once.
AT_ONCE = 16
_DAY_H = 24


class Snapshots:
    """Keeps one worker's snapshot. `partitions`: those that it owns now; `newest` is handed to each."""

    def __init__(
        self,
        store: Store,
        namespace: str,
        topic: str,
        count: int,
        partitions: Callable[[], Iterable[Partition]],
        every: float = EVERY_S,
    ) -> None:
        self.newest: Snapshot | None = None
        self._store, self._partitions, self._every = store, partitions, every
        self._key = snapshot_key(namespace)
        self._keys = [PartitionKeys(namespace, topic, number) for number in range(count)]

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # it only explains and compares: counting goes on without it
                log.exception("the snapshot of all partitions is not renewed")
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Read the snapshot, merge anew when it is this worker's to do and a part has moved on, hand it out.
        Errors of Redis are logged, not raised: the next look comes."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._read()
                if any(partition.keys.partition == 0 for partition in self._partitions()):
                    await self._merge()
        except (StoreError, TimeoutError) as error:
            log.warning("the snapshot of all partitions is not renewed: %s", error or "no answer in time")
        self.hand_out()

    def hand_out(self) -> None:
        """Give the newest snapshot to the partitions owned now."""
        for partition in self._partitions():
            partition.evaluator.snapshot = self.newest

    async def _read(self) -> None:
        data = (await self._store.read_strings([self._key]))[0]
        if not data:
            return
        try:
            self.newest = decode_snapshot(data)
        except msgspec.MsgspecError as error:  # of another version: merged anew
            log.warning("the snapshot of all partitions cannot be read: %s", error)

    async def _merge(self) -> None:
        parts = await self._parts()
        if not parts:
            return
        hour, before = max(part.hour for part in parts), self.newest
        if before is not None and before.hour - _DAY_H <= hour <= before.hour:
            return
        if before is not None and hour < before.hour:  # the log was begun anew
            before = None
        made = await asyncio.to_thread(merge, parts, before)  # some seconds for tens of thousands of acts
        await self._store.put_string(self._key, encode(made))
        self.newest = made
        log.info("snapshot merged", extra={"snapshot_id": made.id, "influencers": len(made.members)})

    async def _parts(self) -> list[Part]:
        found = []
        for start in range(0, len(self._keys), AT_ONCE):
            keys = self._keys[start : start + AT_ONCE]
            values = await self._store.read_strings([key.part for key in keys])
            for key, data in zip(keys, values, strict=True):
                try:
                    if data:
                        found.append(decode_part(data))
                except msgspec.MsgspecError as error:
                    log.warning("the part of partition %d cannot be read: %s", key.partition, error)
            await asyncio.sleep(0)
        return found
