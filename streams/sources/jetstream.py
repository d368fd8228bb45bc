"""The client of Bluesky's Jetstream: reads all likes, posts, reposts and follows, and keeps what is watched.

What comes is taken in batches, and of each batch in this order:

1. fetch   what its deletions need to be resolved
2. parse   frames into events; accounts that are gone
3. flush   what later deletions will need
4. send    the events; returns when they are acknowledged
5. forget  accounts that are gone, if ever an act of theirs was kept
6. save    the cursor

Whatever fails before 6 is done again from the cursor, under the same event ids: nothing is lost, and what
comes twice the worker counts once. A connection begins some seconds before the cursor, since frames are not
strictly in order.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidURI, WebSocketException

from streams import metrics
from streams.errors import InputError, UnavailableError
from streams.sources.base import Options, Parsed
from streams.sources.bluesky import COLLECTIONS, Bluesky
from streams.sources.frames import BACKOFF_S, FRAME_MAX, batch_of, spread
from streams.sources.index import LocalIndex
from streams.sources.memory import Memory

log = logging.getLogger(__name__)

#: All of Bluesky is never silent for so long: the connection is dead, s.
SILENCE_S: Final = 60.0
REWIND_US: Final = 5_000_000
WATCH_EVERY_S: Final = 60.0
#: Deletions that are held so: what is deleted is mostly nobody's who is watched.
_EARLY: Final = 10_000
_NAME: Final = Bluesky.name


class Sink(Protocol):
    """Where events go."""

    async def send(self, events: Sequence[dict[str, Any]], at: float) -> None:
        """Returns when all are acknowledged. `at`: epoch s of receipt. Raises UnavailableError."""

    async def forget(self, account: str) -> None:
        """This account is gone at its source: have it erased. Raises UnavailableError."""


@dataclass(slots=True)
class Stats:
    """What a client has done since it was made."""

    frames: int = 0
    events: int = 0
    rejected: int = 0
    unresolved: int = 0
    forgotten: int = 0
    connects: int = 0
    failures: int = 0
    cursor: int = 0  # µs since 1970


class _Commit(msgspec.Struct, gc=False):
    collection: str = ""
    rkey: str = ""
    operation: str = ""


class _Head(msgspec.Struct, gc=False):
    did: str = ""
    time_us: int = 0
    kind: str = ""
    commit: _Commit | None = None


_head = msgspec.json.Decoder(_Head).decode


class Jetstream:
    """One connection, made anew whenever it breaks."""

    def __init__(
        self,
        url: str,
        memory: Memory,
        sink: Sink,
        watched: Callable[[], Awaitable[frozenset[str]]],
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: random.Random | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        """
        Args:
            url: of the server, such as `wss://HOST/subscribe`.
            watched: ids of monitored accounts; asked once a minute.
            now: epoch s. sleep, jitter: for waiting between connections.

        Raises:
            InputError: the address is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.query:
            raise InputError(
                f"{url!r} is no address of a Jetstream server", hint="such as wss://HOST/subscribe"
            )
        self._url, self._memory, self._sink, self._watched = url, memory, sink, watched
        self._now, self._sleep, self._silence_s = now, sleep, silence_s
        self._jitter = jitter or spread()
        self._source = Bluesky(Options(frozenset(), index=memory))
        self._early = LocalIndex(_EARLY)  # deletions of what was not seen, in case it comes yet
        self._asked_at: float | None = None
        self.stats = Stats()

    async def run(self) -> None:
        """Until cancelled. Raises InputError if the address can never be connected to."""
        waits = BACKOFF_S[0]
        while True:
            frames = self.stats.frames
            try:
                await self._follow()
            except InvalidURI as error:
                raise InputError(f"{self._url}: {error}") from error
            except (OSError, TimeoutError, WebSocketException, UnavailableError) as error:
                self.stats.failures += 1
                metrics.SOURCE_FAILURES.labels(_NAME).inc()
                log.warning("jetstream: %s; reconnecting", error, extra={"failures": self.stats.failures})
            if self.stats.frames > frames:
                waits = BACKOFF_S[0]
            await self._sleep(waits * self._jitter.uniform(0.5, 1.0))
            waits = min(2 * waits, BACKOFF_S[1])

    async def _follow(self) -> None:
        cursor = await self._memory.cursor()
        async with connect(
            self._address(cursor), open_timeout=10, close_timeout=5, ping_interval=20, ping_timeout=20,
            max_size=FRAME_MAX, compression=None,
        ) as socket:  # fmt: skip
            self.stats.connects += 1
            while True:
                batch, closed = await batch_of(socket, self._silence_s)
                if batch:
                    await self._take(batch)
                if closed is not None:
                    raise closed

    def _count(self, head: _Head, frame: bytes, parsed: Parsed) -> None:
        for reason in parsed.rejected:
            unresolved = reason.code == "unresolved"
            metrics.SOURCE_RESULTS.labels(_NAME, "unresolved" if unresolved else "rejected").inc()
            if unresolved:
                self.stats.unresolved += 1
                for key in _needs(head):
                    self._early.put(key, frame)
            else:
                self.stats.rejected += 1

    def _address(self, cursor: int | None) -> str:
        query: list[tuple[str, str]] = [("wantedCollections", name) for name in COLLECTIONS]
        if cursor is not None:
            query.append(("cursor", str(max(0, cursor - REWIND_US))))
        return f"{self._url}?{urlencode(query)}"

    async def _take(self, frames: Sequence[bytes]) -> None:
        now = self._now()
        if self._asked_at is None or now - self._asked_at >= WATCH_EVERY_S:
            self._source.options = replace(self._source.options, watched=await self._watched())
            self._asked_at = now
        heads = [_read_head(frame) for frame in frames]
        await self._memory.fetch(key for head in heads for key in _needs(head))
        events: list[dict[str, Any]] = []
        gone: list[str] = []
        received = dt.datetime.fromtimestamp(now, dt.UTC)
        for head, frame in zip(heads, frames, strict=True):
            parsed = self._source.parse(frame, received)
            gone += parsed.forget
            events += parsed.events
            if (key := _made(head)) and parsed.events and (deleted := self._early.get(key)) is not None:
                events += self._source.parse(deleted, received).events  # its deletion came before it
            self._count(head, frame, parsed)
        for account in {event["actor"]["id"] for event in events}:
            self._memory.put(f"seen/{account}", b"1")
        await self._memory.flush()
        if events:
            await self._sink.send(events, now)
        for account in gone:
            if self._memory.get(f"seen/{account}") is not None:
                await self._sink.forget(account)
                self.stats.forgotten += 1
                metrics.SOURCE_RESULTS.labels(_NAME, "forgotten").inc()
        latest = int(now * 1_000_000)  # a frame from the future must not skip what lies between
        self.stats.cursor = max(self.stats.cursor, *(min(head.time_us, latest) for head in heads))
        await self._memory.save(self.stats.cursor)
        self.stats.frames += len(frames)
        self.stats.events += len(events)
        metrics.SOURCE_FRAMES.labels(_NAME).inc(len(frames))
        metrics.SOURCE_RESULTS.labels(_NAME, "event").inc(len(events))
        metrics.SOURCE_CURSOR.labels(_NAME).set(self.stats.cursor / 1_000_000)


def _needs(head: _Head) -> tuple[str, ...]:
    """Keys of the memory that this frame asks for."""
    commit = head.commit
    if commit is not None and commit.operation == "delete":
        return (f"bluesky/{head.did}/{commit.collection}/{commit.rkey}",)
    return (f"seen/bluesky:{head.did}",) if head.kind == "account" else ()


def _made(head: _Head) -> str | None:
    """Key under which a deletion will name what this frame made."""
    commit = head.commit
    if commit is None or commit.operation != "create":
        return None
    return f"bluesky/{head.did}/{commit.collection}/{commit.rkey}"


def _read_head(frame: bytes) -> _Head:
    try:
        return _head(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Head()
