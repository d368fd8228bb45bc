"""/api/v1/board: what the page shows: every partnership in one answer, and one partnership whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel

from processors.readings import unpacked
from processors.trend import by_the_hour
from schemas import Reading
from schemas.common import Time
from streams.errors import NotFoundError
from streams.reader import SparkLine
from streams.serve.alerts import State, answer
from streams.serve.auth import Caller, needs

log = logging.getLogger("rapport.serve")
router = APIRouter(prefix="/api/v1/board", tags=["board"])
#: Points of the trend of a line: one a day.
TREND_DAYS: Final = 30
_DAY_S: Final = 86_400
_SLICE: Final = 100
MayRead = Annotated[Caller, Depends(needs("partnerships:read"))]
PartnershipId = Annotated[str, Path(min_length=1, max_length=256)]


class _Score(msgspec.Struct, gc=False):
    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    baseline: float | None = None
    measurable: bool = True
    why: str | None = None


class _Reading(msgspec.Struct):
    """What a line takes of a reading."""

    partnership_id: str
    influencer_id: str
    at: str
    health: _Score
    signals: dict[str, _Score] = {}
    brand_id: str | None = None
    tier: str | None = None
    source: str | None = None
    source_age_s: float | None = None
    warming_up: str | None = None


_decode = msgspec.json.Decoder(_Reading).decode


class ScoreOut(BaseModel):
    """A score, its 95 % interval, and its frozen reference; `why`: what is missing to measure it."""

    value: float | None
    low: float | None
    high: float | None
    baseline: float | None
    measurable: bool
    why: str | None


class BoardRow(BaseModel):
    """A partnership as a line of the board."""

    partnership_id: str
    brand_id: str | None
    influencer_id: str
    tier: str | None
    platform: str | None
    state: str
    """ok, pending, firing, no_data (of its worst alert) or warming_up."""
    health: ScoreOut
    signals: dict[str, ScoreOut]
    source_age_s: float | None
    at: Time
    trend: list[float | None]
    """Health by the day, newest last; null: not measurable then."""


class BoardRows(BaseModel):
    """All partnerships that the token may see, the weakest first; those without a health last."""

    items: list[BoardRow]


class BoardPartnership(BaseModel):
    """One partnership: its newest reading with all parts, and health by the hour as [epoch s, health]."""

    reading: Reading
    health: list[tuple[int, float | None]]


@router.get("", response_model=BoardRows)
async def rows(request: Request, caller: MayRead, state: State) -> Response:
    """Every partnership in one answer."""
    alerts: dict[str, set[str]] = {}
    for alert in await state.people.alerts():
        if alert.partnership_id is not None and alert.state != "resolved":
            alerts.setdefault(alert.partnership_id, set()).add(alert.state)
    sparks = await state.reader.sparks()
    found = []
    for number, (name, packed) in enumerate((await state.reader.reading_bytes()).items(), 1):
        if number % _SLICE == 0:
            await asyncio.sleep(0)  # others are answered meanwhile
        try:
            reading = _decode(unpacked(packed))
        except msgspec.MsgspecError as error:
            # One unreadable value must not hide all others; it is told, not swallowed.
            log.warning("the reading of %r in Redis cannot be read: %s", name, error)
            continue
        if caller.who.sees(reading.brand_id):
            found.append(_row(reading, alerts.get(name, set()), sparks.get(name, ())))
    found.sort(
        key=lambda row: (row["health"]["value"] is None, row["health"]["value"] or 0.0, row["partnership_id"])
    )
    return answer(request, {"items": found})


@router.get("/{partnership_id}", response_model=BoardPartnership)
async def partnership(
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State
) -> Response:
    """One partnership whole."""
    reading = await state.reader.reading(partnership_id)
    if reading is None or not caller.who.sees(reading.brand_id):
        raise NotFoundError(f"no reading of {partnership_id!r} yet")
    spark = by_the_hour((await state.reader.sparks()).get(partnership_id, ()))
    told = {"reading": reading.model_dump(mode="json"), "health": [list(point) for point in spark]}
    return answer(request, told)


def daily(spark: SparkLine) -> list[float | None]:
    """The last value of each of the last TREND_DAYS days, newest last; a day without any is null."""
    if not spark:
        return []
    last: dict[int, float | None] = {at // _DAY_S: health for at, health in spark}
    newest = max(last)
    return [last.get(day) for day in range(max(min(last), newest - TREND_DAYS + 1), newest + 1)]


def _row(
    reading: _Reading, states: Iterable[str], spark: Sequence[tuple[int, float | None]]
) -> dict[str, Any]:
    standing = set(states)
    worst = next((state for state in ("firing", "pending", "no_data") if state in standing), "ok")
    return {
        "partnership_id": reading.partnership_id, "brand_id": reading.brand_id,
        "influencer_id": reading.influencer_id, "tier": reading.tier, "platform": reading.source,
        "state": "warming_up" if worst == "ok" and reading.warming_up else worst,
        "health": _score(reading.health),
        "signals": {name: _score(signal) for name, signal in reading.signals.items()},
        "source_age_s": reading.source_age_s, "at": reading.at, "trend": daily(spark),
    }  # fmt: skip


def _score(score: _Score) -> dict[str, Any]:
    return {
        "value": score.value if score.measurable else None, "low": score.lo, "high": score.hi,
        "baseline": score.baseline, "measurable": score.measurable and score.value is not None,
        "why": score.why,
    }  # fmt: skip
