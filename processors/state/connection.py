"""redis-py's connection, mended in two places (docs/upstream): it hears cancellations and tells of resets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from redis import exceptions as errors
from redis.asyncio.connection import AbstractConnection


def mended(connection_class: type[Any]) -> type[Any]:
    """This class of redis-py's (TCP, TLS or a Unix socket) with both mended."""
    return type("Connection", (_Mended, connection_class), {})


def as_reset(error: RuntimeError | AttributeError) -> Exception:
    """uvloop refuses to write to a connection that the peer has reset with a RuntimeError of its own; and one
    that another task closes at the same time (a node of the cluster was lost) has no writer any more.
    redis-py takes neither for an error of the connection."""
    if isinstance(error, RuntimeError):
        lost = "handler is closed" in str(error)
    else:
        lost = error.obj is None and error.name in ("writelines", "drain", "read", "readuntil")
    return errors.ConnectionError(str(error)) if lost else error


class _Mended(AbstractConnection):
    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        """As redis-py's, whose `asyncio.wait_for` loses a cancellation that comes between the write and our
        next turn (mended in Python 3.12): Ctrl-C in a busy loop was never heard."""
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        parts = command.encode() if isinstance(command, str) else command
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([parts] if isinstance(parts, bytes) else parts)
        except BaseException as error:
            if self._writer is not None:  # half of it may be out: the rest must not follow
                self._writer.transport.abort()
            await self.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                raise errors.TimeoutError("Timeout writing to socket") from None
            if isinstance(error, OSError):
                raise errors.ConnectionError(f"Error while writing to socket. {error}") from error
            if isinstance(error, RuntimeError | AttributeError):
                raise as_reset(error) from error
            raise
