"""A small HTTP server for receivers: keeps what it gets, answers as it is told, also badly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Web:
    """`then`: raw bytes to answer with, in turn (the last one stays); b"" closes, None hangs."""

    then: list[bytes | None] = field(default_factory=lambda: [OK])
    host: str = "127.0.0.1"
    got: list[Request] = field(default_factory=list)
    on_request: Callable[[Request], None] | None = None
    connections: int = 0

    async def __aenter__(self) -> Web:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._tasks: set[asyncio.Task] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        self.got.append(Request(head[0], {k.lower(): v for k, v in headers.items()}, body))
        raw = self.then.pop(0) if len(self.then) > 1 else self.then[0]
        if raw is None:
            await asyncio.sleep(60)
        if not raw:
            return False
        writer.write(raw)
        await writer.drain()
        return True
