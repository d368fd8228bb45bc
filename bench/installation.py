"""What a measurement stands on: servers, settings, topics filled with events, and workers."""

from __future__ import annotations

import asyncio
import compileall
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from processors.generator.influencer import Record
from schemas import Partnership
from streams.children import Child, free_port
from streams.sending import SendResult, send, send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.servers import REPO, ApachePair, kafka_jars
from tests.workers import environment

console = Console(stderr=True)


@contextmanager
def bar(what: str, total: int) -> Iterator[Any]:
    """A progress bar on stderr, where that is a terminal; yields what to call with the number done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


@dataclass(frozen=True, slots=True)
class Place:
    """Servers of one measurement, and a directory that is gone afterwards."""

    pair: ApachePair
    directory: Path

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the servers."""
        return {"Kafka": self.pair.kafka.pid, "Redis": self.pair.redis.pid}

    def settings(self, name: str, *, partitions: int = 8, prefix: str = "", **changes: Any) -> Settings:
        """Settings of an installation with a state of its own; its topics bear `prefix`."""
        values: dict[str, Any] = {
            "broker": self.pair.broker, "redis_url": self.pair.redis_url, "partitions": partitions,
            "namespace": name, "group": name, "topic_prefix": prefix, "http_port": free_port(),
            "data_dir": self.directory / "faust", "log_level": "warning", "log_format": "text",
            "rebalance_timeout_s": 6.0, "hash_key": "bench",
        }  # fmt: skip
        return Settings(**(values | changes))


@contextmanager
def servers() -> Iterator[Place]:
    """Apache Kafka and redis-server of this measurement's own."""
    kafka_jars()
    for package in ("schemas", "processors", "streams"):  # else a worker may compile as it starts
        compileall.compile_dir(REPO / package, quiet=1)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, ApachePair() as pair:
        yield Place(pair, Path(scratch))


def fill(settings: Settings, partners: list[Partnership], events: Iterable[Record], count: int) -> SendResult:
    """Topics, partnerships, events; returns when all is acknowledged."""
    asyncio.run(ensure_topics(settings))
    asyncio.run(send_partnerships(settings, partners))
    with bar("sending", count) as told:
        return asyncio.run(send(settings, events, on_progress=lambda done, _: told(done), total=count))


@contextmanager
def worker(
    settings: Settings, directory: Path, *, processes: int = 1, profile: Path | None = None
) -> Iterator[Child]:
    """`rapport worker` as a process of its own, stopped by its id; with more than one, their parent."""
    command = [sys.executable, "-m", "streams.cli", "worker"]
    if processes > 1:
        command += ["--processes", str(processes)]
    child = Child("worker", command, directory / "worker.log", env=environment(settings))
    spy = None
    try:
        if profile is not None:
            spy = _spied_on(child.pid, profile, directory)
        yield child
    finally:
        child.stop(20.0)
        if spy is not None:  # it writes when its process has ended
            end = time.monotonic() + 60
            while spy.running and time.monotonic() < end:
                time.sleep(0.2)
            spy.stop()
        if child.exit_code not in (0, None, -9):
            console.print(f"the worker ended with {child.exit_code}:\n{child.logged()[-2_000:]}")


def _spied_on(pid: int, profile: Path, directory: Path) -> Child:
    command = [
        str(Path(sys.executable).with_name("py-spy")), "record", "--format", "raw", "--rate", "250",
        "--output", str(profile), "--pid", str(pid), "--nonblocking", "--gil",
    ]  # fmt: skip
    return Child("py-spy", command, directory / "py-spy.log")


def load_average() -> tuple[float, float, float]:
    """Of 1, 5 and 15 minutes."""
    return os.getloadavg()
