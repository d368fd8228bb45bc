"""/api/v1/tables: flat lists for table data sources such as Grafana's Infinity, one line each, no nesting.

They tell the newest readings; a reading itself, with all that it rests on, is on partnership.readings.v1.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from processors.readings import unpacked
from schemas import Alert, Reading, SignalReading
from schemas.common import Time
from streams.commands.insights import document
from streams.errors import NotFoundError
from streams.serve.alerts import State, answer
from streams.serve.auth import Caller, Served, needs
from streams.serve.relations import Relations, chosen

log = logging.getLogger("rapport.serve")
router = APIRouter(prefix="/api/v1/tables", tags=["tables"])
_SLICE: Final = 100
MayRead = Annotated[Caller, Depends(needs("partnerships:read"))]
PartnershipId = Annotated[str, Path(min_length=1, max_length=256)]
_Name = Annotated[str | None, Query(max_length=256)]
_Names = Annotated[
    str | None,
    Query(max_length=16_384, description="One, several by commas, or `.*` (as Grafana says it): all"),
]
#: Lists of the audience's words: what a line is about, and where `insights` has it.
_QUOTES: Final = {
    "open question": ("unanswered",), "wish to buy": ("intents", "examples"),
    "objection": ("objections", "examples"), "to make together": ("ideas",),
}  # fmt: skip


class _Score(msgspec.Struct, gc=False):
    value: float | None = None
    lo: float | None = None
    hi: float | None = None


class _Reading(msgspec.Struct):
    """What a line takes of a reading: a tenth of the time that all of it would take to parse."""

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


class PartnershipLine(BaseModel):
    """A partnership now. Signals are null where they cannot be measured."""

    partnership_id: str
    brand_id: str
    influencer_id: str
    tier: str | None
    platform: str | None
    state: str
    """ok, pending, firing, no_data (of its worst alert) or warming_up."""
    alerts: int
    """Alerts firing."""
    health: float | None
    low: float | None
    high: float | None
    interaction_quality: float | None = None
    connection: float | None = None
    audience_fit: float | None = None
    authenticity: float | None = None
    all_in: float | None = None
    relationship: float | None = None
    source_age_s: float | None
    at: Time


class PartnershipLines(BaseModel):
    """Partnerships, the weakest first; those without a health last."""

    items: list[PartnershipLine]
    total: int


class ValueLine(BaseModel):
    """A signal or a part of one: value, 95 % interval, frozen reference, and what it rests on."""

    signal: str
    part: str
    """Empty for the signal itself; parts of parts as `country / GB`."""
    value: float | None
    low: float | None
    high: float | None
    reference: float | None
    moved: float | None
    """Value less reference."""
    n: float
    window: str | None
    measurable: bool
    why: str | None


class ValueLines(BaseModel):
    """Signals or parts of a partnership."""

    items: list[ValueLine]


class InsightLine(BaseModel):
    """A rising term, or something that somebody of the audience said."""

    about: str
    text: str
    people: int | None = None
    """Distinct people who used a term since yesterday."""
    before_a_day: float | None = None
    replies: int | None = None
    answered: bool | None = None


class InsightLines(BaseModel):
    """What the audience of a partnership talks about."""

    items: list[InsightLine]


@router.get("/partnerships", response_model=PartnershipLines)
async def partnerships(
    request: Request, caller: MayRead, state: State, brand: _Names = None, tier: _Names = None,
    influencer: _Names = None, partnership: _Names = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 500,
) -> Response:  # fmt: skip
    """All partnerships that the token may see, the weakest first."""
    alerts: dict[str, list[Alert]] = {}
    for alert in await state.people.alerts():
        if alert.partnership_id is not None and alert.state != "resolved":
            alerts.setdefault(alert.partnership_id, []).append(alert)
    brands, tiers, influencers, wanted = map(chosen, (brand, tier, influencer, partnership))
    lines = []
    for number, (name, packed) in enumerate((await state.reader.reading_bytes()).items(), 1):
        if number % _SLICE == 0:
            await asyncio.sleep(0)  # others are answered meanwhile
        if name not in wanted or (reading := _lean(name, packed)) is None:
            continue
        of = reading.brand_id in brands and reading.tier in tiers and reading.influencer_id in influencers
        if of and caller.who.sees(reading.brand_id):
            lines.append(_line(reading, alerts.get(name, ())))
    lines.sort(key=lambda line: (line["health"] is None, line["health"] or 0.0, line["partnership_id"]))
    return answer(request, {"items": lines[:limit], "total": len(lines)})


def _lean(name: str, packed: bytes) -> _Reading | None:
    try:
        return _decode(unpacked(packed))
    except msgspec.MsgspecError as error:
        # One unreadable value must not hide all others; it is told, not swallowed.
        log.warning("the reading of %r in Redis cannot be read: %s", name, error)
        return None


def _line(reading: _Reading, alerts: Iterable[Alert]) -> dict[str, Any]:
    states = [alert.state for alert in alerts]
    worst = next((state for state in ("firing", "pending", "no_data") if state in states), "ok")
    health = reading.health
    return {
        "partnership_id": reading.partnership_id, "brand_id": reading.brand_id,
        "influencer_id": reading.influencer_id, "tier": reading.tier,
        "platform": reading.source,
        "state": "warming_up" if worst == "ok" and reading.warming_up else worst,
        "alerts": states.count("firing"), "health": health.value, "low": health.lo, "high": health.hi,
        **{name: signal.value for name, signal in reading.signals.items()},
        "source_age_s": reading.source_age_s, "at": reading.at,
    }  # fmt: skip


@router.get("/partnerships/{partnership_id}/signals", response_model=ValueLines)
async def signals(partnership_id: PartnershipId, request: Request, caller: MayRead, state: State) -> Response:
    """Health and all signals of a partnership now."""
    reading = await _reading(state, caller, partnership_id)
    named = {"health": reading.health, **reading.signals}
    return answer(request, {"items": [_value(name, "", value) for name, value in named.items()]})


@router.get("/partnerships/{partnership_id}/parts", response_model=ValueLines)
async def parts(
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State, signal: _Name = None
) -> Response:
    """What a signal, or all of them, are made of."""
    reading = await _reading(state, caller, partnership_id)
    named = {"health": reading.health, **reading.signals}
    if signal is not None and signal not in named:
        raise NotFoundError(f"no signal {signal!r}", hint=f"there are {', '.join(named)}")
    lines = [
        line for name, value in named.items() if signal in (None, name) for line in _parts(name, "", value)
    ]
    return answer(request, {"items": lines})


@router.get("/partnerships/{partnership_id}/insights", response_model=InsightLines)
async def insights(
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State
) -> Response:
    """What the audience talks about: rising terms, questions, wishes, objections, ideas."""
    reading = await _reading(state, caller, partnership_id)
    fields = await state.reader.fields(reading.influencer_id, ("l:insights:", "d:", "meta"))
    found = document(fields, reading.at.timestamp())
    lines: list[dict[str, Any]] = [
        {"about": "rising", "text": term["term"], "people": term["actors"],
         "before_a_day": term["before_a_day"], "replies": None, "answered": None}
        for term in found["rising"]
    ]  # fmt: skip
    for about, path in _QUOTES.items():
        node: Any = found
        for name in path:
            node = node[name]
        lines += [
            {"about": about, "text": quote["text"], "people": None, "before_a_day": None,
             "replies": quote["replies"], "answered": bool(quote["answered"])}
            for quote in node
        ]  # fmt: skip
    return answer(request, {"items": lines})


@router.get("/relationships", response_model=Relations)
async def relationships(request: Request, caller: MayRead, state: State, brand: _Names = None) -> Response:
    """Who of the brands knows which influencer, as nodes and edges, and what is lost with whom."""
    found = await state.relations.of(chosen(brand), caller.who)
    return answer(request, found.model_dump(mode="json"))


async def _reading(state: Served, caller: Caller, partnership_id: str) -> Reading:
    reading = await state.reader.reading(partnership_id)
    if reading is None or not caller.who.sees(reading.brand_id):
        raise NotFoundError(f"no reading of {partnership_id!r} yet")
    return reading


def _parts(signal: str, path: str, value: SignalReading) -> Iterable[dict[str, Any]]:
    for name, part in value.parts.items():
        where = f"{path} / {name}" if path else name
        yield _value(signal, where, part)
        yield from _parts(signal, where, part)


def _value(signal: str, part: str, value: SignalReading) -> dict[str, Any]:
    known = value.value is not None and value.baseline is not None
    return {
        "signal": signal, "part": part, "value": value.value, "low": value.lo, "high": value.hi,
        "reference": value.baseline, "n": value.n, "window": value.window, "measurable": value.measurable,
        "moved": round(value.value - value.baseline, 4) if known else None,  # type: ignore[operator]
        "why": value.why,
    }  # fmt: skip
