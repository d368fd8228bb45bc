"""A broker's connection that was reset, on uvloop: an error of the connection, not the end of who writes."""

from __future__ import annotations

import asyncio
import inspect
import socket
import struct
from types import SimpleNamespace
from typing import Any

import aiokafka.conn
import pytest
import uvloop
from aiokafka.errors import KafkaConnectionError

from streams.resets import Connection, on_uvloop


class _Request:
    """Any request; what it says does not matter."""

    def prepare(self, versions: Any) -> Any:
        return self

    def build_request_header(self, **_: Any) -> Any:
        return SimpleNamespace(encode=lambda: b"head")

    def encode(self) -> bytes:
        return b"body"


async def _reset() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A real connection that the peer has reset."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    with pytest.raises(ConnectionError):
        await reader.readexactly(1)
    server.close()
    return reader, writer


@pytest.mark.parametrize("theirs", [True, False])
def test_a_write_after_a_reset_closes_the_connection_and_says_so(theirs: bool) -> None:
    """Theirs is tried too: when it no longer fails so, ours can go."""

    async def run() -> None:
        made = Connection.__base__ if theirs else Connection  # by now ours may stand under their name
        conn = made("127.0.0.1", 9)
        conn._reader, conn._writer = await _reset()
        conn._read_task = asyncio.create_task(asyncio.sleep(0))
        conn._versions = {}
        expected = RuntimeError if theirs else KafkaConnectionError
        with pytest.raises(expected, match=r"handler is closed|was reset"):
            conn.send(_Request())
        assert (conn._writer is None) != theirs, "a closed one is opened anew"
        conn.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_clients_open_connections_by_the_name_that_we_replace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiokafka.conn, "AIOKafkaConnection", aiokafka.conn.AIOKafkaConnection)
    on_uvloop().close()
    assert aiokafka.conn.AIOKafkaConnection is Connection
    assert "AIOKafkaConnection(" in inspect.getsource(aiokafka.conn.create_conn)
