"""Webhooks: whose they are, their handshakes, and the file that names them."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as redis

from streams.errors import InputError, SettingsError
from streams.gateway.answers import Refusal
from streams.gateway.config import Webhook, read_config
from streams.gateway.hooks import Hook
from streams.gateway.recall import Recall

SECRET = "s3cret-of-the-app"
BODY = b'{"object": "instagram", "entry": []}'


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_VERIFY", "let me in")

    def make(**values: Any) -> Hook:
        client = redis.Redis()  # never asked
        return Hook(Webhook.model_validate({"name": "x"} | values), Recall(client, "t", "x"))

    return make


def signed(key: bytes = SECRET.encode(), body: bytes = BODY, how: str = "sha256") -> str:
    return hmac.new(key, body, how).hexdigest()


@pytest.mark.parametrize(
    ("source", "header", "value"),
    [
        ("instagram", "x-hub-signature-256", "sha256=" + signed()),
        ("linkedin", "x-li-signature", signed(body=b"hmacsha256=" + BODY)),
        ("youtube", "x-hub-signature", "sha1=" + signed(how="sha1")),
    ],
)
def test_only_the_platforms_signature_over_these_bytes_is_taken(
    hook: Any, source: str, header: str, value: str
) -> None:
    found = hook(source=source, secret="env:HOOK_SECRET")
    found.check_signature(BODY, {header: value})
    wrong = [
        ({}, BODY), ({header: ""}, BODY), ({header: value[:-1]}, BODY), ({header: value}, BODY + b" "),
        ({header: value.replace(signed()[:4], "0000")[:-4] + "0000"}, BODY), ({header: "é" * 64}, BODY),
    ]  # fmt: skip
    for headers, body in wrong:
        with pytest.raises(Refusal) as refused:
            found.check_signature(body, headers)
        assert refused.value.status == 401
        assert SECRET not in str(refused.value.response().body)


def test_a_source_of_ones_own_signs_as_its_file_says(hook: Any, tmp_path: Path) -> None:
    mapping = Path("tests/streams/sources/fixtures/reviews.yaml").resolve()
    rule = {"header": "X-Shop-Signature", "algorithm": "sha512", "encoding": "base64", "prefix": "v1="}
    found = hook(mapping=mapping, secret="env:HOOK_SECRET", signature=rule)
    digest = base64.b64encode(hmac.new(SECRET.encode(), BODY, hashlib.sha512).digest()).decode()
    found.check_signature(BODY, {"x-shop-signature": "v1=" + digest})
    for value in (digest, "v1=" + digest.lower(), "v1="):
        with pytest.raises(Refusal):
            found.check_signature(BODY, {"x-shop-signature": value})


def test_meta_is_answered_only_with_its_verify_token(hook: Any) -> None:
    found = hook(source="instagram", secret="env:HOOK_SECRET", verify_token="env:HOOK_VERIFY")
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "let me in"}
    assert found.handshake(query) == "1158201444"
    for wrong in ({"hub.verify_token": "let me"}, {"hub.mode": "unsubscribe"}, {"hub.challenge": "x" * 600}):
        with pytest.raises(Refusal) as refused:
            found.handshake(query | wrong)
        assert refused.value.status == 403


def test_linkedins_challenge_signs_no_body_for_a_stranger(hook: Any) -> None:
    found = hook(source="linkedin", secret="env:HOOK_SECRET")
    code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
    assert found.handshake({"challengeCode": code}) == {
        "challengeCode": code, "challengeResponse": signed(body=code.encode()),
    }  # fmt: skip
    # Its answer would be the signature of this body, were it given.
    for oracle in ("hmacsha256=" + BODY.decode(), "hmacsha256={}", "", "x" * 500):
        with pytest.raises(Refusal):
            found.handshake({"challengeCode": oracle})


def test_a_hub_is_answered_only_about_topics_that_were_asked_for(hook: Any) -> None:
    topic = "https://www.youtube.com/xml/feeds/videos.xml?channel_id="
    found = hook(source="youtube", secret="env:HOOK_SECRET", topics=[topic + "UCann"])
    query = {"hub.mode": "subscribe", "hub.challenge": "abc", "hub.topic": topic + "UCann"}
    assert found.handshake(query) == "abc"
    for wrong in ({"hub.topic": topic + "UCbob"}, {"hub.mode": "denied"}, {"hub.challenge": ""}):
        with pytest.raises(Refusal) as refused:
            found.handshake(query | wrong)
        assert refused.value.status == 404


def test_without_a_file_every_source_asks_for_a_token(hook: Any) -> None:
    found = read_config(None)
    assert {one.name for one in found} >= {"instagram", "linkedin", "youtube", "mastodon", "activitystreams"}
    assert not any(one.secret for one in found)
    with pytest.raises(Refusal) as refused:
        hook(source="mastodon").handshake({})
    assert refused.value.status == 405


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("webhooks:\n- name: x\n", "needs either"),
        ("webhooks:\n- {name: x, source: instagram, secret: plain}\n", "environment variable"),
        ("webhooks:\n- {name: x, source: mastodon, secret: env:A}\n", "needs a `signature`"),
        ("webhooks:\n- {name: x, source: mastodon}\n- {name: x, source: tiktok}\n", "twice"),
        ("webhooks:\n- {name: x/y, source: mastodon}\n", "name"),
        ("webhook: []\n", "webhooks"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_config(file)
    assert told in str(caught.value) and "gateway.yaml:" in str(caught.value)
    assert "plain" not in str(caught.value).splitlines()[0]


def test_a_secret_that_is_not_there_and_a_source_that_is_none_are_named(hook: Any) -> None:
    with pytest.raises(SettingsError, match="HOOK_NONE, which is not in the environment"):
        hook(source="instagram", secret="env:HOOK_NONE")
    with pytest.raises(InputError, match=r"webhook x: no source 'insta'"):
        hook(source="insta")


class Slow(Recall):
    """Redis that answers when it is told to, and knows everything that it is asked for."""

    asked: asyncio.Event
    answers: asyncio.Event

    async def fetch(self, keys: Iterable[str]) -> None:
        self.asked.set()
        await self.answers.wait()
        for key in keys:
            self._held.put(key, b"[]")


async def test_who_waits_for_redis_keeps_the_bounds_of_its_own_token() -> None:
    recall = Slow(redis.Redis(), "t", "x")
    recall.asked, recall.answers = asyncio.Event(), asyncio.Event()
    found = Hook(Webhook.model_validate({"name": "mastodon", "source": "mastodon"}), recall)
    status = {"id": "2", "created_at": "2026-09-21T10:00:00.000Z", "in_reply_to_id": "1",
              "in_reply_to_account_id": "7", "account": {"id": "8"}}  # fmt: skip
    answer = json.dumps({"event": "update", "payload": json.dumps(status)}).encode()
    now = dt.datetime(2026, 9, 22, tzinfo=dt.UTC)
    bound = asyncio.create_task(found.parse(answer, now, {}, frozenset(["mastodon:5"])))
    await recall.asked.wait()
    free = asyncio.create_task(found.parse(answer, now, {}, None))
    await asyncio.sleep(0)
    recall.answers.set()
    assert (await free).events
    assert not (await bound).events
