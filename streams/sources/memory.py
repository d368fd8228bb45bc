"""What a client keeps between two frames and two starts: its place in the stream, and what may be deleted.

`Memory` is an `Index` whose reads were fetched before and whose writes go out together, so that parsing
stays free of waiting. In Redis entries expire; values hold ids of accounts and objects as the platform sends
them, since an undo has to name them, and nothing that was said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final, Protocol

import redis.asyncio as redis
from redis.exceptions import RedisError

from streams.errors import InputError, StoreUnavailableError
from streams.sources.index import Index, LocalIndex

#: How long a deletion finds what it takes back. The worker itself looks back seven days.
EXPIRY_S: Final = 30 * 86_400
#: Entries held in this process; older ones are fetched again.
_HELD: Final = 50_000


class Memory(Index, Protocol):
    """Cursor and index of one source."""

    async def cursor(self) -> int | None:
        """Where the stream was read up to (the platform's own count), or None."""

    async def save(self, cursor: int) -> None:
        """Everything up to there is acknowledged. Never moves back."""

    async def fetch(self, keys: Iterable[str]) -> None:
        """Have these keys at hand for `get`."""

    async def flush(self) -> None:
        """Bring what was put to where it stays."""


class FileMemory(LocalIndex):
    """Cursor in a file, index in memory: for one client without Redis. Deletions of what was seen before the
    last start are not resolved."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    async def cursor(self) -> int | None:
        """As the file has it. Raises InputError when it is no such file."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))["cursor"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"{self._path}: holds no cursor: {error}", hint="delete it to begin anew"
            ) from error
        if not isinstance(found, int):
            raise InputError(f"{self._path}: holds no cursor", hint="delete it to begin anew")
        return found

    async def save(self, cursor: int) -> None:
        """Written beside and moved into place, so that a crash leaves the old one."""
        before = await self.cursor()
        if before is not None and before >= cursor:
            return
        beside = self._path.with_suffix(self._path.suffix + ".new")
        beside.write_text(json.dumps({"cursor": cursor}), encoding="utf-8")
        beside.replace(self._path)

    async def fetch(self, keys: Iterable[str]) -> None:
        """Nothing to do."""

    async def flush(self) -> None:
        """Nothing to do."""


class RedisMemory:
    """Cursor and index in Redis, under `{NAMESPACE}source:NAME:`; entries expire after 30 days."""

    def __init__(self, client: redis.Redis, namespace: str, name: str, *, expiry_s: int = EXPIRY_S) -> None:
        """`client` has its own timeouts and retries."""
        self._client, self._expiry_s = client, expiry_s
        self._head = f"{{{namespace}}}source:{name}:"
        self._held = LocalIndex(_HELD)
        self._new: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """What is at hand."""
        return self._held.get(key)

    def put(self, key: str, value: bytes) -> None:
        """At hand at once, in Redis with the next `flush`."""
        self._held.put(key, value)
        self._new[key] = value

    async def cursor(self) -> int | None:
        """Raises StoreUnavailableError."""
        try:
            found = await self._client.get(self._head + "cursor")
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return int(found) if found is not None else None

    async def save(self, cursor: int) -> None:
        """Raises StoreUnavailableError."""
        try:
            before = await self._client.get(self._head + "cursor")
            if before is None or int(before) < cursor:
                await self._client.set(self._head + "cursor", cursor)
        except (RedisError, OSError) as error:
            raise _away(error) from error

    async def fetch(self, keys: Iterable[str]) -> None:
        """Raises StoreUnavailableError."""
        wanted = [key for key in dict.fromkeys(keys) if self._held.get(key) is None]
        if not wanted:
            return
        try:
            found = await self._client.mget([self._key(key) for key in wanted])
        except (RedisError, OSError) as error:
            raise _away(error) from error
        for key, value in zip(wanted, found, strict=True):
            if value is not None:
                self._held.put(key, value if isinstance(value, bytes) else value.encode())

    async def flush(self) -> None:
        """Raises StoreUnavailableError; what was put stays to be tried again."""
        if not self._new:
            return
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for key, value in self._new.items():
                    pipe.set(self._key(key), value, ex=self._expiry_s)
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise _away(error) from error
        self._new.clear()

    def _key(self, key: str) -> str:
        return self._head + "i:" + blake2b(key.encode(), digest_size=16).hexdigest()


def _away(error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"Redis does not answer: {error}", hint="is it running, and is RAPPORT_REDIS_URL right?"
    )
