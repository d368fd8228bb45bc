"""/api/v1/tables: flat lists for table data sources such as Grafana's Infinity, one line each, no nesting.

They tell the newest readings; a reading itself, with all that it rests on, is on partnership.readings.v1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from schemas import Alert, Reading, SignalReading
from schemas.common import Time
from streams.commands.insights import TOO_MUCH, read_insights
from streams.errors import NotFoundError
from streams.serve.answers import Name, PartnershipId, State, answer
from streams.serve.auth import Caller, MayRead, Served
from streams.serve.relations import Relations, chosen
from streams.serve.rows import LeanReading, by_partnership, state_of, weakest_first

router = APIRouter(prefix="/api/v1/tables", tags=["tables"])
_Names = Annotated[
    str | None,
    Query(max_length=16_384, description="One, several by commas, or `.*` (as Grafana says it): all"),
]
#: Lists of the audience's words: what a line is about, and where `insights` has it.
_QUOTES: Final = {
    "open question": ("unanswered",), "wish to buy": ("intents", "examples"),
    "objection": ("objections", "examples"), "to make together": ("ideas",),
}  # fmt: skip


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
    alerts = by_partnership(await state.people.alerts())
    brands, tiers, influencers, wanted = map(chosen, (brand, tier, influencer, partnership))
    found = [
        one for name, one in (await state.rows.get()).items()
        if name in wanted and one.brand_id in brands and one.tier in tiers
        and one.influencer_id in influencers and caller.who.sees(one.brand_id)
    ]  # fmt: skip
    found.sort(key=weakest_first)
    lines = [_line(one, alerts.get(one.partnership_id, ())) for one in found[:limit]]
    return answer(request, {"items": lines, "total": len(found)})


def _line(reading: LeanReading, alerts: Iterable[Alert]) -> dict[str, Any]:
    alerts = list(alerts)
    health = reading.health
    return {
        "partnership_id": reading.partnership_id, "brand_id": reading.brand_id,
        "influencer_id": reading.influencer_id, "tier": reading.tier, "platform": reading.source,
        "state": state_of(reading, alerts), "alerts": sum(alert.state == "firing" for alert in alerts),
        "health": health.known, "low": health.lo, "high": health.hi,
        **{name: signal.known for name, signal in reading.signals.items()},
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
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State, signal: Name = None
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
    found = await read_insights(state.reader, reading)
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
    if found["fit"]["too_much"]:
        lines.append({"about": "preaching to the converted", "text": TOO_MUCH.format(**found["fit"]),
                      "people": None, "before_a_day": None, "replies": None, "answered": None})  # fmt: skip
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
