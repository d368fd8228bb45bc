"""`rapport reshard`: the events topic and its state from N partitions to M.

Order of steps, each of which can be done again: look (nothing runs, nothing waits), export to a file, change
the topics, import with every influencer where its key belongs now. Until the import is through, workers and
readers refuse the namespace; a run that was cut off goes on from the file.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.admin import NewPartitions
from aiokafka.errors import KafkaError

from processors.state.entries import DumpError, Entry, Header, read_header
from processors.state.layout import PartitionKeys
from processors.state.reshard import Plan, remapped
from schemas.topics import ENRICHED, EVENTS
from streams.consume import spans
from streams.errors import InputError, NotFoundError, RapportError
from streams.settings import Settings
from streams.state_files import Moved, Progress, Store, bring_in, export, open_store
from streams.topics import ensure_topics, list_states, open_admin


@dataclass(frozen=True, slots=True)
class Resharded:
    """From how many partitions to how many; the file that holds the state of before; keys written."""

    before: int
    after: int
    path: str
    entries: int


async def reshard(
    settings: Settings, after: int, path: Path, *, anew: bool = False, say: Callable[[str], None],
    on_progress: Progress | None = None,
) -> Resharded:  # fmt: skip
    """Move state and topic to `after` partitions.

    Args:
        path: file for the state of before; one that is there already is gone on with.
        anew: the events topic is deleted and made again, instead of enlarged.

    Raises RapportError when something still runs or waits, InputError for a count or file that does not fit.
    """
    if _is_there(path):
        before, topic = _begun(settings, path)
        say(f"going on with {path}")
    else:
        async with open_store(settings) as store:
            before, topic = await _look(settings, store, after, anew)
        await export(settings, path, on_progress=on_progress)
        say(f"the state of {before} partitions is in {path}")
    await _change_topics(settings, after, anew)
    say(f"{topic} has {after} partitions")

    def change(header: Header, again: Callable[[], Iterator[Entry]], epoch: int) -> Iterable[Entry]:
        return remapped(Plan(topic, int(header["partitions"]), after, anew), again, epoch)

    moved: Moved = await bring_in(
        settings, path, replace=True, topic_partitions=after, change=change, on_progress=on_progress
    )
    return Resharded(before, after, str(path), moved.entries)


def default_path(settings: Settings, after: int, now: dt.datetime) -> Path:
    """Where the state of before goes when nobody says."""
    return Path(f"{settings.namespace}-before-{after}-partitions-{now:%Y%m%dT%H%M%S}.state")


def _is_there(path: Path) -> bool:
    return path.exists()


def _begun(settings: Settings, path: Path) -> tuple[int, str]:
    try:
        header = read_header(path)
    except (DumpError, OSError) as error:
        raise InputError(f"{path} is there, and cannot be gone on with: {error}") from error
    if header["namespace"] != settings.namespace or header["partition"] is not None:
        raise InputError(f"{path} is of another namespace, or of one partition: name another file")
    return int(header["partitions"]), str(header["topic"])


async def _look(settings: Settings, store: Store, after: int, anew: bool) -> tuple[int, str]:
    """Whether nothing runs and nothing waits; the present count, and the topic."""
    layout = await store.layout()
    if not layout:
        raise NotFoundError(
            f"nothing is written under the namespace {settings.namespace!r} yet",
            hint="only the topic needs to change: RAPPORT_PARTITIONS holds when it is made",
        )
    topic, before = layout["topic"], int(layout["partitions"])
    if topic != settings.topic(EVENTS):
        raise InputError(f"the state is of the topic {topic}, here it is {settings.topic(EVENTS)}")
    if after == before:
        raise InputError(f"{topic} has {before} partitions already")
    if after < before and not anew:
        raise InputError(
            f"Kafka cannot take partitions away: {before} to {after}",
            hint="--anew deletes the topic, once all of it is counted, and makes it again",
        )
    fences = await store.unowned(topic, before)
    await _nothing_waits(settings, store, topic, fences)
    return before, topic


async def _nothing_waits(
    settings: Settings, store: Store, topic: str, fences: list[dict[bytes, bytes]]
) -> None:
    logs = await spans(settings, topic)
    behind = sum(
        max(0, log.end - int(fences[number].get(b"next", b"%d" % log.start)))
        for number, log in logs.items()
        if number < len(fences)
    )
    if behind:
        raise RapportError(
            f"{behind:,} records of {topic} are not counted yet",
            hint="stop what sends events, and let a worker come to the end (`rapport status`: no lag)",
        )
    names = [PartitionKeys(settings.namespace, topic, number).outbox for number in range(len(fences))]
    waiting = sum([await store.length(name) for name in names])
    if waiting:
        raise RapportError(f"{waiting} alerts wait to be told", hint="let a worker run until they are")


async def _change_topics(settings: Settings, after: int, anew: bool) -> None:
    """Events and enriched events lie on the same partitions. What is done already is left alone."""
    events, enriched = settings.topic(EVENTS), settings.topic(ENRICHED)
    async with open_admin(settings) as admin:
        states = await list_states(admin)
        if anew and events in states and states[events].partitions != after:
            await admin.delete_topics([events])
            await _gone(admin, events)
            states = await list_states(admin)
        wanted = {
            name: after for name in (events, enriched) if name in states and states[name].partitions < after
        }
        if wanted:
            await _enlarge(admin, wanted)
    await ensure_topics(settings.model_copy(update={"partitions": after}))
    found = await spans(settings, events)
    if len(found) != after:
        raise RapportError(f"{events} has {len(found)} partitions, not {after}", hint="try again in a moment")


async def _gone(admin: Any, name: str) -> None:
    for _ in range(100):
        if name not in await list_states(admin):
            return
        await asyncio.sleep(0.1)
    raise RapportError(f"{name} is not deleted yet", hint="run the same command again in a moment")


async def _enlarge(admin: Any, wanted: dict[str, int]) -> None:
    try:
        await admin.create_partitions({name: NewPartitions(count) for name, count in wanted.items()})
    except KafkaError as error:
        raise RapportError(
            f"Kafka does not enlarge {', '.join(wanted)}: {error}",
            hint="our user needs the right to alter them",
        ) from error
