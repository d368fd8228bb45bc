"""Tokens of the HTTP API: made by `rapport tokens create`, shown once; at rest there is only a hash.

`{<namespace>}tokens`: hash, token id -> JSON (`Token`). A token is `rap_<id>_<secret>`: 256 random bits, so a
plain SHA-256 of the secret can be neither guessed nor searched.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from schemas.acts import Act
from schemas.common import Id, Record, Text, Time
from streams.errors import InputError
from streams.people import Who, pick
from streams.people_store import ActStore, Change

SCOPES: Final = (
    "alerts:read", "alerts:write", "silences:read", "silences:write", "audit:read", "digest:read",
    "partnerships:read", "partnerships:write",
)  # fmt: skip
TOKENS_MAX: Final = 1_000
_TOKEN: Final = re.compile(r"rap_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME: Final = re.compile(r"[\w.@-](?:[\w .@-]{0,98}[\w.@-])?")
_NOBODY: Final = hashlib.sha256(b"").hexdigest()


class Token(Record):
    """A token as it is kept."""

    token_id: Id
    name: Text
    scopes: list[Text]
    brands: list[Id] | None = None
    """Null: all brands."""
    secret_hash: Text
    created_at: Time
    created_by: Id
    expires_at: Time | None = None

    @property
    def who(self) -> Who:
        """Who acts with it."""
        return Who(self.name, "http", None if self.brands is None else frozenset(self.brands))

    def shown(self) -> dict[str, object]:
        """For lists: all but the hash."""
        return self.model_dump(mode="json", exclude={"secret_hash"})


class Tokens:
    """The tokens of one installation."""

    def __init__(self, store: ActStore) -> None:
        self._store = store

    async def create(
        self, name: str, scopes: Iterable[str], who: Who, *,
        brands: Iterable[str] | None = None, expires_at: datetime | None = None,
    ) -> tuple[str, Token]:  # fmt: skip
        """A new token: (what is handed to the person, what is kept). Raises InputError."""
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
        bound = None if brands is None else sorted(set(brands))
        if bound is not None and not bound:
            raise InputError("brands: name at least one, or leave it out for all")
        kept = await self.all()
        if len(kept) >= TOKENS_MAX:
            raise InputError(f"there are {TOKENS_MAX} tokens already", hint="`rapport tokens revoke` some")
        if any(token.name == name for token in kept):
            raise InputError(f"name: {name!r} is taken", hint="the audit tells people apart by it")
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        token = Token(
            token_id=token_id, name=name, scopes=list(held), brands=bound, secret_hash=_hash(secret),
            created_at=now, created_by=who.by, expires_at=expires_at,
        )  # fmt: skip
        act = _act("token_create", token, who, now)
        change = Change(token.model_dump_json(exclude_none=True), act)
        await self._store.change("tokens", token_id, lambda _: change)
        return f"rap_{token_id}_{secret}", token

    async def all(self) -> list[Token]:
        """All tokens, by name."""
        return sorted((await self._store.all("tokens", Token)).values(), key=lambda token: token.name)

    async def revoke(self, given: str, who: Who) -> Token:
        """Ends a token at once; `given`: its name, its id or the beginning of it."""
        kept = {token.token_id: token for token in await self.all()}
        by_name = next((token.token_id for token in kept.values() if token.name == given), given)
        token = kept[pick(by_name, kept, "token", "`rapport tokens list` shows them")]
        act = _act("token_revoke", token, who, datetime.now(UTC))
        await self._store.change(
            "tokens", token.token_id, lambda before: Change(None, act) if before is not None else None
        )
        return token

    async def verify(self, presented: str) -> Token | None:
        """The token that was presented, if it stands; takes as long for one that is unknown."""
        found = _TOKEN.fullmatch(presented)
        if found is None:
            return None
        token = await self._store.one("tokens", found[1], Token)
        same = hmac.compare_digest(_hash(found[2]), token.secret_hash if token is not None else _NOBODY)
        if token is None or not same:
            return None
        return None if token.expires_at is not None and token.expires_at <= datetime.now(UTC) else token


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _act(verb: str, token: Token, who: Who, at: datetime) -> Act:
    return Act(
        act_id=secrets.token_hex(8), at=at, by=who.by, via=who.via, verb=verb, subject=token.token_id,  # type: ignore[arg-type]
        details={"name": token.name, "scopes": token.scopes, "brands": token.brands},
    )  # fmt: skip
