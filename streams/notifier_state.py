"""What the notifier and the command line share beside the fence: receivers that are off, wishes to send
again, what people said, and what is listed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Self

import msgspec
from pydantic import ValidationError
from redis.exceptions import RedisError

from processors.notify.keys import Failed, NotifyKeys, Off, off_key, partitions_key, sources_key
from processors.notify.outside import Outside
from processors.state.connect import open_redis
from processors.state.layout import PartitionKeys
from schemas import topics
from schemas.acts import Silence
from streams.errors import NotFoundError, StoreUnavailableError
from streams.settings import Settings


@dataclass(slots=True)
class Seen:
    """What a look at the shared keys found."""

    outside: Outside = field(default_factory=Outside)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)  # `<partition>/<alert id>` -> labels
    again: dict[int, dict[str, bytes]] = field(default_factory=dict)  # partition -> notification id -> wish
    wrong: int = 0
    told: int = 0


class NotifierState:
    """Reads and writes these keys. Calls raise StoreUnavailableError when Redis does not answer."""

    def __init__(self, settings: Settings, partitions: int, client: Any = None) -> None:
        self._settings = settings
        self._redis = client or open_redis(
            settings.redis_url, socket_timeout=settings.redis_timeout_s, protocol=2,
            socket_connect_timeout=min(2.0, settings.redis_timeout_s),
        )  # fmt: skip
        topic = settings.topic(topics.ALERTS)
        self._keys = [NotifyKeys(PartitionKeys(settings.namespace, topic, n)) for n in range(partitions)]
        self._tag = f"{{{settings.namespace}}}"

    @classmethod
    async def find(cls, settings: Settings) -> Self:
        """For the command line: the partition count is what the notifier wrote down.

        Raises:
            NotFoundError: no notifier has run here yet.
            StoreUnavailableError: Redis does not answer.
        """
        state = cls(settings, 0)
        count = await state._run(state._redis.get(partitions_key(settings.namespace)))
        await state.close()
        if count is None:
            raise NotFoundError(
                f"no notifier has worked in the namespace {settings.namespace} yet",
                hint="`rapport notifier` tells people about alerts; is RAPPORT_NAMESPACE right?",
            )
        return cls(settings, int(count))

    async def write_down(self) -> None:
        """Keep the partition count, for who reads this without Kafka."""
        await self._run(self._redis.set(partitions_key(self._settings.namespace), len(self._keys)))

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def look(self, owned: Iterable[int]) -> Seen:
        """Everything that the notifier does not know by itself. `owned`: whose wishes are read."""
        names, owned = self._settings.namespace, sorted(owned)
        pipe: Any = self._redis.pipeline(transaction=False)
        pipe.hvals(self._tag + "silences").hkeys(self._tag + "acks").hlen(self._tag + "wrong")
        pipe.hkeys(off_key(names)).hgetall(sources_key(names))
        for keys in self._keys:
            pipe.hget(keys.base.fence, "told")
        for number in owned:
            pipe.hgetall(self._keys[number].again)
        silences, acks, wrong, off, sources, *rest = await self._run(pipe.execute())
        found = Seen(
            sources={name.decode(): json.loads(value) for name, value in sources.items()},
            again=dict(zip(owned, _texts(rest[len(self._keys) :]), strict=True)),
            wrong=wrong,
            told=sum(int(value or 0) for value in rest[: len(self._keys)]),
        )
        found.outside = Outside(
            tuple(_silences(silences)), frozenset(name.decode() for name in acks),
            tuple(found.sources.values()), frozenset(name.decode() for name in off),
        )  # fmt: skip
        return found

    async def publish_sources(self, add: Mapping[str, dict[str, str]], gone: Iterable[str]) -> None:
        """Alerts about sources that fire now, and the names of those that do not any more."""
        key = sources_key(self._settings.namespace)
        if add:
            await self._run(
                self._redis.hset(key, mapping={name: json.dumps(one) for name, one in add.items()})
            )
        if names := list(gone):
            await self._run(self._redis.hdel(key, *names))

    # -- receivers ------------------------------------------------------------------------------------------

    async def off(self) -> dict[str, Off]:
        """Receivers that are switched off."""
        found = await self._run(self._redis.hgetall(off_key(self._settings.namespace)))
        return {name.decode(): msgspec.json.decode(value, type=Off) for name, value in found.items()}

    async def disable(self, receiver: str, why: str) -> None:
        """Switch a receiver off; one that is off already keeps its reason."""
        value = msgspec.json.encode(Off(why[:500], time()))
        await self._run(self._redis.hsetnx(off_key(self._settings.namespace), receiver, value))

    async def enable(self, receiver: str) -> bool:
        """Switch it on again; False when it was not off."""
        return bool(await self._run(self._redis.hdel(off_key(self._settings.namespace), receiver)))

    # -- what was given up ----------------------------------------------------------------------------------

    async def failed(self) -> list[tuple[int, Failed]]:
        """All notifications that were given up, with their partition, the oldest first."""
        found = []
        for number, keys in enumerate(self._keys):
            for value in await self._run(self._redis.hvals(keys.failed)):
                found.append((number, msgspec.json.decode(value, type=Failed)))
        return sorted(found, key=lambda pair: pair[1].failed_at)

    async def send_again(self, ids: Mapping[str, int], by: str) -> None:
        """Wish for notifications (id -> partition) to be sent again; the notifier does it within seconds."""
        wish = json.dumps({"by": by, "at": time()})
        for name, number in ids.items():
            await self._run(self._redis.hset(self._keys[number].again, name, wish))

    async def waiting(self) -> dict[str, int]:
        """Notifications on their way, by receiver."""
        from processors.notify.queue import Item

        found: dict[str, int] = {}
        for keys in self._keys:
            for name, value in (await self._run(self._redis.hgetall(keys.queue))).items():
                if name[:1] != b"t":
                    item = msgspec.msgpack.decode(value, type=Item)
                    found[item.receiver] = found.get(item.receiver, 0) + 1
        return found

    async def decisions(self) -> list[dict[str, Any]]:
        """The newest decisions, oldest first (bounded: some 10,000 a partition)."""
        found = []
        for keys in self._keys:
            for _, fields in await self._run(self._redis.xrange(keys.log)):
                found.append(json.loads(fields[b"n"]))
        return sorted(found, key=lambda line: float(line["at"]))

    async def _run(self, call: Any) -> Any:
        try:
            return await call
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError(
                f"Redis does not answer: {error}",
                hint="is RAPPORT_REDIS_URL right? `rapport doctor` looks closer",
            ) from error


def _texts(rows: list[dict[bytes, bytes]]) -> list[dict[str, bytes]]:
    return [{name.decode(): value for name, value in row.items()} for row in rows]


def _silences(values: Iterable[bytes]) -> Iterable[Silence]:
    for value in values:
        try:
            yield Silence.model_validate_json(value)
        except ValidationError:
            continue  # of a later version; said where silences are listed
