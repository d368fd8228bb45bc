"""What the gateway says when it says no: application/problem+json (RFC 9457) with what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from streams.errors import RapportError, UnavailableError
from streams.text import clean

log = logging.getLogger("rapport.gateway")
MEDIA: Final = "application/problem+json"
_encode = msgspec.json.Encoder().encode


class Refusal(Exception):  # noqa: N818  (an outcome, not a failure of the program)
    """The request is answered with a problem. `why`: label of the metric, one of a fixed few."""

    def __init__(
        self, status: int, detail: str, *, why: str, hint: str | None = None, retry_s: float | None = None,
        headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`retry_s`: when it may be tried again, goes into Retry-After. `more`: further members."""
        super().__init__(detail)
        self.status, self.detail, self.why, self.hint = status, detail, why, hint
        self.headers = dict(headers or {})
        if retry_s is not None:
            self.headers["Retry-After"] = str(max(1, ceil(retry_s)))
        self.more = more or {}

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.detail, hint=self.hint, headers=self.headers, more=self.more)


def problem(
    status: int, detail: str | None = None, *, hint: str | None = None,
    headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None,
) -> Response:  # fmt: skip
    """A problem; text from outside is cleaned of control characters."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = clean(detail, 500)
    if hint:
        body["hint"] = clean(hint, 500)
    body |= more or {}
    return Response(_encode(body), status, dict(headers or {}), MEDIA)


def away(what: str) -> Refusal:
    """Kafka or Redis does not answer: nothing is lost, the same may be sent again."""
    return Refusal(
        503, f"{what} does not answer", why=what.lower(), retry_s=5,
        hint="send the same again: events that did arrive are recognised by their ids",
    )  # fmt: skip


def install(app: FastAPI) -> None:
    """Every error becomes a problem. (Unexpected ones are the door's.)"""

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        request.scope["rapport.why"] = error.why
        return error.response()

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        hints = {404: "/openapi.json lists what there is", 405: "see the header Allow"}
        request.scope["rapport.why"] = "request"
        return problem(
            error.status_code, str(error.detail), hint=hints.get(error.status_code), headers=error.headers
        )

    async def on_rapport(request: Request, error: Exception) -> Response:
        assert isinstance(error, RapportError)
        log.warning("%s", error)  # its text may name addresses: for operators, not for callers
        if not isinstance(error, UnavailableError):
            return problem(500)
        refusal = away("Kafka" if "Kafka" in str(error) else "Redis")
        request.scope["rapport.why"] = refusal.why
        return refusal.response()

    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RapportError, on_rapport)


def one_header(headers: Sequence[tuple[bytes, bytes]], name: str) -> str | None:
    """The only value of a header, or None. Raises Refusal (400) if it is given more than once: two readers
    of one request must not each take another one."""
    wanted = name.lower().encode()
    found = [value for key, value in headers if key == wanted]
    if len(found) > 1:
        raise Refusal(400, f"the header {name} is given {len(found)} times", why="request")
    return found[0].decode("latin-1").strip() if found else None
