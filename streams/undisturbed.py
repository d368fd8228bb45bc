"""Ending things although we are being cancelled ourselves.

A cancellation that falls into `AIOKafkaClient.close` is lost: it waits for a task of its own under
`suppress(CancelledError)`. So Ctrl-C at that moment was never heard of again. What must be done to its end is
done in a task of its own here, which our cancellation does not reach; we wait for it, and pass ours on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def undisturbed(work: Coroutine[Any, Any, T], timeout_s: float = 5.0) -> T:
    """The work's result. When we are cancelled the work goes on for up to `timeout_s` seconds, and then the
    cancellation is passed on, whatever became of the work.

    Raises:
        TimeoutError: not done `timeout_s` seconds after it began; it is cancelled then.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=timeout_s)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=timeout_s)
        raise
    finally:
        if not task.done():
            task.cancel()
        elif not task.cancelled():
            task.exception()  # told to nobody when we are cancelled: else asyncio complains of it
    if not task.done():
        raise TimeoutError(f"not done within {timeout_s:g} s")
    return task.result()


async def end(task: asyncio.Task[Any], *, again_s: float = 0.5) -> None:
    """Cancels a task until it has ended, however often it overhears that; its result is dropped."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=again_s)
    if not task.cancelled():
        task.exception()
