"""The notifier's pages: /health, the process answers; /ready, it gets on with its work; /metrics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from importlib import metadata
from time import time
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.metrics_core import Metric

from streams import metrics
from streams.errors import RapportError
from streams.notify_desk import Desk
from streams.settings import Settings

#: Metrics of the worker, as the gauge by which dashboards tell who is one, would say 0 here.
_SHOWN = (
    "process_", "python_", "rapport_notif", "rapport_receivers", "rapport_alerts_wrong", "rapport_redis",
    "rapport_fence", "rapport_build", "rapport_lost", "rapport_reclaims", "rapport_rebalances",
    "rapport_produce",
)  # fmt: skip


class _OursOnly:
    """The registry without what only workers tell."""

    def collect(self) -> Iterator[Metric]:
        return (family for family in REGISTRY.collect() if family.name.startswith(_SHOWN))


class NotifierError(RapportError):
    """The notifier cannot run, or can run no longer."""


async def open_pages(settings: Settings, readiness: Callable[[], dict[str, Any]]) -> web.AppRunner:
    """Serves the pages until `cleanup`. `readiness`: what /ready answers, with the flag `ready`.

    Raises:
        NotifierError: the port is taken.
    """

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": metadata.version("rapport-monitor")})

    async def ready(request: web.Request) -> web.Response:
        found = readiness()
        return web.json_response(found, status=200 if found["ready"] else 503)

    async def scrape(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(_OursOnly()), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/ready", ready), web.get("/metrics", scrape)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    place = settings.http_host, settings.notifier_http_port
    try:
        await web.TCPSite(runner, *place).start()
    except OSError as error:
        await runner.cleanup()
        raise NotifierError(
            f"cannot listen on {place[0]}:{place[1]} for /ready and /metrics: {error.strerror}",
            hint="set RAPPORT_NOTIFIER_HTTP_PORT; each notifier on one machine needs a port of its own",
        ) from error
    return runner


def show(desks: Collection[Desk], receivers: Iterable[str]) -> None:
    """Sets the gauges of what waits."""
    now = time()
    oldest = [desk.queue.oldest() for desk in desks]
    for name in receivers:
        metrics.NOTIFICATION_QUEUE.labels(name).set(sum(desk.queue.count(name) for desk in desks))
        first = min((times[name] for times in oldest if name in times), default=now)
        metrics.NOTIFICATION_OLDEST.labels(name).set(max(0.0, now - first))
    metrics.NOTIFICATIONS_FAILED.set(sum(len(desk.failed) for desk in desks))
    metrics.NOTIFIER_WAITING.set(sum(desk.engine.waiting for desk in desks))
