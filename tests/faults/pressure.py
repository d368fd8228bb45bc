"""More than a worker can do: a worker that is slowed down, and what is seen of it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from streams.children import Child
from tests.faults.drill import Drill
from tests.faults.zygote import Forked

_PERIOD_S = 0.2


@contextlib.asynccontextmanager
async def slowed(child: Child | Forked, share: float) -> AsyncIterator[None]:
    """The process runs only this share of the time (stopped and continued five times a second): a machine
    that is too small, whatever machine this is."""

    async def go() -> None:
        while child.running:
            child.freeze()
            await asyncio.sleep(_PERIOD_S * (1 - share))
            child.thaw()
            await asyncio.sleep(_PERIOD_S * share)

    task = asyncio.create_task(go())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if child.running:
            child.thaw()


@dataclass
class Watched:
    """What was seen of a worker, each second: memory in MiB, and what /health said."""

    drill: Drill
    slot: int = 0
    rss: list[float] = field(default_factory=list)
    lag: list[int] = field(default_factory=list)
    statuses: set[str] = field(default_factory=set)
    estimates: list[float] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look each second in the background; a worker that does not answer is looked at again."""
        task = asyncio.create_task(self._go())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _go(self) -> None:
        timeout = aiohttp.ClientTimeout(total=3)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                self.rss.append(rss_mib(self.drill.workers.running[self.slot].pid))
                self.lag.append(self.drill.sent - self.drill.totals()["read"])
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    await self._ask(session)
                await asyncio.sleep(1.0)

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        url = f"http://127.0.0.1:{self.drill.workers.ports[self.slot]}/health"
        async with session.get(url) as response:
            told: dict[str, Any] = await response.json(content_type=None)
        self.statuses.add(told["status"])
        if told["behind"] and told["behind"]["catch_up_s"] is not None:
            self.estimates.append(told["behind"]["catch_up_s"])


def rss_mib(pid: int) -> float:
    """Memory that a process has in RAM, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1_024
    raise AssertionError(f"process {pid} tells no VmRSS")
