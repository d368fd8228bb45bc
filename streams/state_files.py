"""`rapport state export|import|migrate`: state to a file and back, from an older layout to the present."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from processors.state.connect import open_redis
from processors.state.entries import DumpError, Entry, Header, Writer, entries, verified
from processors.state.layout import LAYOUT_VERSION, PartitionKeys, layout_key
from processors.state.migrations import MIGRATIONS, migrate
from schemas.topics import EVENTS
from streams.errors import InputError, NotFoundError, RapportError
from streams.settings import Settings
from streams.state_io import Keys

Progress = Callable[[int], None]
#: What the layout's version says while an import is under way: workers and readers then refuse.
UNDER_WAY = "importing"
#: A worker writes each fence it owns every 2 s, also when nothing comes (`streams.lanes`).
_WATCH_S = 3.5
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """What an export or import did. `partitions`: what the file (or state) is laid out for."""

    path: str
    entries: int
    partitions: int
    partition: int | None = None


class Store:
    """One namespace in Redis, with its layout. Calls raise StoreUnavailableError."""

    def __init__(self, settings: Settings, client: Any) -> None:
        self.settings, self.keys, self._redis = settings, Keys(settings, client), client

    async def layout(self) -> dict[str, str]:
        """The layout that stands; empty when nothing was written yet."""
        raw = await self.keys.ask(self._redis.hgetall(layout_key(self.settings.namespace)))
        return {name.decode(): value.decode() for name, value in raw.items()}

    async def standing(self) -> dict[str, str]:
        """The layout of state that is whole. Raises NotFoundError where nothing was written yet, RapportError
        where an import was cut off."""
        layout = await self.layout()
        if not layout:
            raise NotFoundError(f"nothing is written under the namespace {self.settings.namespace!r} yet")
        if not layout["version"].isdecimal():  # UNDER_WAY
            raise RapportError(
                "an import into this namespace was cut off", hint="import again, with --replace"
            )
        return layout

    async def mark(self, fields: dict[str, str]) -> None:
        """Write fields of the layout."""
        await self.keys.ask(self._redis.hset(layout_key(self.settings.namespace), mapping=fields))

    async def length(self, stream: str) -> int:
        """Entries of a stream."""
        return int(await self.keys.ask(self._redis.xlen(stream)))

    async def fences(self, topic: str, count: int) -> list[dict[bytes, bytes]]:
        """The partitions' fences."""
        names = [PartitionKeys(self.settings.namespace, topic, number).fence for number in range(count)]
        return [await self.keys.ask(self._redis.hgetall(name)) for name in names]

    async def unowned(self, topic: str, count: int) -> list[dict[bytes, bytes]]:
        """The fences, after a look that no worker writes them. Raises RapportError when one does."""
        before = await self.fences(topic, count)
        if any(before):
            await asyncio.sleep(_WATCH_S)
        now = await self.fences(topic, count)
        moving = [
            str(number) for number, pair in enumerate(zip(before, now, strict=True)) if pair[0] != pair[1]
        ]
        if moving:
            raise RapportError(
                f"a worker owns partition {', '.join(moving)} of namespace {self.settings.namespace}",
                hint="stop all workers of the namespace first",
            )
        return now


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The namespace of the settings."""
    async with open_redis(settings.redis_url, socket_timeout=settings.redis_timeout_s) as client:
        yield Store(settings, client)


async def export(
    settings: Settings, path: Path, *, partition: int | None = None, on_progress: Progress | None = None
) -> Moved:
    """Write all keys of the namespace, or of one partition, to a file that only we can read.

    Raises NotFoundError, RapportError when a worker writes meanwhile, InputError for a file that is there.
    """
    async with open_store(settings) as store:
        layout = await store.standing()
        topic, count = layout["topic"], int(layout["partitions"])
        if partition is not None and not 0 <= partition < count:
            raise InputError(f"there is no partition {partition}: the state has 0 to {count - 1}")
        before = await store.fences(topic, count)
        header = {
            "layout": int(layout["version"]), "namespace": settings.namespace, "topic": topic,
            "partitions": count, "partition": partition,
            "exported_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }  # fmt: skip
        part = None if partition is None else PartitionKeys(settings.namespace, topic, partition)
        written = await _write(store.keys, part, path, header, on_progress)
        after = await store.fences(topic, count)
        looked_at = range(count) if partition is None else [partition]
        if any(before[number] != after[number] for number in looked_at):
            _drop(path)
            raise RapportError("a worker wrote state while it was exported", hint="stop the workers first")
        return Moved(str(path), written, count, partition)


async def _write(
    keys: Keys, part: PartitionKeys | None, path: Path, header: Header, on_progress: Progress | None
) -> int:
    """Under another name until it is whole."""
    partial = path.with_name(path.name + ".partial")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InputError(f"{partial} cannot be written: {error.strerror}") from error
    try:
        _not_there(path)
        with os.fdopen(handle, "wb") as file:
            writer = Writer(file, header)
            async for key, place in keys.places(part):
                if (entry := await keys.entry(key, place)) is not None:
                    writer.add(entry)
                    if on_progress:
                        on_progress(writer.entries)
            writer.close()
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return writer.entries


def _not_there(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} is there already", hint="name another file")


def _drop(path: Path) -> None:
    path.unlink()


async def bring_in(
    settings: Settings,
    path: Path,
    *,
    replace: bool = False,
    topic_partitions: int | None = None,
    change: Callable[[Header, Callable[[], Iterator[Entry]], int], Iterable[Entry]] | None = None,
    on_progress: Progress | None = None,
) -> Moved:
    """Read a file that `export` wrote into the namespace of the settings.

    Args:
        replace: what stands in the namespace (or the partition) goes first.
        topic_partitions: how many the events topic has; a file for another count is refused.
        change: makes other entries of the file's (header, a way to read them, the epoch to write under).

    Raises InputError for a file that is damaged or does not fit, RapportError when state stands or is owned.
    """
    try:
        header, _ = await asyncio.to_thread(verified, path)
    except (DumpError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} cannot be imported: {why}") from error
    _check(settings, path, header, topic_partitions if change is None else None)
    topic, count, part = str(header["topic"]), int(header["partitions"]), header["partition"]
    async with open_store(settings) as store:
        layout = await store.layout()
        stands = int(layout.get("partitions", count))
        fences = await store.unowned(topic, max(stands, count, topic_partitions or 0))
        if part is not None and (not layout or stands != count or layout["version"] != str(LAYOUT_VERSION)):
            raise RapportError(
                f"one partition of {count} can only be put into state of the same layout",
                hint="import the whole namespace first, or let a worker begin it",
            )
        taken = bool(fences[part]) if part is not None else bool(layout)
        if taken and not replace:
            what = "the namespace" if part is None else f"partition {part}"
            raise RapportError(f"{what} has state already", hint="--replace removes it first")
        return await _bring(store, path, header, fences, change, on_progress)


def _check(settings: Settings, path: Path, header: Header, topic_partitions: int | None) -> None:
    layout, topic = header.get("layout"), header.get("topic")
    if not isinstance(layout, int) or layout > LAYOUT_VERSION:
        raise InputError(
            f"{path} is of layout {layout}, this program knows {LAYOUT_VERSION}", hint="use the newer program"
        )
    if layout < LAYOUT_VERSION and any(step not in MIGRATIONS for step in range(layout, LAYOUT_VERSION)):
        raise InputError(f"{path} is of layout {layout}, from which nothing leads to {LAYOUT_VERSION}")
    if topic != settings.topic(EVENTS):
        raise InputError(
            f"{path} is state of the topic {topic}, here it is {settings.topic(EVENTS)}",
            hint="RAPPORT_TOPIC_PREFIX must be the same",
        )
    if topic_partitions is not None and topic_partitions != header["partitions"]:
        raise InputError(
            f"{path} is laid out for {header['partitions']} partitions, {topic} has {topic_partitions}",
            hint="`rapport reshard` moves state to another count",
        )


async def _bring(
    store: Store, path: Path, header: Header, fences: list[dict[bytes, bytes]], change: Any,
    on_progress: Progress | None,
) -> Moved:  # fmt: skip
    topic, count, part = str(header["topic"]), int(header["partitions"]), header["partition"]
    version, settings = int(header["layout"]), store.settings

    def again() -> Iterator[Entry]:
        return (now for entry in entries(path) if (now := migrate(entry, version)) is not None)

    epoch = 1 + max(int(fence.get(b"epoch", b"0")) for fence in (*fences, *_fences_of(again(), topic)))
    await store.mark({"version": UNDER_WAY, "topic": topic, "partitions": str(count)})
    if part is None:
        await store.keys.wipe(but=(b"layout",))
    else:
        await store.keys.wipe(PartitionKeys(settings.namespace, topic, part))
    changed = again() if change is None else change(header, again, epoch)
    last: list[Entry] = []

    def first() -> Iterator[Entry]:
        for entry in changed:
            if entry.name == b"fence" and entry.partition >= 0 and entry.topic == topic:
                entry.value = entry.value | {b"epoch": b"%d" % epoch}
            if entry.partition < 0 and entry.name == b"layout":
                last.append(entry)
            else:
                yield entry

    written = await store.keys.add(first(), on_progress)
    standing = {"version": str(LAYOUT_VERSION), "topic": topic, "partitions": str(count)}
    for entry in last:
        standing |= {name.decode(): value.decode() for name, value in entry.value.items()}
    await store.mark(standing)
    return Moved(str(path), written + len(last), int(standing["partitions"]), part)


def _fences_of(items: Iterable[Entry], topic: str) -> Iterator[dict[bytes, bytes]]:
    return (
        cast("dict[bytes, bytes]", entry.value)
        for entry in items
        if entry.topic == topic and entry.name == b"fence"
    )


async def upgrade(
    settings: Settings, *, dry_run: bool = False, on_progress: Progress | None = None
) -> tuple[int, int]:
    """Bring the namespace's state to the present layout, in place: (layout before, keys that changed).

    Cut off, it can be run again: what is migrated already stays as it is.
    """
    async with open_store(settings) as store:
        layout = await store.standing()
        version = int(layout["version"])
        if version > LAYOUT_VERSION:
            raise RapportError(
                f"the state has layout {version}, this program knows {LAYOUT_VERSION}",
                hint="use the newer one",
            )
        if version == LAYOUT_VERSION:
            return version, 0
        await store.unowned(layout["topic"], int(layout["partitions"]))
        changed = 0
        async for key, place in store.keys.places():
            if place.partition < 0 and place.name == b"layout":
                continue
            entry = await store.keys.entry(key, place)
            now = None if entry is None else migrate(_copy(entry), version)
            if entry is None or now == entry:
                continue
            changed += 1
            if not dry_run:
                await store.keys.put(key, now)
            if on_progress:
                on_progress(changed)
        if not dry_run:
            await store.mark({"version": str(LAYOUT_VERSION)})
        return version, changed


def _copy(entry: Entry) -> Entry:
    return Entry(entry.topic, entry.partition, entry.name, entry.kind, entry.value, entry.ttl_s)
