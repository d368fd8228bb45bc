"""A TCP proxy on loopback between a worker and a server: it cuts, holds up, swallows and delays.

Runs in a thread of its own, so that a checker that computes does not slow down what flows through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

_CHUNK = 1 << 16
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset, as a firewall that forgot the connection


class Proxy:
    """Forwards to `target` (a port of 127.0.0.1). All switches may be turned from any thread.

    - `refusing`: new connections are closed at once
    - `held`: bytes are taken and not passed on, in both directions, until it is switched off
    - `delay_s`: each chunk waits for so long
    - `lose_replies`: so many answers are swallowed and their connection cut, after the server has acted
    """

    def __init__(self, target: int, port: int = 0) -> None:
        self.target, self.port = target, port
        self.refusing = False
        self.held = False
        self.delay_s = 0.0
        self.lose_replies = 0
        self.marker = b""  # only replies to requests that hold this are lost
        self.lost = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut(self) -> int:
        """Reset every connection; returns how many there were."""
        return int(self._do(self._cut))

    def _do(self, work: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _cut(self) -> int:
        count = 0
        for writer in list(self._open):
            count += 1
            self._reset(writer)
        return count // 2

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            self._reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._reset(writer)
            return
        self._open |= {writer, up_writer}
        marked = [False]
        ways = (
            asyncio.create_task(self._pass(reader, up_writer, marked, reply=False)),
            asyncio.create_task(self._pass(up_reader, writer, marked, reply=True)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, up_writer):
                self._open.discard(end)
                self._reset(end)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, marked: list[bool], *, reply: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                while self.held:  # noqa: ASYNC110 (switched from another thread)
                    await asyncio.sleep(0.02)
                if reply and self.lose_replies > 0 and marked[0]:
                    self.lose_replies -= 1
                    self.lost += 1
                    return
                if not reply:
                    marked[0] = self.marker in data
                writer.write(data)
                await writer.drain()
