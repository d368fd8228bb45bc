"""Answers in which a platform refuses: told apart by what has to be done about it."""

from __future__ import annotations

from typing import Any, Final

from streams.sources.errors import Refused
from streams.sources.node import Node

#: Graph API: 190 the token is void or has expired, 102 the session, 10 and 200-299 rights were withdrawn.
_GRAPH_TOKEN: Final = {102, 190, 10, *range(200, 300)}
#: Graph API: calls of the app, the user or the business use case are used up.
_GRAPH_BUSY: Final = {4, 17, 32, 613, *range(80_000, 80_015)}
_TOKEN_WORDS: Final = (
    "token",
    "auth",
    "scope",
    "forbidden",
    "keyinvalid",
    "accessnotconfigured",
    "permission",
)
_BUSY_WORDS: Final = ("quota", "rate", "limit")


def refuse_errors(document: dict[str, Any]) -> None:
    """Raise Refused (`token`, `busy`, `shape`) if the answer is an error of Graph, Google or TikTok."""
    error = Node(document, "").node("error")
    code, number = error.id("code") or "", error.number("code")
    if not error or code.lower() == "ok":
        return
    reasons = [code, *(one.text("reason") or "" for one in error.nodes("errors")), error.text("status") or "",
               error.text("type") or ""]  # fmt: skip
    said = " ".join(reasons).lower()
    message = (error.text("message") or "no message")[:160]
    if "api key" in message.lower():  # Google calls a void key a bad request
        said += " keyinvalid"
    busy = number in _GRAPH_BUSY or number == 429 or any(word in said for word in _BUSY_WORDS)
    if busy:
        raise Refused("busy", f"the platform's limit is used up, ask again later: {message}", "error")
    if number in _GRAPH_TOKEN or number in (401, 403) or any(word in said for word in _TOKEN_WORDS):
        raise Refused(
            "token", f"the platform refuses the token, renew it: {message} (code {code[:40]})", "error"
        )
    raise Refused("shape", f"an error instead of an answer: {message} (code {code[:40]})", "error")
