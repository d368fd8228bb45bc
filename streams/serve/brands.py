"""/api/v1/brands/{brand}/…, /api/v1/compare: partners side by side, macro beside micro; who knows whom."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from schemas import Partnership
from streams.commands.compare import read_comparison
from streams.commands.output import plain
from streams.commands.portfolio import read_portfolio
from streams.commands.relationships import dot, graphml, read_ties, relationship_map
from streams.errors import InputError, NotFoundError
from streams.serve.answers import CSV, Form, State, answer, sent, table
from streams.serve.auth import Caller, MayRead, Served

router = APIRouter(prefix="/api/v1", tags=["brands"])
BrandId = Annotated[str, Path(min_length=1, max_length=256)]
_HEAD: Final = (
    "partnership_id", "influencer_id", "tier", "followers", "tenure_days", "health", "effective",
    "effective_low", "effective_high", "per_1000", "quick_win", "bus_factor", "saturation", "over_saturated",
)  # fmt: skip
_MEDIA: Final = {"dot": "text/vnd.graphviz; charset=utf-8", "graphml": "application/graphml+xml"}


@router.get("/brands/{brand}/portfolio", response_model=dict[str, Any], responses=CSV)
async def portfolio(
    brand: BrandId, request: Request, caller: MayRead, state: State, form: Form = "json"
) -> Response:
    """A brand's partners: tenure, health, the right people they reach, sums by size; as `rapport portfolio
    --json`. As CSV the partners."""
    found = await read_portfolio(state.reader, await _partners(state, caller, brand), brand)
    if form == "json":
        return answer(request, plain(found))
    rows = [
        [
            *(one[name] for name in _HEAD[:5]), one["health"]["value"],
            *(one["effective"][end] for end in ("value", "lo", "hi")),
            (one["effective"]["per_1000"] or {}).get("value"), *(one[name] for name in _HEAD[10:]),
        ]
        for one in found["partners"]
    ]  # fmt: skip
    return table(request, "portfolio", _HEAD, rows)


@router.get(
    "/brands/{brand}/relationships", response_model=dict[str, Any],
    responses={200: {"content": {media.partition(";")[0]: {} for media in _MEDIA.values()}}},
)  # fmt: skip
async def relationships(
    brand: BrandId, request: Request, caller: MayRead, state: State,
    form: Annotated[Literal["json", "dot", "graphml"], Query(alias="format")] = "json",
) -> Response:  # fmt: skip
    """Who of a brand's people knows which influencer, both ways, and what is lost if somebody leaves; as
    `rapport relationships --format …`."""
    items = await _partners(state, caller, brand)
    ties = await read_ties(state.settings, [item.influencer_id for item in items])
    found = {"brand": brand, **relationship_map(items, ties)}
    if form == "json":
        return answer(request, found)
    return sent(request, (dot if form == "dot" else graphml)(found).encode(), _MEDIA[form])


@router.get("/compare", response_model=dict[str, Any])
async def compare(
    request: Request, caller: MayRead, state: State,
    a: Annotated[str, Query(min_length=1, max_length=256, description="A partnership")],
    b: Annotated[str, Query(min_length=1, max_length=256, description="Another one")],
) -> Response:  # fmt: skip
    """Two partnerships, of whatever size: every signal, the right people they reach, and whom they share; as
    `rapport compare --json`."""
    if a == b:
        raise InputError("b: is the same partnership as a")
    book = (await state.book.get()).by_id
    sides = []
    for name in (a, b):
        if name not in book or not caller.who.sees(book[name].brand_id):
            raise NotFoundError(f"there is no partnership {name[:80]!r}")
        sides.append(book[name])
    return answer(request, plain(await read_comparison(state.reader, *sides)))


async def _partners(state: Served, caller: Caller, brand: str) -> list[Partnership]:
    found = [item for item in (await state.book.get()).by_id.values() if item.brand_id == brand]
    if not found or not caller.who.sees(brand):
        raise NotFoundError(f"no partnership of a brand {brand[:80]!r}")
    return found
