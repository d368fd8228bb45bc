"""Recorded events back through the topics, without counting any of them twice.

The worker forgets event ids after `duplicate_memory_h`. A replay therefore leaves a receipt in Redis: a
digest
of all its event ids that does not depend on their order. The same events later than the memory reaches are
refused unless asked for with `again`; within it they are simply sent, and the worker sees the duplicates.
That is also how an interrupted replay goes on: run it again.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError
from xxhash import xxh3_64_intdigest

from processors.state.layout import receipts_key
from schemas.topics import EVENTS
from streams.errors import InputError, RapportError, StoreUnavailableError
from streams.files import BadLine, Recording, open_recording
from streams.sending import Sender, send_through
from streams.sending_lane import Timed
from streams.settings import Settings
from streams.settings_doc import mask_address

#: Bad lines that are named one by one; all are counted.
_NAMED: Final = 100
_MASK: Final = (1 << 64) - 1
#: Ids are forgotten by the hour: the last hour of the memory is not relied on.
_MARGIN_H: Final = 1


class AlreadyReplayedError(RapportError):
    """The same events were replayed before, and the worker no longer remembers their ids."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay did. `skipped_bad`: lines without a key; the first hundred are named in `bad_lines`."""

    sent: int
    skipped_bad: int
    bad_lines: tuple[BadLine, ...]
    too_large: int
    seconds: float
    first_at: float | None  # epoch s of the first and the last event
    last_at: float | None
    replayed_before: bool

    @property
    def per_second(self) -> float:
        """Events a second."""
        return self.sent / self.seconds if self.seconds > 0 else 0.0


@dataclass(slots=True)
class _Survey:
    """What the first pass over a file finds."""

    count: int = 0
    digest: int = 0
    first: float | None = None
    last: float | None = None
    bad: int = 0

    @property
    def field(self) -> str:
        return f"{self.digest:016x}-{self.count}"


async def replay(
    settings: Settings, path: Path | str, format: str = "ndjson", *, speed: float | None = None,
    on_progress: Callable[[int, int | None], None] | None = None, again: bool = False,
    clock: Callable[[], float] = time.time,
) -> ReplayResult:  # fmt: skip
    """Sends a file's events to the events topic, stamped with their own times.

    Args:
        path: a file, gzipped or not, or `-` for standard input.
        format: `ndjson` or `retweets` (see `streams.files`).
        speed: seconds of event time per second; None: as fast as it goes.
        on_progress: called with (sent, in all).
        again: send even though the worker has forgotten that it saw these events.
        clock: wall time in epoch seconds.

    Raises:
        InputError: no such file, or not of this format.
        AlreadyReplayedError: see there; nothing was sent.
        StoreUnavailableError, BrokerUnavailableError, NotFoundError: Redis, Kafka or the topic is not there.
    """
    bad: list[BadLine] = []
    with ExitStack() as files:
        with _interruptible():
            recording = files.enter_context(open_recording(path, format))
            survey = _look_through(recording, bad)
        if survey.bad and not survey.count:
            raise InputError(
                f"{path}: none of its {survey.bad:,} lines is an event; line {bad[0].number}: {bad[0].why}"
            )
        receipts = _Receipts(settings, clock)
        async with Sender(settings) as sender:  # first: what cannot be sent leaves no receipt
            before = await receipts.begin(survey, again=again)
            result = await send_through(
                sender, _records(recording), speed=speed, on_progress=on_progress, total=survey.count
            )
        await receipts.finish(survey)
    return ReplayResult(
        result.sent,
        survey.bad,
        tuple(bad),
        len(result.too_large),
        result.seconds,
        survey.first,
        survey.last,
        before,
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends what blocks the loop (reading standard input) at once; asyncio would note it for later."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _look_through(recording: Recording, bad: list[BadLine]) -> _Survey:
    survey = _Survey()

    def on_bad(line: BadLine) -> None:
        survey.bad += 1
        if len(bad) < _NAMED:
            bad.append(line)

    for at, key, event_id, value in recording.lines(on_bad):
        survey.count += 1
        # An event without an id is told apart by its bytes. A sum, because it does not depend on the order.
        identity = key + b"\0" + (event_id.encode() or value)
        survey.digest = (survey.digest + xxh3_64_intdigest(identity)) & _MASK
        survey.first = at if survey.first is None else min(survey.first, at)
        survey.last = at if survey.last is None else max(survey.last, at)
    return survey


def _records(recording: Recording) -> Iterator[Timed]:
    for at, key, _, value in recording.lines(lambda line: None):
        yield at, key, value


class _Receipts:
    """Begun and finished replays of this installation, by digest. Emptied with the state that they speak
    of."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._key = receipts_key(settings.namespace)
        self._topic = settings.topic(EVENTS)

    async def begin(self, survey: _Survey, *, again: bool) -> bool:
        """Notes that a replay begins; True when it is not the first of these events."""
        if not survey.count:
            return False
        known = await self._read(survey)
        now = self._clock()
        if known is None or again:
            await self._write(survey, {"begun_at": now, "finished_at": None, "events": survey.count})
            return known is not None
        # The first sending counts: duplicates do not make the worker remember for longer.
        age_h = (now - float(str(known["begun_at"]))) / 3_600
        if age_h > self._settings.duplicate_memory_h - _MARGIN_H:
            when = datetime.fromtimestamp(float(str(known["begun_at"])), UTC)
            ended = "finished" if known["finished_at"] else "was begun, but not finished,"
            raise AlreadyReplayedError(
                f"a replay of the same {survey.count:,} events {ended} on {when:%Y-%m-%d %H:%M} UTC; event "
                f"ids are remembered for {self._settings.duplicate_memory_h} h, so they would be counted "
                "twice: nothing was sent",
                hint="send them all the same with --again",
            )
        return True

    async def finish(self, survey: _Survey) -> None:
        """Notes that all was sent; when it was begun stays."""
        if not survey.count:
            return
        known = await self._read(survey) or {"begun_at": self._clock(), "events": survey.count}
        await self._write(survey, {**known, "finished_at": self._clock()})

    async def _read(self, survey: _Survey) -> dict[str, object] | None:
        try:
            async with self._client() as client:
                found = await client.hget(self._key, f"{self._topic}/{survey.field}")
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from error
        if found is None:
            return None
        value: dict[str, object] = json.loads(found)
        return value

    async def _write(self, survey: _Survey, value: dict[str, object]) -> None:
        try:
            async with self._client() as client:
                await client.hset(self._key, f"{self._topic}/{survey.field}", json.dumps(value))
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from error

    def _client(self) -> redis.Redis:
        timeout = self._settings.redis_timeout_s
        return redis.from_url(
            self._settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout
        )

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"Redis at {mask_address(self._settings.redis_url)} does not answer: {error}",
            hint="is it running, and is RAPPORT_REDIS_URL right?",
        )
