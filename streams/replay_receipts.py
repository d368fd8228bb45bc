"""Receipts of replays in Redis: begun, how far acknowledged, finished; by content, not by file name.

A receipt holds JSON: begun_at, finished_at (epoch s), events; order (digest of the records in their order),
acked (so many from the start are acknowledged) and acked_at. They lie in one hash, emptied with the state
that they speak of.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self, cast

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from processors.state.connect import open_redis
from processors.state.layout import receipts_key
from streams.errors import RapportError, StoreUnavailableError
from streams.reading.survey import Survey
from streams.settings import Settings
from streams.settings_doc import mask_address

#: Ids are forgotten by the hour: the last hour of the memory is not relied on.
_MARGIN_H: Final = 1
_RETRIES: Final = 3


class AlreadyReplayedError(RapportError):
    """The same events were replayed before, and the worker no longer remembers their ids."""


@dataclass(frozen=True, slots=True)
class Begun:
    """`before`: not the first replay of these records. `skip`: so many from the start are acknowledged."""

    before: bool = False
    skip: int = 0


class Receipts:
    """Receipts for one topic (its full name) of this installation."""

    def __init__(self, settings: Settings, topic: str, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._key = receipts_key(settings.namespace)
        self._topic = topic
        timeout = settings.redis_timeout_s
        self._redis: redis.Redis = open_redis(
            settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout,
            retry=Retry(ExponentialBackoff(), _RETRIES),
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._redis.aclose()

    async def begin(self, survey: Survey, *, again: bool) -> Begun:
        """Notes that a replay begins or goes on.

        Raises AlreadyReplayedError, StoreUnavailableError.
        """
        if not survey.count:
            return Begun()
        known = await self._read(survey)
        now = self._clock()
        if known is None or again:
            await self._write(survey, {"begun_at": now, "finished_at": None, "events": survey.count})
            return Begun(known is not None)
        on = not known.get("finished_at") and known.get("order") == survey.order and known.get("acked")
        # What was sent after the last note may have arrived: the worker must still know it. Else the first
        # sending counts: duplicates do not make the worker remember for longer.
        since = float(str(known["acked_at" if on else "begun_at"]))
        if (now - since) / 3_600 > self._settings.duplicate_memory_h - _MARGIN_H:
            raise self._refusal(survey, known)
        return Begun(True, int(str(known["acked"])) if on else 0)

    def _refusal(self, survey: Survey, known: dict[str, object]) -> AlreadyReplayedError:
        when = datetime.fromtimestamp(float(str(known["begun_at"])), UTC)
        ended = "finished" if known.get("finished_at") else "was begun, but not finished,"
        return AlreadyReplayedError(
            f"a replay of the same {survey.count:,} events {ended} on {when:%Y-%m-%d %H:%M} UTC; event "
            f"ids are remembered for {self._settings.duplicate_memory_h} h, so they would be counted "
            "twice: nothing was sent",
            hint="send them all the same with --again",
        )

    async def acked(self, survey: Survey, count: int) -> None:
        """Notes that the first `count` records are acknowledged. Raises StoreUnavailableError."""
        known = await self._known(survey)
        await self._write(survey, {**known, "order": survey.order, "acked": count, "acked_at": self._clock()})

    async def finish(self, survey: Survey) -> None:
        """Notes that all was sent; when it was begun stays. Raises StoreUnavailableError."""
        if survey.count:
            await self._write(survey, {**await self._known(survey), "finished_at": self._clock()})

    async def _known(self, survey: Survey) -> dict[str, object]:
        return await self._read(survey) or {"begun_at": self._clock(), "events": survey.count}

    async def _read(self, survey: Survey) -> dict[str, object] | None:
        try:
            found = await self._redis.hget(self._key, f"{self._topic}/{survey.name}")
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from error
        return None if found is None else cast(dict[str, object], json.loads(found))

    async def _write(self, survey: Survey, value: dict[str, object]) -> None:
        try:
            await self._redis.hset(self._key, f"{self._topic}/{survey.name}", json.dumps(value))
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"Redis at {mask_address(self._settings.redis_url)} does not answer: {error}",
            hint="is it running, and is RAPPORT_REDIS_URL right?",
        )
