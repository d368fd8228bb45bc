"""A gateway in this process on real servers, asked as a client would."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from schemas.topics import EVENTS
from streams.consume import Record, scan
from streams.gateway.app import build_app
from streams.gateway.state import Gateway, open_gateway
from streams.gateway.tokens import SendTokens
from streams.people import Who
from streams.people_store import ActStore, open_client
from streams.settings import Settings


def event(number: int | str = 1, **more: Any) -> dict[str, Any]:
    """A like that is told of now."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "event_id": f"shop/{number}", "source": "shop", "kind": "like", "occurred_at": now,
        "influencer_id": "shop:ann", "actor": {"id": "shop:a"},
    } | more  # fmt: skip


class World:
    """The gateway, a client of it, and what lies in its topics."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.settings = gateway.settings
        transport = httpx.ASGITransport(app=build_app(gateway), client=("10.0.0.1", 1))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    async def token(self, **bounds: Any) -> dict[str, str]:
        """Headers with a new token."""
        client = open_client(self.settings)
        made = await SendTokens(ActStore(self.settings, client)).create(
            secrets.token_hex(4), Who("tests"), **bounds
        )
        await client.aclose()
        return {"Authorization": f"Bearer {made[0]}"}

    async def post(
        self, what: Any, headers: dict[str, str] | None = None, path: str = "/v1/events", **more: Any
    ) -> httpx.Response:
        """JSON with a token of its own, unless `headers` say otherwise."""
        held = await self.token() if headers is None else headers
        if isinstance(what, bytes):
            return await self.client.post(path, content=what, headers=held, **more)
        return await self.client.post(path, json=what, headers=held, **more)

    async def topic(self, name: str = EVENTS) -> list[Record]:
        """All records of a topic."""
        return [record async for record in scan(self.settings, self.settings.topic(name))]

    async def ids(self) -> list[str]:
        """Event ids in the topic of events."""
        return [json.loads(record.value or b"{}")["event_id"] for record in await self.topic()]


@asynccontextmanager
async def world(settings: Settings) -> AsyncIterator[World]:
    """Open, and with a line to Kafka."""
    async with open_gateway(settings) as gateway:
        async with asyncio.timeout(20):
            while not gateway.readiness()["ready"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        made = World(gateway)
        yield made
        await made.client.aclose()
