"""Where Redis holds something of an actor, and what may be taken out of it beside the workers.

The workers erase what is theirs (`processors.forgetting`); nobody else writes there. Taken out here: names in
alerts and in what shadow rules compared, and what sources noted to resolve deletions.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import msgspec
import redis.asyncio as redis

from processors.forgetting import traces
from streams.forgetting import name_of
from streams.people_store import ActStore
from streams.settings import Settings

#: An alert is written again only if it is still what was read. KEYS: hash; ARGV: field, before, after.
_REWRITE: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
_PAGE: Final = 500
_RACES: Final = 20
_WORD: Final = rb"[A-Za-z0-9._~-]"
_TAG: Final = re.compile(rb"\{[^}]*\}")
_walked: Final = ("part", "snapshot")
#: Keys that hold hashes of events only, and much of them.
_PASSED: Final = ("ids", "acts")
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Actor:
    """Who is looked for: the plain id, if it is known, and the keyed hash."""

    hash: int
    id: str | None = None

    @cached_property
    def numbers(self) -> tuple[bytes, ...]:
        """The hash and its lower half as state packs them: no ledger that knows the actor is without one."""
        low, whole = (self.hash & 0xFFFFFFFF).to_bytes(4, "little"), self.hash.to_bytes(8, "big")
        return low, low[::-1], whole

    @cached_property
    def needle(self) -> re.Pattern[bytes]:
        """Finds the id, or the hash as text, within values."""
        words = [name_of(self.hash).encode(), f"{self.hash & 0xFFFFFFFF:08x}".encode()]
        if self.id is not None:
            words.append(re.escape(self.id.encode("utf-8", "surrogatepass")))
        return re.compile(rb"(?<!" + _WORD + rb")(?:" + b"|".join(words) + rb")(?!" + _WORD + rb")")


@dataclass(frozen=True, slots=True)
class Place:
    """One key that holds something of an actor. `kind`: what it is; `of`: the influencer, partition or name;
    `what`: ledgers or fields."""

    kind: str
    of: str
    what: tuple[str, ...]
    key: bytes

    def document(self) -> dict[str, object]:
        """As JSON, without the key."""
        return {"kind": self.kind, "of": self.of, "what": list(self.what)}


class State:
    """The keys of one installation."""

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        self._redis, self._namespace = client, settings.namespace
        self._store = ActStore(settings, client)

    async def find(
        self, actors: Sequence[Actor], on_progress: Progress | None = None
    ) -> dict[int, list[Place]]:
        """Hash -> where something of the actor lies. Goes through all keys of the installation once.

        Raises StoreUnavailableError.
        """
        found: dict[int, list[Place]] = {actor.hash: [] for actor in actors}
        needles = [(actor, actor.needle) for actor in actors]
        count = 0
        names = self._namespace
        async for key in self._store.keys(f"{{{names}}}*", f"{{{names}:*"):
            count += 1
            if on_progress is not None:
                on_progress(count)
            kind, of = _kind(key)
            if kind in _PASSED:
                continue
            fields = await self._fields(key)
            comments = b""
            if kind == "influencer":
                comments = await self._ask(self._redis.get(key.replace(b"}i:", b"}c:", 1))) or b""
            for actor, needle in needles:
                if what := _what(kind, of, fields, comments, actor, needle):
                    found[actor.hash].append(Place(kind, of, what, key))
        return found

    async def scrub(self, actors: Sequence[Actor], found: dict[int, list[Place]]) -> int:
        """Takes the actors out of alerts, comparisons and what sources noted; returns in how many places."""
        changed = 0
        for actor in actors:
            for place in found.get(actor.hash, ()):
                if place.kind == "alerts":
                    for name in place.what:
                        changed += await self._rewrite(place.key, name, actor)
                elif place.kind == "source":
                    changed += int(await self._ask(self._redis.delete(place.key)))
                elif place.kind == "shadow":
                    changed += int(await self._ask(self._redis.xdel(place.key, *place.what)))
        return changed

    async def _rewrite(self, key: bytes, name: str, actor: Actor) -> bool:
        for _ in range(_RACES):
            before = await self._ask(self._redis.hget(key, name))
            if before is None or (after := without(before, actor)) == before:
                return False
            if await self._ask(self._redis.eval(_REWRITE, 1, key, name, before, after)):
                return True
        return False

    async def _fields(self, key: bytes) -> dict[bytes, bytes]:
        """All values of a key by field, place or number."""
        kind = await self._ask(self._redis.type(key))
        if kind == b"hash":
            return cast(dict[bytes, bytes], await self._ask(self._redis.hgetall(key)))
        if kind == b"stream":
            rows = await self._ask(self._redis.xrange(key))
            return {place: b"\n".join(fields.values()) for place, fields in rows}
        if kind == b"string":
            return {b"": await self._ask(self._redis.get(key)) or b""}
        if kind == b"set":
            return {item: item for item in await self._ask(self._redis.smembers(key))}
        if kind == b"zset":
            return {item: item for item in await self._ask(self._redis.zrange(key, 0, -1))}
        if kind == b"list":
            rows = await self._ask(self._redis.lrange(key, 0, -1))
            return {str(number).encode(): row for number, row in enumerate(rows)}
        return {}

    async def _ask(self, call: Any) -> Any:
        return await self._store.ask(call)


def _kind(key: bytes) -> tuple[str, str]:
    """(kind, of) of a key of the installation: see processors.state.layout."""
    tag = _TAG.match(key)
    rest = key[tag.end() :] if tag is not None else key
    of = tag[0].decode("utf-8", "replace").strip("{}") if tag is not None else ""
    if rest.startswith(b"i:"):
        return "influencer", rest[2:].decode("utf-8", "replace")
    if rest.startswith(b"source:") and b":i:" in rest:
        return "source", rest.split(b":")[1].decode("utf-8", "replace")
    return re.sub(rb":\d+$", b"", rest).decode("utf-8", "replace"), of


def _what(
    kind: str, of: str, fields: dict[bytes, bytes], comments: bytes, actor: Actor, needle: re.Pattern[bytes]
) -> tuple[str, ...]:
    """What a key holds of an actor: names of ledgers or fields; empty for nothing."""
    if kind == "influencer":
        own = ("(is the influencer)",) if of == actor.id else ()
        if not any(number in value for value in fields.values() for number in actor.numbers):
            return own
        try:
            ledgers = traces(of, fields, comments, actor.hash)
        except (msgspec.MsgspecError, struct.error, ValueError, KeyError, IndexError):
            ledgers = ("(cannot be read)",)
        return ledgers + own
    if kind in _walked:
        numbers = {actor.hash, actor.hash & 0xFFFFFFFF}
        return tuple(kind for value in fields.values() if not numbers.isdisjoint(_numbers(value)))[:1]
    hits = (name for name, value in fields.items() if needle.search(value) or needle.search(name))
    return tuple(sorted(name.decode("utf-8", "replace") for name in hits)) if kind != "source" else tuple(
        "noted" for _ in hits
    )  # fmt: skip


def _numbers(packed: bytes) -> Iterator[int]:
    """All whole numbers of 32 bits and more in a msgpack value."""
    try:
        todo = [msgspec.msgpack.decode(packed, strict=False)]
    except msgspec.DecodeError:
        return
    while todo:
        item = todo.pop()
        if isinstance(item, int):
            yield item
        elif isinstance(item, dict):
            todo += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            todo += item


def without(alert: bytes, actor: Actor) -> bytes:
    """An alert in JSON without the names of the actor in its evidence; as it is if there are none."""
    try:
        body = json.loads(alert)
        evidence = body["evidence"]
    except (ValueError, KeyError, TypeError):
        return alert
    low = f"{actor.hash & 0xFFFFFFFF:08x}"
    names = [name for name in evidence.get("actor_ids") or () if str(name)[-8:] != low]
    events = [name for name in evidence.get("event_ids") or () if not _of(str(name), actor.id)]
    if names == (evidence.get("actor_ids") or []) and events == (evidence.get("event_ids") or []):
        return alert
    evidence["event_ids"] = events
    if "actor_ids" in evidence:
        evidence["actor_ids"] = names
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _of(event_id: str, account: str | None) -> bool:
    """Whether an event id names the account, whole or (as sources make them) without its network."""
    if account is None:
        return False
    local = account.partition(":")[2]
    return account in event_id or (len(local) > 7 and local in re.split(r"[/\s]", event_id))
