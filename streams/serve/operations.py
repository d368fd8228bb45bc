"""/api/v1/sources, /api/v1/health: where events come from and how fresh they are; whether all answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from processors.readings import rfc3339
from schemas.common import Time
from streams.commands.sources import described
from streams.errors import NotFoundError
from streams.reader import event_clock, lag
from streams.serve.answers import State, answer
from streams.serve.auth import MayRead
from streams.serve.rows import LeanReading
from streams.sources import SOURCES

router = APIRouter(prefix="/api/v1", tags=["operations"])
_WITHIN_S: Final = 2.0


class AbilityOut(BaseModel):
    """How well a source tells an aspect of engagement, and what is missing."""

    level: Literal["no", "total", "anonymous", "each"]
    why: str


class Freshness(BaseModel):
    """What came from a source. Times of events; null: nothing was read from it yet."""

    partnerships: int
    """That you may see, whose newest event came from it."""
    newest_at: Time | None
    usual_silence_s: int | None
    """Its longest silence of two weeks."""
    silent_since: Time | None
    """Null: it speaks."""


class SourceOut(BaseModel):
    """A source: how it delivers, what it can tell and what not, and how fresh it is."""

    name: str
    title: str | None
    delivery: str | None
    identity: str | None
    time: str | None
    notes: list[str]
    abilities: dict[str, AbilityOut]
    not_measurable: dict[str, str]
    """Parts of signals that cannot be measured from it alone, and why."""
    fresh: Freshness


class SourceList(BaseModel):
    """Built-in sources, and others that events came from (by a mapping of your own)."""

    items: list[SourceOut]


class HealthOut(BaseModel):
    """Whether the API can answer, and how far workers have come. Null: not known."""

    status: Literal["ok", "unavailable"]
    store: Literal["ok", "empty", "unavailable"]
    """empty: no worker has written yet."""
    book: Literal["ok", "unavailable"]
    """Whether partnerships were read from Kafka."""
    partitions: int | None = None
    records_read: int | None = None
    event_clock: Time | None = None
    """How far the time of events has come."""
    lag_records: int | None = None
    """Records of the log that no worker has behind its fence yet; the log's ends are some seconds old."""


@router.get("/sources", response_model=SourceList)
async def sources(request: Request, caller: MayRead, state: State) -> Response:
    """What each source can tell and what not, and when the newest event came from it."""
    rows = list((await state.rows.get()).values())
    try:
        merged = await state.reader.snapshot()
    except NotFoundError:
        merged = None
    told = {} if merged is None else merged.sources
    newest = {name: float(one.newest) for name, one in told.items()}
    for one in rows:  # the snapshot is an hour old, readings are not
        if one.source and (at := _heard(one)) is not None:
            newest[one.source] = max(newest.get(one.source, at), at)
    counted = Counter(one.source for one in rows if one.source and caller.who.sees(one.brand_id))
    items = []
    for name in [*SOURCES, *sorted(newest.keys() - SOURCES.keys())]:
        about = told.get(name)
        fresh = {
            "partnerships": counted[name],
            "newest_at": rfc3339(newest[name]) if name in newest else None,
            "usual_silence_s": about.usual if about is not None else None,
            "silent_since": rfc3339(about.silent) if about is not None and about.silent else None,
        }
        items.append({**_about(name), "fresh": fresh})
    return answer(request, {"items": items})


@router.get("/health", response_model=HealthOut, responses={503: {"model": HealthOut}})
async def health(state: State, response: Response) -> HealthOut:
    """Whether Redis answers, whether partnerships could be read from Kafka, and how far workers are behind.
    Needs no token."""
    book: Literal["ok", "unavailable"] = "ok" if state.book.ready else "unavailable"
    try:
        async with asyncio.timeout(_WITHIN_S):
            await state.people.store.count("acks")
            fences = await state.reader.fences()
    except NotFoundError:
        return HealthOut(status="ok", store="empty", book=book)
    except Exception:  # whatever it is: we cannot answer
        response.status_code = 503
        return HealthOut(status="unavailable", store="unavailable", book=book)
    clock = event_clock(fences)
    ends = state.book.ends(await state.reader.topic(), len(fences))
    return HealthOut(
        status="ok", store="ok", book=book, partitions=len(fences),
        records_read=sum(fence.totals.read for fence in fences),
        event_clock=None if clock is None else datetime.fromtimestamp(clock, UTC),
        lag_records=None if ends is None else lag(fences, ends),
    )  # fmt: skip


def _about(name: str) -> dict[str, Any]:
    if name in SOURCES:
        return described(SOURCES[name]())
    return {
        "name": name, "title": None, "delivery": None, "identity": None, "time": None, "notes": [],
        "abilities": {}, "not_measurable": {},
    }  # fmt: skip


def _heard(one: LeanReading) -> float | None:
    """When the newest event came from the influencer's source, epoch s."""
    if one.at is None or one.source_age_s is None:
        return None
    return datetime.fromisoformat(one.at).timestamp() - one.source_age_s
