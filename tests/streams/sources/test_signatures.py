"""Signatures and handshakes of webhooks."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from streams.sources.signatures import (
    hub_challenge,
    hub_signature_is_right,
    linkedin_challenge,
    linkedin_signature_is_right,
    websub_signature_is_right,
)

BODY, SECRET = b'{"object":"instagram"}', "app secret"


def signed(body: bytes, method: str = "sha256") -> str:
    return hmac.new(SECRET.encode(), body, method).hexdigest()


def test_right_signatures() -> None:
    assert hub_signature_is_right(BODY, "sha256=" + signed(BODY), SECRET)
    assert linkedin_signature_is_right(BODY, signed(b"hmacsha256=" + BODY), SECRET)
    assert websub_signature_is_right(BODY, "sha1=" + signed(BODY, "sha1"), SECRET)


@pytest.mark.parametrize(
    "check", [hub_signature_is_right, linkedin_signature_is_right, websub_signature_is_right]
)
@pytest.mark.parametrize(
    "header", [None, "", "sha256=", "sha256=00", "md5=00", "é", "\ud800", "sha256=" + "0" * 64]
)
def test_wrong_signatures(check, header: str | None) -> None:
    assert not check(BODY, header, SECRET)


def test_a_signature_of_other_bytes_or_with_no_secret_is_wrong() -> None:
    assert not hub_signature_is_right(BODY + b" ", "sha256=" + signed(BODY), SECRET)
    empty = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not hub_signature_is_right(BODY, empty, "")


def test_handshakes() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "mine", "hub.challenge": "1158201444"}
    assert hub_challenge(query, "mine") == "1158201444"
    for wrong in (
        {"hub.mode": "x"},
        {"hub.verify_token": "other"},
        {"hub.challenge": ""},
        {"hub.challenge": "1" * 600},
    ):
        assert hub_challenge(query | wrong, "mine") is None
    assert hub_challenge({"hub.mode": "subscribe", "hub.challenge": "1"}, "") is None
    assert linkedin_challenge("890e4665", SECRET)["challengeResponse"] == signed(b"890e4665")
