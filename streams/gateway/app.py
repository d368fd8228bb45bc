"""The application: routes, health, metrics, document, door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.metrics_core import Metric

from streams.gateway import answers, events, webhooks
from streams.gateway.document import HEALTH_DOC, completed
from streams.gateway.door import Door
from streams.gateway.state import Gateway

#: Metrics of the worker, as the gauge by which dashboards tell who is one, would say 0 here.
_SHOWN: Final = (
    "process_", "python_", "rapport_gateway", "rapport_redis", "rapport_build", "rapport_produce",
)  # fmt: skip


class _OursOnly:
    """The registry without what only workers tell."""

    def collect(self) -> Iterator[Metric]:
        return (family for family in REGISTRY.collect() if family.name.startswith(_SHOWN))


def build_app(gateway: Gateway) -> Door:
    """The whole application; `gateway` is open, or will be before the first request."""
    app = FastAPI(
        title="Rapport gateway", version="1", docs_url=None, redoc_url=None, redirect_slashes=False,
        description="Takes in engagement events and platforms' webhooks; answers when Kafka has them.",
    )  # fmt: skip
    app.state.gateway = gateway
    answers.install(app)
    app.include_router(events.router)
    app.include_router(webhooks.router)

    @app.get("/health/live", openapi_extra=HEALTH_DOC)
    async def live() -> Response:
        """Whether the process answers."""
        return JSONResponse({"status": "ok"})

    @app.get("/health/ready", openapi_extra=HEALTH_DOC)
    async def ready() -> Response:
        """Whether events can be taken in: Kafka answers, and the process is not about to end."""
        found = gateway.readiness()
        return JSONResponse(found, 200 if found["ready"] else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        gateway.show()
        return Response(generate_latest(_OursOnly()), 200, None, CONTENT_TYPE_LATEST)

    make = app.openapi

    def document() -> dict[str, Any]:
        return app.openapi_schema or completed(make())

    app.openapi = document  # type: ignore[method-assign]
    return Door(app)
