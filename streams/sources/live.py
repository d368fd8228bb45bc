"""A client of a source with everything around it: Kafka behind, Redis or a file beside, the book of who is
watched."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import redis.asyncio as redis
from pydantic import ValidationError
from redis.exceptions import RedisError

from processors.actors import ActorHasher
from processors.state.connect import open_redis
from processors.state.layout import hash_key_key
from schemas import Control, Partnership
from schemas.topics import CONTROL, EVENTS, PARTNERSHIPS
from streams.consume import latest
from streams.errors import InputError, RapportError, StoreUnavailableError
from streams.sending import Sender
from streams.settings import Settings
from streams.sources.base import Options
from streams.sources.jetstream import Jetstream
from streams.sources.mastodon_stream import MastodonStream
from streams.sources.memory import FileMemory, Memory, RedisMemory

log = logging.getLogger(__name__)
#: How long a batch may go unacknowledged before the client begins again from its cursor, s.
DEADLINE_S: Final = 30.0
_encode = msgspec.json.Encoder().encode


class KafkaSink:
    """Events to their topic, stamped with their receipt; requests to forget into control.v1. After a failure
    the line is opened anew."""

    def __init__(self, settings: Settings, store: redis.Redis) -> None:
        self._settings, self._store = settings, store
        self._lines: dict[str, Sender] = {}
        self._hasher: ActorHasher | None = None

    async def send(self, events: Sequence[dict[str, Any]], at: float) -> None:
        """Returns when all are acknowledged. Raises UnavailableError, SendError."""
        await self._put(EVENTS, [(at, event["influencer_id"].encode(), _encode(event)) for event in events])

    async def forget(self, account: str) -> None:
        """Has everything of this account erased from state. Raises UnavailableError, SendError."""
        now = time.time()
        control = Control(
            kind="forget", subject=f"{(await self._hash(account)):016x}", by="source",
            at=dt.datetime.fromtimestamp(now, dt.UTC), note="the account is gone at its source",
        )  # fmt: skip
        value = control.model_dump_json(exclude_none=True).encode()
        await self._put(CONTROL, [(now, control.key.encode(), value)])

    async def aclose(self) -> None:
        """Close the lines; what is not acknowledged is sent again by whoever goes on from the cursor."""
        for line in self._lines.values():
            with suppress(RapportError):
                await line.__aexit__(KeyboardInterrupt, None, None)  # drops instead of flushing
        self._lines.clear()

    async def _put(self, topic: str, records: Sequence[tuple[float, bytes, bytes]]) -> None:
        try:
            line = self._lines.get(topic)
            if line is None:
                line = await Sender(self._settings, topic=topic, deadline_s=DEADLINE_S).__aenter__()
                self._lines[topic] = line
            for record in records:
                await line.send(record)
            await line.flush()
        except RapportError:
            await self.aclose()
            raise

    async def _hash(self, account: str) -> int:
        if self._hasher is None:
            key = self._settings.hash_key
            self._hasher = ActorHasher(key.get_secret_value().encode() if key else await self._key())
        return self._hasher.hash(account)

    async def _key(self) -> bytes:
        """The installation's key as the worker made it; made here if there is none yet."""
        name = hash_key_key(self._settings.namespace)
        try:
            await self._store.set(name, secrets.token_hex(32), nx=True)
            found = await self._store.get(name)
        except (RedisError, OSError) as error:
            raise StoreUnavailableError(f"Redis does not answer: {error}") from error
        return found if isinstance(found, bytes) else str(found or "").encode()


async def watched(settings: Settings, network: str) -> frozenset[str]:
    """Influencers of one network that have a partnership. Raises BrokerUnavailableError, NotFoundError."""
    found = set()
    for record in (await latest(settings, settings.topic(PARTNERSHIPS))).values():
        if record.value is None:
            continue
        try:
            found.add(Partnership.model_validate_json(record.value).influencer_id)
        except ValidationError:
            continue  # the worker names it
    return frozenset(name for name in found if name.startswith(f"{network}:"))


async def follow_bluesky(settings: Settings, url: str, *, cursor_file: Path | None = None) -> None:
    """Follow Jetstream until cancelled.

    Args:
        url: of the server, `wss://HOST/subscribe`.
        cursor_file: keeps the cursor there, and what may be deleted in memory, instead of both in Redis.

    Raises:
        InputError: the address or the file cannot be used. SendError: Kafka refuses what is sent.
    """
    timeout = settings.redis_timeout_s
    store = open_redis(settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout)
    memory: Memory = (
        RedisMemory(store, settings.namespace, "bluesky") if cursor_file is None else FileMemory(cursor_file)
    )
    sink = KafkaSink(settings, store)

    async def who() -> frozenset[str]:
        found = await watched(settings, "bluesky")
        if not found:
            log.warning("no partnership has an influencer on Bluesky: nothing is kept")
        return found

    client = Jetstream(url, memory, sink, who, now=time.time)
    try:
        await client.run()
    finally:
        await sink.aclose()
        await store.aclose()


async def follow_mastodon(settings: Settings, url: str, *, account: str, instance: str | None = None) -> None:
    """Follow the stream of one influencer until cancelled.

    Args:
        url: of the streaming API, `wss://HOST/api/v1/streaming`. account: the influencer's id on the server.
        instance: name of the server, where it is another than the address's host.

    Raises:
        InputError: no token, or one that is refused; the address cannot be used. SendError: Kafka refuses.
    """
    if settings.mastodon_token is None:
        raise InputError(
            "there is no token", hint="set RAPPORT_MASTODON_TOKEN to one of the influencer's account"
        )
    host = instance or urlsplit(url).hostname or ""
    timeout = settings.redis_timeout_s
    store = open_redis(settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout)
    sink = KafkaSink(settings, store)

    async def who() -> frozenset[str]:
        found = await watched(settings, "mastodon")
        if f"mastodon:{host}/{account}" not in found:
            log.warning("no partnership has the influencer mastodon:%s/%s", host, account)
        return found

    client = MastodonStream(
        url, settings.mastodon_token.get_secret_value(), Options(account=account, instance=host),
        RedisMemory(store, settings.namespace, "mastodon"), sink, who, now=time.time,
    )  # fmt: skip
    try:
        await client.run()
    finally:
        await sink.aclose()
        await store.aclose()
