"""One worker from start to clean stop, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import signal
from time import monotonic

from streams import failpoints, logs
from streams.resets import on_uvloop
from streams.settings import Settings
from streams.signals import asked_to_stop
from streams.worker import Worker

log = logging.getLogger(__name__)
#: A stop takes no longer, whoever is gone: Docker kills after 10 s, Kubernetes after 30.
_STOP_S = 8.0
_LEAVE_LEAST_S = 1.0  # of that, at least, to tell the group
_LOOK_S = 1.0


def run_worker(settings: Settings, process: int | None = None) -> int:
    """Run a worker until SIGTERM or SIGINT, or until the process that forked it is gone.

    Args:
        settings: Of this worker.
        process: Its number among those of one machine; its log lines bear it.

    Returns:
        The exit code: 0 after a clean stop, 1 after a failure.

    Raises:
        RapportError: It cannot even start.
    """
    logs.set_up(settings, process)
    failpoints.arm()
    with on_uvloop() as runner:
        return runner.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, worker.reload_rules)
    orphaned = asyncio.ensure_future(_parent_gone(stopping))
    try:
        with asked_to_stop(stopping.set):
            return await _live(worker, stopping)
    finally:
        orphaned.cancel()
        loop.remove_signal_handler(signal.SIGHUP)


async def _live(worker: Worker, stopping: asyncio.Event) -> int:
    preparing = asyncio.ensure_future(worker.prepare())
    await asyncio.wait(
        (preparing, asyncio.ensure_future(stopping.wait())), return_when=asyncio.FIRST_COMPLETED
    )
    if not preparing.done():
        preparing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await preparing
        return 0
    await preparing
    # Most of what is made lives for a slice and is freed by its count: the collector need not look every 700.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    await worker.app.start()
    crashed = asyncio.ensure_future(worker.app.wait_until_stopped())
    await asyncio.wait((asyncio.ensure_future(stopping.wait()), crashed), return_when=asyncio.FIRST_COMPLETED)
    reason, begun = worker.app.crash_reason, monotonic()
    await worker.close()
    leaving = asyncio.ensure_future(worker.app.stop())
    await asyncio.wait((leaving,), timeout=max(_LEAVE_LEAST_S, begun + _STOP_S - monotonic()))
    if worker.failure or reason:
        log.critical("stopped: %s", worker.failure or repr(reason))
    code = 1 if worker.failure or reason else 0
    if not leaving.done():
        # In the midst of a rebalance, or without a broker, the client waits for its coordinator for long.
        log.warning("the consumer group does not let go: it will notice by itself that I am gone")
        logging.shutdown()
        os._exit(code)
    await leaving
    return code


async def _parent_gone(stopping: asyncio.Event) -> None:
    """A supervisor that was killed leaves nobody to stop us, and to the next one ports that are taken."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    while os.getppid() == parent.pid:  # noqa: ASYNC110 (nothing tells us)
        await asyncio.sleep(_LOOK_S)
    log.warning("the process that started me is gone: stopping")
    stopping.set()
