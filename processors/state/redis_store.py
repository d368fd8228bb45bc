"""The store on Redis 7+ or Valkey, one server or a cluster: one function call a fenced write.

Every call has a timeout. Errors of the connection, and answers that pass (LOADING, READONLY after a failover,
a function library that an emptied Redis has forgotten) are tried again here a bounded number of times; what
remains is raised as StoreError and the caller waits with its place kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, Protocol, TypeVar

from redis import exceptions as errors

from processors.state.connect import open_redis, primaries
from processors.state.layout import PartitionKeys
from processors.state.memory_store import claim_of
from processors.state.store import Answer, Claim, StoreError, Write, full

T = TypeVar("T")
#: What fence.lua's rapport_version() answers.
LIBRARY_VERSION = 2
#: Fields that are not there yet, all at once: nobody may read half of a layout.
_LAY_OUT = """
for i = 1, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('HGETALL', KEYS[1])
"""
#: What a node of a cluster is told who takes it for all there is.
NOT_SAID = "this Redis is a cluster: say so in RAPPORT_REDIS_URL, with ?cluster=yes"
#: Answers that pass by themselves: tried again with backoff. Of some the client makes exceptions of their
#: own, and drops the word in front.
_PASSING = (errors.ReadOnlyError, errors.OutOfMemoryError, errors.ClusterDownError, errors.TryAgainError)
_PASSING_WORDS = ("MISCONF", "BUSY", "NOREPLICAS")


async def library_versions(client: Any) -> list[int]:
    """What rapport_version() answers on the server, or on each primary of a cluster.

    Raises redis.exceptions.ResponseError where one does not have the library.
    """
    await client.initialize()
    nodes = primaries(client)
    if not nodes:
        return [await client.fcall_ro("rapport_version", 0)]
    asked = [
        client.execute_command("FCALL_RO", "rapport_version", 0, target_nodes=one) for one in nodes.values()
    ]
    return list(await asyncio.gather(*asked))


class Observer(Protocol):
    """Where calls are counted (the worker hands in Prometheus; tests and tools nothing)."""

    def call(self, name: str, seconds: float, retries: int) -> None: ...


class RedisStore:
    """State in Redis. `attempts` bounds the retries of one call; `timeout` is per attempt, in seconds."""

    def __init__(
        self, url: str, *, timeout: float = 5.0, attempts: int = 3, observer: Observer | None = None
    ) -> None:
        self._redis: Any = open_redis(
            url, socket_timeout=timeout, socket_connect_timeout=min(timeout, 2.0), protocol=2,
            health_check_interval=30, retry=None, retry_on_error=[],
        )  # fmt: skip
        self._attempts = attempts
        self._observer = observer
        self._library = files("processors.state").joinpath("fence.lua").read_text()

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def ping(self) -> None:
        """Raise StoreError unless Redis answers."""
        await self._call("ping", lambda: self._redis.ping())

    async def load_library(self) -> None:
        """Load fence.lua, unless this version is there already. Raises StoreError."""

        async def load() -> None:
            try:
                if set(await library_versions(self._redis)) == {LIBRARY_VERSION}:
                    return
            except errors.ResponseError as error:
                if "unction not found" not in str(error):
                    raise
            await self._redis.function_load(self._library, replace=True)

        await self._call("load", load)

    async def claim(self, keys: PartitionKeys) -> Claim:
        flat = await self._call("claim", lambda: self._redis.fcall("rapport_claim", 1, keys.fence))
        return claim_of(dict(zip(flat[::2], flat[1::2], strict=True)))

    async def apply(self, keys: PartitionKeys, write: Write) -> tuple[Answer, int]:
        names, args = [keys.fence, *write.keys], write.arguments()
        answer, cur = await self._call(
            "apply", lambda: self._redis.fcall("rapport_apply", len(names), *names, *args)
        )
        if answer == b"FULL":
            raise full(keys)
        return Answer(answer.decode()), int(cur)

    async def read_hashes(self, keys: Sequence[str]) -> list[dict[bytes, bytes]]:
        found: list[dict[bytes, bytes]] = await self._pipeline("read", [("HGETALL", key) for key in keys])
        return found

    async def read_strings(self, keys: Sequence[str]) -> list[bytes]:
        found = await self._pipeline("read", [("GET", key) for key in keys])
        return [value or b"" for value in found]

    async def put_string(self, key: str, value: bytes) -> None:
        await self._call("put", lambda: self._redis.set(key, value))

    async def read_outbox(self, keys: PartitionKeys, count: int) -> list[tuple[bytes, bytes]]:
        entries = await self._call("outbox", lambda: self._redis.xrange(keys.outbox, count=count))
        return [(entry, fields[b"alert"]) for entry, fields in entries]

    async def delete_outbox(self, keys: PartitionKeys, ids: Sequence[bytes]) -> None:
        await self._call("outbox", lambda: self._redis.xdel(keys.outbox, *ids))

    async def set_once(self, key: str, value: str) -> bytes:
        """SET NX, then GET: the value that stands."""
        await self._call("set", lambda: self._redis.set(key, value, nx=True))
        found: bytes = await self._call("get", lambda: self._redis.get(key))
        return found

    async def layout(self, key: str, fields: dict[str, str]) -> dict[bytes, bytes]:
        """Write the installation's layout unless one stands; return what stands."""
        pairs = [part for item in fields.items() for part in item]
        flat = await self._call("layout", lambda: self._redis.eval(_LAY_OUT, 1, key, *pairs))
        return dict(zip(flat[::2], flat[1::2], strict=True))

    async def _pipeline(self, name: str, commands: Sequence[tuple[str, str]]) -> Any:
        async def run() -> Any:
            pipe = self._redis.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            return await pipe.execute()

        return await self._call(name, run) if commands else []

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        started = asyncio.get_running_loop().time()
        for attempt in range(self._attempts):
            try:
                answer = await call()
            except errors.ResponseError as error:
                message = str(error)
                if isinstance(error, errors.MovedError):
                    raise StoreError(NOT_SAID, retryable=False) from error
                if "unction not found" in message:
                    await self._reload()
                elif not isinstance(error, _PASSING) and not message.startswith(_PASSING_WORDS):
                    raise StoreError(f"Redis refused {name}: {message}", retryable=False) from error
                last: Exception = error
            except errors.AuthenticationError as error:
                raise StoreError(f"Redis refuses us: {error}", retryable=False) from error
            except (errors.RedisError, OSError, TimeoutError) as error:
                last = error
            else:
                if self._observer:
                    self._observer.call(name, asyncio.get_running_loop().time() - started, attempt)
                return answer
            await asyncio.sleep(min(0.05 * 2**attempt, 1.0))
        if self._observer:
            self._observer.call(name, asyncio.get_running_loop().time() - started, self._attempts)
        raise StoreError(f"Redis did not do {name}: {last}", retryable=True) from last

    async def _reload(self) -> None:
        try:
            await self._redis.function_load(self._library, replace=True)
        except (errors.RedisError, OSError):
            return  # the caller tries again and meets the cause itself
