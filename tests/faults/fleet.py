"""The workers of one installation, as processes: started, killed, frozen, asked to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from streams.children import Child, free_port
from streams.failpoints import VARIABLE
from streams.settings import Settings
from tests.faults.zygote import Forked, zygote
from tests.servers import REPO
from tests.workers import environment

_MAIN = (  # without the command line's imports
    "import sys; from streams.settings import Settings; from streams.running import run_worker; "
    "sys.exit(run_worker(Settings()))"
)
_STOP_S = 60.0  # to come up, or to end, on a machine that does much else beside


class Fleet:
    """Workers by slot. `changes`: settings of all of them, e.g. an address behind a proxy."""

    def __init__(self, settings: Settings, scratch: Path, **changes: object) -> None:
        self.settings, self._scratch, self.changes = settings, scratch, changes
        self.running: dict[int, Child | Forked] = {}
        self.ports: dict[int, int] = {}
        self.environ: dict[str, str] = {}

    def start(self, slot: int, *, failpoint: str | None = None, **changes: object) -> None:
        """Start the worker of a slot. `failpoint`: where it is to kill itself; `changes`: settings."""
        name = f"{self.settings.namespace}-{slot}"
        self.ports[slot] = free_port()
        place = {
            "http_port": self.ports[slot],
            "hash_key": "secret",
            "data_dir": self._scratch / name,
        }
        env = environment(self.settings, **(self.changes | place | changes))
        env |= {"PYTHONPATH": str(REPO), "RAPPORT_CONFIG": str(self._scratch / "none.toml"), **self.environ}
        if failpoint is not None:
            env[VARIABLE] = failpoint
        log = self._scratch / f"{name}.log"
        if self.environ:  # what is preloaded needs a start from nothing
            self.running[slot] = Child(name, [sys.executable, "-c", _MAIN], log, env=env)
        else:
            self.running[slot] = Forked(zygote(), env, log)

    def kill(self, slot: int) -> None:
        """kill -9, and start another at once."""
        self.running[slot].kill()
        self.start(slot)

    async def freeze(self, slot: int, seconds: float) -> None:
        """SIGSTOP for so long, then SIGCONT."""
        self.running[slot].freeze()
        await asyncio.sleep(seconds)
        self.running[slot].thaw()

    async def dies(self, slot: int, within: float = 90.0) -> None:
        """Returns when a slot's worker was killed by its failpoint; fails when it was not in time."""
        child, end = self.running[slot], time.monotonic() + within
        while child.running:
            assert time.monotonic() < end, f"worker {slot} did not come by its failpoint:\n{self.tail(slot)}"
            await asyncio.sleep(0.02)
        assert child.exit_code == -signal.SIGKILL, f"worker {slot} ended by itself:\n{self.tail(slot)}"

    def terminate(self, slot: int) -> None:
        """SIGTERM."""
        os.kill(self.running[slot].pid, signal.SIGTERM)

    async def retire(self, slot: int) -> None:
        """SIGTERM; it must end with 0."""
        child = self.running[slot]
        await self._begun(child)
        self.terminate(slot)
        await self._ended([child])
        assert child.exit_code == 0, f"worker {slot} did not stop cleanly:\n{self.tail(slot)}"
        self.running.pop(slot).kill()

    def look(self) -> None:
        """Fail when a worker ended by itself."""
        for slot, child in self.running.items():
            assert child.running, f"worker {slot} ended by itself; its log ends with:\n{self.tail(slot)}"

    def tail(self, slot: int, lines: int = 40) -> str:
        """End of the log of a slot's worker."""
        return "\n".join(self.running[slot].logged().splitlines()[-lines:])

    def tails(self) -> str:
        """End of the logs of all workers."""
        return "\n--\n".join(map(self.tail, self.running))

    def said(self, text: str) -> int:
        """How often any worker of these slots said so, before and after being started anew."""
        name = self.settings.namespace
        return sum(log.read_text(errors="replace").count(text) for log in self._scratch.glob(f"{name}-*.log"))

    async def stop(self) -> None:
        """SIGTERM to all; each must end with 0 in time."""
        for child in self.running.values():
            await self._begun(child)
        for child in self.running.values():
            os.kill(child.pid, signal.SIGTERM)
        await self._ended(list(self.running.values()))
        for slot, child in self.running.items():
            assert child.exit_code == 0, f"worker {slot} did not stop cleanly:\n{self.tail(slot)}"
        self.close()

    def close(self) -> None:
        """Kill what still runs."""
        for child in self.running.values():
            child.kill()
        self.running.clear()

    @staticmethod
    async def _begun(child: Child | Forked) -> None:
        """Who has only just been started knows no SIGTERM yet, and would die of it."""
        end = time.monotonic() + _STOP_S
        while child.running and "the book is read" not in child.logged():
            assert time.monotonic() < end, f"worker {child.pid} does not come up:\n{child.logged()}"
            await asyncio.sleep(0.05)

    @staticmethod
    async def _ended(children: list[Child | Forked]) -> None:
        end = time.monotonic() + _STOP_S
        for child in children:
            while child.running and time.monotonic() < end:  # noqa: ASYNC110 (nobody tells of it)
                await asyncio.sleep(0.05)
