"""Errors as application/problem+json (RFC 9457): what is wrong, with which field, and what to do about it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from streams.errors import InputError, NotFoundError, RapportError, UnavailableError
from streams.people import ConflictError
from streams.text import clean

log = logging.getLogger("rapport.serve")
MEDIA: Final = "application/problem+json"
_TITLES: Final = {
    400: "Bad request", 401: "Who are you?", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    409: "Conflict", 413: "Too large", 415: "Unsupported media type", 422: "Not valid",
    429: "Too many requests", 500: "Fault", 503: "Unavailable",
}  # fmt: skip
_MOST_ERRORS: Final = 20


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class ProblemOut(BaseModel):
    """RFC 9457. `hint` says what to do, `errors` names the fields."""

    model_config = ConfigDict(extra="forbid")

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    hint: str | None = None
    errors: list[FieldProblem] | None = None


class ProblemError(Exception):
    """Answered as a problem."""

    def __init__(
        self, status: int, detail: str, *, hint: str | None = None, headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.status, self.detail, self.hint, self.headers = status, detail, hint, headers
        self.errors = [{name: clean(text, 300) for name, text in item.items()} for item in errors]


def problem(
    status: int, detail: str | None = None, *, hint: str | None = None,
    errors: Sequence[Mapping[str, str]] = (), headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """The answer. Text from outside is cleaned of control characters."""
    body: dict[str, Any] = {
        "type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status,
    }  # fmt: skip
    if detail:
        body["detail"] = clean(detail, 500)
    if hint:
        body["hint"] = clean(hint, 500)
    if errors:
        body["errors"] = list(errors)
    return Response(json.dumps(body), status, dict(headers or {}), MEDIA)


def install(app: FastAPI) -> None:
    """Every error of the application becomes a problem."""

    async def on_validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = list(error.errors())[:_MOST_ERRORS]
        if any(item["type"] == "json_invalid" for item in found):
            return problem(400, "the body is not JSON")
        # Without the input: it may be long, secret or hostile.
        told = [
            {"field": clean(".".join(map(str, item["loc"])), 120), "message": clean(item["msg"], 300)}
            for item in found
        ]
        return problem(422, f"{told[0]['field']}: {told[0]['message']}", errors=told)

    async def on_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail), headers=error.headers)

    async def on_rapport(_: Request, error: Exception) -> Response:
        assert isinstance(error, RapportError)
        status = _status(error)
        if status == 503:
            log.warning("%s", error)  # its text may name addresses: for operators, not for callers
            return problem(
                503, "what this rests on does not answer", hint="try again in a moment",
                headers={"Retry-After": "2"},
            )  # fmt: skip
        if status == 500:
            log.error("%s", error)
            return problem(500)
        field, colon, rest = str(error).partition(": ")
        errors = [{"field": field, "message": rest}] if colon and field.isidentifier() else []
        return problem(status, str(error), hint=error.hint, errors=errors)

    async def on_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return problem(
            error.status, error.detail, hint=error.hint, headers=error.headers, errors=error.errors
        )

    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RapportError, on_rapport)
    app.add_exception_handler(ProblemError, on_problem)


def _status(error: RapportError) -> int:
    match error:
        case InputError():
            return 422
        case NotFoundError():
            return 404
        case ConflictError():
            return 409
        case UnavailableError():
            return 503
    return 500
