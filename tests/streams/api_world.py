"""The HTTP API in this process, on a real store and a book that is handed in; answers are held against its
document."""

from __future__ import annotations

import re
import secrets
from typing import Any

import httpx
import jsonschema
import redis.asyncio as aioredis

from processors.book import Book
from schemas import Partnership
from streams.errors import BrokerUnavailableError
from streams.people import Who
from streams.serve.app import build_app
from streams.serve.auth import Served
from streams.serve.book import LiveBook
from streams.serve.tokens import SCOPES
from streams.settings import Settings

PARTNERSHIPS = [
    Partnership(partnership_id="acme--ann", brand_id="acme", influencer_id="ann", brand_terms=["acme"]),
    Partnership(partnership_id="acme--new", brand_id="acme", influencer_id="new"),
    Partnership(partnership_id="bolt--bob", brand_id="bolt", influencer_id="bob"),
]


class Api:
    """The application in this process, its topic and a clock that stands still."""

    def __init__(self, settings: Settings, *, followed: bool = False) -> None:
        """`followed`: the book is read from the settings' broker."""
        self.clock = 0.0
        self.topic: dict[bytes, bytes | None] = {}
        self.written: list[tuple[bytes, bytes | None]] = []  # to partnerships.v1
        self.broken = False
        self.redis = aioredis.Redis.from_url(settings.redis_url)
        held = None if followed else Book(PARTNERSHIPS)
        book = LiveBook(settings, self._now, book=held, write=self._write)
        self.served = Served(settings, self.redis, self._publish, self._now, book=book)
        self.app = build_app(self.served)
        self.client = self.from_address("10.0.0.1")
        self.document: dict[str, Any] = {}

    def _now(self) -> float:
        return self.clock

    async def close(self) -> None:
        await self.client.aclose()
        await self.redis.aclose()

    def from_address(self, address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, client=(address, 1), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://api")

    async def _publish(self, key: bytes, value: bytes | None) -> None:
        if self.broken:
            raise BrokerUnavailableError("Kafka at secret-host:9092 does not answer")
        self.topic[key] = value

    async def _write(self, key: bytes, value: bytes | None) -> None:
        if self.broken:
            raise BrokerUnavailableError("Kafka at secret-host:9092 does not answer")
        self.written.append((key, value))

    async def token(self, *scopes: str, brands: list[str] | None = None, **more: Any) -> dict[str, str]:
        name = f"t{secrets.token_hex(3)}"
        made = await self.served.tokens.create(name, scopes or SCOPES, Who("root"), brands=brands, **more)
        return {"Authorization": f"Bearer {made[0]}"}

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """One request; its answer is held against the document."""
        self.clock += 1.0
        answer = await self.client.request(method, path, **more)
        assert answer.status_code == status, answer.text
        await self.check(method, path, answer)
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer

    async def check(self, method: str, path: str, answer: httpx.Response) -> None:
        if not self.document:
            self.document = (await self.client.get("/api/v1/openapi.json")).json()
        for template, methods in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.split("?")[0]):
                told = methods[method.lower()]["responses"][str(answer.status_code)]
                kind = answer.headers.get("content-type", "").split(";")[0]
                schema = told.get("content", {}).get(kind, {}).get("schema")
                if schema is not None:
                    assert answer.status_code >= 200
                    whole = {**schema, "components": self.document["components"]}
                    jsonschema.Draft202012Validator(whole).validate(answer.json())
                return
        raise AssertionError(f"the document does not know {path}")
