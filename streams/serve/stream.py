"""/api/v1/stream: alerts as they come, as server-sent events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from streams import metrics
from streams.errors import RapportError
from streams.serve.auth import Caller, Served, needs, served
from streams.serve.feed import Shown
from streams.serve.problems import ProblemError

log = logging.getLogger("rapport.serve")
router = APIRouter(prefix="/api/v1/stream", tags=["alerts"])
#: Streams open at once: half of what the process answers at a time, so the other half stays for requests.
STREAMS_MAX: Final = 100


async def _seat(state: Annotated[Served, Depends(served)]) -> AsyncIterator[None]:
    """One of the places for streams, given back when the stream ends."""
    if state.feed.open >= STREAMS_MAX:
        raise ProblemError(
            503, f"{STREAMS_MAX} streams are open already", hint="ask /api/v1/alerts again and again",
            headers={"Retry-After": "10"},
        )  # fmt: skip
    state.feed.open += 1
    metrics.HTTP_STREAMS.set(state.feed.open)
    try:
        yield
    finally:
        state.feed.open -= 1
        metrics.HTTP_STREAMS.set(state.feed.open)


@router.get("", response_class=EventSourceResponse)
async def follow(
    request: Request, caller: Annotated[Caller, Depends(needs("alerts:read"))],
    state: Annotated[Served, Depends(served)], seat: Annotated[None, Depends(_seat)],
) -> AsyncIterator[ServerSentEvent]:  # fmt: skip
    """The newest 200 alerts, then each that is raised or changes (also by an acknowledgement, a silence).

    Events `alerts` with `{"whole": bool, "items": [as in /api/v1/alerts], "gone": [ids]}`: whole, or what
    changed since the event before. Sent with the `Last-Event-ID` of the last event, nothing is told twice.
    A comment every 15 s while nothing happens; the stream ends when the token does.
    """
    secret = request.headers["authorization"].partition(" ")[2]
    before: Shown | None = None
    try:
        while not state.feed.closing.is_set():
            now = await state.feed.shown(caller.who)
            if before is None:
                known = request.headers.get("last-event-id") == now.tag
                yield ServerSentEvent(comment="as you have it") if known else _event(now, now.whole())
            elif now.tag != before.tag:
                yield _event(now, now.since(before))
            before = now
            await state.feed.wait()
            if await state.tokens.verify(secret) is None:
                return
    except RapportError as error:
        log.info("a stream ends: %s", error)  # who follows comes again, and is told then


def _event(shown: Shown, data: str) -> ServerSentEvent:
    return ServerSentEvent(raw_data=data, event="alerts", id=shown.tag)
