"""What deletions name by key alone, for sources behind webhooks: noted in Redis, fetched when it is missed.

A source reads its index without waiting. So a payload is parsed; what it missed is fetched; and if anything
was found, it is parsed once more.
"""

from __future__ import annotations

from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from streams.errors import StoreUnavailableError
from streams.sources.memory import RedisMemory

#: A payload that names more things than this is a batch of strangers' deletions.
_MISSED_MAX: Final = 1_000
#: Notes that wait while Redis is away.
_WAITING_MAX: Final = 50_000


class Recall(RedisMemory):
    """`RedisMemory` that knows what it was asked for in vain."""

    def __init__(self, client: redis.Redis, namespace: str, name: str) -> None:
        super().__init__(client, namespace, name)
        self._missed: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """What is at hand; what is not is noted as missed."""
        found = super().get(key)
        if found is None and len(self._missed) < _MISSED_MAX:
            self._missed.add(key)
        return found

    async def fetch_missed(self) -> bool:
        """Fetch what was missed since the last call; whether any of it was there.

        Raises StoreUnavailableError.
        """
        missed, self._missed = self._missed, set()
        if not missed:
            return False
        await self.fetch(missed)
        return any(RedisMemory.get(self, key) is not None for key in missed)

    async def flush(self) -> None:
        """Bring what was put to Redis; requests that put meanwhile are not overlooked.

        Raises StoreUnavailableError; what was put stays to be tried again.
        """
        new, self._new = self._new, {}
        if not new:
            return
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for key, value in new.items():
                    pipe.set(self._key(key), value, ex=self._expiry_s)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self._new = dict(list((new | self._new).items())[-_WAITING_MAX:])
            raise StoreUnavailableError(f"Redis does not answer: {error}") from error
