"""/api/v1/partnerships/{id}/insights, /explainers, /rules: what is known and said of one partnership."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel

from processors.rules.book import RuleBook
from processors.rules.effective import effective
from schemas import Explainer
from schemas.common import Time
from streams.commands.insights import read_insights
from streams.errors import InputError, NotFoundError, RapportError
from streams.people_explain import explain, explainers, unexplain
from streams.rulefiles import load_rules
from streams.ruleview import as_json
from streams.serve.answers import PartnershipId, State, answer
from streams.serve.auth import Caller, MayRead, Served, needs
from streams.serve.models import Explained, ExplainIn
from streams.serve.partnerships import find

router = APIRouter(prefix="/api/v1/partnerships/{partnership_id}", tags=["partnerships"])
MayExplain = Annotated[Caller, Depends(needs("alerts:write"))]


class ExplainerOut(Explainer):
    """Something that explains a change; declared ahead, or agreed in the partnership itself."""

    key: str | None
    """For DELETE; null: it stands in the partnership."""
    by: str | None
    declared_at: Time | None


class ExplainerList(BaseModel):
    """Explainers of a partnership, by their beginning."""

    items: list[ExplainerOut]


class RuleValue(BaseModel):
    """A value as it is written in a rules file (`30m`, `30%`), and the scope that it comes from."""

    value: str | None
    source: str


class EffectiveRules(BaseModel):
    """What holds for a partnership, by rule and field."""

    partnership_id: str
    tier: str | None
    rules: dict[str, dict[str, RuleValue]]


@router.get("/insights", response_model=dict[str, Any])
async def insights(
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State
) -> Response:
    """What the audience asks, wants and objects to, and what could be made together; as `rapport insights
    --json`."""
    await find(state, caller, partnership_id)
    reading = await state.reader.reading(partnership_id)
    if reading is None:
        raise NotFoundError(f"no reading of {partnership_id[:80]!r} yet")
    return answer(request, await read_insights(state.reader, reading))


@router.get("/explainers", response_model=ExplainerList)
async def list_explainers(
    partnership_id: PartnershipId, request: Request, caller: MayRead, state: State
) -> Response:
    """What was declared to explain changes, past and to come."""
    item, _, _ = await find(state, caller, partnership_id)
    found = [(one, None, None, None) for one in (item.explainers if item is not None else ())]
    declared = [
        (one.control.explainer, key, one.control.by, one.control.at)
        for key, one in (await explainers(state.people)).items()
        if one.control.subject == partnership_id and one.control.explainer is not None
    ]
    told = [
        ExplainerOut(**one.model_dump(), key=key, by=by, declared_at=at).model_dump(mode="json")
        for one, key, by, at in sorted([*found, *declared], key=lambda each: each[0].starts_at)
    ]
    return answer(request, {"items": told})


@router.post("/explainers", response_model=Explained, status_code=201)
async def declare(partnership_id: PartnershipId, body: ExplainIn, caller: MayExplain, state: State) -> Any:
    """Declares ahead what will explain a change (a giveaway on Friday), or what has: detectors weigh it. Said
    again it is declared once."""
    item, reading, _ = await find(state, caller, partnership_id)
    if body.ends_at <= body.starts_at:
        raise InputError("ends_at: must lie after starts_at")
    key, control = await explain(
        state.people, partnership_id, Explainer(**body.model_dump()), caller.who, state.publish,
        brand_id=item.brand_id if item is not None else reading.brand_id if reading is not None else None,
    )  # fmt: skip
    return {"key": key, "control": control.model_dump(mode="json", exclude_none=True)}


@router.delete("/explainers/{key}", response_model=Explained)
async def take_back(
    partnership_id: PartnershipId, key: Annotated[str, Path(min_length=1, max_length=300)],
    caller: MayExplain, state: State,
) -> Any:  # fmt: skip
    """Takes an explainer back."""
    await find(state, caller, partnership_id)
    found = (await explainers(state.people)).get(key)
    if found is None or found.control.subject != partnership_id:
        raise NotFoundError(f"this partnership has no explainer {key[:80]!r}")
    control = await unexplain(state.people, key, caller.who, state.publish)
    return {"key": key, "control": control.model_dump(mode="json", exclude_none=True)}


@router.get("/rules", response_model=EffectiveRules)
async def rules(partnership_id: PartnershipId, request: Request, caller: MayRead, state: State) -> Response:
    """The rules that hold, and where each value comes from; as `rapport rules show --partnership`. The file
    is the one that RAPPORT_RULES names for this process."""
    _, reading, _ = await find(state, caller, partnership_id)
    book = await state.book.get()
    whole = book.of(book.by_id[partnership_id].influencer_id)
    item = next(one for one in whole if one.partnership_id == partnership_id)
    tier = reading.tier if reading is not None else None
    held = await asyncio.to_thread(_rules, state)
    told = as_json(effective(held.rules(item, tier or "unknown")))
    return answer(request, {"partnership_id": partnership_id, "tier": tier, "rules": told})


def _rules(state: Served) -> RuleBook:
    path = state.settings.rules
    try:
        return RuleBook(None if path is None else load_rules(path))
    except InputError as error:  # it is not the caller's mistake
        raise RapportError(f"RAPPORT_RULES cannot be used: {error}") from error
