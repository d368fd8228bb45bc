"""Which events were taken in before: 8-byte marks in this process, and in Redis for 48 h, within a budget.

A mark is set only after Kafka has acknowledged the event; the other way round a crash between the two would
turn the sender's next try into a "duplicate" of something that is nowhere. So at worst an event lies in the
topic twice, and the worker, which remembers ids itself, counts it once. Without Redis the gateway goes on
with what it knows itself.

`{NAMESPACE}gateway:ids`: list of the names of at most 8 sets of marks, newest first; a set ends when it holds
an eighth of the budget or is a day old, and goes 48 h after the last mark was added.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, cast

import redis.asyncio as redis
from redis.exceptions import RedisError

from streams import metrics

log = logging.getLogger("rapport.gateway")
_SETS: Final = 8
_EXPIRY_S: Final = 48 * 3_600
_SET_AGE_S: Final = 24 * 3_600
#: The list of sets is asked for so often, s.
_LIST_S: Final = 5.0
#: Marks go to Redis together, so often, s; so many may wait while it is away.
_FLUSH_S: Final = 0.1
_WAITING_MAX: Final = 200_000
#: After a failure Redis is left alone for so long, s: no request waits for it meanwhile.
_REST_S: Final = 2.0
#: Marks held in this process, some 100 bytes each.
LOCAL_MAX: Final = 400_000


class LocalIds:
    """Marks in this process, in two generations: the older one goes when the newer one is full."""

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()

    def __contains__(self, mark: bytes) -> bool:
        return mark in self._new or mark in self._old

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def add(self, marks: Iterable[bytes]) -> None:
        """Remember them."""
        for mark in marks:
            if len(self._new) >= self._half:
                self._old, self._new = self._new, set()
            self._new.add(mark)


class SharedIds:
    """Marks in Redis. Raises RedisError, OSError, TimeoutError."""

    def __init__(self, client: redis.Redis, namespace: str, most: int, now: Callable[[], float]) -> None:
        self._redis, self._now = client, now
        self._share = max(1, most // _SETS)
        self._head = f"{{{namespace}}}gateway:ids"
        self._sets: list[str] = []
        self._asked = -_LIST_S

    async def seen(self, marks: Sequence[bytes]) -> set[bytes]:
        """Those of the marks that are known."""
        names = await self._names()
        if not names or not marks:
            return set()
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.smismember(name, list(marks))
            rows = await pipe.execute()
        return {mark for row in rows for mark, there in zip(marks, row, strict=True) if there}

    async def add(self, marks: Collection[bytes]) -> None:
        """Remember them."""
        names = await self._names()
        name = names[0] if names else await self._begin()
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.sadd(name, *marks)
            pipe.expire(name, _EXPIRY_S)
            pipe.scard(name)
            *_, count = await pipe.execute()
        if count >= self._share or self._now() - _started(name) > _SET_AGE_S:
            await self._begin()

    async def _names(self) -> list[str]:
        if self._now() - self._asked >= _LIST_S:
            found = await cast("Any", self._redis.lrange(self._head, 0, _SETS - 1))
            self._sets = [name.decode() if isinstance(name, bytes) else name for name in found]
            self._asked = self._now()
        return self._sets

    async def _begin(self) -> str:
        """A new set; those beyond the eighth go. Two gateways that begin one at once make two: no harm."""
        name = f"{self._head}:{int(self._now())}-{secrets.token_hex(3)}"
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.lpush(self._head, name)
            pipe.lrange(self._head, _SETS, -1)
            pipe.ltrim(self._head, 0, _SETS - 1)
            pipe.expire(self._head, _EXPIRY_S)
            _, beyond, *_ = await pipe.execute()
            if beyond:
                pipe.execute_command("UNLINK", *beyond)
                await pipe.execute()
        self._asked = -_LIST_S
        return name


def _started(name: str) -> float:
    return float(name.rpartition(":")[2].partition("-")[0] or 0)


class Ids:
    """Both together; never raises, never holds a request up for long."""

    def __init__(self, shared: SharedIds, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.local = LocalIds(min(most or LOCAL_MAX, LOCAL_MAX))
        self._shared, self._monotonic = shared if most else None, monotonic
        self._fresh: set[bytes] = set()
        self._rest_until = 0.0
        self.reachable = True

    async def seen(self, marks: Collection[bytes]) -> set[bytes]:
        """Those that were taken in before, as far as anybody knows."""
        known = {mark for mark in marks if mark in self.local}
        rest = [mark for mark in marks if mark not in known]
        if not rest or self._shared is None or self._monotonic() < self._rest_until:
            return known
        try:
            found = await self._shared.seen(rest)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return known
        self._answered()
        self.local.add(found)
        return known | found

    def remember(self, marks: Collection[bytes]) -> None:
        """They are acknowledged: known here at once, in Redis with the next flush."""
        self.local.add(marks)
        if self._shared is not None and len(self._fresh) < _WAITING_MAX:
            self._fresh.update(marks)

    async def run(self) -> None:
        """Bring marks to Redis until cancelled."""
        while True:
            await asyncio.sleep(_FLUSH_S)
            try:
                await self.flush()
            except Exception:  # must not end for what nobody thought of: marks only spare repeats
                log.exception("marks could not be brought to Redis")

    async def flush(self) -> None:
        """Bring what waits to Redis, unless it rests."""
        if not self._fresh or self._shared is None or self._monotonic() < self._rest_until:
            return
        marks, self._fresh = self._fresh, set()
        try:
            await self._shared.add(marks)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            if len(self._fresh) + len(marks) <= _WAITING_MAX:
                self._fresh |= marks
            return
        self._answered()

    def _failed(self, error: Exception) -> None:
        metrics.REDIS_RETRIES.labels("gateway").inc()
        if self.reachable:
            log.warning("Redis does not answer: repeats are recognised only within this process: %r", error)
        self.reachable = False
        self._rest_until = self._monotonic() + _REST_S

    def _answered(self) -> None:
        if not self.reachable:
            log.info("Redis answers again")
        self.reachable = True
