"""Around every request: security headers, metrics, no stack trace to anybody. Plain ASGI, no buffer."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams import metrics
from streams.gateway.answers import problem

log = logging.getLogger("rapport.gateway")
#: All header fields together. The parser itself holds only such heads to it that come in pieces.
HEAD_BYTES: Final = 32_768
_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class Door:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, started = time.perf_counter(), 500, False
        head = {name for name, _ in scope["headers"]}
        bodied = bool(head & {b"content-length", b"transfer-encoding"})

        async def headed(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers: list[Any] = [*message["headers"], *_HEADERS]
                names = {name for name, _ in headers}
                if bodied and "rapport.read" not in scope and b"connection" not in names:
                    headers.append((b"connection", b"close"))  # the rest of the body is not waited for
                message["headers"] = headers
            await send(message)

        try:
            if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
                scope["rapport.why"] = "size"
                await problem(431, f"all header fields may have {HEAD_BYTES:,} bytes")(scope, receive, headed)
                return
            await self._app(scope, receive, headed)
        except Exception:
            log.exception("a request failed")
            scope["rapport.why"] = "fault"
            if not started:
                await problem(500)(scope, receive, headed)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            metrics.GATEWAY_REQUESTS.labels(route, str(status)).inc()
            metrics.GATEWAY_SECONDS.labels(route).observe(time.perf_counter() - began)
            if why := scope.get("rapport.why"):
                metrics.GATEWAY_REFUSED.labels(why).inc()
