"""/api/v1/partnerships: list, one, make or replace, end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel

from processors.history import NAMES
from processors.readings import unpacked
from schemas import Alert, Partnership, Reading
from streams import people_partnerships
from streams.bookfile import check, unknown
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
from streams.serve.auth import Caller, MayRead, Served, needs
from streams.serve.problems import ProblemError
from streams.serve.rows import (
    AlertBrief,
    LeanReading,
    Row,
    brief,
    by_partnership,
    lean,
    row,
    state_of,
    unread,
)

router = APIRouter(prefix="/api/v1/partnerships", tags=["partnerships"])
MayWrite = Annotated[Caller, Depends(needs("partnerships:write"))]
SIGNALS: Final = NAMES[1:]
Sort = Literal[
    "partnership_id", "brand", "health", "source_age_s", "at", "interaction_quality", "audience_fit",
    "authenticity", "connection", "all_in", "relationship",
]  # fmt: skip
_HEAD: Final = (
    "partnership_id", "brand_id", "influencer_id", "tier", "platform", "state", "health", "low", "high",
    *SIGNALS, "alerts", "source_age_s", "at",
)  # fmt: skip
_SCHEMA: Final = {"$ref": "#/components/schemas/Partnership"}
_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}}


class PartnershipRow(Row):
    """A partnership now, with its alerts that are not resolved."""

    alerts: list[AlertBrief]


class PartnershipPage(BaseModel):
    """A page of partnerships."""

    items: list[PartnershipRow]
    total: int
    """How many there are in all pages."""
    next: str | None
    """Hand it in as `cursor` for the next page; null: this is the last."""
    complete: bool
    """False: Kafka does not answer, so only those with a reading are here."""


class PartnershipWhole(BaseModel):
    """One partnership: what was agreed, how it stands, and its newest reading with all parts."""

    partnership_id: str
    state: str
    alerts: list[AlertBrief]
    partnership: Partnership | None
    """As on partnerships.v1; null: Kafka, where it lies, does not answer."""
    reading: Reading | None
    """Null: there is none yet."""


class Ended(BaseModel):
    """That a partnership has ended; `changed`: by this request."""

    partnership_id: str
    changed: bool


@router.get("", response_model=PartnershipPage, responses=CSV)
async def list_partnerships(
    request: Request, caller: MayRead, state: State,
    brand: Name = None, influencer: Name = None, tier: Name = None,
    source: Annotated[str | None, Query(max_length=256, description="bluesky, instagram, …")] = None,
    wanted: Annotated[
        list[Literal["firing", "pending", "no_data", "warming_up", "ok"]] | None,
        Query(alias="state", max_length=5),
    ] = None,
    sort: Sort = "health",
    descending: Annotated[bool, Query(description="What has no value comes last either way")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100, cursor: Cursor = None, form: Form = "json",
) -> Response:  # fmt: skip
    """Partnerships, the weakest first; a page at a time. As CSV all of them."""
    alerts = by_partnership(await state.people.alerts())
    found, complete = await _seen(state, caller)
    of = {"brand_id": brand, "influencer_id": influencer, "tier": tier, "source": source}
    found = [
        one for one in found
        if all(value in (None, getattr(one, name)) for name, value in of.items())
        and (not wanted or state_of(one, alerts.get(one.partnership_id, ())) in wanted)
    ]  # fmt: skip
    found = _sorted(found, sort, descending)
    if form == "csv":
        rows = (_line(one, alerts.get(one.partnership_id, ())) for one in found)
        return table(request, "partnerships", _HEAD, rows)
    rest = found if cursor is None else _after(found, cursor, sort, descending)
    page, trends = rest[:limit], state.rows.trends
    more = None
    if len(rest) > limit:
        more = cursor_of([sort, descending, _value(page[-1], sort), page[-1].partnership_id])
    items = [
        row(one, mine, trends.get(one.partnership_id, [])) | {"alerts": [brief(alert) for alert in mine]}
        for one in page
        for mine in [alerts.get(one.partnership_id, [])]
    ]
    return answer(request, {"items": items, "total": len(found), "next": more, "complete": complete})


@router.get("/{partnership_id}", response_model=PartnershipWhole)
async def show(partnership_id: PartnershipId, request: Request, caller: MayRead, state: State) -> Response:
    """One partnership whole."""
    item, reading, body = await find(state, caller, partnership_id)
    mine = by_partnership(await state.people.alerts()).get(partnership_id, [])
    if reading is None and item is not None:
        reading = unread(item)
    assert reading is not None  # `find` gives one of them
    standing = state_of(reading, mine)
    head = json.dumps(
        {"partnership_id": partnership_id, "state": standing, "alerts": [brief(alert) for alert in mine]}
    )
    agreed = "null" if item is None else item.model_dump_json()
    # Put together from what is encoded already: to parse a reading and write it again would take 2 ms.
    data = f'{head[:-1]}, "partnership": {agreed}, "reading": '.encode() + (body or b"null") + b"}"
    return sent(request, data)


@router.put(
    "/{partnership_id}", response_model=Partnership, openapi_extra=_BODY,
    responses={201: {"model": Partnership, "description": "It is new"}},
)  # fmt: skip
async def put(
    partnership_id: PartnershipId, caller: MayWrite, state: State, response: Response,
    body: Annotated[dict[str, Any], Body()],
) -> Any:  # fmt: skip
    """Makes a partnership, or puts another in its place. Said again it changes nothing. Workers watch it from
    the next boundary on."""
    item, wrong = check({"partnership_id": partnership_id, **body})
    if item is not None and item.partnership_id != partnership_id:
        wrong.append("partnership_id: is not the one in the path")
    wrong += unknown(body)
    if item is None or wrong:
        told = [{"field": field, "message": rest} for field, _, rest in (w.partition(": ") for w in wrong)]
        raise ProblemError(422, wrong[0], errors=told[:20])
    async with state.book.changing:
        before, _ = await people_partnerships.put(state.people, state.book, item, caller.who, state.now())
    if before is None:
        response.status_code = 201
    return item


@router.delete("/{partnership_id}", response_model=Ended)
async def end(partnership_id: PartnershipId, caller: MayWrite, state: State) -> Any:
    """Ends a partnership: it is scored no more, its alerts are resolved. Said again it changes nothing."""
    async with state.book.changing:
        changed = await people_partnerships.end(
            state.people, state.book, partnership_id, caller.who, state.now()
        )
    return {"partnership_id": partnership_id, "changed": changed}


async def find(
    state: Served, caller: Caller, partnership_id: str
) -> tuple[Partnership | None, LeanReading | None, bytes | None]:
    """(what was agreed, newest reading, the same as JSON) of a partnership that one may see; at least one of
    them is there. Raises NotFoundError."""
    book = await state.book.known()
    item = None if book is None else book.by_id.get(partnership_id)
    reading, body = await newest(state, partnership_id)
    if item is None and book is not None:
        reading = None  # it has ended: what is left of it goes at the next boundary
    brand = item.brand_id if item is not None else reading.brand_id if reading is not None else None
    if (item is None and reading is None) or not caller.who.sees(brand):
        raise NotFoundError(f"there is no partnership {partnership_id[:80]!r}")
    return item, reading, None if reading is None else body


async def newest(state: Served, partnership_id: str) -> tuple[LeanReading | None, bytes | None]:
    """Its newest reading, and the same as JSON; (None, None) where there is none."""
    try:
        packed = await state.reader.packed_readings(partnership_id)
    except NotFoundError:  # no worker has written yet
        return None, None
    found = [(lean(value), unpacked(value)) for value in packed]
    return max(found, key=lambda one: one[0].at or "", default=(None, None))


async def _seen(state: Served, caller: Caller) -> tuple[list[LeanReading], bool]:
    """All that one may see, and whether those without a reading are among them."""
    readings, book = await state.rows.get(), await state.book.known()
    if book is None:
        return [one for one in readings.values() if caller.who.sees(one.brand_id)], False
    found = []
    for name, item in book.by_id.items():
        if caller.who.sees(item.brand_id):
            one = readings.get(name)
            # A reading from before the partnership was given to another brand is not this brand's.
            found.append(one if one is not None and one.brand_id == item.brand_id else unread(item))
    return found, True


def _value(one: LeanReading, sort: str) -> Any:
    if sort == "brand":
        return one.brand_id
    if sort in ("partnership_id", "source_age_s", "at"):
        return getattr(one, sort)
    score = one.health if sort == "health" else one.signals.get(sort)
    return None if score is None else score.known


def _sorted(found: list[LeanReading], sort: str, descending: bool) -> list[LeanReading]:
    known = [one for one in found if _value(one, sort) is not None]
    rest = [one for one in found if _value(one, sort) is None]
    known.sort(key=lambda one: (_value(one, sort), one.partnership_id), reverse=descending)
    rest.sort(key=lambda one: one.partnership_id, reverse=descending)
    return known + rest


def _after(found: list[LeanReading], cursor: str, sort: str, descending: bool) -> list[LeanReading]:
    """Those after a place. The place is a value and an id, so it stays good when that one goes."""
    by, turned, value, name = read_cursor(cursor, str, bool, float | int | str | None, str)
    kind = str if sort in ("partnership_id", "brand", "at") else float | int
    if (by, turned) != (sort, descending) or not (value is None or isinstance(value, kind)):
        raise InputError("cursor: belongs to another order: take it from `next` of the page before")

    def later(one: LeanReading) -> bool:
        here = _value(one, sort)
        if here is None or value is None:
            same = here is value
            ahead = one.partnership_id < name if descending else one.partnership_id > name
            return ahead if same else here is None
        place, other = (here, one.partnership_id), (value, name)
        return bool(place < other if descending else place > other)

    return [one for one in found if later(one)]


def _line(one: LeanReading, alerts: Iterable[Alert]) -> list[object]:
    mine = list(alerts)
    scores = [one.signals.get(name) for name in SIGNALS]
    return [
        one.partnership_id, one.brand_id, one.influencer_id, one.tier, one.source, state_of(one, mine),
        one.health.known, one.health.lo, one.health.hi,
        *(None if score is None else score.known for score in scores),
        len(mine), one.source_age_s, one.at,
    ]  # fmt: skip
