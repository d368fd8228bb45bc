"""A subscriber for the demo: a webhook on loopback that accepts only what the notifier has signed.

It checks with the reference library of Standard Webhooks, as a subscriber would. What it takes in is what the
demo shows of delivery, so nothing in the worker or the notifier knows that it is there.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from streams.settings import Settings

#: The notifier finds the secret under this name.
SECRET_ENV: Final = "RAPPORT_DEMO_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_MAX_BYTES: Final = 1 << 20
#: Whoever watches the demo won't wait half a minute for a group to gather.
_GROUP_WAIT: Final = "1s"
_GROUP_INTERVAL: Final = "5s"


@dataclass(slots=True)
class Mailbox:
    """What arrived. `received`: notifications by id, in order of arrival; `refused`: bad signatures."""

    url: str
    secret: str
    received: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: int = 0
    refused: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def config(self, path: Path) -> Path:
        """Writes the notifier's file, which names this mailbox as the only receiver."""
        routing = {
            "route": {
                "receiver": "demo-webhook", "group_wait": _GROUP_WAIT, "group_interval": _GROUP_INTERVAL
            },
            "receivers": [{
                "name": "demo-webhook", "type": "webhook", "url": self.url, "secrets": [f"env:{SECRET_ENV}"],
                "allow_private": True,
            }],
        }  # fmt: skip
        path.write_text(yaml.safe_dump(routing, sort_keys=False))
        return path

    def summary(self) -> dict[str, Any]:
        """For the last line of `--json`."""
        return {
            "url": self.url,
            "received": len(self.received),
            "refused": self.refused,
            "repeats": self.repeats,
        }

    async def take(self, request: web.Request) -> web.Response:
        """One delivery."""
        body = await request.read()
        try:
            Webhook(self.secret).verify(body, dict(request.headers), json_parse=False)
            note = json.loads(body)
            key = str(note["notification_id"])
        except (WebhookVerificationError, ValueError, KeyError, TypeError):
            self.refused += 1
            return web.Response(status=400)
        self.repeats += key in self.received
        self.received[key] = note
        self.arrived.set()
        return web.Response(status=204)


@asynccontextmanager
async def mailbox(settings: Settings, port: int) -> AsyncIterator[Mailbox]:
    """A mailbox on loopback that listens while inside."""
    box = Mailbox(
        f"http://{settings.http_host}:{port}/alerts",
        "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
    )
    app = web.Application(client_max_size=_MAX_BYTES)
    app.router.add_post("/alerts", box.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.http_host, port).start()
        yield box
    finally:
        await runner.cleanup()
