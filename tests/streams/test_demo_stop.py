"""The demo stops at whatever moment it is told to: also while a client of Kafka's is being closed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient

from streams import demo
from streams.children import Child
from streams.settings import Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    """Workers and notifiers that do nothing: what is looked at is the demo's own process."""
    started: list[Child] = []

    def start(command: str, settings: Settings, place: Path, **environ: str) -> Child:
        sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
        started.append(Child(f"the {command}", sleeps, place / f"{command}.log"))
        return started[-1]

    monkeypatch.setattr(demo, "start", start)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return started


def left_behind(place: Path) -> list[Path]:
    """Directories of demos that are over."""
    return list(place.glob("rapport-demo-*"))


async def test_when_a_client_is_being_closed(
    embedded_pair: Any, settings_for: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workers: Any
) -> None:
    """Told to stop during the first closing, then during the second, ... up to the first of the feeder's."""
    close = AIOKafkaClient.close
    moment, left, last = 0, 0, ""
    task: asyncio.Task[Any]
    said: list[str] = []

    async def closing(client: AIOKafkaClient) -> None:
        nonlocal left, last
        left -= 1
        if not left:
            last = said[-1] if said else ""
            asyncio.get_running_loop().call_soon(task.cancel)
        await close(client)

    monkeypatch.setattr(AIOKafkaClient, "close", closing)
    options = demo.DemoOptions(broker=embedded_pair.broker, redis_url=embedded_pair.redis_url)
    while "sending the past" not in last:
        moment += 1
        assert moment < 20, "the feeder never closed a client: the test proves less than it says"
        left, last = moment, ""
        said.clear()
        task = asyncio.create_task(
            demo.run_demo(options, settings_for(embedded_pair), lambda _: None, said.append)
        )
        _, pending = await asyncio.wait([task], timeout=20)
        assert not pending, f"it overheard that it was to stop, at closing {moment}, after {last!r}"
        assert task.cancelled()
        assert not left_behind(tmp_path)
        assert not [worker for worker in workers if worker.running]
