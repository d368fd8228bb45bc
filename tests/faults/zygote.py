"""Workers by `fork` from a process that has imported them: that saves each three seconds of CPU.

`python -m tests.faults.zygote` reads one JSON line a worker from stdin: {"env": {…}, "log": "path"}; answers
{"started": pid}, and {"ended": pid, "code": n} when it ends (negative: by that signal). At the end of its
stdin it kills whom it started: they die with us.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from tests.servers import REPO

_START_S = 60.0


class Forked:
    """A worker that a zygote has started; to be used as `streams.children.Child`."""

    def __init__(self, zygote: Zygote, env: dict[str, str], log: Path) -> None:
        self.log = log
        log.touch()
        self._log_start = log.stat().st_size
        self._zygote = zygote
        self.pid = zygote.fork(env, log)

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal); None while it runs."""
        return self._zygote.ended.get(self.pid)

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        end = time.monotonic() + 10
        while self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            assert time.monotonic() < end, f"worker {self.pid} cannot be killed"
            time.sleep(0.005)

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def logged(self) -> str:
        """What it has written so far."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")


class Zygote:
    """The process that forks, and what is known of its children."""

    def __init__(self) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=REPO, env=env | {"PYTHONPATH": str(REPO)}, process_group=0,
        )  # fmt: skip
        self.ended: dict[int, int] = {}
        self._started: queue.Queue[int] = queue.Queue()
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.close)

    def fork(self, env: dict[str, str], log: Path) -> int:
        """Start a worker; its process id."""
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"env": env, "log": str(log)}) + "\n")
            self._process.stdin.flush()
            return self._started.get(timeout=_START_S)

    def close(self) -> None:
        """Kills all of them."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait(10)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "started" in told:
                self.ended.pop(told["started"], None)  # an id may be used again
                self._started.put(told["started"])
            else:
                self.ended[told["ended"]] = told["code"]


@functools.cache
def zygote() -> Zygote:
    """The one of this process."""
    return Zygote()


def _work(env: dict[str, str], log: str) -> int:
    """In the child: be the worker."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    os.environ.clear()
    os.environ.update(env)
    from streams.running import run_worker
    from streams.settings import Settings

    try:
        return run_worker(Settings())
    except BaseException:
        traceback.print_exc()
        return 1


def main() -> None:
    """Fork until stdin ends."""
    import streams.running  # noqa: F401

    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    alive: set[int] = set()
    buffer = b""

    def tell(**facts: Any) -> None:
        os.write(1, json.dumps(facts).encode() + b"\n")

    while True:
        ready, _, _ = select.select([0, woken], [], [], 5.0)
        if woken in ready:
            os.read(woken, 4_096)
        while alive and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            alive.discard(ended[0])
            tell(ended=ended[0], code=os.waitstatus_to_exitcode(ended[1]))
        if 0 not in ready:
            continue
        data = os.read(0, 1 << 20)
        if not data:
            break
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            wanted = json.loads(line)
            if pid := os.fork():
                alive.add(pid)
                tell(started=pid)
                continue
            code = _work(wanted["env"], wanted["log"])
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    for pid in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
