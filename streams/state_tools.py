"""`rapport state`: what to do when state and log do not belong together any more.

Only with no worker running: a worker that holds a partition would be refused by the raised epoch and claim
it again.
"""

from __future__ import annotations

from dataclasses import dataclass

from processors.state.connect import open_redis
from processors.state.layout import PartitionKeys, layout_key, receipts_key, snapshot_key
from streams.consume import Span, holds, spans
from streams.errors import RapportError
from streams.reader import Reader
from streams.settings import Settings
from streams.state_io import Keys

#: In one step, and by script: see `processors.state.connect` on a cluster's transactions.
_MOVE = """
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HINCRBY', KEYS[1], 'seq', 1)
redis.call('HSET', KEYS[1], 'next', ARGV[1])
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done to one partition. `before`, `after`: the fence's `next`, None without one."""

    partition: int
    before: int | None
    after: int | None
    keys_removed: int = 0


async def adopt(settings: Settings, *, dry_run: bool = False) -> list[Changed]:
    """Keep the state, and go on at the log's start wherever the fence lies outside the log.

    Records of the new log are counted on top of what was counted from the old one.
    """
    async with Reader(settings) as reader:
        topic, keys = await reader.topic(), await reader.keys()
    logs = await spans(settings, topic)
    changed = []
    async with open_redis(settings.redis_url, socket_timeout=settings.redis_timeout_s) as client:
        for key in keys:
            raw = await client.hget(key.fence, "next")
            if raw is None:
                continue
            following = int(raw)
            start = await _belongs(settings, key, logs.get(key.partition), following)
            if start is None:
                continue
            if not dry_run:
                await client.eval(_MOVE, 1, key.fence, start)
            changed.append(Changed(key.partition, following, start))
    return changed


async def _belongs(settings: Settings, key: PartitionKeys, log: Span | None, following: int) -> int | None:
    """The log's start when the fence lies outside the log; None when it fits."""
    if log is None:
        raise RapportError(
            f"{key.topic} has no partition {key.partition} any more", hint="`rapport state reset` starts anew"
        )
    if following < log.start:
        return log.start
    if following > log.end and not await holds(settings, key.topic, key.partition, following - 1):
        return log.start
    return None


async def reset(settings: Settings, *, dry_run: bool = False) -> list[Changed]:
    """Forget all state of the installation: everything is counted anew from the log's start."""
    async with Reader(settings) as reader:
        keys = await reader.keys()
    changed = []
    async with open_redis(settings.redis_url, socket_timeout=settings.redis_timeout_s) as client:
        all_keys = Keys(settings, client)
        for key in keys:
            raw = await client.hget(key.fence, "next")
            if dry_run:
                count = len([name async for name in all_keys.places(key)])
            else:
                count = await all_keys.wipe(key)
            changed.append(Changed(key.partition, None if raw is None else int(raw), None, count))
        if not dry_run:
            of_all = layout_key, receipts_key, snapshot_key
            await client.delete(*(key_of(settings.namespace) for key_of in of_all))
    return changed
