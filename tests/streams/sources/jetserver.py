"""A server that speaks Jetstream's frames, and misbehaves as asked: drops, duplicates, disorder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class JetServer:
    """Sends frames whose `time_us` lies behind the cursor, from a list that may grow.

    Args:
        drop_every: close the connection after so many frames.
        twice: share of frames that are sent a second time. disorder: places that a frame may be off.
    """

    def __init__(
        self, frames: Sequence[dict[str, Any]], *, drop_every: int = 0, twice: float = 0.0, disorder: int = 0,
        seed: int = 1,
    ) -> None:  # fmt: skip
        self.frames = list(frames)
        self.cursors: list[int | None] = []
        self.collections: list[str] = []
        self._drop_every, self._twice, self._disorder = drop_every, twice, disorder
        self._random = Random(seed)
        self._server: Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/subscribe"

    async def __aenter__(self) -> JetServer:
        self._server = await serve(self._talk, "127.0.0.1", 0, compression=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        query = parse_qs(urlsplit(socket.request.path).query)
        self.collections = query.get("wantedCollections", [])
        cursor = int(query["cursor"][0]) if "cursor" in query else None
        self.cursors.append(cursor)
        frames = [frame for frame in self.frames if cursor is None or frame["time_us"] > cursor]
        order = sorted(range(len(frames)), key=lambda n: n + self._random.uniform(0, self._disorder))
        sent = 0
        try:
            for number in order:
                text = json.dumps(frames[number])
                for _ in range(1 + (self._random.random() < self._twice)):
                    await socket.send(text)
                    sent += 1
                if self._drop_every and sent >= self._drop_every:
                    socket.transport.abort()
                    return
            await socket.wait_closed()
        except (ConnectionClosed, asyncio.CancelledError):
            return
