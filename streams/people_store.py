"""The hashes and the audit stream that people's acts lie in: every change with its line, atomically.

A change is compare-and-set on one field, made by the server together with the line: nobody's act is lost
between reading and writing, and doing it again after an answer got lost finds it done.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import redis.asyncio as redis
from pydantic import ValidationError
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from processors.state.connect import open_redis
from schemas.acts import Act
from schemas.common import Record
from streams import metrics
from streams.errors import RapportError, StoreUnavailableError
from streams.settings import Settings
from streams.settings_doc import mask_address

log = logging.getLogger("rapport.people")
M = TypeVar("M", bound=Record)

#: Lines of the audit trail that are kept, about (Redis trims whole nodes).
AUDIT_MAX: Final = 100_000
#: Marks kept of one kind; beyond it the oldest go.
MARKS_MAX: Final = 50_000
_TRIES: Final = 3
_RACES: Final = 50
_PAGE: Final = 500

#: KEYS: hash, audit. ARGV: field, whether it is there, its value before, whether it stays, its value after,
#: the line of the audit ("" for none), length of the audit. Answers 1 done, 0 it is not as it was before.
_CHANGE: Final = """
local now = redis.call('HGET', KEYS[1], ARGV[1])
if (now and '1' or '0') ~= ARGV[2] or (now and now ~= ARGV[3]) then return 0 end
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[5])
else redis.call('HDEL', KEYS[1], ARGV[1]) end
if ARGV[6] ~= '' then redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], '*', 'act', ARGV[6]) end
return 1
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a field: its new JSON (None: it goes), and the line in the audit (None: no line)."""

    value: str | None
    act: Act | None


def open_client(settings: Settings) -> redis.Redis:
    """A client with timeouts and bounded retries, as all that people use."""
    return open_redis(
        settings.redis_url,
        socket_timeout=settings.redis_timeout_s,
        socket_connect_timeout=min(2.0, settings.redis_timeout_s),
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.1), _TRIES - 1),
    )


class ActStore:
    """The keys of one installation; raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        self._settings = settings
        self._redis = client
        self._tag = f"{{{settings.namespace}}}"

    def key(self, name: str) -> str:
        """Full name of a key: silences, acks, wrong, explainers, audit, tokens."""
        return self._tag + name

    async def all(self, name: str, model: type[M]) -> dict[str, M]:
        """All values of a hash; one that cannot be read is told in the log and left out."""
        raw = cast(dict[bytes, bytes], await self.ask(self._redis.hgetall(self.key(name))))
        found: dict[str, M] = {}
        for field, value in raw.items():
            title = field.decode("utf-8", "replace")
            if (item := _parse(model, value, title)) is not None:
                found[title] = item
        return found

    async def one(self, name: str, field: str, model: type[M]) -> M | None:
        """One value of a hash; None when it is not there (or unreadable)."""
        raw = await self.ask(self._redis.hget(self.key(name), field))
        return None if raw is None else _parse(model, raw, field)

    async def some(self, name: str, fields: Sequence[str], model: type[M]) -> dict[str, M]:
        """The values of these fields that are there."""
        raw = await self.ask(self._redis.hmget(self.key(name), list(fields))) if fields else []
        parsed = {
            field: _parse(model, value, field)
            for field, value in zip(fields, raw, strict=True)
            if value is not None
        }
        return {field: item for field, item in parsed.items() if item is not None}

    async def count(self, name: str) -> int:
        """Fields of a hash."""
        return int(await self.ask(self._redis.hlen(self.key(name))))

    async def change(self, name: str, field: str, decide: Callable[[bytes | None], Change | None]) -> bool:
        """Changes one field as `decide` says of its present value; False when it says None: nothing to do.

        `decide` may be asked several times, when others change the field meanwhile.
        """
        for _ in range(_RACES):
            before = await self.ask(self._redis.hget(self.key(name), field))
            wanted = decide(before)
            if wanted is None:
                return False
            answer = await self.ask(
                self._redis.eval(
                    _CHANGE, 2, self.key(name), self.key("audit"), field,
                    "0" if before is None else "1", before or b"",
                    "0" if wanted.value is None else "1", wanted.value or "",
                    wanted.act.model_dump_json(exclude_none=True) if wanted.act else "", AUDIT_MAX,
                )
            )  # fmt: skip
            if answer == 1:
                return True
        raise RapportError(f"{field!r} is changed by others all the time", hint="try again in a moment")

    async def drop(self, name: str, fields: list[str]) -> None:
        """Removes fields that nobody needs any more; not an act, so no line in the audit."""
        if fields:
            await self.ask(self._redis.hdel(self.key(name), *fields))

    async def record(self, act: Act) -> None:
        """Adds a line to the audit for what is not kept in a hash here."""
        await self.ask(
            self._redis.xadd(
                self.key("audit"), {"act": act.model_dump_json(exclude_none=True)},
                maxlen=AUDIT_MAX, approximate=True,
            )
        )  # fmt: skip

    async def audit(
        self, before: str | None = None, *, names: Sequence[str] = (), scan: int | None = None
    ) -> AsyncIterator[tuple[str, Act]]:
        """(place, act), newest first; `before`: only those older than this place.

        `names`: lines that do not hold all of these texts are passed over unread. `scan`: only so many lines.
        """
        wanted = [json.dumps(name, ensure_ascii=False)[1:-1].encode("utf-8", "replace") for name in names]
        top, left = (f"({before}" if before else "+"), scan if scan is not None else 2 * AUDIT_MAX
        while left > 0:
            count = min(_PAGE, left)
            page = await self.ask(self._redis.xrevrange(self.key("audit"), max=top, min="-", count=count))
            left -= count
            for place, fields in page:
                top = f"({place.decode()}"
                raw = fields.get(b"act", b"")
                if not all(name in raw for name in wanted):
                    continue
                act = _parse(Act, raw, place.decode())
                if act is not None:
                    yield place.decode(), act
            if len(page) < count:
                return

    async def keys(self, *patterns: str) -> AsyncIterator[bytes]:
        """Names of all keys that match, of every node of a cluster; some twice where keys move meanwhile."""
        for pattern in patterns:
            with self._translated():
                async for key in self._redis.scan_iter(match=pattern, count=_PAGE):
                    yield cast(bytes, key)

    async def ask(self, call: Any) -> Any:
        """The call's answer, or StoreUnavailableError with what to do. The client itself tries again."""
        with metrics.REDIS_SECONDS.labels("people").time(), self._translated():
            return await call

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except AuthenticationError as error:
            raise StoreUnavailableError(
                f"Redis refuses us: {error}", hint="user and password belong into RAPPORT_REDIS_URL"
            ) from error
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise StoreUnavailableError(
                f"Redis at {mask_address(self._settings.redis_url)} does not answer: {error}",
                hint="is it running, and is RAPPORT_REDIS_URL (or --redis) right?",
            ) from error
        except RedisError as error:
            raise StoreUnavailableError(
                f"Redis at {mask_address(self._settings.redis_url)} says: {error}",
                hint="`rapport doctor` looks closer",
            ) from error


def _parse(model: type[M], value: bytes, name: str) -> M | None:
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        # One unreadable value must not hide all others; it is told, not swallowed.
        log.warning("%s %r in Redis cannot be read: %s", model.__name__, name, error)
        return None
