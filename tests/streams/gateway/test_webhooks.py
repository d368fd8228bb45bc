"""Webhooks on a real broker and store: signed or with a token; what is refused is kept with its bytes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import RejectedEvent
from schemas.topics import CONTROL, REJECTED
from streams import metrics
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.streams.gateway.world import World, world

pytestmark = pytest.mark.servers
FIXTURES = Path(__file__).parent.parent / "sources" / "fixtures"
SECRET = "app-secret"
FILE = f"""
webhooks:
- {{name: ig, source: instagram, secret: env:GW_SECRET, verify_token: env:GW_VERIFY}}
- {{name: li, source: linkedin, secret: env:GW_SECRET}}
- {{name: yt, source: youtube, secret: env:GW_SECRET, verify_token: env:GW_VERIFY}}
- {{name: inbox, source: activitystreams}}
- {{name: fedi, source: mastodon, instance: social.example}}
- name: shop
  mapping: {FIXTURES / "reviews.yaml"}
  secret: env:GW_SECRET
  signature: {{header: X-Shop-Signature, prefix: "sha256="}}
"""


@pytest.fixture
async def w(
    embedded_pair: Pair, settings_for: Callable[..., Settings],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:  # fmt: skip
    monkeypatch.setenv("GW_SECRET", SECRET)
    monkeypatch.setenv("GW_VERIFY", "verify-me")
    (tmp_path / "gateway.yaml").write_text(FILE)
    settings = settings_for(embedded_pair, gateway_config=tmp_path / "gateway.yaml")
    await ensure_topics(settings)
    async with world(settings) as made:
        yield made


def sign(
    body: bytes, header: str = "X-Hub-Signature-256", prefix: str = "sha256=", before: bytes = b""
) -> Any:
    digest = hmac.new(SECRET.encode(), before + body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", header: prefix + digest}


def comment(number: int = 1, text: str = "nice") -> dict[str, Any]:
    return {
        "object": "instagram",
        "entry": [
            {
                "id": "178", "time": int(time.time()),
                "changes": [{
                    "field": "comments",
                    "value": {"id": f"c{number}", "from": {"id": "9", "username": "u"}, "text": text,
                              "media": {"id": "m1", "media_product_type": "FEED"}},
                }],
            }
        ],
    }  # fmt: skip


async def test_a_signed_payload_becomes_events_and_a_forged_one_nothing(w: World) -> None:
    body = json.dumps(comment()).encode()
    answer = await w.post(body, sign(body), "/v1/webhooks/ig")
    assert (answer.status_code, answer.json()) == (
        200, {"accepted": 1, "duplicate": 0, "rejected": 0, "left_out": 0},
    )  # fmt: skip
    forged = body.replace(b"nice", b"evil")
    for headers in (sign(body), {"Content-Type": "application/json"}, sign(forged, prefix="")):
        assert (await w.post(forged, headers, "/v1/webhooks/ig")).status_code == 401
    assert (await w.post(body, await w.token(), "/v1/webhooks/ig")).status_code in (401, 415)
    again = await w.post(body, sign(body), "/v1/webhooks/ig")  # Meta sends at least once
    assert again.json()["duplicate"] == 1
    (record,) = await w.topic()
    found = json.loads(record.value or b"")
    assert (found["kind"], found["text"], found["influencer_id"]) == ("comment", "nice", "instagram:178")


async def test_what_a_source_refuses_is_kept_with_its_bytes(w: World) -> None:
    broken = comment(2)
    del broken["entry"][0]["changes"][0]["value"]["media"]
    mixed = comment(3)
    mixed["entry"] += broken["entry"]
    bodies = [b"\xff\xfe rubbish", json.dumps(broken).encode(), json.dumps(mixed).encode(), b"x" * 100_000]
    for body in bodies:
        answer = await w.post(body, sign(body), "/v1/webhooks/ig")
        assert answer.status_code == 200 and answer.json()["rejected"] == 1
    assert await w.ids() == ["instagram/comment/c3"]
    kept = [RejectedEvent.model_validate_json(record.value or b"") for record in await w.topic(REJECTED)]
    assert [one.reason for one in kept] == ["encoding", "schema", "schema", "not_json"]
    assert base64.b64decode(kept[1].payload_base64 or "") == bodies[1]
    assert kept[1].errors[0].field == "entry.0.changes.0.value.media.id"
    assert (kept[0].topic, kept[0].key, kept[3].truncated) == ("webhooks/ig", "ig", True)
    assert len({(one.topic, one.offset) for one in kept}) == 4


async def test_a_token_that_ended_is_counted_for_its_alert(w: World) -> None:
    def told() -> dict[str, float]:
        return {s.labels["result"]: s.value for s in next(iter(metrics.SOURCE_RESULTS.collect())).samples
                if s.name.endswith("_total") and s.labels["source"] == "instagram"}  # fmt: skip

    before = told()
    assert "token" in before, "a rate sees the first refusal only if it knows of none before"
    for code in (190, 4):
        body = json.dumps({"error": {"message": "no", "type": "OAuthException", "code": code}}).encode()
        assert (await w.post(body, sign(body), "/v1/webhooks/ig")).json()["rejected"] == 1
    after = told()
    assert (after["token"] - before["token"], after["busy"] - before.get("busy", 0)) == (1, 1)


async def test_handshakes(w: World) -> None:
    meta = {"hub.mode": "subscribe", "hub.challenge": "4711", "hub.verify_token": "verify-me"}
    answer = await w.client.get("/v1/webhooks/ig", params=meta)
    assert (answer.status_code, answer.text) == (200, "4711")
    assert answer.headers["content-type"].startswith("text/plain")
    assert (await w.client.get("/v1/webhooks/ig", params=meta | {"hub.verify_token": "x"})).status_code == 403
    found = (await w.client.get("/v1/webhooks/li", params={"challengeCode": "890e4665-4dfe"})).json()
    right = hmac.new(SECRET.encode(), b"890e4665-4dfe", hashlib.sha256).hexdigest()
    assert found["challengeResponse"] == right
    assert (await w.client.get("/v1/webhooks/yt", params=meta | {"hub.topic": "t"})).text == "4711"
    assert (await w.client.get("/v1/webhooks/inbox")).status_code == 405
    assert (await w.client.get("/v1/webhooks/nobody")).status_code == 404


async def test_linkedin_youtube_and_a_mapping_file(w: World) -> None:
    payload = (FIXTURES / "linkedin.ndjson").read_bytes().splitlines()[0]
    answer = await w.post(
        payload, sign(payload, "X-LI-Signature", "", b"hmacsha256="), "/v1/webhooks/li"
    )  # fmt: skip
    assert answer.status_code == 200 and answer.json()["accepted"] >= 1
    push = (FIXTURES / "youtube_push.xml").read_bytes()
    digest = hmac.new(SECRET.encode(), push, hashlib.sha1).hexdigest()
    headers = {"Content-Type": "application/atom+xml", "X-Hub-Signature": f"sha1={digest}"}
    answer = await w.post(push, headers, "/v1/webhooks/yt")
    assert answer.status_code == 200 and answer.json()["accepted"] >= 1
    reviews = (FIXTURES / "reviews.ndjson").read_bytes()
    headers = sign(reviews, "X-Shop-Signature") | {"Content-Type": "application/x-ndjson"}
    answer = await w.post(reviews, headers, "/v1/webhooks/shop")
    assert answer.status_code == 200 and answer.json()["accepted"] >= 1


async def test_where_nobody_signs_a_token_for_this_source_is_asked_for(w: World) -> None:
    body = {"type": "Like", "id": "https://a.example/1", "actor": "https://a.example/ann",
            "object": "https://b.example/note/1"}  # fmt: skip
    path = "/v1/webhooks/inbox"
    kind = {"Content-Type": "application/activity+json"}
    assert (await w.post(body, kind, path)).status_code == 401
    cases: list[tuple[dict[str, list[str]], int]] = [
        ({"sources": ["linkedin"]}, 403), ({"scopes": ["events:write"]}, 403),
        ({"sources": ["activitystreams"]}, 200), ({"sources": ["inbox"]}, 200),
    ]  # fmt: skip
    for bound, status in cases:
        held = await w.token(**bound)
        assert (await w.post(body, held | kind, path)).status_code == status, bound


async def test_a_deletion_finds_what_another_process_saw(w: World) -> None:
    held = await w.token() | {"Content-Type": "application/activity+json"}
    note = {"type": "Create", "id": "https://a.example/1", "actor": "https://a.example/ann",
            "published": "2026-11-20T10:00:00Z",
            "object": {"type": "Note", "id": "https://a.example/note", "content": "hi"}}  # fmt: skip
    gone = {"type": "Delete", "id": "https://a.example/2", "actor": "https://a.example/ann",
            "object": "https://a.example/note"}  # fmt: skip
    assert (await w.post(note, held, "/v1/webhooks/inbox")).json()["accepted"] == 1
    async with world(w.settings) as another:
        assert (await another.post(gone, held, "/v1/webhooks/inbox")).json()["accepted"] == 1
    create, undo = sorted((json.loads(one.value or b"") for one in await w.topic()), key=lambda e: e["op"])
    assert (undo["op"], undo["undoes"]) == ("undo", create["event_id"])


async def test_an_account_that_is_gone_is_asked_to_be_forgotten(w: World) -> None:
    held = await w.token() | {"Content-Type": "application/activity+json"}
    gone = {"type": "Delete", "actor": "https://a.example/ann", "object": "https://a.example/ann"}
    assert (await w.post(gone, held, "/v1/webhooks/inbox")).status_code == 200
    (record,) = await w.topic(CONTROL)
    found = json.loads(record.value or b"")
    assert found["kind"] == "forget" and b"ann" not in (record.value or b"") + (record.key or b"")


async def test_many_webhooks_at_once_lose_no_note(w: World) -> None:
    held = await w.token() | {"Content-Type": "application/activity+json"}

    def note(number: int) -> dict[str, Any]:
        return {"type": "Create", "id": f"https://a.example/{number}", "actor": "https://a.example/ann",
                "published": "2026-11-20T10:00:00Z",
                "object": {"type": "Note", "id": f"https://a.example/n{number}"}}  # fmt: skip

    await asyncio.gather(*(w.post(note(number), held, "/v1/webhooks/inbox") for number in range(20)))
    async with world(w.settings) as another:
        for number in range(20):
            gone = {"type": "Delete", "id": f"https://a.example/d{number}", "actor": "https://a.example/ann",
                    "object": f"https://a.example/n{number}"}  # fmt: skip
            assert (await another.post(gone, held, "/v1/webhooks/inbox")).json()["accepted"] == 1
