"""Connections to Kafka that the peer resets, on uvloop.

uvloop refuses to write to one with a RuntimeError; asyncio's own transport only warns, and its end is seen by
who reads. aiokafka 0.14 expects an OSError there. The RuntimeError ends what wrote: the producer's sender is
never started again, and every batch after that is refused for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiokafka.conn
import uvloop
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError


class Connection(AIOKafkaConnection):  # type: ignore[misc]
    """aiokafka's, but that a reset is an error of the connection, after which it is opened anew."""

    def send(self, request: Any, expect_response: bool = True) -> Any:
        """Raises KafkaConnectionError."""
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            if "handler is closed" not in str(error):
                raise
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"connection at {self._host}:{self._port} was reset") from error


def on_uvloop() -> asyncio.Runner:
    """A runner on uvloop; all clients of aiokafka in this process open such connections from now on."""
    aiokafka.conn.AIOKafkaConnection = Connection  # [private] create_conn takes it by this name
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
