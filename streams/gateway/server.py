"""The process: uvicorn with patience limits, and a stop that answers what was taken in."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Generator
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from streams import metrics
from streams.errors import RapportError
from streams.gateway.answers import MEDIA, problem
from streams.gateway.app import build_app
from streams.gateway.door import HEAD_BYTES
from streams.gateway.state import Gateway, open_gateway
from streams.logs import set_up
from streams.resets import on_uvloop
from streams.settings import Settings
from streams.signals import asked_to_stop

#: A connection without a request is kept for so long, s.
_IDLE_S: Final = 30
#: What an answer may take beyond the wait for Kafka, when the process is told to end, s.
_GRACE_S: Final = 5.0


def protocol(settings: Settings) -> type[H11Protocol]:
    """uvicorn's protocol with a limit on connections, and on the time in which a head must arrive: uvicorn
    itself waits for ever for one that comes a byte at a time."""

    class Patient(H11Protocol):
        _head_timer: asyncio.TimerHandle | None = None
        _idle = False  # nothing of the next request has come yet

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            metrics.GATEWAY_CONNECTIONS.set(len(self.connections))
            if len(self.connections) > settings.gateway_connections:
                metrics.GATEWAY_REFUSED.labels("connections").inc()
                self._say_and_close(503, "too many connections", "1")
                return
            self._expect_head(settings.gateway_head_s)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                self._stop_timer()
            elif self._idle:
                self._expect_head(settings.gateway_head_s)

        def on_response_complete(self) -> None:
            before = self.cycle
            super().on_response_complete()
            if self.cycle is before and not self.transport.is_closing():
                self._expect_head(_IDLE_S + settings.gateway_head_s)
                self._idle = True

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)
            metrics.GATEWAY_CONNECTIONS.set(len(self.connections))

        def send_400_response(self, msg: str) -> None:
            metrics.GATEWAY_REFUSED.labels("request").inc()
            self._say_and_close(400, "this is no HTTP request that can be read")

        def _expect_head(self, seconds: float) -> None:
            self._stop_timer()
            self._head_timer = self.loop.call_later(seconds, self._too_late)

        def _stop_timer(self) -> None:
            self._idle = False
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _too_late(self) -> None:
            self._head_timer = None
            if not self.transport.is_closing():
                metrics.GATEWAY_REFUSED.labels("slow").inc()
                self._say_and_close(408, "the head of the request did not arrive in time")

        def _say_and_close(self, status: int, detail: str, retry: str | None = None) -> None:
            """Written by hand: the parser may be in a state from which it answers nothing."""
            answer = problem(status, detail)
            lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"content-type: {MEDIA}",
                     "connection: close", f"content-length: {len(answer.body)}"]  # fmt: skip
            lines += [f"retry-after: {retry}"] if retry else []
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + bytes(answer.body))
            self.transport.close()

    return Patient


class _Server(uvicorn.Server):
    """Without uvicorn's signals: its own are raised again once all is done."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def stop(self) -> None:
        """Take nothing new; what is under way is answered."""
        self._gateway.draining = True
        self.should_exit = True


def run_gateway(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C, on a loop of its own. Raises RapportError: as `serve`."""
    set_up(settings)
    gc.freeze()  # collected between batches rather than within them, as in the worker
    gc.set_threshold(50_000, 20, 50)
    with on_uvloop() as runner:
        runner.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises RapportError when it cannot listen or a webhook is wrong."""
    async with open_gateway(settings) as gateway:
        server = _Server(_config(settings, gateway), gateway)
        try:
            with asked_to_stop(server.stop):
                await server.serve()
        except SystemExit:  # how uvicorn says that it could not bind
            raise RapportError(
                f"cannot listen on {settings.gateway_host}:{settings.gateway_port}",
                hint="is another process there? --port takes another one",
            ) from None


def _config(settings: Settings, gateway: Gateway) -> uvicorn.Config:
    application: Any = build_app(gateway)
    return uvicorn.Config(
        application, host=settings.gateway_host, port=settings.gateway_port, http=protocol(settings),
        log_config=None, access_log=False, server_header=False, date_header=True, proxy_headers=False,
        lifespan="off", ws="none", timeout_keep_alive=_IDLE_S, backlog=1_024,
        timeout_graceful_shutdown=int(settings.gateway_ack_s + _GRACE_S) + 1,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )  # fmt: skip
