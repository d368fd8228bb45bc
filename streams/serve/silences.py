"""/api/v1/silences and /api/v1/audit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import ValidationError

from schemas.acts import Matcher, Silence
from schemas.common import Time
from streams.errors import InputError
from streams.serve.answers import State, answer
from streams.serve.auth import Caller, Served, needs
from streams.serve.models import ActPage, MatcherIn, SilenceIn, SilenceList, SilenceOut

router = APIRouter(prefix="/api/v1", tags=["people"])
MayRead = Annotated[Caller, Depends(needs("silences:read"))]
MayWrite = Annotated[Caller, Depends(needs("silences:write"))]
MayAudit = Annotated[Caller, Depends(needs("audit:read"))]
_Name = Annotated[str | None, Query(max_length=256)]


@router.get("/silences", response_model=SilenceList)
async def list_silences(
    request: Request, caller: MayRead, state: State,
    ended: Annotated[bool, Query(description="Ended ones too (30 days).")] = False,
) -> Response:  # fmt: skip
    """Silences that hold or will hold; of a token that is bound to brands, only what is held to these."""
    now = state.now()
    found = [s for s in await state.people.silences() if caller.who.sees(s.brand_id)]
    shown = [_out(s, state) for s in found if ended or s.ends_at > now]
    return answer(request, {"items": [item.model_dump(mode="json") for item in shown]})


@router.post("/silences", response_model=SilenceOut, status_code=201)
async def make_silence(
    body: SilenceIn, caller: MayWrite, state: State, response: Response,
    idempotency_key: Annotated[
        str | None, Header(min_length=8, max_length=128, description="Said again: one silence, not two")
    ] = None,
) -> Any:  # fmt: skip
    """Nothing is sent about what matches, until it ends. It is still made, listed and recorded."""
    matchers = [_matcher(number, item) for number, item in enumerate(body.matchers)]
    made = await state.people.silence(
        matchers, caller.who, comment=body.comment, ends_at=body.ends_at, starts_at=body.starts_at,
        once=f"{caller.token_id} {idempotency_key}" if idempotency_key else None,
    )  # fmt: skip
    response.headers["Location"] = f"/api/v1/silences/{made.silence_id}"
    return _out(made, state)


@router.delete("/silences/{silence_id}", response_model=SilenceOut)
async def end_silence(
    silence_id: Annotated[str, Path(min_length=1, max_length=256)], caller: MayWrite, state: State
) -> Any:
    """Ends a silence now; it stays listed as ended."""
    return _out(await state.people.unsilence(silence_id, caller.who), state)


@router.get("/audit", response_model=ActPage)
async def audit(
    request: Request, caller: MayAudit, state: State,
    since: Annotated[Time | None, Query()] = None, by: _Name = None, verb: _Name = None,
    subject: _Name = None, partnership: _Name = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,20}-\d{1,20}$")] = None,
) -> Response:  # fmt: skip
    """Who did what, newest first; of a token that is bound to brands, only what was about these."""
    found = await state.people.audit(
        since=since, by=by, verb=verb, subject=subject, partnership=partnership, brands=caller.who.brands,
        limit=limit + 1, before=cursor,
    )  # fmt: skip
    page = found[:limit]
    more = page[-1][0] if len(found) > limit else None
    return answer(request, {"items": [act.model_dump(mode="json") for _, act in page], "next": more})


def _out(silence: Silence, state: Served) -> SilenceOut:
    return SilenceOut(**silence.model_dump(), state=silence.standing(state.now()))


def _matcher(number: int, item: MatcherIn) -> Matcher:
    try:
        return Matcher(**item.model_dump())
    except ValidationError as error:
        raise InputError(
            f"matchers: number {number + 1}: {error.errors(include_url=False)[0]['msg']}"
        ) from None
