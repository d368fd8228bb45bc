"""Recorded events back through the topics, without losing one and without counting one twice.

Files are gone through twice: once to see how much there is, what cannot be sent, and whether it was sent
before; once to send. The worker forgets event ids after `duplicate_memory_h`. A replay therefore leaves a
receipt in Redis under a digest of all its event ids that does not depend on their order: the same events
later than the memory reaches are refused unless asked for with `again`; within it they are sent, and the
worker sees the duplicates.

The receipt also says how far everything is acknowledged, noted every two seconds and on Ctrl-C. Run again, a
replay that was interrupted goes on there; what was sent after the last note comes twice, under the same ids.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streams.errors import InputError, RapportError
from streams.forgetting import ask_to_forget
from streams.reading import BadLine, Ear, How, Line, Recording, open_recording
from streams.reading.survey import Survey, look_through
from streams.replay_receipts import AlreadyReplayedError, Begun, Receipts
from streams.replay_rejects import Rejects
from streams.sending import Sender, SendResult, send_through
from streams.sending_lane import Timed
from streams.settings import Settings

__all__ = ["AlreadyReplayedError", "ReplayResult", "look", "replay"]

log = logging.getLogger(__name__)
#: How often what is acknowledged is noted, s.
NOTE_S: Final = 2.0
#: How long what is under way is waited for after Ctrl-C, s.
_LEAVE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay did. `skipped_bad`: lines that are no events; the first hundred are named in `bad_lines`,
    `rejects_kept` of them lie in the file or the topic. `resumed_at`: so many were acknowledged before.
    `left_out`: what a source understood but does not count, by reason. `forgotten`: accounts that are
    gone."""

    sent: int
    skipped_bad: int
    bad_lines: tuple[BadLine, ...]
    too_large: int
    seconds: float
    first_at: float | None  # epoch s of the first and the last event
    last_at: float | None
    replayed_before: bool
    resumed_at: int = 0
    rejects_kept: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    forgotten: int = 0
    bytes: int = 0

    @property
    def per_second(self) -> float:
        """Events a second."""
        return self.sent / self.seconds if self.seconds > 0 else 0.0


def look(paths: Sequence[Path | str], how: How, on_look: Callable[[int, int], None] | None = None) -> Survey:
    """What would become of the files; nothing is sent, nothing is asked. Raises InputError."""
    with _interruptible(), open_recording(paths, how) as recording:
        return look_through(recording, tally=True, on_look=on_look)


async def replay(
    settings: Settings, paths: Sequence[Path | str] | Path | str, how: How | None = None, *,
    speed: float | None = None, again: bool = False, rejects: Path | None = None,
    on_look: Callable[[int, int], None] | None = None,
    on_progress: Callable[[int, int | None], None] | None = None, clock: Callable[[], float] = time.time,
) -> ReplayResult:  # fmt: skip
    """Sends the events of files, in this order, to the events topic, stamped with their own times.

    Args:
        paths: files, packed or not, or `-` for standard input.
        how: what they are, and which of their records are wanted; seen from the files without.
        speed: seconds of event time per second; None: as fast as it goes.
        again: send all from the start, even what the worker has forgotten to have seen.
        rejects: file for lines that cannot be sent; without one they go to the rejected topic.
        on_look: called with (bytes read, bytes in all) during the first look.
        on_progress: called with (sent, in all), including what was sent before an interruption.
        clock: wall time in epoch seconds.

    Raises:
        InputError: a file is not there, broken, or holds no events.
        AlreadyReplayedError: see there; nothing was sent.
        StoreUnavailableError, BrokerUnavailableError, NotFoundError: Redis, Kafka or the topic is not there.
    """
    how = how or How()
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    with _interruptible():
        opening = open_recording(paths, how)
        recording = opening.__enter__()
    try:
        with _interruptible():
            survey = look_through(recording, on_look=on_look)
        if survey.bad and not survey.count:
            raise InputError(
                f"none of the {survey.bad:,} lines of {recording.name} is an event: {survey.bad_lines[0]}"
            )
        job = _Job(settings, recording, survey, how, clock)
        return await job.run(speed, again, rejects, on_progress)
    finally:
        opening.__exit__(None, None, None)


class _Job:
    """One replay: the records, how far they are acknowledged, and the receipt that says so."""

    def __init__(
        self, settings: Settings, recording: Recording, survey: Survey, how: How, clock: Callable[[], float]
    ) -> None:
        self._settings, self._recording, self._survey, self._how = settings, recording, survey, how
        self._receipts = Receipts(settings, settings.topic(how.topic), clock)
        self._begun = Begun()
        self._sender: Sender
        self._rejects: Rejects

    async def run(
        self, speed: float | None, again: bool, rejects: Path | None,
        on_progress: Callable[[int, int | None], None] | None,
    ) -> ReplayResult:  # fmt: skip
        survey, settings = self._survey, self._settings
        # The sender first: what cannot be sent leaves no receipt.
        async with (
            self._receipts as receipts,
            Rejects(settings, rejects) as self._rejects,
            Sender(settings, topic=self._how.topic) as self._sender,
        ):
            self._begun = await receipts.begin(survey, again=again)
            skip = self._begun.skip
            self._rejects.begin(anew=not skip)
            tell = (lambda n, total: on_progress(skip + n, total)) if on_progress is not None else None
            try:
                result = await send_through(
                    self._sender, self._records(), speed=speed, on_progress=tell, total=survey.count
                )
            except BaseException:
                await self._leave()
                raise
            await self._rejects.drain()
            await receipts.finish(survey)
            if survey.gone:
                await ask_to_forget(
                    settings, list(survey.gone), by="source", note="the account is gone at its source"
                )
        return self._result(result)

    async def _records(self) -> AsyncIterator[Timed]:
        """The records that are still to be sent; what is acknowledged is noted on the way."""
        noted = time.monotonic()
        for line in self._lines():
            yield line.at, line.key, line.value
            if self._rejects.pending:
                await self._rejects.drain()
            if time.monotonic() - noted > NOTE_S:
                await self._note()
                noted = time.monotonic()

    def _lines(self) -> Iterator[Line]:
        skip = self._begun.skip
        passed = 0

        def bad(line: BadLine) -> None:
            if passed >= skip:  # those before were kept when they were passed
                self._rejects.put(line)

        for line in self._recording.lines(Ear(bad), check=bool(self._survey.bad)):
            if passed >= skip:
                yield line
            passed += 1

    async def _note(self) -> None:
        """Note how far everything is acknowledged; what could not be sent is kept by then, too."""
        await self._sender.flush()
        await self._rejects.drain()
        try:
            await self._receipts.acked(self._survey, self._begun.skip + self._sender.taken)
        except RapportError as error:  # then a repeat is longer: that is no reason to stop
            log.warning("how far the replay is could not be noted: %s", error)

    async def _leave(self) -> None:
        """Note how far it is; what is under way gets a little time."""
        if not self._sender.taken:
            return
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._note()
        except (Exception, asyncio.CancelledError) as error:  # the first error is the one to be told
            log.debug("not noted: %r", error)

    def _result(self, result: SendResult) -> ReplayResult:
        survey = self._survey
        return ReplayResult(
            result.sent, survey.bad, tuple(survey.bad_lines), len(result.too_large), result.seconds,
            survey.first, survey.last, self._begun.before, self._begun.skip, self._rejects.kept,
            dict(survey.left_out), len(survey.gone), result.bytes,
        )  # fmt: skip


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends what blocks the loop (reading files) at once; asyncio would note it for later."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
