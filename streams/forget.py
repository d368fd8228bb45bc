"""Forgetting actors: find what is held, ask the workers, mend what is not theirs, note it in the audit."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from processors.actors import ActorHasher
from schemas.acts import Act
from schemas.common import ID_MAX
from streams.errors import InputError
from streams.forgetting import hasher_of, keys_used, name_of, request
from streams.forgetting_state import Actor, Place, State
from streams.forgetting_topics import InTopics, erase_in_topics, look_in_topics
from streams.people import Who, checked_note
from streams.people_store import ActStore, open_client
from streams.settings import Settings

#: How often the state is looked through while it is waited for, s.
_LOOK_S: Final = 10.0
_HASH: Final = re.compile(r"hash:([0-9a-fA-F]{16})")
_AT_ONCE: Final = 10_000


@dataclass(slots=True)
class Forgotten:
    """One actor: how it was called on the command line is not kept; `name`: the keyed hash."""

    name: str
    found: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What was found and done. `other_keys`: fingerprints of hash keys that were used (since when) and were
    not given: who was hashed with them is not found. `scrubbed`: places mended at once; `remaining`: those
    that the workers erase."""

    dry_run: bool
    actors: list[Forgotten]
    topics: InTopics
    other_keys: dict[str, str] = field(default_factory=dict)
    requested_at: datetime | None = None
    scrubbed: int = 0
    remaining: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON; ids of actors are keyed hashes."""
        return {
            "dry_run": self.dry_run, "requested_at": self.requested_at, "scrubbed": self.scrubbed,
            "remaining": self.remaining, "topics": self.topics.document(), "other_keys": self.other_keys,
            "actors": [
                {"hash": one.name, "found": [place.document() for place in one.found]} for one in self.actors
            ],
        }  # fmt: skip


def ids_from(given: Sequence[str], file: Path | None) -> list[str]:
    """Ids of the command line and of a file, each once. Raises InputError that names the line."""
    named = [(f"argument {number}", one.strip()) for number, one in enumerate(given, 1)]
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file} cannot be read: {error}") from error
        named += [
            (f"{file}, line {number}", text)
            for number, line in enumerate(lines, 1)
            if (text := line.strip()) and not text.startswith("#")
        ]
    for where, one in named:
        if not one or len(one) > ID_MAX:
            raise InputError(f"{where}: an account id has 1 to {ID_MAX} characters")
        if ":" not in one:
            raise InputError(
                f"{where}: {one[:40]!r} names no network", hint="ids are like bluesky:did:plc:abc"
            )
    ids = list(dict.fromkeys(one for _, one in named))
    if len(ids) > _AT_ONCE:
        raise InputError(f"{len(ids):,} actors; at most {_AT_ONCE:,} at once")
    return ids


async def forget(
    settings: Settings, ids: Sequence[str], who: Who, note: str | None = None, *, dry_run: bool = False,
    wait_s: float = 0.0, old_keys: Sequence[str] = (), on_progress: Callable[[int], None] | None = None,
) -> Report:  # fmt: skip
    """Finds and erases actors.

    Args:
        ids: account ids as events have them, or `hash:` and a keyed hash of 16 hex digits.
        old_keys: names of environment variables with hash keys that were used before.
        wait_s: how long to wait until nothing is left in state.

    Raises:
        InputError: an id or a key that cannot be used, or an account that a partnership is about.
        NotFoundError, BrokerUnavailableError, StoreUnavailableError, SendError.
    """
    note = checked_note(note)
    client = open_client(settings)
    try:
        hashers = [await hasher_of(settings, client), *map(_old, old_keys)]
        known = {hasher.fingerprint for hasher in hashers}
        used = await keys_used(settings, client)
        actors = _actors(ids, hashers)
        plain = [one for one in ids if not _HASH.fullmatch(one)]
        topics = await look_in_topics(settings, plain)
        state = State(settings, client)
        found = await state.find(actors, on_progress)
        report = Report(
            dry_run, [Forgotten(name_of(actor.hash), found[actor.hash]) for actor in actors], topics,
            {name: since for name, since in used.items() if name not in known},
        )  # fmt: skip
        if dry_run:
            return report
        # The request first: from here on the workers take nothing of theirs in again.
        report.requested_at = await request(settings, [actor.hash for actor in actors], by=who.by)
        await erase_in_topics(settings, topics)
        store = ActStore(settings, client)
        for one in report.actors:
            await store.record(_act(one, who, note))
        report.scrubbed = await state.scrub(actors, found)
        report.remaining = await _left(state, actors, wait_s, report)
        return report
    finally:
        await client.aclose()


async def _left(state: State, actors: Sequence[Actor], wait_s: float, report: Report) -> int:
    """Places that still hold something, waited for; alerts that were raised meanwhile are mended too."""
    until = time.monotonic() + wait_s
    while True:
        found = await state.find(actors)
        report.scrubbed += await state.scrub(actors, found)
        kept = sum(
            place.kind not in ("alerts", "source", "shadow", "audit")
            for one in found.values()
            for place in one
        )
        if not kept or time.monotonic() >= until:
            return kept
        await asyncio.sleep(min(_LOOK_S, max(0.0, until - time.monotonic())))


def _actors(ids: Sequence[str], hashers: Sequence[ActorHasher]) -> list[Actor]:
    made: dict[int, Actor] = {}
    for one in ids:
        if hit := _HASH.fullmatch(one):
            made.setdefault(int(hit[1], 16), Actor(int(hit[1], 16)))
        else:
            for hasher in hashers:
                made[hasher.hash(one)] = Actor(hasher.hash(one), one)
    return list(made.values())


def _old(variable: str) -> ActorHasher:
    key = os.environ.get(variable)
    if not key:
        raise InputError(f"--old-key: the environment has no {variable}")
    return ActorHasher(key.encode())


def _act(one: Forgotten, who: Who, note: str | None) -> Act:
    kinds = sorted({place.kind for place in one.found})
    return Act(
        act_id=secrets.token_hex(8), at=datetime.now(UTC), by=who.by, via=who.via, verb="forget",
        subject=one.name, note=note, details={"places": len(one.found), "kinds": kinds},
    )  # fmt: skip
