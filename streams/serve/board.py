"""/api/v1/board: what the page shows: every partnership in one answer, and one partnership whole."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from schemas import Reading
from streams.errors import NotFoundError
from streams.reader import by_the_hour
from streams.serve.answers import PartnershipId, State, answer
from streams.serve.auth import MayRead
from streams.serve.rows import Row, by_partnership, weakest_first

_SLICE: Final = 100
router = APIRouter(prefix="/api/v1/board", tags=["board"])


class BoardRows(BaseModel):
    """All partnerships that the token may see, the weakest first; those without a health last. Numbers are
    rounded to 0.1: nobody sees more on the page, and a thousand rows are half as long."""

    items: list[Row]


class BoardPartnership(BaseModel):
    """One partnership: its newest reading with all parts, and health by the hour as [epoch s, health]."""

    reading: Reading
    health: list[tuple[int, float | None]]


@router.get("", response_model=BoardRows)
async def rows(request: Request, caller: MayRead, state: State) -> Response:
    """Every partnership in one answer."""
    alerts = by_partnership(await state.people.alerts())
    found = [one for one in (await state.rows.get()).values() if caller.who.sees(one.brand_id)]
    found.sort(key=weakest_first)
    items = []
    for number, one in enumerate(found, 1):
        items.append(state.rows.encoded(one, alerts.get(one.partnership_id, ())))
        if number % _SLICE == 0:
            await asyncio.sleep(0)  # others are answered meanwhile
    return answer(request, {"items": items})


@router.get("/{partnership_id}", response_model=BoardPartnership)
async def partnership(
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State
) -> Response:
    """One partnership whole."""
    reading = await state.reader.reading(partnership_id)
    if reading is None or not caller.who.sees(reading.brand_id):
        raise NotFoundError(f"no reading of {partnership_id!r} yet")
    line = by_the_hour(await state.reader.health(partnership_id))
    told = {"reading": reading.model_dump(mode="json"), "health": [list(point) for point in line]}
    return answer(request, told)
