"""The application: routes, errors, guard."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.people_explain import publisher
from streams.people_store import open_client
from streams.serve import (
    alerts,
    board,
    brands,
    details,
    digest,
    operations,
    pages,
    partnerships,
    problems,
    readings,
    silences,
    stream,
    tables,
)
from streams.serve.auth import Served
from streams.serve.guard import Guard
from streams.settings import Settings

_PROBLEMS = {
    code: {"model": problems.ProblemOut, "description": text, "content": {problems.MEDIA: {}}}
    for code, text in {
        400: "The body is not JSON", 401: "No valid token", 403: "The token lacks a scope",
        404: "There is none that you may see",
        409: "Not in this state", 413: "The body is too large", 422: "A field is not valid",
        429: "Too many requests", 503: "Redis or Kafka does not answer",
    }.items()
}  # fmt: skip


def build_app(state: Served) -> Guard:
    """The whole application, guarded."""
    app = FastAPI(
        title="Rapport", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json",
        description="How partnerships stand and stood, alerts, and what people do about both.",
        responses=_PROBLEMS,  # type: ignore[arg-type]
    )  # fmt: skip
    app.state.served = state
    problems.install(app)
    for room in (
        alerts, stream, silences, digest, partnerships, readings, details, brands, operations, tables, board,
    ):  # fmt: skip
        app.include_router(room.router)
    pages.install(app)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), 200, None, CONTENT_TYPE_LATEST)

    return Guard(app, body_bytes=state.settings.serve_body_bytes, timeout_s=state.settings.serve_timeout_s)


@asynccontextmanager
async def open_served(settings: Settings) -> AsyncIterator[Served]:
    """What the API works with, on a line to Redis of its own."""
    client = open_client(settings)
    served = Served(settings, client, publisher(settings), time.monotonic)
    served.book.begin()
    try:
        yield served
    finally:
        await served.book.close()
        await client.aclose()
