"""Several workers on one machine: `rapport worker --processes N`.

A worker is one process on one core, and Kafka's group gives each its share of the partitions. This process
forks them once all is imported (they share that memory, and one that died is back without the second that
importing takes), starts again whoever ends, and stops all of them on SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from time import monotonic
from types import FrameType

from streams import logs
from streams.errors import RapportError, SettingsError, UnavailableError
from streams.failures import explain
from streams.settings import Settings

log = logging.getLogger(__name__)
#: Who ended starts again at once, then after 1, 2, 4 … s.
_WAIT_MAX_S = 30.0
#: Whoever ran for so long had no trouble starting: its next end is a first one again.
_STEADY_S = 60.0
#: A clean stop takes a worker up to 20 s, in the midst of a rebalance.
_GRACE_S = 25.0
#: Added to the exit code of a worker that could not start for a reason which trying again does not mend.
_HOPELESS = 64
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_FORK = multiprocessing.get_context("fork")

#: Runs one worker and returns its exit code: `run_worker`.
Run = Callable[[Settings, int], int]


@dataclass(slots=True)
class _Place:
    """One of the N: who fills it now, since when, and how often it ended soon after its start."""

    number: int
    process: ForkProcess | None = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0


class Processes:
    """N workers under one parent. `run` in each: ends with the worker."""

    def __init__(self, settings: Settings, count: int, run: Run) -> None:
        if settings.http_port + count - 1 > 65_535:
            raise SettingsError([
                f"RAPPORT_HTTP_PORT: {count} processes listen on it and the ports after it, and ports end at "
                f"65535: at most {65_536 - count} with so many"
            ])  # fmt: skip
        self._settings, self._run = settings, run
        self._places = [_Place(number) for number in range(count)]
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._stopping = self._reload = False

    def supervise(self) -> int:
        """Until told to stop. Returns 0, or the exit code of a worker that cannot start."""
        before = {number: signal.signal(number, self._signalled) for number in _SIGNALS}
        code = 0
        try:
            while not self._stopping and not code:
                self._fill()
                self._wait(self._pause())
                code = self._reap()
                if self._reload:
                    self._reload = False
                    self._tell(signal.SIGHUP)
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wake)
            os.close(self._waker)
        return code

    # -- one round ------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        now = monotonic()
        for place in self._places:
            if place.process is None and now >= place.due:
                process = _FORK.Process(
                    target=self._child, args=(place.number,), name=f"worker {place.number}"
                )
                signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # no handler of ours runs in the child
                try:
                    process.start()
                finally:
                    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
                place.process, place.started = process, now
                port = self._settings.http_port + place.number
                log.info("worker %d is process %d, /metrics on port %d", place.number, process.pid, port)

    def _pause(self) -> float | None:
        """Seconds until somebody is to be started; None: nobody waits for it."""
        due = [place.due for place in self._places if place.process is None]
        return max(0.0, min(due) - monotonic()) if due else None

    def _wait(self, seconds: float | None) -> None:
        """Until a worker ends or a signal comes."""
        running = [place.process.sentinel for place in self._places if place.process is not None]
        if self._wake in wait([*running, self._wake], seconds):
            os.read(self._wake, 512)

    def _reap(self) -> int:
        """Note who ended; the exit code where trying again is no use, else 0."""
        for place in self._places:
            process = place.process
            if process is None or process.is_alive():
                continue
            code = process.exitcode or 0
            place.process = None
            process.close()
            if code > _HOPELESS:
                return code - _HOPELESS
            if self._stopping:
                continue
            now = monotonic()
            if now - place.started >= _STEADY_S:
                place.failures = 0
            pause = min(_WAIT_MAX_S, 2.0 ** (place.failures - 1)) if place.failures else 0.0
            place.failures += 1
            place.due = now + pause
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            log.warning("worker %d %s, starting it again in %.0f s", place.number, how, pause)
        return 0

    # -- ending ---------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """SIGTERM to all, SIGKILL to whoever takes too long."""
        self._stopping = True
        self._tell(signal.SIGTERM)
        end = monotonic() + _GRACE_S
        while any(place.process is not None for place in self._places):
            left = end - monotonic()
            if left <= 0:
                late = [place.number for place in self._places if place.process is not None]
                log.warning("workers %s did not stop in time, and are killed", late)
                self._tell(signal.SIGKILL)
                left = 5.0
            self._wait(left)
            self._reap()

    def _tell(self, number: signal.Signals) -> None:
        for place in self._places:
            if place.process is not None and place.process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(place.process.pid, number)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stopping = True
        with suppress(BlockingIOError):
            os.write(self._waker, b".")

    # -- in the child ---------------------------------------------------------------------------------------

    def _child(self, number: int) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)  # until the worker has its own
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(self._wake)
        os.close(self._waker)
        settings = self._settings.model_copy(update={"http_port": self._settings.http_port + number})
        try:
            code = self._run(settings, number)
        except UnavailableError as error:
            code = explain(error)
        except RapportError as error:
            code = _HOPELESS + explain(error)
        logging.shutdown()
        sys.exit(code)


def run_workers(settings: Settings, count: int) -> int:
    """`count` workers until SIGTERM or Ctrl-C. Returns the exit code.

    Raises:
        SettingsError: There are not so many ports after RAPPORT_HTTP_PORT.
    """
    from streams.running import run_worker  # before the fork: all share what is imported

    logs.set_up(settings)
    return Processes(settings, count, run_worker).supervise()
