"""Keys of Redis as entries, and back. One node or a cluster; nothing here decides what may be written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from processors.state.entries import Entry, Place, batches, key_of, place_of
from processors.state.layout import PartitionKeys
from streams.errors import RapportError
from streams.people_store import ActStore
from streams.settings import Settings

_BATCH = 4 << 20
_FIELDS = 1_000
#: ARGV: a command's name, the number of its words after the key, these words, and so on. By script, as
#: in `state_tools`.
_REPLACE = """
redis.call('UNLINK', KEYS[1])
local i = 1
while i < #ARGV do
  local count = tonumber(ARGV[i + 1])
  redis.call(ARGV[i], KEYS[1], unpack(ARGV, i + 2, i + 1 + count))
  i = i + 2 + count
end
"""


def escaped(text: str) -> str:
    """A text that SCAN's pattern takes literally."""
    return "".join(f"\\{letter}" if letter in "*?[]^\\" else letter for letter in text)


class Keys:
    """The keys of one namespace. Calls raise StoreUnavailableError."""

    def __init__(self, settings: Settings, client: Any) -> None:
        self._store, self._redis, self.namespace = ActStore(settings, client), client, settings.namespace

    async def ask(self, call: Any) -> Any:
        """The call's answer."""
        return await self._store.ask(call)

    async def places(self, part: PartitionKeys | None = None) -> AsyncIterator[tuple[bytes, Place]]:
        """Every key, once; of one partition only where `part` is given."""
        names = escaped(self.namespace)
        patterns = [escaped(part.tag) + "*"] if part else [f"{{{names}}}*", f"{{{names}:*"]
        seen: set[int] = set()  # SCAN may give a key twice
        async for key in self._store.keys(*patterns):
            place = place_of(key)
            if place is None or hash(key) in seen:
                continue
            seen.add(hash(key))
            yield key, place

    async def entry(self, key: bytes, place: Place) -> Entry | None:
        """A key's content; None when it is gone."""
        kind = (await self.ask(self._redis.type(key))).decode()
        if kind == "none":
            return None
        value = await self._value(key, kind)
        ttl = int(await self.ask(self._redis.ttl(key)))
        return Entry(place.topic, place.partition, place.name, kind, value, max(ttl, 0))

    async def _value(self, key: bytes, kind: str) -> Any:
        client = self._redis
        reads: dict[str, Callable[[], Any]] = {
            "string": lambda: client.get(key),
            "hash": lambda: client.hgetall(key),
            "set": lambda: client.smembers(key),
            "list": lambda: client.lrange(key, 0, -1),
            "zset": lambda: client.zrange(key, 0, -1, withscores=True),
            "stream": lambda: client.xrange(key),
        }
        if kind not in reads:
            raise RapportError(f"the key {key!r} is a {kind}: that is none of ours")
        value = await self.ask(reads[kind]())
        if kind == "set":
            return sorted(value)
        if kind == "stream":
            return [(place, [part for pair in fields.items() for part in pair]) for place, fields in value]
        return value or b"" if kind == "string" else value

    async def add(self, items: Iterable[Entry], on_progress: Callable[[int], None] | None = None) -> int:
        """Add entries to what lies under their keys; returns their number."""
        count = 0
        for batch in batches(items, _BATCH):
            pipe = self._redis.pipeline(transaction=False)
            for entry in batch:
                key = key_of(self.namespace, entry)
                for name, words in _commands(entry):
                    pipe.execute_command(name, key, *words)
            await self.ask(pipe.execute())
            count += len(batch)
            if on_progress:
                on_progress(count)
        return count

    async def put(self, key: bytes, entry: Entry | None) -> None:
        """In place of what lies under the key, at once; None: nothing."""
        words: list[Any] = []
        for name, after in _commands(entry) if entry is not None else ():
            words += [name, len(after), *after]
        await self.ask(self._redis.eval(_REPLACE, 1, key, *words))

    async def wipe(self, part: PartitionKeys | None = None, *, but: tuple[bytes, ...] = ()) -> int:
        """Remove every key, but those of the installation named so; returns their number."""
        count, names = 0, []
        async for key, place in self.places(part):
            if place.partition < 0 and place.name in but:
                continue
            names.append(key)
            if len(names) == _FIELDS:
                count += await self._unlink(names)
        return count + await self._unlink(names)

    async def _unlink(self, names: list[bytes]) -> int:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.execute_command("UNLINK", name)
        removed = sum(await self.ask(pipe.execute())) if names else 0
        names.clear()
        return removed


def _commands(entry: Entry) -> Iterator[tuple[str, list[Any]]]:
    """The commands that add an entry to what lies under its key: name, and words after the key."""
    value = entry.value
    if entry.kind == "string":
        yield "APPEND" if entry.name.startswith((b"ids:", b"acts:")) else "SET", [value]
    elif entry.kind == "stream":
        for place, fields in value:
            # Of two partitions made one, the entries' ids would not rise.
            yield "XADD", ["*" if entry.name == b"shadow" else place, *fields]
    else:
        name, items = _items(entry.kind, value)
        for start in range(0, len(items), _FIELDS):
            yield name, [word for item in items[start : start + _FIELDS] for word in item]
    if entry.ttl_s:
        yield "EXPIRE", [entry.ttl_s]


def _items(kind: str, value: Any) -> tuple[str, list[tuple[Any, ...]]]:
    """The command that adds some of them, and the words of each."""
    if kind == "hash":
        return "HSET", list(value.items())
    if kind == "zset":
        return "ZADD", [(score, member) for member, score in value]
    if kind == "list":
        return "LPUSH", [(item,) for item in reversed(value)]
    return "SADD", [(item,) for item in value]
