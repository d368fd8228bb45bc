"""/api/v1/digest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from streams.digests import LONGEST, gather, render
from streams.errors import InputError
from streams.serve.answers import State, answer
from streams.serve.auth import Caller, needs
from streams.times import parse_span

router = APIRouter(prefix="/api/v1", tags=["digest"])
MayRead = Annotated[Caller, Depends(needs("digest:read"))]
_MEDIA = {"markdown": "text/markdown", "text": "text/plain", "html": "text/html"}


@router.get(
    "/digest", response_model=dict[str, Any],
    responses={200: {"content": {media: {} for media in _MEDIA.values()}}},
)  # fmt: skip
async def digest(
    request: Request, caller: MayRead, state: State,
    brand: Annotated[str | None, Query(max_length=256)] = None,
    partnership: Annotated[list[str] | None, Query(max_length=200)] = None,
    since: Annotated[str, Query(max_length=20, description="How far back: 7d, 24h")] = "7d",
    form: Annotated[Literal["json", "text", "html", "markdown"], Query(alias="format")] = "json",
) -> Response:  # fmt: skip
    """What moved, what was done, what is open, of a brand or of some partnerships."""
    try:
        length = parse_span(since)
    except ValueError as error:
        raise InputError(f"since: {error}") from None
    if length > LONGEST:
        raise InputError(f"since: at most {LONGEST.days} days")
    made = await gather(
        state.people, caller.who, state.now(), length, brand=brand, partnerships=partnership or ()
    )
    if form == "json":
        return answer(request, made)
    return Response(render(made, form), 200, None, f"{_MEDIA[form]}; charset=utf-8")
