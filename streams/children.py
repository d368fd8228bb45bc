"""Servers as child processes on loopback: started, waited for, and gone again whatever happens to us."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from streams.errors import RapportError

_TAIL_LINES = 15
_POLL_S = 0.02


class ChildError(RapportError):
    """A server did not start, or did not answer in time; the message ends with the last lines of its log."""


def free_port() -> int:
    """A TCP port of loopback that is free now. Another program may take it before we do: try again then.

    Not one that the system hands out for outgoing connections (from 32,768 on): on a busy machine these are
    gone again within the seconds that a JVM needs to start.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
            probe.bind(("127.0.0.1", port))
            return port
    raise ChildError("no free port on 127.0.0.1 between 20000 and 32000")


class Child:
    """One server process, in a process group of its own: Ctrl-C in the terminal does not reach it.

    It dies with us: `stop` is also called at interpreter exit, and where even that does not run (`kill -9`),
    a tiny shell beside it sees our end of a pipe close and kills it. (PR_SET_PDEATHSIG would do it without
    a shell, on Linux only, and it fires already when the *thread* that started the child ends.)

    Args:
        name: How messages call it, e.g. "Tansu (embedded broker)".
        command: Program and arguments.
        log: File that stdout and stderr are appended to.
        env: The whole environment of the child; ours when None.
        error: Class of the error that `wait_until` raises.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: dict[str, str] | None = None,
        error: type[ChildError] = ChildError,
    ) -> None:
        self.name, self.log = name, log
        self._error = error
        with log.open("ab") as out:
            self._log_start = out.tell()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - no shell; the command is ours
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=env,
                    process_group=0,
                )
            except OSError as error_:
                raise error(f"{name} could not be started: {error_.strerror or error_}") from error_
        self._watcher = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", 'read -r _; kill -9 "$0" 2>/dev/null', str(self.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal); None while it runs."""
        return self._process.poll()

    def wait_until(self, answers: Callable[[], bool], deadline_s: float, *, says: str) -> None:
        """Returns when its log contains `says`, and `answers()` is true.

        The log, because a foreign server on the same port would answer as well while ours still notices
        that the port is taken.

        Raises:
            ChildError: The process ended, or the deadline (seconds) passed. It is stopped then.
        """
        end = time.monotonic() + deadline_s
        while True:
            if not self.running:
                why = f"{self.name} ended at once (exit code {self._process.returncode})"
                break
            with contextlib.suppress(OSError):
                if says in self.logged() and answers():
                    return
            if time.monotonic() > end:
                why = f"{self.name} did not answer within {deadline_s:g} s"
                break
            time.sleep(_POLL_S)
        self.stop()
        raise self._error(why + self._tail())

    def stop(self, grace_s: float = 5.0) -> None:
        """Asks it to end, kills it after `grace_s` seconds, and reaps it. May be called again."""
        atexit.unregister(self.stop)
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def kill(self) -> None:
        """Ends it at once, as a power cut would (SIGKILL)."""
        atexit.unregister(self.stop)
        self._process.kill()
        self._reap()

    def freeze(self) -> None:
        """Stops it in its tracks (SIGSTOP) until `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _reap(self) -> None:
        # The watcher goes first: it must never see our pipe close while a foreign process has the child's id.
        self._watcher.kill()
        if self._watcher.stdin is not None:
            with contextlib.suppress(OSError):
                self._watcher.stdin.close()
        self._watcher.wait()
        self._process.wait()

    def logged(self) -> str:
        """What it has written so far."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            if lines := self.logged().splitlines()[-_TAIL_LINES:]:
                return f"; its log ({self.log}) ends with:\n  " + "\n  ".join(lines)
        return "; it logged nothing"
