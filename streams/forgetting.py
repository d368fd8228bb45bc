"""Actors who are to be forgotten: their keyed hashes, and the request to the workers.

The key comes from the environment (RAPPORT_HASH_KEY); without it one is used that was drawn once and lies in
Redis. Ids are never written anywhere by this: control.v1 gets the keyed hash.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Sequence
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from processors.actors import ActorHasher
from processors.state.layout import hash_key_key, hash_used_key
from schemas import Control
from schemas.topics import CONTROL
from streams.errors import NotFoundError, StoreUnavailableError
from streams.people_store import ActStore, open_client
from streams.sending import send
from streams.settings import Settings
from streams.settings_doc import mask_address

#: Key of a request in control.v1.
KIND: Final = "forget"


async def hasher_of(settings: Settings, client: redis.Redis, *, make: bool = False) -> ActorHasher:
    """The installation's keyed hash. `make`: draw a key where there is none, as the first worker would.

    Raises NotFoundError when there is no key yet (then no actor was ever seen), StoreUnavailableError.
    """
    if settings.hash_key is not None:
        return ActorHasher(settings.hash_key.get_secret_value().encode())
    try:
        if make:
            await client.set(hash_key_key(settings.namespace), secrets.token_hex(32), nx=True)
        found = await client.get(hash_key_key(settings.namespace))
    except (RedisError, OSError) as error:
        raise StoreUnavailableError(
            f"Redis at {mask_address(settings.redis_url)} does not answer: {error}",
            hint="is it running, and is RAPPORT_REDIS_URL (or --redis) right?",
        ) from error
    if found is None:
        raise NotFoundError(
            f"there is no key for hashing actors under {settings.namespace}: no worker ever ran",
            hint="is --namespace right? A key of your own belongs into RAPPORT_HASH_KEY",
        )
    return ActorHasher(found if isinstance(found, bytes) else str(found).encode())


async def keys_used(settings: Settings, client: redis.Redis) -> dict[str, str]:
    """Fingerprint of each key that workers hashed actors with -> since when. Raises StoreUnavailableError."""
    store = ActStore(settings, client)
    names = [name async for name in store.keys(hash_used_key(settings.namespace, "*"))]
    values = await store.ask(client.mget(names)) if names else []
    found = zip(names, values, strict=True)
    return {name.rpartition(b":")[2].decode(): (value or b"").decode() for name, value in found}


def name_of(hash_: int) -> str:
    """An actor's keyed hash as control.v1 and the audit write it: 16 hex digits."""
    return f"{hash_:016x}"


async def request(
    settings: Settings, hashes: Sequence[int], *, by: str, note: str | None = None
) -> dt.datetime:
    """Asks all workers to erase these actors; returns when Kafka has taken it, with the time of the request.

    Raises BrokerUnavailableError, NotFoundError, SendError.
    """
    at = dt.datetime.fromtimestamp(time.time(), dt.UTC)
    records = []
    for hash_ in hashes:
        control = Control(kind=KIND, subject=name_of(hash_), by=by, at=at, note=note)
        records.append(
            (at.timestamp(), control.key.encode(), control.model_dump_json(exclude_none=True).encode())
        )
    await send(settings, records, topic=CONTROL)
    return at


async def ask_to_forget(settings: Settings, ids: Sequence[str], *, by: str, note: str | None = None) -> None:
    """As `request`, by the actors' plain ids. Raises the same, and StoreUnavailableError."""
    client = open_client(settings)
    try:
        hasher = await hasher_of(settings, client, make=True)
    finally:
        await client.aclose()
    await request(settings, [hasher.hash(name) for name in ids], by=by, note=note)
