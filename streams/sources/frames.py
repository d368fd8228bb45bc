"""Frames of a WebSocket, in the batches in which clients take them."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

BATCH: Final = 500
#: A batch waits for more for at most so long, s.
LINGER_S: Final = 0.2
#: Waits between connections, s: the first, and the longest.
BACKOFF_S: Final = (1.0, 60.0)
FRAME_MAX: Final = 1 << 20


async def batch_of(
    socket: ClientConnection, silence_s: float | None
) -> tuple[list[bytes], ConnectionClosed | None]:
    """Frames that came together, and how the connection ended if it did.

    Raises TimeoutError after `silence_s` without any frame; None waits for ever.
    """
    batch: list[bytes] = []
    try:
        async with asyncio.timeout(silence_s):
            batch.append(_bytes(await socket.recv()))
        try:
            async with asyncio.timeout(LINGER_S):
                while len(batch) < BATCH:
                    batch.append(_bytes(await socket.recv()))
        except TimeoutError:
            pass
    except ConnectionClosed as closed:
        return batch, closed
    return batch, None


def spread() -> random.Random:
    """Spreads reconnects of many clients; keeps no secret."""
    return random.Random()  # noqa: S311


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame
