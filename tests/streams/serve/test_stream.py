"""Alerts as they come, from a server on a socket: what changes is told once, to those who may see it."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import redis
import uvicorn

from processors.state.layout import PartitionKeys
from schemas.topics import EVENTS
from streams import metrics
from streams.people import Who
from streams.serve import stream
from streams.serve.app import build_app, open_served
from streams.serve.auth import Served
from streams.serve.tokens import SCOPES
from streams.settings import Settings
from tests.servers import RedisServer
from tests.streams.people_world import alert, write

pytestmark = pytest.mark.servers
DEADLINE_S = 0.8


class House:
    """A server with its store."""

    def __init__(self, served: Served, http: httpx.AsyncClient) -> None:
        self.served, self.http = served, http

    async def head(self, *brands: str, name: str = "") -> dict[str, str]:
        made = await self.served.tokens.create(
            name or f"t{secrets.token_hex(3)}", SCOPES, Who("root"), brands=brands or None
        )
        return {"Authorization": f"Bearer {made[0]}"}

    def raise_alert(self, name: str, partnership: str = "acme--ann", brand: str = "acme") -> None:
        settings = self.served.settings
        key = PartitionKeys(settings.namespace, settings.topic(EVENTS), 0).alerts
        made = alert(name, partnership, brand)
        with redis.Redis.from_url(settings.redis_url) as client:
            client.hset(key, made.fingerprint, made.model_dump_json())

    @asynccontextmanager
    async def follow(self, head: dict[str, str], since: str = "") -> AsyncIterator[AsyncIterator[Any]]:
        async with self.http.stream("GET", "/api/v1/stream", headers=head | {"Last-Event-ID": since}) as told:
            assert told.status_code == 200 and told.headers["content-type"].startswith("text/event-stream")
            yield _events(told)


async def _events(answer: httpx.Response) -> AsyncIterator[Any]:
    """(id, data) of each event; ("", comment) of each comment."""
    found: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "":
            if value:
                yield "", value
            elif found:
                assert found["event"] == "alerts"
                yield found["id"], json.loads(found["data"])
                found = {}
        else:
            found[name] = value


async def soon(events: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(5):
        return await anext(events)


@pytest.fixture
async def house(server: RedisServer) -> AsyncIterator[House]:
    settings = Settings(
        redis_url=server.url, namespace=f"t{secrets.token_hex(4)}", serve_timeout_s=DEADLINE_S
    )
    write(settings)
    async with open_served(settings) as served:
        made = uvicorn.Server(
            uvicorn.Config(build_app(served), port=0, log_config=None, lifespan="off", ws="none")
        )
        task = asyncio.create_task(made.serve())
        for _ in range(500):
            if made.started:
                break
            await asyncio.sleep(0.01)
        port = made.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            yield House(served, http)
        served.feed.closing.set()
        made.should_exit = True
        await task


async def test_all_is_told_once_and_then_what_changes(house: House) -> None:
    async with house.follow(await house.head()) as events:
        _, first = await soon(events)
        assert first["whole"] and [item["alert_id"] for item in first["items"]] == [
            "aaaa2222", "cccc1111", "aaaa1111", "bbbb1111",
        ]  # fmt: skip
        answer = await house.http.get("/api/v1/alerts?state=all", headers=await house.head())
        assert first["items"] == answer.json()["items"]
        began = time.monotonic()
        house.raise_alert("dddd1111")
        _, told = await soon(events)
        assert time.monotonic() - began < 2.0
        assert not told["whole"] and [item["alert_id"] for item in told["items"]] == ["dddd1111"]
        await house.served.people.ack("dddd1111", Who("ann"), "on it")
        tag, told = await soon(events)
        assert told["items"][0]["acknowledged"]["note"] == "on it" and told["gone"] == []
    # Who comes again has it all already, or hears it whole.
    async with house.follow(await house.head(), since=tag) as events:
        assert (await soon(events))[0] == ""
        house.raise_alert("eeee1111")
        assert [item["alert_id"] for item in (await soon(events))[1]["items"]] == ["eeee1111"]
    async with house.follow(await house.head(), since=tag) as events:
        assert (await soon(events))[1]["whole"]


async def test_a_token_hears_of_its_brands_only(house: House) -> None:
    async with house.follow(await house.head("bolt")) as events:
        assert [item["alert_id"] for item in (await soon(events))[1]["items"]] == ["cccc1111"]
        house.raise_alert("dddd1111")
        house.raise_alert("eeee1111", "bolt--bob", "bolt")
        assert [item["alert_id"] for item in (await soon(events))[1]["items"]] == ["eeee1111"]


async def test_it_outlives_the_deadline_of_a_request_and_ends_with_the_token(house: House) -> None:
    async with house.follow(await house.head(name="short")) as events:
        await soon(events)
        assert metrics.HTTP_STREAMS._value.get() == house.served.feed.open == 1
        await asyncio.sleep(1.5 * DEADLINE_S)
        house.raise_alert("dddd1111")
        assert (await soon(events))[1]["items"][0]["alert_id"] == "dddd1111"
        await house.served.tokens.revoke("short", Who("root"))
        with pytest.raises(StopAsyncIteration):
            await soon(events)


async def test_places_are_bounded_and_given_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS_MAX", 1)
    head = await house.head()
    async with house.follow(head) as events:
        await soon(events)
        refused = await house.http.get("/api/v1/stream", headers=head)
        assert refused.status_code == 503 and refused.headers["retry-after"] == "10"
        assert "/api/v1/alerts" in refused.json()["hint"]
    for _ in range(100):
        if house.served.feed.open == 0:
            break
        await asyncio.sleep(0.05)
    async with house.follow(head) as events:
        await soon(events)
        house.served.feed.closing.set()
        with pytest.raises(StopAsyncIteration):
            await soon(events)


async def test_nobody_follows_without_a_token(house: House) -> None:
    assert (await house.http.get("/api/v1/stream")).status_code == 401
    made = await house.served.tokens.create("narrow", ["digest:read"], Who("root"))
    head = {"Authorization": f"Bearer {made[0]}"}
    assert (await house.http.get("/api/v1/stream", headers=head)).status_code == 403
    assert house.served.feed.open == 0


async def test_what_goes_is_told(house: House) -> None:
    async with house.follow(await house.head()) as events:
        await soon(events)
        settings = house.served.settings
        key = PartitionKeys(settings.namespace, settings.topic(EVENTS), 0).alerts
        with redis.Redis.from_url(settings.redis_url) as client:
            client.hdel(key, "faaaa1111")
        assert (await soon(events))[1] == {"whole": False, "items": [], "gone": ["aaaa1111"]}
