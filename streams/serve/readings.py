"""/api/v1/partnerships/{id}/reading and /history, /api/v1/readings: how partnerships stand, and stood."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from processors import history
from processors.readings import rfc3339
from schemas import Reading
from schemas.common import Time
from streams.errors import InputError, NotFoundError
from streams.serve.answers import (
    CSV,
    Cursor,
    Form,
    Name,
    PartnershipId,
    State,
    answer,
    cursor_of,
    read_cursor,
    sent,
    table,
)
from streams.serve.auth import MayRead
from streams.serve.partnerships import find, newest
from streams.times import parse_span

router = APIRouter(prefix="/api/v1", tags=["readings"])
Signal = Literal[
    "health", "interaction_quality", "audience_fit", "authenticity", "connection", "all_in", "relationship"
]
_HEAD: Final = ("at", "signal", "value", "low", "high")


class ReadingPage(BaseModel):
    """A page of newest readings, by partnership."""

    items: list[Reading]
    next: str | None


class PointOut(BaseModel):
    """A signal at a time; null: not measurable then, or (low, high) no interval known."""

    at: Time
    value: float | None
    low: float | None
    high: float | None


class Line(BaseModel):
    """One signal over time, oldest first."""

    signal: Signal
    points: list[PointOut]


class HistoryOut(BaseModel):
    """What readings were: by the hour for three days, every six hours for four weeks, by the day for 90 days.
    Of each stretch the last reading stands; nothing is averaged, since readings look back over days."""

    partnership_id: str
    start: Time
    end: Time
    lines: list[Line]


@router.get("/readings", response_model=ReadingPage)
async def readings(
    request: Request, caller: MayRead, state: State, brand: Name = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The newest readings with all their parts, by partnership; as on partnership.readings.v1."""
    after = read_cursor(cursor, str)[0] if cursor else ""
    names = sorted(
        name for name, one in (await state.rows.get()).items()
        if name > after and brand in (None, one.brand_id) and caller.who.sees(one.brand_id)
    )  # fmt: skip
    page = names[:limit]
    found = []
    for name in page:
        reading, body = await newest(state, name)
        if reading is not None and body is not None and caller.who.sees(reading.brand_id):
            found.append(body)
    more = f'"{cursor_of([page[-1]])}"' if len(names) > limit else "null"
    return sent(request, b'{"items": [%b], "next": %b}' % (b", ".join(found), more.encode()))


@router.get("/partnerships/{partnership_id}/reading", response_model=Reading)
async def reading(partnership_id: PartnershipId, request: Request, caller: MayRead, state: State) -> Response:
    """The newest reading of one partnership with all its parts."""
    _, _, body = await find(state, caller, partnership_id)
    if body is None:
        raise NotFoundError(f"no reading of {partnership_id[:80]!r} yet")
    return sent(request, body)


@router.get("/partnerships/{partnership_id}/history", response_model=HistoryOut, responses=CSV)
async def past(
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State,
    signal: Annotated[list[Signal] | None, Query(max_length=7, description="Default: all")] = None,
    since: Annotated[Time | None, Query(alias="from", description="Default: 90 days before `to`")] = None,
    until: Annotated[Time | None, Query(alias="to", description="Default: the newest reading")] = None,
    step: Annotated[
        str | None, Query(max_length=20, description="At most one point in each: 1h, 6h, 1d")
    ] = None,
    form: Form = "json",
) -> Response:  # fmt: skip
    """Health and signals over time, with their intervals."""
    item, newest_one, _ = await find(state, caller, partnership_id)
    if since is not None and until is not None and since >= until:
        raise InputError("from: must lie before `to`")
    stretch = _step(step)
    of = item if item is not None else newest_one
    assert of is not None  # `find` gives one of them
    rows = await state.reader.history(of.influencer_id, partnership_id)
    lines = {}
    for name in signal or history.NAMES:
        lines[name] = _between(list(history.points(rows, name)), since, until, stretch)
    if form == "csv":
        told = ((rfc3339(p[0]), name, *p[1:]) for name, points in lines.items() for p in points)
        return table(request, "history", _HEAD, told)
    newest_at = rows and list(history.points(rows, history.HEALTH))[-1][0]
    end = until or datetime.fromtimestamp(newest_at or state.now().timestamp(), UTC)
    start = since.timestamp() if since is not None else end.timestamp() - history.KEPT_S
    return answer(request, {
        "partnership_id": partnership_id, "start": rfc3339(start), "end": rfc3339(end.timestamp()),
        "lines": [{"signal": name, "points": _told(points)} for name, points in lines.items()],
    })  # fmt: skip


def _between(
    points: list[history.Point], since: datetime | None, until: datetime | None, stretch: int | None
) -> list[history.Point]:
    times = [point[0] for point in points]
    first = 0 if since is None else bisect_left(times, since.timestamp())
    last = len(points) if until is None else bisect_right(times, until.timestamp())
    found = points[first:last]
    if stretch is None:
        return found
    return list({point[0] // stretch: point for point in found}.values())  # the last of each stretch


def _step(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(parse_span(text).total_seconds())
    except ValueError as error:
        raise InputError(f"step: {error}") from None


def _told(points: list[history.Point]) -> list[dict[str, Any]]:
    return [{"at": _text(at), "value": value, "low": low, "high": high} for at, value, low, high in points]


@lru_cache(maxsize=4_096)
def _text(at: int) -> str:
    """The same hours come again: of each signal, of each partnership."""
    return rfc3339(at)
