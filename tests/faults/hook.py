"""A webhook that records what it is sent, and misbehaves at random."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Arrived:
    """One request whose body was read."""

    id: str
    group: str
    body: bytes
    taken: bool  # whether the sender was told so


class Hook:
    """Answers 200, or at random 500, late, or not at all; sometimes after having taken the message.

    `rng` None: always `status`; what is not 200 is not recorded.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self.rng = rng
        self.status = 200
        self.arrived: list[Arrived] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Hook:
        app = web.Application()
        app.add_routes([web.post("/", self._take)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        mood = "well" if self.rng is None else self.rng.choices(
            ("well", "error", "hang", "close", "late"), (60, 15, 8, 12, 5)
        )[0]  # fmt: skip
        if self.status != 200:
            return web.Response(status=self.status)
        payload = await request.json()
        self.arrived.append(
            Arrived(request.headers["webhook-id"], payload["group_key"], body, mood == "well")
        )
        if mood == "error":
            return web.Response(status=500)
        if mood in ("hang", "late"):
            await asyncio.sleep(5.0 if mood == "hang" else 0.6)
        if mood == "close":
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=200)
