"""Reads what the workers wrote to Redis. Read-only: nothing here ever changes a key.

The layout is drawn in `processors.state.layout`. Every call has a timeout and is tried at most three times.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import redis.asyncio as redis
from msgspec import MsgspecError
from pydantic import BaseModel, ValidationError
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import AuthenticationError, RedisError

from processors import history
from processors.panes import HOUR
from processors.readings import unpacked
from processors.snapshot import Snapshot, decode_snapshot
from processors.state.connect import open_redis
from processors.state.layout import (
    LAYOUT_VERSION,
    PartitionKeys,
    layout_key,
    partition_of,
    refusal_of,
    snapshot_key,
)
from schemas import Alert, Reading
from streams.errors import NotFoundError, RapportError, StoreUnavailableError
from streams.settings import Settings
from streams.settings_doc import mask_address

log = logging.getLogger("rapport.reader")

NONE_PREFIX = "none--"
_TRIES = 3
_M = TypeVar("_M", bound=BaseModel)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Totals:
    """Records read and what became of them, over all partitions; each is in exactly one outcome."""

    read: int = 0
    counted: int = 0
    duplicate: int = 0
    rejected: int = 0
    expired: int = 0
    late: int = 0

    @property
    def balanced(self) -> bool:
        """Whether each record read is in exactly one outcome."""
        return self.read == self.counted + self.duplicate + self.rejected + self.expired


@dataclass(frozen=True, slots=True)
class Fence:
    """One partition's fence: `next` is the first offset not yet folded, `clock` its event clock (epoch s)."""

    partition: int
    next: int | None
    epoch: int
    clock: float | None
    totals: Totals


@dataclass(frozen=True, slots=True)
class InfluencerState:
    """What is kept of one influencer beside the panes."""

    influencer_id: str
    partition: int
    lifetime: Mapping[str, int]
    followers: int | None
    facts: Mapping[str, Any] = field(default_factory=dict)


SparkLine = Sequence[tuple[int, float | None]]


class Reader:
    """Reads one installation's state.

    ```python
    async with Reader(settings) as reader:
        totals = await reader.totals()
    ```
    Raises StoreUnavailableError when Redis does not answer, NotFoundError when nothing was written yet.
    """

    def __init__(self, settings: Settings, *, client: redis.Redis | None = None) -> None:
        self._settings = settings
        self._own = client is None
        self._redis = client or open_redis(
            settings.redis_url,
            socket_timeout=settings.redis_timeout_s,
            socket_connect_timeout=min(2.0, settings.redis_timeout_s),
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.1), _TRIES - 1),
        )
        self._partitions: int | None = None
        self._topic = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own:
            await self._redis.aclose()

    async def partitions(self) -> int:
        """How many partitions the state is laid out for."""
        if self._partitions is None:
            raw = await self._ask(self._redis.hgetall(layout_key(self._settings.namespace)))
            layout = {name.decode(): value.decode() for name, value in raw.items()}
            if not layout:
                raise NotFoundError(
                    f"nothing is written under the namespace {self._settings.namespace!r} yet",
                    hint="has a worker run on this Redis? `rapport doctor` looks closer",
                )
            if not layout["version"].isdecimal() or int(layout["version"]) > LAYOUT_VERSION:
                raise RapportError(refusal_of(layout["version"]))
            self._topic, self._partitions = layout["topic"], int(layout["partitions"])
        return self._partitions

    async def keys(self) -> list[PartitionKeys]:
        """The keys of every partition, in order."""
        count = await self.partitions()
        return [PartitionKeys(self._settings.namespace, self._topic, number) for number in range(count)]

    async def topic(self) -> str:
        """The events topic that the state was made of."""
        await self.partitions()
        return self._topic

    async def fences(self) -> list[Fence]:
        """Place, epoch, clock and totals of each partition."""
        keys = await self.keys()
        return [
            _fence(key.partition, raw)
            for key, raw in zip(keys, await self._hashes([key.fence for key in keys]), strict=True)
        ]

    async def totals(self) -> Totals:
        """Records read by outcome, all partitions together."""
        return sum_totals(await self.fences())

    async def readings(self, *, unpartnered: bool = False) -> list[Reading]:
        """The newest reading of each partnership, by id (or of influencers without a partnership)."""
        keys = await self.keys()
        names = [key.readings_none if unpartnered else key.readings for key in keys]
        found = [
            _parse(Reading, unpacked(value), name.decode("utf-8", "replace"))
            for raw in await self._hashes(names)
            for name, value in raw.items()
        ]
        return sorted((r for r in found if r is not None), key=lambda reading: reading.partnership_id)

    async def reading_bytes(self) -> dict[str, bytes]:
        """The newest reading of each partnership as JSON, packed as it lies; for who needs little of each."""
        return dict(await self._by_name([key.readings for key in await self.keys()]))

    async def packed_readings(self, partnership_id: str) -> list[bytes]:
        """The newest readings of one partnership as JSON, packed as they lie: one, or none, or an old one
        beside it on the partition of an influencer that it had before."""
        return await self._everywhere("readings", partnership_id)

    async def reading(self, partnership_id: str) -> Reading | None:
        """The newest reading of one partnership ("none--<influencer>" for one without); None: none yet."""
        keys = await self.keys()
        if partnership_id.startswith(NONE_PREFIX):
            key = keys[partition_of(partnership_id.removeprefix(NONE_PREFIX), len(keys))]
            values = [await self._ask(self._redis.hget(key.readings_none, partnership_id))]
        else:
            values = await self._everywhere("readings", partnership_id)
        found = [_parse(Reading, unpacked(value), partnership_id) for value in values if value is not None]
        # A partnership that moved to another influencer leaves an old reading on the old one's partition.
        return max((r for r in found if r is not None), key=lambda reading: reading.at, default=None)

    async def history(self, influencer_id: str, partnership_id: str) -> bytes:
        """What readings of a partnership were, as rows of `processors.history`; empty: none are kept."""
        keys = await self.keys()
        key = keys[partition_of(influencer_id, len(keys))].influencer(influencer_id)
        value = await self._ask(self._redis.hget(key, f"sp:{partnership_id}"))
        found = None if value is None else _read(history.unpack, value, partnership_id)
        return found or b""

    async def health(self, partnership_id: str) -> SparkLine:
        """Health of one partnership over time, newest last, as far back as it is kept."""
        packed = await self._everywhere("spark", partnership_id)
        # A partnership that moved to another influencer leaves an old one behind.
        return max((health_line(value, partnership_id) for value in packed), key=_newest, default=[])

    async def health_bytes(self) -> dict[str, bytes]:
        """The same of each partnership, packed as it lies; for who unpacks only what changed."""
        return dict(await self._by_name([key.spark for key in await self.keys()]))

    async def healths(self) -> dict[str, SparkLine]:
        """Health of each partnership over time, newest last, as far back as it is kept."""
        return {name: health_line(value, name) for name, value in (await self.health_bytes()).items()}

    async def sparks(self) -> dict[str, SparkLine]:
        """Health by the hour for each partnership, newest last, of the last three days."""
        return {name: by_the_hour(line) for name, line in (await self.healths()).items()}

    async def alerts(self) -> list[Alert]:
        """The newest transition of each alert, newest first."""
        found = [
            _parse(Alert, value, name.decode("utf-8", "replace"))
            for raw in await self._hashes([key.alerts for key in await self.keys()])
            for name, value in raw.items()
        ]
        return sorted((a for a in found if a is not None), key=lambda alert: alert.at, reverse=True)

    async def alert_bytes(self) -> dict[str, bytes]:
        """The newest transition of each alert as JSON, by fingerprint; for who parses only what changed."""
        return dict(await self._by_name([key.alerts for key in await self.keys()]))

    async def influencer(self, influencer_id: str) -> InfluencerState | None:
        """Lifetime counts and facts of one influencer; None when no event was ever counted for it."""
        from processors.state.codec import decode_meta

        keys = await self.keys()
        number = partition_of(influencer_id, len(keys))
        raw = await self._ask(self._redis.hget(keys[number].influencer(influencer_id), "meta"))
        if raw is None:
            return None
        meta = decode_meta(raw)
        facts = {
            "first_event_at": _moment(meta.first_at),
            "newest_event_at": _moment(meta.newest_at),
            "evaluated_at": _moment(meta.evaluated),
            "expired": meta.expired,
            "unresolved_undos": meta.unresolved_undos,
        }
        return InfluencerState(influencer_id, number, dict(meta.lifetime), meta.followers, facts)

    async def fields(self, influencer_id: str, prefixes: Sequence[str]) -> dict[str, bytes]:
        """Fields of the influencer's hash whose names begin with one of `prefixes`."""
        keys = await self.keys()
        key = keys[partition_of(influencer_id, len(keys))].influencer(influencer_id)
        raw: dict[bytes, bytes] = await self._ask(self._redis.hgetall(key))
        named = {name.decode("utf-8", "replace"): value for name, value in raw.items()}
        return {name: value for name, value in named.items() if name.startswith(tuple(prefixes))}

    async def snapshot(self) -> Snapshot | None:
        """What crosses influencers, as last merged; None when nothing was yet, or by another version."""
        raw = await self._ask(self._redis.get(snapshot_key(self._settings.namespace)))
        try:
            return decode_snapshot(raw) if raw else None
        except MsgspecError as error:
            log.warning("the snapshot in Redis cannot be read: %s", error)
            return None

    async def _everywhere(self, of: str, field: str) -> list[bytes]:
        """A field of a hash, from each partition that has it."""
        pipe = self._redis.pipeline(transaction=False)
        for key in await self.keys():
            pipe.hget(getattr(key, of), field)
        return [value for value in await self._ask(pipe.execute()) if value is not None]

    async def _by_name(self, names: Sequence[str]) -> list[tuple[str, bytes]]:
        return [
            (name.decode("utf-8", "replace"), value)
            for raw in await self._hashes(names)
            for name, value in raw.items()
        ]

    async def _hashes(self, names: Sequence[str]) -> list[dict[bytes, bytes]]:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(name)
        return cast(list[dict[bytes, bytes]], await self._ask(pipe.execute()))

    async def _ask(self, call: Any) -> Any:
        try:
            return await call
        except AuthenticationError as error:
            raise StoreUnavailableError(
                f"Redis refuses us: {error}", hint="user and password belong into RAPPORT_REDIS_URL"
            ) from error
        except RedisError as error:
            raise StoreUnavailableError(
                f"Redis at {mask_address(self._settings.redis_url)} does not answer: {error}",
                hint="is it running, and is RAPPORT_REDIS_URL (or --redis) right?",
            ) from error


def sum_totals(fences: Sequence[Fence]) -> Totals:
    """All partitions together."""
    names = Totals.__slots__
    return Totals(**{name: sum(getattr(fence.totals, name) for fence in fences) for name in names})


def event_clock(fences: Sequence[Fence]) -> float | None:
    """How far event time has come (epoch s): the furthest partition's clock."""
    return max((fence.clock for fence in fences if fence.clock is not None), default=None)


def lag(fences: Sequence[Fence], ends: Mapping[int, int], starts: Mapping[int, int] | None = None) -> int:
    """Records between the fences and the ends of the log; a partition never read counts from its start."""
    places = {fence.partition: fence.next for fence in fences}
    begun = starts or {}
    return sum(
        max(0, end - (place if (place := places.get(number)) is not None else begun.get(number, 0)))
        for number, end in ends.items()
    )


def _moment(epoch_s: float | None) -> datetime | None:
    return datetime.fromtimestamp(epoch_s, UTC) if epoch_s and isfinite(epoch_s) else None


def _fence(partition: int, raw: Mapping[bytes, bytes]) -> Fence:
    number = {name.decode(): value for name, value in raw.items()}
    totals = Totals(**{name: int(number.get(name, 0)) for name in Totals.__slots__})
    clock = float(number["clock"]) if "clock" in number else None
    place = int(number["next"]) if "next" in number else None
    return Fence(partition, place, int(number.get("epoch", 0)), clock or None, totals)


def by_the_hour(line: SparkLine) -> SparkLine:
    """The part of health over time that has a value each hour."""
    return [point for point in line if point[0] > line[-1][0] - history.STEPS[0][0] * HOUR]


def health_line(value: bytes, name: str) -> SparkLine:
    """Health over time, unpacked; what cannot be read is told in the log, and empty."""
    return _read(history.health, value, name) or []


def _newest(line: SparkLine) -> int:
    return line[-1][0] if line else 0


def _read(unpack: Callable[[bytes], _T], value: bytes, name: str) -> _T | None:
    try:
        return unpack(value)
    except (ValueError, MsgspecError) as error:
        # One unreadable value must not hide all others; it is told, not swallowed.
        log.warning("the history of %r in Redis cannot be read: %s", name, error)
        return None


def parse_alert(value: bytes, name: str) -> Alert | None:
    """An alert from its JSON; one that cannot be read is told in the log."""
    return _parse(Alert, value, name)


def _parse(model: type[_M], value: bytes, name: str) -> _M | None:
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        # One unreadable value must not hide all others; it is told, not swallowed.
        log.warning("%s %r in Redis cannot be read: %s", model.__name__, name, error)
        return None
