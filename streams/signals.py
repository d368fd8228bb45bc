"""SIGTERM and Ctrl-C for processes that serve until they are asked to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def asked_to_stop(heard: Callable[[], object]) -> Iterator[None]:
    """While the block runs, SIGTERM and Ctrl-C call `heard` on the running loop, and do nothing else."""
    loop = asyncio.get_running_loop()
    for number in _ENDS:
        loop.add_signal_handler(number, heard)
    try:
        yield
    finally:
        for number in _ENDS:
            loop.remove_signal_handler(number)
