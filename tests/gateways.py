"""A gateway as a process of its own, for tests and the bench."""

from __future__ import annotations

import asyncio
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from streams.children import Child, ChildError, free_port
from streams.gateway.tokens import SendTokens
from streams.people import Who
from streams.people_store import ActStore, open_client
from streams.settings import Settings
from tests.workers import environment


class GatewayProcess:
    """Started with these settings, on a free port that it keeps when it is started again."""

    def __init__(self, settings: Settings, directory: Path, **environment: str) -> None:
        self.port = free_port()
        self.settings = settings.model_copy(update={"gateway_port": self.port})
        self._log = directory / f"gateway-{self.port}.log"
        self._environment = environment
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        assert self._child is not None, "not running"
        return self._child

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, ready: bool = True) -> Self:
        self._child = Child(
            "gateway", [sys.executable, "-m", "streams.cli", "gateway"], self._log,
            env=environment(self.settings) | self._environment,
        )  # fmt: skip
        self._child.wait_until(lambda: self.answers("/health/live"), 20, says="running on")
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not self.answers("/health/ready"):
            if time.monotonic() > end:
                raise ChildError(f"the gateway is not ready:\n{self.child.logged()[-2_000:]}")
            time.sleep(0.02)

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(self.address + path, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> int | None:
        """Asked to end; its exit code."""
        self.child.stop(20.0)
        return self.child.exit_code

    def kill(self) -> None:
        self.child.kill()

    @contextmanager
    def running(self, *, ready: bool = True) -> Iterator[Self]:
        """Started, and stopped at the end; not waited for unless `ready`."""
        try:
            yield self.start(ready=ready)
        finally:
            self.__exit__()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.stop(20.0)


def make_token(settings: Settings, name: str = "test", **bounds: Any) -> str:
    """A token made in this installation's Redis."""

    async def make() -> str:
        client = open_client(settings)
        try:
            return (await SendTokens(ActStore(settings, client)).create(name, Who("tests"), **bounds))[0]
        finally:
            await client.aclose()

    return asyncio.run(make())
