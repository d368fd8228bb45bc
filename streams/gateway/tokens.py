"""Tokens of the gateway: who may send what. Shown once; at rest there is only a hash, as with the API's.

`{NAMESPACE}gateway_tokens`: hash, token id -> JSON (`SendToken`). A token is `rgw_<id>_<secret>`: 256 random
bits, so a plain SHA-256 of the secret can be neither guessed nor searched.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from schemas.acts import Act
from schemas.common import ID_MAX, Id, Record, Text, Time
from streams.errors import InputError, StoreUnavailableError
from streams.people import Who, pick
from streams.people_store import ActStore, Change

SCOPES: Final = ("events:write", "webhooks:write")
TOKENS_MAX: Final = 1_000
#: A token is looked up anew after so long, s: as long does one work that was revoked.
FRESH_S: Final = 10.0
#: While Redis is away, tokens that were seen are taken for so long, s.
STALE_S: Final = 300.0
_HASH: Final = "gateway_tokens"
_TOKEN: Final = re.compile(r"rgw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME: Final = re.compile(r"[\w.@-](?:[\w .@-]{0,98}[\w.@-])?")
_NOBODY: Final = hashlib.sha256(b"").hexdigest()


class SendToken(Record):
    """A token as it is kept. A list that is null binds to nothing."""

    token_id: Id
    name: Text
    scopes: list[Text]
    sources: list[Id] | None = None
    """`source` of events, or names of webhooks."""
    influencers: list[Id] | None = None
    brands: list[Id] | None = None
    """Only influencers with a partnership with one of these."""
    secret_hash: Text
    created_at: Time
    created_by: Id
    expires_at: Time | None = None

    def shown(self) -> dict[str, object]:
        """For lists: all but the hash."""
        return self.model_dump(mode="json", exclude={"secret_hash"})


class SendTokens:
    """The tokens of one installation, changed by people."""

    def __init__(self, store: ActStore) -> None:
        self._store = store

    async def create(
        self, name: str, who: Who, *, scopes: Iterable[str] = SCOPES, sources: Iterable[str] | None = None,
        influencers: Iterable[str] | None = None, brands: Iterable[str] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[str, SendToken]:  # fmt: skip
        """A new token: (what is handed out, what is kept). Raises InputError, StoreUnavailableError."""
        held = sorted(set(scopes))
        if not _NAME.fullmatch(name):
            raise InputError("name: 1 to 100 letters, digits, spaces, '.', '-', '_' or '@'")
        if unknown := [scope for scope in held if scope not in SCOPES]:
            raise InputError(f"scopes: {unknown[0][:40]!r} is none", hint=f"it may be {', '.join(SCOPES)}")
        if not held:
            raise InputError("scopes: a token without any could do nothing")
        now = datetime.now(UTC)
        if expires_at is not None and expires_at <= now:
            raise InputError("expires_at: lies in the past")
        kept = await self.all()
        if len(kept) >= TOKENS_MAX:
            raise InputError(
                f"there are {TOKENS_MAX} tokens already", hint="`rapport gateway tokens revoke` some"
            )
        if any(token.name == name for token in kept):
            raise InputError(f"name: {name!r} is taken", hint="the audit tells senders apart by it")
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        token = SendToken(
            token_id=token_id, name=name, scopes=list(held), sources=_bound("sources", sources),
            influencers=_bound("influencers", influencers), brands=_bound("brands", brands),
            secret_hash=_hash(secret), created_at=now, created_by=who.by, expires_at=expires_at,
        )  # fmt: skip
        change = Change(token.model_dump_json(exclude_none=True), _act("token_create", token, who, now))
        await self._store.change(_HASH, token_id, lambda _: change)
        return f"rgw_{token_id}_{secret}", token

    async def all(self) -> list[SendToken]:
        """All tokens, by name."""
        return sorted((await self._store.all(_HASH, SendToken)).values(), key=lambda token: token.name)

    async def revoke(self, given: str, who: Who) -> SendToken:
        """Ends a token; `given`: its name, its id or the beginning of it. Raises NotFoundError."""
        kept = {token.token_id: token for token in await self.all()}
        by_name = next((token.token_id for token in kept.values() if token.name == given), given)
        token = kept[pick(by_name, kept, "token", "`rapport gateway tokens list` shows them")]
        act = _act("token_revoke", token, who, datetime.now(UTC))
        await self._store.change(
            _HASH, token.token_id, lambda before: Change(None, act) if before is not None else None
        )
        return token


class Verifier:
    """Looks tokens up for requests: held for a few seconds, so that a request costs Redis nothing."""

    def __init__(self, store: ActStore, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store, self._monotonic = store, monotonic
        self._held: dict[str, tuple[SendToken, float]] = {}  # at most as many as there are

    async def verify(self, presented: str) -> SendToken | None:
        """The token that was presented, if it stands. Raises StoreUnavailableError: nobody can tell."""
        found = _TOKEN.fullmatch(presented)
        if found is None:
            return None
        token = await self._kept(found[1])
        same = hmac.compare_digest(_hash(found[2]), token.secret_hash if token is not None else _NOBODY)
        if token is None or not same:
            return None
        return None if token.expires_at is not None and token.expires_at <= datetime.now(UTC) else token

    async def _kept(self, token_id: str) -> SendToken | None:
        now = self._monotonic()
        held = self._held.get(token_id)
        if held is not None and now - held[1] < FRESH_S:
            return held[0]
        try:
            token = await self._store.one(_HASH, token_id, SendToken)
        except StoreUnavailableError:
            if held is None or now - held[1] > STALE_S:
                raise
            return held[0]
        if token is None:  # not held: who guesses would push out those that are known
            self._held.pop(token_id, None)
        else:
            self._held[token_id] = token, now
        return token


def _bound(field: str, names: Iterable[str] | None) -> list[str] | None:
    if names is None:
        return None
    found = sorted(set(names))
    if not found or not all(0 < len(name) <= ID_MAX for name in found):
        raise InputError(f"{field}: name at least one, or leave it out for all")
    return list(found)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _act(verb: str, token: SendToken, who: Who, at: datetime) -> Act:
    return Act(
        act_id=secrets.token_hex(8), at=at, by=who.by, via=who.via, verb=verb, subject=token.token_id,  # type: ignore[arg-type]
        details={
            "name": token.name, "for": "gateway", "scopes": token.scopes, "sources": token.sources,
            "influencers": token.influencers, "brands": token.brands,
        },
    )  # fmt: skip
