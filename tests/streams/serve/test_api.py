"""The HTTP API on a real store: answers as its own document says, tokens, brands, and hostile callers."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from streams.errors import InputError
from streams.people import Who
from streams.serve.limits import Limiter
from streams.settings import Settings
from tests.servers import RedisServer
from tests.streams.api_world import Api
from tests.streams.people_world import EVIL, NOW, write

pytestmark = pytest.mark.servers
ENDS = (NOW + timedelta(hours=2)).isoformat()


@pytest.fixture
async def api(server: RedisServer) -> AsyncIterator[Api]:
    settings = Settings(redis_url=server.url, namespace=f"t{secrets.token_hex(4)}", serve_rate=600)
    write(settings)
    made = Api(settings)
    yield made
    await made.close()


async def test_the_document_is_valid_and_names_no_address(api: Api) -> None:
    text = (await api.client.get("/api/v1/openapi.json")).text
    document = json.loads(text)
    assert document["openapi"].startswith("3.1")
    assert "http://" not in text.replace("http://json-schema.org", "") and "cdn" not in text
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert names <= set(document["components"]["schemas"])
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    ids = [op["operationId"] for path in document["paths"].values() for op in path.values()]
    assert len(ids) == len(set(ids)) >= 13
    for page in ("/docs", "/redoc", "/openapi.json"):  # `/` is the board
        assert (await api.client.get(page)).status_code == 404


async def test_listing_filtering_and_pages(api: Api) -> None:
    head = await api.token()
    page = await api.ask("GET", "/api/v1/alerts", headers=head)
    assert [item["alert_id"] for item in page["items"]] == ["aaaa2222", "cccc1111", "aaaa1111"]
    assert page["total"] == 3 and page["next"] is None
    everything = await api.ask("GET", "/api/v1/alerts?state=all&limit=1", headers=head)
    seen, more = [], everything
    while True:
        seen += [item["alert_id"] for item in more["items"]]
        if more["next"] is None:
            break
        more = await api.ask("GET", f"/api/v1/alerts?state=all&limit=1&cursor={more['next']}", headers=head)
    assert seen == ["aaaa2222", "cccc1111", "aaaa1111", "bbbb1111"]
    for query, count in (("severity=warning", 1), ("brand=bolt", 1), ("state=resolved", 1), ("signal=x", 0)):
        assert (await api.ask("GET", f"/api/v1/alerts?{query}", headers=head))["total"] == count
    for bad in (
        "severity=bad",
        "limit=0",
        "limit=x",
        "cursor=%00",
        "cursor=WzEsMiwzXQ",
        "cursor=W251bGwsMV0",
    ):
        found = await api.ask("GET", f"/api/v1/alerts?{bad}", 422, headers=head)
        assert found["status"] == 422 and bad.split("=")[0] in found["detail"]
    csv = await api.client.get("/api/v1/alerts?format=csv", headers=head)
    assert csv.headers["content-type"].startswith("text/csv") and "'=cmd" in csv.text


async def test_etags(api: Api) -> None:
    head = await api.token()
    first = await api.client.get("/api/v1/alerts", headers=head)
    tag = first.headers["etag"]
    same = await api.client.get("/api/v1/alerts", headers={**head, "If-None-Match": f'"x", W/{tag}'})
    assert same.status_code == 304 and not same.content and same.headers["etag"] == tag
    await api.ask("POST", "/api/v1/alerts/aaaa1111/ack", headers=head)
    changed = await api.client.get("/api/v1/alerts", headers={**head, "If-None-Match": tag})
    assert changed.status_code == 200


async def test_acts_on_an_alert_are_recorded_under_the_tokens_name(api: Api) -> None:
    head = await api.token()
    mark = await api.ask("POST", "/api/v1/alerts/aaaa1/ack", headers=head, json={"note": "on it"})
    assert mark["mark"]["note"] == "on it"
    whole = await api.ask("GET", "/api/v1/alerts/aaaa1111", headers=head)
    assert whole["alert"]["acknowledged"]["by"] == mark["mark"]["by"]
    assert [(act["verb"], act["via"]) for act in whole["acts"]] == [("ack", "http")]
    acked = await api.ask("GET", "/api/v1/alerts?acknowledged=true", headers=head)
    assert acked["total"] == 1
    assert (await api.ask("POST", "/api/v1/alerts/aaaa1111/unack", headers=head))["changed"]
    await api.ask("POST", "/api/v1/alerts/aaaa1111/wrong", headers=head)
    assert (await api.ask("DELETE", "/api/v1/alerts/aaaa1111/wrong", headers=head))["changed"]
    found = await api.ask("POST", "/api/v1/alerts/bbbb1111/ack", 409, headers=head)
    assert "resolved" in found["detail"] and found["hint"]
    assert (await api.ask("POST", "/api/v1/alerts/aaaa1112/ack", 404, headers=head))["hint"]
    audit = await api.ask("GET", "/api/v1/audit?limit=2", headers=head)
    rest = await api.ask("GET", f"/api/v1/audit?limit=100&cursor={audit['next']}", headers=head)
    verbs = [act["verb"] for act in audit["items"] + rest["items"]]
    assert verbs == ["unwrong", "wrong", "unack", "ack", "token_create"]


async def test_explaining(api: Api) -> None:
    head = await api.token()
    told = {"kind": "giveaway", "starts_at": NOW.isoformat(), "ends_at": ENDS, "note": "Friday"}
    path = "/api/v1/alerts/aaaa1111/explain"
    done = await api.ask("POST", path, headers=head, json=told)
    assert done["key"] == "explainer:acme--ann" and b"giveaway" in (api.topic[b"explainer:acme--ann"] or b"")
    for change, field in (({"kind": "x" * 99}, "kind"), ({"kind": "givaway"}, "kind"),
                          ({"starts_at": "18:00"}, "starts_at"), ({"ends_at": told["starts_at"]}, "ends_at"),
                          ({"surprise": 1}, "surprise")):  # fmt: skip
        found = await api.ask("POST", path, 422, headers=head, json={**told, **change})
        assert any(field in item["field"] for item in found["errors"]), found
    api.broken = True
    again = {**told, "starts_at": (NOW + timedelta(days=1)).isoformat(),
             "ends_at": (NOW + timedelta(days=2)).isoformat()}  # fmt: skip
    gone = await api.ask("POST", path, 503, headers=head, json=again)
    assert "secret-host" not in json.dumps(gone)


async def test_silences(api: Api) -> None:
    head = await api.token()
    body = {
        "matchers": [{"name": "partnership_id", "value": "acme--ann"}],
        "ends_at": ENDS,
        "comment": "known",
    }
    key = {**head, "Idempotency-Key": "wish-0001"}
    made = await api.ask("POST", "/api/v1/silences", 201, headers=key, json=body)
    assert (await api.ask("POST", "/api/v1/silences", 201, headers=key, json=body)) == made
    assert made["state"] == "active" and made["brand_id"] == "acme"
    assert len((await api.ask("GET", "/api/v1/silences", headers=head))["items"]) == 1
    assert (await api.ask("GET", "/api/v1/alerts?silenced=true", headers=head))["total"] == 2
    ended = await api.ask("DELETE", f"/api/v1/silences/{made['silence_id']}", headers=head)
    assert ended["state"] == "expired"
    assert (await api.ask("GET", "/api/v1/silences", headers=head))["items"] == []
    await api.ask("DELETE", "/api/v1/silences/nothing", 404, headers=head)
    for matcher in ({"name": "brand", "value": "x"}, {"name": "signal", "value": "(", "is_regex": True}):
        found = await api.ask(
            "POST", "/api/v1/silences", 422, headers=head, json={**body, "matchers": [matcher]}
        )
        assert found["errors"][0]["field"] == "matchers"
    await api.ask("POST", "/api/v1/silences", 422, headers=head, json={**body, "matchers": []})


async def test_a_token_of_one_brand_sees_and_changes_only_this(api: Api) -> None:
    root, head = await api.token(), await api.token(brands=["bolt"])
    page = await api.ask("GET", "/api/v1/alerts?state=all", headers=head)
    assert page["total"] == 1 and page["items"][0]["brand_id"] == "bolt"
    assert (await api.ask("GET", "/api/v1/alerts?state=all&brand=acme", headers=head))["total"] == 0
    for name in ("aaaa1111", "aaaa1", "zzzzzzzz"):
        known = await api.ask("GET", f"/api/v1/alerts/{name}", 404, headers=head)
        assert "aaaa2222" not in json.dumps(known) and "acme" not in json.dumps(known)
    await api.ask("POST", "/api/v1/alerts/aaaa1111/ack", 404, headers=head)
    silence = {"matchers": [{"name": "signal", "value": "connection"}], "ends_at": ENDS, "comment": "x"}
    mine = await api.ask("POST", "/api/v1/silences", 201, headers=head, json=silence)
    assert mine["brand_id"] == "bolt"
    theirs = {**silence, "matchers": [{"name": "brand_id", "value": "acme"}]}
    other = await api.ask("POST", "/api/v1/silences", 201, headers=root, json=theirs)
    await api.ask("DELETE", f"/api/v1/silences/{other['silence_id']}", 404, headers=head)
    assert len((await api.ask("GET", "/api/v1/silences", headers=head))["items"]) == 1
    audit = await api.ask("GET", "/api/v1/audit", headers=head)
    assert {act["brand_id"] for act in audit["items"]} == {"bolt"}
    digest = await api.ask("GET", "/api/v1/digest", headers=head)
    assert digest["partnerships"] == 1 and "acme" not in json.dumps(digest)
    await api.ask("GET", "/api/v1/digest?brand=acme", 404, headers=head)


async def test_tokens_are_needed_whole_and_with_their_scope(api: Api) -> None:
    good = await api.token("alerts:read")
    secret = good["Authorization"].removeprefix("Bearer ")
    assert secret.encode() not in b"".join(
        (await api.redis.hgetall(api.served.people.store.key("tokens"))).values()
    )
    bad = ["", "Bearer", "Bearer x", "Basic abc", f"Bearer {secret[:-1]}", f"Bearer {secret}x",
           f"Bearer rap_{'0' * 12}_{secret[-43:]}", "Bearer " + "a" * 8_000, "Bearer \u00e9"]  # fmt: skip
    for value in bad:
        answer = await api.client.get("/api/v1/alerts", headers={"Authorization": value.encode("latin-1")})
        assert answer.status_code == 401, value
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert secret not in answer.text
    await api.ask("GET", "/api/v1/alerts", headers=good)
    assert (
        "alerts:write" in (await api.ask("POST", "/api/v1/alerts/aaaa1111/ack", 403, headers=good))["detail"]
    )
    await api.ask("GET", "/api/v1/audit", 403, headers=good)
    old = await api.token(expires_at=datetime.now(UTC) + timedelta(seconds=0.05))
    await asyncio.sleep(0.06)
    await api.ask("GET", "/api/v1/alerts", 401, headers=old)
    (kept,) = [t for t in await api.served.tokens.all() if t.scopes == ["alerts:read"]]
    await api.served.tokens.revoke(kept.token_id[:6], Who("root"))
    await api.ask("GET", "/api/v1/alerts", 401, headers=good)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": "a\r\nSet-Cookie: x"}, "name"), ({"name": ""}, "name"), ({"scopes": []}, "scopes"),
     ({"scopes": ["alerts:reed"]}, "scopes"), ({"brands": []}, "brands"),
     ({"expires_at": NOW}, "expires_at")],
)  # fmt: skip
async def test_tokens_that_cannot_be_made(api: Api, change: dict[str, Any], field: str) -> None:
    told: dict[str, Any] = {"name": "x", "scopes": ["alerts:read"], **change}
    with pytest.raises(InputError, match=field):
        await api.served.tokens.create(told.pop("name"), told.pop("scopes"), Who("root"), **told)


async def test_bodies_that_are_too_large_too_deep_or_nonsense(api: Api) -> None:
    head = {**await api.token(), "Content-Type": "application/json"}
    path = "/api/v1/silences"
    huge = await api.ask("POST", path, 413, headers=head, content=b"x" * 70_000)
    assert "65536" in huge["detail"]

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 2_000

    await api.ask("POST", path, 413, headers=head, content=chunks())
    for body in (b"[" * 30_000, b'{"a":' * 10_000, b"{", b"\xff\xfe", b"nul"):
        answer = await api.client.post(path, headers=head, content=body)
        assert answer.status_code in (400, 422), (body[:10], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    for body in (b"[]", b"null", b"1", b'"x"', b'{"matchers": 1}', b'{"comment": "\\ud800"}'):
        assert (await api.client.post(path, headers=head, content=body)).status_code in (400, 422)


async def test_paths_and_headers_that_try_something(api: Api) -> None:
    head = await api.token()
    for path in ("/api/v1/alerts/..%2f..%2fmetrics", "/api/v1/alerts/%00", "/api/v1/alerts/" + "a" * 300,
                 "/api/v1/alerts/%0d%0aSet-Cookie:x", "/api/v1/alerts/*", "/api/v1/alerts/aaaa*",
                 "/api/v1//alerts", "/api/v1/alerts/a/b/c", "/..//etc/passwd"):  # fmt: skip
        answer = await api.client.get(path, headers=head)
        assert answer.status_code in (404, 422), path
        assert answer.headers["content-type"] == "application/problem+json"
        assert "set-cookie" not in answer.headers and "\x00" not in answer.text
    assert (await api.client.put("/api/v1/alerts", headers=head)).status_code == 405
    assert (await api.client.request("BREW", "/api/v1/alerts", headers=head)).status_code == 405


async def test_every_answer_is_headed_safely(api: Api) -> None:
    for path in ("/api/v1/health", "/nothing", "/api/v1/alerts"):
        heads = (await api.client.get(path)).headers
        assert (
            heads["x-content-type-options"] == "nosniff"
            and "default-src 'none'" in heads["content-security-policy"]
        )
        assert heads["cache-control"] == "private, no-cache" and "access-control-allow-origin" not in heads
    told = await api.ask("GET", "/api/v1/health")
    assert (told["status"], told["store"], told["book"]) == ("ok", "ok", "ok")
    assert told["partitions"] == 2 and told["event_clock"] == NOW.isoformat().replace("+00:00", "Z")
    text = (await api.client.get("/metrics")).text
    assert 'rapport_http_requests_total{method="GET",route="/api/v1/alerts",status="401"}' in text


async def test_who_asks_too_often_waits_and_others_do_not(api: Api) -> None:
    head = await api.token()
    answers = [(await api.client.get("/api/v1/alerts", headers=head)).status_code for _ in range(105)]
    assert answers[:100] == [200] * 100 and answers[-1] == 429
    limited = await api.client.get("/api/v1/alerts", headers=head)
    assert limited.headers["retry-after"] == "1" and limited.json()["status"] == 429
    async with api.from_address("10.0.0.2") as other:
        assert (await other.get("/api/v1/alerts", headers=await api.token())).status_code == 200
        guesses = [(await other.get("/api/v1/alerts", headers={"Authorization": "Bearer x"})).status_code
                   for _ in range(12)]  # fmt: skip
        assert guesses[0] == 401 and guesses[-1] == 429
        assert (await other.get("/api/v1/alerts", headers=await api.token())).status_code == 200
    api.clock += 60
    await api.ask("GET", "/api/v1/alerts", headers=head)


def test_the_table_of_callers_is_bounded() -> None:
    limiter = Limiter(60, lambda: 0.0, callers=100)
    assert all(limiter.wait(f"a{number}") == 0.0 for number in range(1_000))
    assert len(limiter) == 100


async def test_what_hangs_is_cut_off_and_what_breaks_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    head = await api.token()
    monkeypatch.setattr(api.app, "_timeout_s", 0.05)

    async def hang() -> Any:
        await asyncio.sleep(5)

    monkeypatch.setattr(api.served.people, "alerts", hang)
    assert (await api.ask("GET", "/api/v1/alerts", 503, headers=head))["status"] == 503

    async def breaks() -> Any:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(api.served.people, "alerts", breaks)
    answer = await api.client.get("/api/v1/alerts", headers=head)
    assert answer.status_code == 500 and "hunter2" not in answer.text
    assert head["Authorization"].split("_")[-1] not in caplog.text


async def test_the_digest_in_all_its_forms(api: Api) -> None:
    head = await api.token()
    made = await api.ask("GET", "/api/v1/digest?brand=acme", headers=head)
    (row,) = made["moved"]
    assert row["health"]["before"] == 82.0 and row["health"]["change"] == -22.0 and made["fell"] == 1
    assert made["open_count"] == 2 and made["resolved_count"] == 1 and not made["missing"]
    bolt = await api.ask("GET", "/api/v1/digest?brand=bolt", headers=head)
    assert "older health is not kept" in bolt["missing"][0]["why"]
    html = await api.client.get("/api/v1/digest?format=html", headers=head)
    assert html.headers["content-type"].startswith("text/html")
    assert "<script>" not in html.text and "&lt;script&gt;" in html.text and "acme--ann" in html.text
    for form in ("text", "markdown"):
        text = (await api.client.get(f"/api/v1/digest?format={form}", headers=head)).text
        assert "\x1b" not in text and "82.0 to 60.0" in text.replace("\\", "")
    for since in ("7", "0d", "999w", "x"):
        found = await api.ask("GET", f"/api/v1/digest?since={since}", 422, headers=head)
        assert found["errors"][0]["field"] == "since"
    assert EVIL  # what the summary above holds
