"""Who sends: a bearer token with its scopes, and what it may send."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from processors.decode import Event, FieldFault
from streams.gateway.answers import Refusal, one_header
from streams.gateway.state import Gateway
from streams.gateway.tokens import SendToken


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender that was checked; `token` None: a webhook that was signed. `influencers`: None: any."""

    name: str
    token: SendToken | None = None
    influencers: frozenset[str] | None = None

    def fault(self, event: Event) -> FieldFault | None:
        """Why this event is not the sender's to send, or None."""
        token = self.token
        if token is not None and token.sources is not None and event.source not in token.sources:
            return FieldFault(
                "source", f"the token is for {', '.join(token.sources)[:200]}", event.source[:200]
            )
        if self.influencers is not None and event.influencer_id not in self.influencers:
            return FieldFault(
                "influencer_id", "the token is not for this influencer", event.influencer_id[:200]
            )
        return None


async def sender_of(request: Request, gateway: Gateway, scope: str) -> Sender:
    """The sender by its token. Raises Refusal (401, 403, 429), UnavailableError."""
    told = one_header(request.scope["headers"], "Authorization")
    kind, _, presented = (told or "").partition(" ")
    token = await gateway.verifier.verify(presented.strip()) if kind.lower() == "bearer" else None
    if token is None:
        count_failure(request, gateway)
        raise Refusal(
            401, "no token" if told is None else "this token is not valid", why="token",
            hint="send `Authorization: Bearer …`; `rapport gateway tokens create` makes a token",
            headers={"WWW-Authenticate": 'Bearer realm="rapport gateway"'},
        )  # fmt: skip
    check_rate(gateway, token.token_id)
    if scope not in token.scopes:
        raise Refusal(403, f"the token lacks the scope {scope}", why="token")
    influencers = None if token.influencers is None else frozenset(token.influencers)
    if token.brands is not None:
        of_brands = await gateway.watch.influencers(token.brands)
        influencers = of_brands if influencers is None else influencers & of_brands
    return Sender(token.token_id, token, influencers)


def check_rate(gateway: Gateway, name: str) -> None:
    """Raises Refusal (429) when this sender asks or sends too much."""
    wait = max(gateway.limiter.wait(name), gateway.rate.wait(name))
    if wait:
        raise Refusal(429, "too many requests or events", why="rate", retry_s=wait,
                      hint="send larger batches less often")  # fmt: skip


def count_failure(request: Request, gateway: Gateway) -> None:
    """Somebody did not say who they are: slower for who guesses, at this address. Raises Refusal (429)."""
    address = request.client.host if request.client is not None else "?"
    if wait := gateway.failures.wait(address):
        raise Refusal(429, "too many failed tries", why="token", retry_s=wait)
