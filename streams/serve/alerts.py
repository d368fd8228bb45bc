"""/api/v1/alerts: list, one, and what people do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from schemas import Alert, Explainer
from streams.alert_view import STATES, AlertFilter, AlertView, make_views, to_csv
from streams.errors import InputError
from streams.people_explain import explain
from streams.serve.answers import CSV, Cursor, Form, Name, State, answer, cursor_of, read_cursor
from streams.serve.auth import Caller, needs
from streams.serve.models import AlertPage, AlertWhole, Changed, Explained, ExplainIn, MarkAnswer, NoteIn

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])
#: Of the newest acts so many are searched for those about one alert; /audit searches all.
_SCAN = 10_000
MayRead = Annotated[Caller, Depends(needs("alerts:read"))]
MayWrite = Annotated[Caller, Depends(needs("alerts:write"))]
AlertId = Annotated[
    str, Path(min_length=1, max_length=256, description="Its id, or a unique beginning of 4 or more")
]


@router.get("", response_model=AlertPage, responses=CSV)
async def list_alerts(
    request: Request, caller: MayRead, state: State,
    brand: Name = None, partnership: Name = None, signal: Name = None,
    severity: Annotated[Literal["info", "warning", "critical"] | None, Query()] = None,
    alert_state: Annotated[
        list[Literal["pending", "firing", "resolved", "no_data", "all"]] | None,
        Query(alias="state", max_length=5, description="Default: all that are not resolved."),
    ] = None,
    acknowledged: bool | None = None, silenced: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Cursor = None, form: Form = "json",
) -> Response:  # fmt: skip
    """Alerts, newest first; a page at a time. As CSV all of them."""
    states = frozenset(STATES if "all" in (alert_state or ()) else alert_state or ())
    wanted = AlertFilter(
        partnership=partnership, brand=brand, signal=signal, severity=severity, states=states,
        acked=acknowledged, silenced=silenced,
    )  # fmt: skip
    people = state.people
    alerts = [a for a in await people.alerts() if caller.who.sees(a.brand_id) and wanted.takes_alert(a)]
    silences = await people.silences()

    async def views_of(some: Sequence[Alert]) -> list[AlertView]:
        acks, wrong = await people.marks(some)
        return make_views(some, acks, wrong, silences, state.now())

    if wanted.asks_marks:
        alerts = [view.alert for view in await views_of(alerts) if wanted.takes_marks(view)]
    if form == "csv":
        headers = {"Content-Disposition": 'attachment; filename="alerts.csv"'}
        return Response("".join(to_csv(await views_of(alerts))), 200, headers, "text/csv; charset=utf-8")
    after = tuple(read_cursor(cursor, float, str)) if cursor else None
    rest = alerts if after is None else [alert for alert in alerts if _place(alert) < after]
    page = rest[:limit]
    more = cursor_of(_place(page[-1])) if len(rest) > limit else None
    items = [view.as_json() for view in await views_of(page)]
    return answer(request, {"items": items, "total": len(alerts), "next": more})


@router.get("/{alert_id}", response_model=AlertWhole)
async def show_alert(alert_id: AlertId, request: Request, caller: MayRead, state: State) -> Response:
    """One alert whole, with what people did about it."""
    people = state.people
    found = await people.find(alert_id, caller.who)
    acks, wrong = await people.marks([found])
    (view,) = make_views([found], acks, wrong, await people.silences(), state.now())
    acts = await people.audit(subject=found.alert_id, brands=caller.who.brands, scan=_SCAN)
    told = {"alert": view.as_json(), "acts": [act.model_dump(mode="json") for _, act in acts]}
    return answer(request, told)


@router.post("/{alert_id}/ack", response_model=MarkAnswer)
async def ack(alert_id: AlertId, caller: MayWrite, state: State, body: NoteIn | None = None) -> Any:
    """Someone is on it."""
    return {"mark": await state.people.ack(alert_id, caller.who, body.note if body else None)}


@router.post("/{alert_id}/unack", response_model=Changed)
async def unack(alert_id: AlertId, caller: MayWrite, state: State, body: NoteIn | None = None) -> Any:
    """Takes an acknowledgement back."""
    return {"changed": await state.people.unack(alert_id, caller.who, body.note if body else None)}


@router.post("/{alert_id}/wrong", response_model=MarkAnswer)
async def mark_wrong(alert_id: AlertId, caller: MayWrite, state: State, body: NoteIn | None = None) -> Any:
    """It should not have fired."""
    return {"mark": await state.people.mark_wrong(alert_id, caller.who, body.note if body else None)}


@router.delete("/{alert_id}/wrong", response_model=Changed)
async def unmark_wrong(alert_id: AlertId, caller: MayWrite, state: State) -> Any:
    """It was right after all."""
    return {"changed": await state.people.unmark_wrong(alert_id, caller.who)}


@router.post("/{alert_id}/explain", response_model=Explained)
async def explain_alert(alert_id: AlertId, body: ExplainIn, caller: MayWrite, state: State) -> Any:
    """Declares what explains the change (or will), for the alert's partnership: detectors weigh it."""
    found = await state.people.find(alert_id, caller.who)
    if found.partnership_id is None:
        raise InputError("this alert is about operations; there is no partnership to explain it for")
    if body.ends_at <= body.starts_at:
        raise InputError("ends_at: must lie after starts_at")
    explainer = Explainer(kind=body.kind, starts_at=body.starts_at, ends_at=body.ends_at, note=body.note)
    key, control = await explain(
        state.people, found.partnership_id, explainer, caller.who, state.publish, brand_id=found.brand_id
    )
    return {"key": key, "control": control.model_dump(mode="json", exclude_none=True)}


def _place(alert: Alert) -> tuple[float, str]:
    return alert.at.timestamp(), alert.alert_id
