"""Around every request: body limit, deadline, security headers, metrics. Plain ASGI, no buffer."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams import metrics
from streams.serve.problems import problem

log = logging.getLogger("rapport.serve")

_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
#: Answers that end when the caller goes: no deadline, and their time says nothing.
_STREAM: Final = b"text/event-stream"
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class _TooLargeError(Exception):
    pass


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, *, body_bytes: int, timeout_s: float) -> None:
        self._app, self._body_bytes, self._timeout_s = app, body_bytes, timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, read = time.perf_counter(), 500, 0
        method = scope["method"] if scope["method"] in _METHODS else "other"
        if head := method == "HEAD":
            # Answered as GET, to the last header, without the body.
            scope = {**scope, "method": "GET"}
        started = over = late = endless = False

        async def limited() -> Message:
            nonlocal read, over
            message = await receive()
            read += len(message.get("body", b""))
            if over := read > self._body_bytes:
                raise _TooLargeError
            return message

        async def headed(message: Message) -> None:
            nonlocal status, started, endless
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                names = {name for name, _ in message["headers"]}
                endless = any(k == b"content-type" and v.startswith(_STREAM) for k, v in message["headers"])
                # A page may bring a policy of its own.
                message["headers"] = [*message["headers"], *((k, v) for k, v in _HEADERS if k not in names)]
                if b"cache-control" not in names:
                    message["headers"].append((b"cache-control", b"private, no-cache"))
            elif head:
                message = {**message, "body": b""}
            await send(message)

        async def noted(message: Message) -> None:
            if late:
                return  # it was answered already
            if over and not started:
                raise _TooLargeError  # FastAPI has taken the first one for a body that it cannot parse
            await headed(message)

        async def refuse(code: int, detail: str | None, **more: Any) -> None:
            if not started:  # else there is nothing left to say
                await problem(code, detail, **more)(scope, receive, headed)

        try:
            if _declared(scope) > self._body_bytes:
                raise _TooLargeError
            # A task of its own: a library that swallows the cancellation must not hold the answer up.
            work = asyncio.ensure_future(self._app(scope, limited, noted))
            try:
                await asyncio.wait({work}, timeout=self._timeout_s)
                if endless and not head:
                    await asyncio.wait({work})
                if not work.done():
                    late = not started
                    raise TimeoutError
            finally:
                if not work.done():
                    work.add_done_callback(_forget)
                    work.cancel()
            work.result()
        except _TooLargeError:
            await refuse(413, f"the body may have {self._body_bytes} bytes", headers={"Connection": "close"})
        except TimeoutError:
            await refuse(503, "this took too long", headers={"Retry-After": "5"})
        except Exception:
            log.exception("a request failed")
            await refuse(500, None)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            metrics.HTTP_REQUESTS.labels(route, method, str(status)).inc()
            if not endless:
                metrics.HTTP_SECONDS.labels(route).observe(time.perf_counter() - began)


def _forget(work: asyncio.Future[None]) -> None:
    if not work.cancelled() and (error := work.exception()) is not None:
        log.warning("a request that was given up failed: %r", error)


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else 0
    return 0
