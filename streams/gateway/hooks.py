"""One webhook: whether the sender is who it says, its platform's handshake, and the events of a payload."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import re
from collections.abc import Mapping
from typing import Final

from streams.errors import InputError
from streams.gateway.answers import Refusal
from streams.gateway.config import SIGNED, SignatureRule, Webhook, secret_of
from streams.gateway.recall import Recall
from streams.sources import Options, Parsed, Source, open_source
from streams.sources.mapping import load_mapping
from streams.sources.signatures import (
    hub_challenge,
    hub_signature_is_right,
    linkedin_challenge,
    linkedin_signature_is_right,
    websub_signature_is_right,
)

#: LinkedIn's codes are UUIDs. Nothing else is signed for a stranger: what LinkedIn signs of a body begins
#: with "hmacsha256=", so an answer to that "code" would be the signature of a forged body.
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
_CHALLENGE_MAX: Final = 512
_SIGNATURES: Final = {
    "instagram": ("x-hub-signature-256", hub_signature_is_right),
    "linkedin": ("x-li-signature", linkedin_signature_is_right),
    "youtube": ("x-hub-signature", websub_signature_is_right),
}
assert _SIGNATURES.keys() == SIGNED


class Hook:
    """A webhook ready for use. Raises InputError, SettingsError when it cannot be."""

    def __init__(self, config: Webhook, recall: Recall) -> None:
        self.config, self.recall = config, recall
        self._secret = secret_of(config, "secret")
        self._verify_token = secret_of(config, "verify_token")
        self._options = Options(None, config.account, config.instance, recall)
        if config.mapping is not None:
            self.source: Source = load_mapping(config.mapping, self._options)
        else:
            try:
                self.source = open_source(config.source or "", self._options)
            except InputError as error:
                raise InputError(f"webhook {config.name}: {error}") from None

    @property
    def name(self) -> str:
        """Last part of its address."""
        return self.config.name

    @property
    def signed(self) -> bool:
        """Whether the sender signs; otherwise a token is asked for."""
        return self._secret is not None

    def check_signed(self, headers: Mapping[str, str]) -> None:
        """Raises Refusal (401) if there is no signature at all: asked before a stranger's body is read."""
        if self._header not in headers:
            raise self._unsigned(f"the signature {self._header} is missing")

    def check_signature(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Over the bytes as they came, before anybody reads them. Raises Refusal (401)."""
        secret, rule = self._secret or "", self.config.signature
        if rule is not None:
            right = _own_is_right(rule, body, headers, secret)
        else:
            right = _SIGNATURES[self.config.source or ""][1](body, headers.get(self._header), secret)
        if not right:
            raise self._unsigned("the signature is wrong")

    @property
    def _header(self) -> str:
        rule = self.config.signature
        return rule.header.lower() if rule is not None else _SIGNATURES[self.config.source or ""][0]

    @staticmethod
    def _unsigned(detail: str) -> Refusal:
        hint = "sign the body as it is sent, with the secret of this webhook"
        return Refusal(401, detail, why="signature", hint=hint)

    def handshake(self, query: Mapping[str, str]) -> str | dict[str, str]:
        """The answer to the platform's GET. Raises Refusal (403, 404, 405)."""
        source = self.config.source
        if source == "linkedin" and self._secret is not None and "challengeCode" in query:
            if not _CODE.fullmatch(query["challengeCode"]):
                raise Refusal(403, "this is no challenge code", why="signature")
            return linkedin_challenge(query["challengeCode"], self._secret)
        if source == "instagram" and self._verify_token is not None:
            if (answer := hub_challenge(query, self._verify_token)) is None:
                raise Refusal(403, "the verify token is wrong", why="signature")
            return answer
        if source == "youtube" and "hub.challenge" in query:
            return self._websub(query)
        raise Refusal(
            405, "this webhook has no handshake to do", why="request", headers={"Allow": "POST"},
            hint="for Meta set `verify_token`, for a hub `topics` or `verify_token`, for LinkedIn `secret`",
        )  # fmt: skip

    def _websub(self, query: Mapping[str, str]) -> str:
        """A hub asks whether we want this topic: only one that stands in the file, or with our token."""
        challenge, topic = query["hub.challenge"], query.get("hub.topic", "")
        token = self._verify_token
        known = any(topic.startswith(start) for start in self.config.topics)
        told = token is not None and hmac.compare_digest(
            query.get("hub.verify_token", "").encode("utf-8", "surrogatepass"), token.encode()
        )
        asked = query.get("hub.mode") in ("subscribe", "unsubscribe")
        if not (asked and (known or told) and 0 < len(challenge) <= _CHALLENGE_MAX):
            raise Refusal(404, "this topic was not asked for", why="signature",
                          hint="name it in `topics`, or subscribe with the `verify_token`")  # fmt: skip
        return challenge

    async def parse(
        self, payload: bytes, received: dt.datetime, headers: Mapping[str, str],
        watched: frozenset[str] | None,
    ) -> Parsed:  # fmt: skip
        """The events of one payload; what a deletion names by key alone is looked up first.

        Raises StoreUnavailableError: it cannot be looked up now.
        """
        options = Options(watched, self.config.account, self.config.instance, self.recall)
        self.source.options = options
        parsed = self.source.parse(payload, received, headers)
        if await self.recall.fetch_missed():
            self.source.options = options  # meanwhile another sender's may have been set
            parsed = self.source.parse(payload, received, headers)
        return parsed


def _own_is_right(rule: SignatureRule, body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    digest = hmac.new(secret.encode(), body, rule.algorithm).digest()
    text = digest.hex() if rule.encoding == "hex" else base64.b64encode(digest).decode()
    given = headers.get(rule.header.lower(), "")
    if rule.encoding == "hex":
        given = given[: len(rule.prefix)] + given[len(rule.prefix) :].lower()
    return hmac.compare_digest(given.encode("latin-1", "replace"), (rule.prefix + text).encode()) and bool(
        secret
    )
