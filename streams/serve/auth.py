"""Who calls: a bearer token, its scopes and brands; and how often they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Annotated

import redis.asyncio as redis
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from streams.people import People, Who
from streams.people_explain import Publish
from streams.reader import Reader
from streams.serve.book import LiveBook
from streams.serve.cache import AlertCache
from streams.serve.feed import Feed
from streams.serve.limits import Limiter
from streams.serve.problems import ProblemError
from streams.serve.relations import RelationsSource
from streams.serve.rows import RowCache
from streams.serve.tokens import Tokens
from streams.settings import Settings

_bearer = HTTPBearer(auto_error=False, description="`rapport tokens create` makes one")
_FAILED = "failed:"


class Served:
    """What the API works with, one for each process."""

    def __init__(
        self, settings: Settings, client: redis.Redis, publish: Publish, monotonic: Callable[[], float],
        *, book: LiveBook | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.publish = publish
        self.reader = Reader(settings, client=client)
        self._cache = AlertCache(self.reader, monotonic)
        self.rows = RowCache(self.reader, monotonic)
        self.book = book or LiveBook(settings, monotonic)
        self.relations = RelationsSource(settings, self.book)
        self.people = People(settings, client, alerts=self._cache.get)
        self.feed = Feed(self.people, self.now, monotonic)
        self.tokens = Tokens(self.people.store)
        self.limiter = Limiter(settings.serve_rate, monotonic)
        self.failures = Limiter(30, monotonic)

    def now(self) -> datetime:
        """Wall clock."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, checked."""

    who: Who
    token_id: str


async def served(request: Request) -> Served:
    """What the API works with. (What is not `async` FastAPI would hand to a thread, and wait for it.)"""
    found: Served = request.app.state.served
    return found


def needs(scope: str) -> Callable[..., Awaitable[Caller]]:
    """A dependency: a valid token with this scope, within its rate."""

    async def check(
        request: Request,
        given: HTTPAuthorizationCredentials | None = Security(_bearer),  # noqa: B008
    ) -> Caller:
        state: Served = request.app.state.served
        address = request.client.host if request.client is not None else "?"
        _take(state.limiter, f"address:{address}")
        token = await state.tokens.verify(given.credentials) if given is not None else None
        if token is None:
            # Slower for who guesses; who has a good token is not held up by others at the same address.
            _take(state.failures, _FAILED + address)
            raise ProblemError(
                401,
                "no token" if given is None else "this token is not valid",
                hint="send `Authorization: Bearer …`; `rapport tokens create` makes a token",
                headers={"WWW-Authenticate": 'Bearer realm="rapport"'},
            )
        _take(state.limiter, f"token:{token.token_id}")
        if scope not in token.scopes:
            raise ProblemError(403, f"the token lacks the scope {scope}")
        return Caller(token.who, token.token_id)

    return check


#: Of routes that show partnerships and their readings.
MayRead = Annotated[Caller, Depends(needs("partnerships:read"))]


def _take(limiter: Limiter, caller: str) -> None:
    if wait := limiter.wait(caller):
        raise ProblemError(429, "too many requests", headers={"Retry-After": str(ceil(wait))})
