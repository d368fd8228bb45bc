"""Whether a webhook comes from whom it says: signatures and handshakes, all compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

_CHALLENGE_MAX = 512


def hub_signature_is_right(body: bytes, header: str | None, secret: str) -> bool:
    """Meta's `X-Hub-Signature-256: sha256=HEX` over the bytes as they came, keyed with the app secret."""
    return _same(header, "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), secret)


def linkedin_signature_is_right(body: bytes, header: str | None, secret: str) -> bool:
    """LinkedIn's `X-LI-Signature: HEX` over `hmacsha256=` and the body, keyed with the client secret."""
    signed = hmac.new(secret.encode(), b"hmacsha256=" + body, hashlib.sha256).hexdigest()
    return _same((header or "").removeprefix("hmacsha256="), signed, secret)


def websub_signature_is_right(body: bytes, header: str | None, secret: str) -> bool:
    """A hub's `X-Hub-Signature: sha1=HEX` (or sha256, sha384, sha512) over the body."""
    method, _, _ = (header or "").partition("=")
    if method not in ("sha1", "sha256", "sha384", "sha512"):
        return False
    return _same(header, f"{method}=" + hmac.new(secret.encode(), body, method).hexdigest(), secret)


def hub_challenge(query: Mapping[str, str], verify_token: str) -> str | None:
    """What to answer to Meta's GET when a webhook is set up; None: answer 403.

    Args:
        query: with hub.mode, hub.verify_token and hub.challenge.
    """
    challenge = query.get("hub.challenge", "")
    right = _same(query.get("hub.verify_token"), verify_token, verify_token)
    fits = query.get("hub.mode") == "subscribe" and 0 < len(challenge) <= _CHALLENGE_MAX
    return challenge if right and fits else None


def linkedin_challenge(code: str, secret: str) -> dict[str, str]:
    """What to answer, as JSON, to LinkedIn's GET with `challengeCode`."""
    answer = hmac.new(secret.encode(), code.encode(), hashlib.sha256).hexdigest()
    return {"challengeCode": code, "challengeResponse": answer}


def _same(given: str | None, right: str, secret: str) -> bool:
    """Compared in constant time; an empty secret would sign for everybody, so it is never right."""
    given_bytes = (given or "").encode("utf-8", "surrogatepass")
    return hmac.compare_digest(given_bytes, right.encode()) and bool(secret)
