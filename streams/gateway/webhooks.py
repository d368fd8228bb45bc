"""GET and POST /v1/webhooks/{name}: what platforms and one's own services push."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Path, Request, Response

from schemas import RejectedEvent
from schemas.rejected import FieldError, RejectReason
from schemas.topics import REJECTED
from streams import metrics
from streams.cloudevents import ce_headers
from streams.gateway.answers import Refusal
from streams.gateway.body import encoding_of, inflated, limits_of, media_type, read_body
from streams.gateway.document import HANDSHAKE_DOC, WEBHOOK_DOC
from streams.gateway.hooks import Hook
from streams.gateway.intake import NDJSON, candidate
from streams.gateway.outlet import Out
from streams.gateway.senders import check_rate, count_failure, sender_of
from streams.gateway.state import Gateway
from streams.sources import Parsed, Reason
from streams.text import clean

router = APIRouter()
MEDIA: Final = NDJSON | {
    "application/json", "application/activity+json", "application/ld+json", "application/atom+xml",
    "application/xml", "text/xml",
}  # fmt: skip
_KEPT: Final = 64 * 1024
_ERRORS_MAX: Final = 20
#: Refusals that a platform makes, not ours of a payload.
TROUBLE: Final = ("token", "busy")
#: Payloads parsed before others get their turn.
_SLICE: Final = 50
_REASONS: Final[dict[str, RejectReason]] = {
    "too_large": "too_large", "encoding": "encoding", "not_json": "not_json", "depth": "depth",
    "clock": "clock",
}  # fmt: skip
_encode = msgspec.json.Encoder().encode
Name = Annotated[str, Path(description="Name of the webhook in gateway.yaml, or a source")]


@router.get("/v1/webhooks/{name}", openapi_extra=HANDSHAKE_DOC)
async def handshake(request: Request, name: Name) -> Response:
    """Answer a platform that asks whether this address is meant: Meta, LinkedIn, WebSub hubs."""
    gateway: Gateway = request.app.state.gateway
    try:
        answer = _hook(gateway, name).handshake(dict(request.query_params))
    except Refusal as refusal:
        if refusal.why == "signature":
            count_failure(request, gateway)
        raise
    if isinstance(answer, str):
        # As plain text that no browser may take for a page.
        return Response(answer, media_type="text/plain")
    return Response(_encode(answer), media_type="application/json")


@router.post("/v1/webhooks/{name}", openapi_extra=WEBHOOK_DOC)
async def post_webhook(request: Request, name: Name) -> Response:
    """Take a payload in. What its source refuses is kept in engagement.rejected.v1 and answered with 200:
    a platform would send the same again for hours."""
    gateway: Gateway = request.app.state.gateway
    hook = _hook(gateway, name)
    allowed = None
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in request.headers.raw}
    if hook.signed:
        check_rate(gateway, f"webhook:{hook.name}")
        with _counted(request, gateway):
            hook.check_signed(headers)
    else:
        sender = await sender_of(request, gateway, "webhooks:write")
        token = sender.token
        if (
            token is not None
            and token.sources is not None
            and not {hook.name, hook.source.name} & {*token.sources}
        ):
            raise Refusal(403, "the token is for other sources", why="token")
        allowed = sender.influencers
    gateway.outlet.check()
    media, encoding, limits = media_type(request, MEDIA), encoding_of(request), limits_of(gateway.settings)
    with gateway.budget.share() as share:
        body = await read_body(request, limits, share)
        if hook.signed:
            with _counted(request, gateway):
                hook.check_signature(body, headers)
        body = await inflated(body, encoding, limits, share)
        payloads = [body] if media not in NDJSON else [line for line in body.split(b"\n") if line.strip()]
        if len(payloads) > gateway.settings.gateway_batch_events:
            raise Refusal(413, "too many lines in one request", why="size", hint="send fewer at once")
        counts = await _taken(gateway, hook, payloads, headers, allowed)
    for outcome, count in counts.items():
        metrics.GATEWAY_EVENTS.labels(f"webhook {hook.name}", outcome).inc(count)
    return Response(_encode(counts), media_type="application/json")


async def _taken(
    gateway: Gateway, hook: Hook, payloads: list[bytes], headers: dict[str, str],
    allowed: frozenset[str] | None,
) -> dict[str, int]:  # fmt: skip
    watched = allowed
    if hook.config.only == "partnered":
        partnered = await gateway.watch.influencers()
        watched = partnered if watched is None else watched & partnered
    received = dt.datetime.now(dt.UTC)
    found = []
    for number, payload in enumerate(payloads):
        found.append((payload, await hook.parse(payload, received, headers, watched)))
        if number % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
    # Noted before Kafka has them: a note without its event does no harm, an event without its note could
    # never be taken back.
    await hook.recall.flush()
    events = [event for _, parsed in found for event in parsed.events]
    gateway.rate.pay(f"webhook:{hook.name}", len(events))
    candidates = [
        candidate(index, event["influencer_id"], event["event_id"], _encode(event))
        for index, event in enumerate(events)
    ]
    taken = await gateway.desk.take(candidates)
    for account in dict.fromkeys(account for _, parsed in found for account in parsed.forget):
        await gateway.forgetting.forget(account)
    refused = [(payload, parsed) for payload, parsed in found if parsed.rejected]
    for code in (reason.code for _, parsed in refused for reason in parsed.rejected):
        if code in TROUBLE:
            metrics.SOURCE_RESULTS.labels(hook.source.name, code).inc()
    await _keep(gateway, hook, refused, received)
    return {
        "accepted": len(events) - len(taken.duplicate) - len(taken.too_large),
        "duplicate": len(taken.duplicate),
        "rejected": sum(len(parsed.rejected) for _, parsed in found) + len(taken.too_large),
        "left_out": sum(len(parsed.left_out) for _, parsed in found),
    }


async def _keep(
    gateway: Gateway, hook: Hook, refused: Iterable[tuple[bytes, Parsed]], at: dt.datetime
) -> None:
    """Payloads that were refused, wholly or in part, with their bytes and reasons."""
    topic = gateway.settings.topic(REJECTED)
    shared = ce_headers(REJECTED, f"rapport/{gateway.settings.namespace}/gateway")
    records = []
    # Its place among what this webhook brought: the µs of its arrival stands for an offset.
    for number, (payload, parsed) in enumerate(refused, time.time_ns() // 1_000):
        record = RejectedEvent(
            reason=_REASONS.get(parsed.rejected[0].code, "schema"),
            errors=[_error(reason) for reason in parsed.rejected[:_ERRORS_MAX]],
            topic=f"webhooks/{hook.name}", partition=0, offset=number, timestamp=at, key=hook.name,
            payload_base64=base64.b64encode(payload[:_KEPT]).decode(), truncated=len(payload) > _KEPT, at=at,
        )  # fmt: skip
        value = record.model_dump_json(exclude_none=True).encode()
        headers = [*shared, ("ce_id", f"{record.topic}-0-{number}".encode())]
        records.append(Out(hook.name.encode(), value, int(at.timestamp() * 1_000), headers))
    await gateway.outlet.send(topic, records)


def _error(reason: Reason) -> FieldError:
    return FieldError(field=clean(reason.path, 200), message=clean(f"{reason.code}: {reason.message}", 400))


def _hook(gateway: Gateway, name: str) -> Hook:
    hook = gateway.hooks.get(name)
    if hook is None:
        raise Refusal(404, "there is no such webhook", why="request",
                      hint="gateway.yaml names them; without it each source has its own")  # fmt: skip
    return hook


@contextmanager
def _counted(request: Request, gateway: Gateway) -> Iterator[None]:
    """Who does not sign rightly is slowed down."""
    try:
        yield
    except Refusal:
        count_failure(request, gateway)
        raise
