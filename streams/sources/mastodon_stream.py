"""The client of Mastodon's streaming API: one influencer's stream, on their token.

Mastodon keeps no place in a stream: what happens while nobody is connected is not sent again. So the time of
each break is logged and counted, and the token must be the influencer's, as favourites and follows come on
no other stream (`user`; `user:notification` has only these).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

from streams import metrics
from streams.errors import InputError, UnavailableError
from streams.sources.base import Options
from streams.sources.frames import BACKOFF_S, FRAME_MAX, batch_of, spread
from streams.sources.jetstream import WATCH_EVERY_S, Sink, Stats
from streams.sources.mastodon import Mastodon
from streams.sources.memory import Memory

log = logging.getLogger(__name__)
_NAME: Final = Mastodon.name
_REFUSED: Final = (401, 403)
#: Until a token that was good before is tried again, s.
_REFUSED_S: Final = 300.0
_decode = msgspec.json.Decoder().decode


class TokenRefusedError(InputError):
    """The server does not take the token (any more)."""


class MastodonStream:
    """One connection, made anew whenever it breaks."""

    def __init__(
        self,
        url: str,
        token: str,
        options: Options,
        memory: Memory,
        sink: Sink,
        watched: Callable[[], Awaitable[frozenset[str]]],
        *,
        now: Callable[[], float],
        stream: str = "user",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        """
        Args:
            url: of the streaming API, such as `wss://HOST/api/v1/streaming`.
            token: of the influencer's account; sent in a header, never in the address.
            options: the server's name (`instance`) and the id of the own account.
            watched: ids of monitored accounts; asked once a minute. now: epoch s.

        Raises:
            InputError: the address is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.query:
            raise InputError(
                f"{url!r} is no address of a streaming API", hint="such as wss://HOST/api/v1/streaming"
            )
        self._url, self._token = f"{url}?{urlencode({'stream': stream})}", token
        self._memory, self._sink, self._watched = memory, sink, watched
        self._now, self._sleep = now, sleep
        self._jitter = jitter or spread()
        self._source = Mastodon(replace(options, watched=frozenset(), index=memory))
        self._asked_at: float | None = None
        self._waiting: list[bytes] = []  # taken from the stream, not acknowledged yet
        self.stats = Stats()

    async def run(self) -> None:
        """Until cancelled. A token that ends meanwhile is counted and tried again, so that it is noticed.

        Raises TokenRefusedError if the token was never taken, InputError if the address cannot be reached.
        """
        metrics.SOURCE_RESULTS.labels(_NAME, "token").inc(0)  # a rate sees the first only after a zero
        waits = BACKOFF_S[0]
        while True:
            frames, refused = self.stats.frames, False
            try:
                await self._follow()
            except InvalidURI as error:
                raise InputError(f"{self._url}: {error}") from error
            except InvalidStatus as error:
                self._broke(error)
                if refused := error.response.status_code in _REFUSED:
                    self._refused(error)
            except (OSError, TimeoutError, WebSocketException, UnavailableError) as error:
                self._broke(error)
            if self.stats.frames > frames:
                waits = BACKOFF_S[0]
            await self._sleep((_REFUSED_S if refused else waits) * self._jitter.uniform(0.5, 1.0))
            waits = min(2 * waits, BACKOFF_S[1])

    def _refused(self, error: InvalidStatus) -> None:
        """Raises TokenRefusedError."""
        metrics.SOURCE_RESULTS.labels(_NAME, "token").inc()
        said = f"Mastodon refuses the token (HTTP {error.response.status_code})"
        todo = (
            "make a new one with the scopes read:statuses and read:notifications, and set "
            "RAPPORT_MASTODON_TOKEN"
        )
        if not self.stats.connects:
            raise TokenRefusedError(said, hint=todo) from error
        log.error("mastodon: %s, which was good before: %s, and start again", said, todo)

    def _broke(self, error: Exception) -> None:
        self.stats.failures += 1
        metrics.SOURCE_FAILURES.labels(_NAME).inc()
        log.warning("mastodon: %s; what comes until it is connected again is not told", error)

    async def _follow(self) -> None:
        if self._waiting:  # the stream will not send them again
            await self._take(self._waiting)
        headers = {"Authorization": f"Bearer {self._token}"}
        async with connect(
            self._url, additional_headers=headers, open_timeout=10, close_timeout=5, ping_interval=20,
            ping_timeout=20, max_size=FRAME_MAX,
        ) as socket:  # fmt: skip
            self.stats.connects += 1
            while True:
                batch, closed = await batch_of(socket, None)
                if batch:
                    self._waiting = batch
                    await self._take(batch)
                if closed is not None:
                    raise closed

    async def _take(self, frames: Sequence[bytes]) -> None:
        now = self._now()
        if self._asked_at is None or now - self._asked_at >= WATCH_EVERY_S:
            self._source.options = replace(self._source.options, watched=await self._watched())
            self._asked_at = now
        await self._memory.fetch(key for frame in frames for key in _needs(frame))
        events: list[dict[str, Any]] = []
        received = dt.datetime.fromtimestamp(now, dt.UTC)
        refused: list[str] = []
        for frame in frames:
            parsed = self._source.parse(frame, received)
            events += parsed.events
            refused += ("unresolved" if r.code == "unresolved" else "rejected" for r in parsed.rejected)
        await self._memory.flush()
        if events:
            await self._sink.send(events, now)
        self._waiting = []
        self.stats.frames += len(frames)
        self.stats.events += len(events)
        self.stats.unresolved += refused.count("unresolved")
        self.stats.rejected += refused.count("rejected")
        for result in refused:
            metrics.SOURCE_RESULTS.labels(_NAME, result).inc()
        metrics.SOURCE_FRAMES.labels(_NAME).inc(len(frames))
        metrics.SOURCE_RESULTS.labels(_NAME, "event").inc(len(events))
        metrics.SOURCE_CURSOR.labels(_NAME).set(now)


def _needs(frame: bytes) -> tuple[str, ...]:
    """Keys of the memory that this frame asks for: what is deleted, or answered."""
    try:
        document = _decode(frame)
        payload = document.get("payload")
        if document.get("event") == "delete":
            return (f"{_NAME}/{payload}",)
        status = _decode(payload) if isinstance(payload, str) else payload
        parent = (status.get("status") or status).get("in_reply_to_id")
    except (msgspec.DecodeError, UnicodeError, AttributeError, RecursionError):
        return ()
    return (f"{_NAME}/{parent}",) if isinstance(parent, str) else ()
