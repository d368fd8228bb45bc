"""What must be done is done to its end, and a cancellation that falls into it is not lost."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from streams import topics
from streams.settings import Settings
from streams.undisturbed import end, undisturbed


async def deaf(gate: asyncio.Event) -> str:
    """Closes as aiokafka's client does: a cancellation that reaches it here is swallowed."""
    with contextlib.suppress(asyncio.CancelledError):
        await gate.wait()
    return "closed"


async def test_it_gives_the_result_and_raises_what_was_raised() -> None:
    gate = asyncio.Event()
    gate.set()
    assert await undisturbed(deaf(gate)) == "closed"

    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await undisturbed(fails())
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        await undisturbed(asyncio.sleep(10), 0.01)


async def test_a_cancellation_waits_for_the_work_and_is_passed_on() -> None:
    gate = asyncio.Event()
    done: list[str] = []

    async def caller() -> None:
        done.append("begun")
        await undisturbed(closing())

    async def closing() -> None:
        done.append(await deaf(gate))

    task = asyncio.create_task(caller())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["begun", "closed"]


async def test_a_task_that_overhears_one_cancellation_is_ended_by_the_next() -> None:
    async def stubborn() -> None:
        await deaf(asyncio.Event())
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end(task, again_s=0.01)
    assert task.cancelled()


async def test_closing_an_admin_client_loses_no_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment at which Ctrl-C was lost: aiokafka's client, while it is being closed."""
    gate, closing = asyncio.Event(), asyncio.Event()

    class Admin:
        async def close(self) -> None:
            closing.set()
            await deaf(gate)

    async def connect(*_: Any) -> Admin:
        return Admin()

    async def work() -> None:
        async with topics.open_admin(Settings.model_construct(broker="nobody:1")):
            pass
        pytest.fail("it went on although it was cancelled")

    monkeypatch.setattr(topics, "_connect", connect)
    task = asyncio.create_task(work())
    await closing.wait()
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
