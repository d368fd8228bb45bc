"""/api/v1/tables: flat, honest about what cannot be measured, and only what the token may see."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jsonschema
import pytest
import redis
import redis.asyncio as aioredis

from processors.state.layout import PartitionKeys
from schemas import Reading, SignalReading
from schemas.topics import EVENTS
from streams.people import Who
from streams.serve.app import build_app
from streams.serve.auth import Served
from streams.serve.relations import graph
from streams.settings import Settings
from tests.conftest import missing
from tests.servers import RedisServer, ServerMissingError
from tests.streams.people_world import EVIL, NOW, write
from tests.streams.test_relationships import found

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    try:
        server = RedisServer().start()
    except ServerMissingError as error:
        missing(str(error))
    made = Settings(redis_url=server.url)
    write(made)
    part = SignalReading(
        value=0.6, lo=0.5, hi=0.7, baseline=0.5, parts={EVIL: SignalReading(measurable=False, why="few")}
    )
    whole = Reading(
        partnership_id="acme--ann", influencer_id="ann", brand_id="acme", at=NOW, tier="micro",
        health=SignalReading(value=60.0, lo=55.0, hi=65.0), warming_up="no reference yet", source_age_s=7,
        signals={
            "audience_fit": SignalReading(value=70.0, baseline=72.0, parts={"country": part}),
            "connection": SignalReading(measurable=False, why="too few answers"),
        },
    )  # fmt: skip
    keys = PartitionKeys(made.namespace, made.topic(EVENTS), 1)
    with redis.Redis.from_url(made.redis_url) as client:
        client.hset(keys.readings, "acme--ann", whole.model_dump_json())
    yield made
    server.stop()


@pytest.fixture
async def ask(settings: Settings) -> AsyncIterator[Any]:
    async def publish(key: bytes, value: bytes | None) -> None:
        raise AssertionError

    client = aioredis.Redis.from_url(settings.redis_url)
    served = Served(settings, client, publish, asyncio.get_running_loop().time)
    transport = httpx.ASGITransport(app=build_app(served), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api/api/v1") as http:
        document = (await http.get("/openapi.json")).json()

        async def asked(path: str, status: int = 200, brands: list[str] | None = None, **params: Any) -> Any:
            scopes = ["partnerships:read"] if status != 403 else ["alerts:read"]
            token, _ = await served.tokens.create(
                f"t{secrets.token_hex(4)}", scopes, Who("root"), brands=brands
            )
            answer = await http.get(path, params=params, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status, answer.text
            if status == 200:
                (template,) = [
                    t for t in document["paths"]
                    if t.split("/")[-1] == path.split("/")[-1] and "/tables/" in t
                ]  # fmt: skip
                told = document["paths"][template]["get"]["responses"]["200"]
                schema = told["content"]["application/json"]["schema"]
                whole = {**schema, "components": document["components"]}
                jsonschema.Draft202012Validator(whole).validate(answer.json())
            return answer.json()

        yield asked
    await client.aclose()


async def test_partnerships_are_one_line_each_the_weakest_first(ask: Any) -> None:
    found = await ask("/tables/partnerships")
    assert [line["partnership_id"] for line in found["items"]] == ["acme--ann", "bolt--bob"]
    ann, bob = found["items"]
    assert (ann["health"], ann["low"], ann["high"], ann["audience_fit"]) == (60, 55, 65, 70)
    assert ann["connection"] is None and ann["source_age_s"] == 7 and bob["connection"] == 31
    assert (ann["state"], ann["alerts"], bob["state"]) == ("firing", 2, "firing")
    assert (await ask("/tables/partnerships", limit=1))["total"] == 2
    for name, value in (("brand", "bolt"), ("partnership", "bolt--bob")):
        (line,) = (await ask("/tables/partnerships", **{name: value}))["items"]
        assert line["partnership_id"] == "bolt--bob"
    assert (await ask("/tables/partnerships", tier="mega"))["items"] == []
    for brands in (".*", "acme,bolt", ""):
        assert (await ask("/tables/partnerships", brand=brands, influencer=".*"))["total"] == 2


async def test_signals_and_parts_tell_what_they_rest_on(ask: Any) -> None:
    lines = {line["signal"]: line for line in (await ask("/tables/partnerships/acme--ann/signals"))["items"]}
    assert list(lines) == ["health", "audience_fit", "connection"]
    assert lines["audience_fit"]["moved"] == -2 and lines["audience_fit"]["part"] == ""
    assert (lines["connection"]["value"], lines["connection"]["why"]) == (None, "too few answers")
    parts = (await ask("/tables/partnerships/acme--ann/parts"))["items"]
    assert [(line["signal"], line["part"]) for line in parts] == [
        ("audience_fit", "country"), ("audience_fit", f"country / {EVIL}"),
    ]  # fmt: skip
    assert parts[0]["moved"] == 0.1 and not parts[1]["measurable"]
    assert (await ask("/tables/partnerships/acme--ann/parts", signal="connection"))["items"] == []
    problem = await ask("/tables/partnerships/acme--ann/parts", 404, signal="charm")
    assert "health, audience_fit, connection" in problem["hint"]


async def test_insights_of_one_of_whom_nothing_was_said_are_empty(ask: Any) -> None:
    assert (await ask("/tables/partnerships/acme--ann/insights"))["items"] == []


@pytest.mark.parametrize("what", ["signals", "parts", "insights"])
async def test_what_the_token_may_not_see_is_not_there(ask: Any, what: str) -> None:
    await ask(f"/tables/partnerships/bolt--bob/{what}", 404, brands=["acme"])
    await ask(f"/tables/partnerships/nobody/{what}", 404)
    await ask(f"/tables/partnerships/acme--ann/{what}", 403)


async def test_lists_hold_only_what_the_token_may_see(ask: Any) -> None:
    items = (await ask("/tables/partnerships", brands=["acme"]))["items"]
    assert [line["brand_id"] for line in items] == ["acme"]


def test_the_graph_joins_brands_and_keeps_each_account_once() -> None:
    made = graph({"acme": found(), "also": found()})
    assert [node.id for node in made.nodes] == ["x:ann", "emp1", "acme", "x:bob"]
    ids = {node.id for node in made.nodes}
    assert all({edge.source, edge.target} <= ids for edge in made.edges)
    ann, bob = made.influencers[:2]
    assert ann.strongest == EVIL_NAME and 0 < (ann.bus_factor or 0) <= 1
    assert (bob.stage, bob.strongest, bob.last_contact_days) == ("nothing read yet", None, None)
    (lost, _) = made.people
    assert lost.lost == pytest.approx(lost.relationship - lost.without, abs=0.11) and lost.name == EVIL_NAME
    assert json.loads(made.model_dump_json())["edges"][0]["thickness"] > 1


#: The name that breaks out of formats, as the map's own test has it.
EVIL_NAME = found()["accounts"]["emp1"]["name"]
