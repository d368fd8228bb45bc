"""POST /v1/events: events of the contract, one or many."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response

from streams import metrics
from streams.gateway.answers import MEDIA as PROBLEM
from streams.gateway.answers import Refusal
from streams.gateway.body import encoding_of, inflated, limits_of, media_type, read_body
from streams.gateway.document import EVENTS_DOC
from streams.gateway.intake import MEDIA, Candidate, Verdict, judge, split
from streams.gateway.senders import Sender, sender_of
from streams.gateway.state import Gateway

router = APIRouter()
#: Events judged before others get their turn.
_SLICE: Final = 500
_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, omit_defaults=False):
    """What became of a request's events."""

    accepted: int
    duplicate: int
    rejected: int
    results: list[Verdict]


@router.post("/v1/events", openapi_extra=EVENTS_DOC)
async def post_events(request: Request) -> Response:
    """Take events in. A 2xx is given after Kafka has acknowledged every event that it calls accepted."""
    gateway: Gateway = request.app.state.gateway
    sender = await sender_of(request, gateway, "events:write")
    atomic, brief = _flag(request, "atomic"), _flag(request, "brief")
    gateway.outlet.check()
    gateway.check_lag()
    media, encoding, limits = media_type(request, MEDIA), encoding_of(request), limits_of(gateway.settings)
    with gateway.budget.share() as share:
        body = await read_body(request, limits, share)
        body = await inflated(body, encoding, limits, share)
        items, single = split(body, media, gateway.settings.gateway_batch_events)
        del body  # the items are copies: both together would double what a large batch takes
        gateway.rate.pay(sender.name, len(items))
        good, results = await _judged(items, sender)
        if atomic and results:
            for one in good:
                results.append(Verdict(one.place, "rejected", one.event_id, "atomic"))
            good = []
        results += await _taken(gateway, good)
    return _answer(results, single=single, brief=brief)


async def _judged(items: list[bytes], sender: Sender) -> tuple[list[Candidate], list[Verdict]]:
    good: list[Candidate] = []
    bad: list[Verdict] = []
    now_ms = int(time.time() * 1_000)
    for start in range(0, len(items), _SLICE):
        if start:
            await asyncio.sleep(0)
        more, wrong = judge(items[start : start + _SLICE], start, now_ms, sender.fault)
        good += more
        bad += wrong
    return good, bad


async def _taken(gateway: Gateway, good: list[Candidate]) -> list[Verdict]:
    if not good:
        return []
    taken = await gateway.desk.take(good)
    return [
        Verdict(one.place, "rejected", one.event_id, "too_large")
        if one.place in taken.too_large
        else Verdict(one.place, "duplicate" if one.place in taken.duplicate else "accepted", one.event_id)
        for one in good
    ]


def _answer(results: list[Verdict], *, single: bool, brief: bool) -> Response:
    """200: all are in Kafka; 207: some were rejected; 422 (403): all were."""
    results.sort(key=lambda verdict: verdict.index)
    counts = {"accepted": 0, "duplicate": 0, "rejected": 0}
    for verdict in results:
        counts[verdict.status] += 1
    for outcome, count in counts.items():
        metrics.GATEWAY_EVENTS.labels("events", outcome).inc(count)
    shown = [one for one in results if one.status != "accepted"] if brief else results
    answer = Answer(**counts, results=shown)
    if counts["rejected"] < len(results):
        return Response(_encode(answer), 207 if counts["rejected"] else 200, media_type="application/json")
    forbidden = all(one.reason == "forbidden" for one in results)
    first = next((one for one in results if one.errors), results[0])
    fault = first.errors[0] if first.errors else None
    detail = str(first.reason) if fault is None else ": ".join(filter(None, (fault.field, fault.message)))
    said = f"no event was taken in: {detail}" if not single else detail
    body: dict[str, Any] = {
        "type": "about:blank", "title": "Forbidden" if forbidden else "Unprocessable Content",
        "status": 403 if forbidden else 422, "detail": said[:500],
        "hint": "`results` names field and reason of each", **msgspec.structs.asdict(answer),
    }  # fmt: skip
    return Response(_encode(body), body["status"], media_type=PROBLEM)


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name)
    if value in (None, "false", "0"):
        return False
    if value in ("", "true", "1"):
        return True
    raise Refusal(422, f"{name} is neither true nor false", why="request")
