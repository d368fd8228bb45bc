"""Worker processes for tests: started, waited for, killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr

from streams.children import Child, free_port
from streams.errors import NotFoundError
from streams.reader import Reader, Totals
from streams.settings import Settings


def environment(settings: Settings, **changes: object) -> dict[str, str]:
    """An environment that gives a child process these settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    for name, value in (settings.model_dump(exclude_none=True) | changes).items():
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        env[f"RAPPORT_{name.upper()}"] = str(plain).lower() if isinstance(plain, bool) else str(plain)
    return env


class WorkerProcess(AbstractContextManager["WorkerProcess"]):
    """`rapport worker` as a child process. `port`: of its /health, /ready and /metrics."""

    def __init__(self, settings: Settings, log: Path, **changes: object) -> None:
        self.settings, self.log = settings, log
        self._changes = changes
        self.port = free_port()
        self.child = self._start()

    def _start(self) -> Child:
        env = environment(self.settings, http_port=self.port, **self._changes)
        return Child("worker", [sys.executable, "-m", "streams.cli", "worker"], self.log, env=env)

    def kill(self) -> None:
        """`kill -9`."""
        self.child.kill()

    def restart(self) -> None:
        """Start again after a kill or a stop."""
        self.child = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.stop(grace_s=15)


async def until(
    what: Callable[[], Awaitable[Any]],
    holds: Callable[[Any], bool],
    *,
    within: float,
    child: Child | None = None,
) -> Any:
    """Ask until the answer holds; fails after `within` seconds with the newest answer and the child's log."""
    deadline = monotonic() + within
    while True:
        answer = await what()
        if holds(answer):
            return answer
        dead = child is not None and not child.running
        if dead or monotonic() > deadline:
            log = child.logged() if child is not None else ""
            raise AssertionError(
                f"not within {within:.0f} s{' (the worker died)' if dead else ''}: {answer}\n{log}"
            )
        await asyncio.sleep(0.2)


async def read_totals(settings: Settings) -> Totals:
    """The partitions' totals, summed up; all 0 while there is no layout yet."""
    async with Reader(settings) as reader:
        try:
            return await reader.totals()
        except NotFoundError:
            return Totals()
