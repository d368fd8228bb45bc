"""Every query of every panel on a real Prometheus that scrapes the demo's worker, notifier and API."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from processors.generator.demo import SLIPS, SPEED, demo
from streams.children import Child, free_port
from streams.demo_house import prepare, start
from streams.demo_mailbox import SECRET_ENV, mailbox
from streams.embedded import EmbeddedError
from streams.settings import Settings
from streams.story import Told, introduce, tell
from streams.topics import ensure_topics
from streams.undisturbed import end
from tests.conftest import missing
from tests.dashboards.test_promql import ALL, EXPRESSIONS, Prometheus, needs

pytestmark = [pytest.mark.servers, pytest.mark.fault, pytest.mark.timeout(240)]
#: In the live part so many seconds of event time pass in one: weeks in seconds.
_CHOSEN = {"__rate_interval": "5s", "__range": "60s", "window": "10s", "partnership": ".*", **ALL}


@asynccontextmanager
async def _house(place: Path) -> AsyncIterator[Settings]:
    """Servers, worker, notifier and API under the demo scenario, which is being told."""
    async with AsyncExitStack() as open_:
        servers = open_.enter_context(ExitStack())
        try:
            settings = prepare(Settings(), place, servers, lambda line: None, None, None, SPEED)
        except EmbeddedError as error:
            missing(str(error))
        settings = settings.model_copy(update={"serve_port": free_port()})
        story = demo(datetime.now(UTC))
        await ensure_topics(settings)
        await introduce(settings, story)
        box = await open_.enter_async_context(mailbox(settings, free_port()))
        told = settings.model_copy(update={"notify_config": box.config(place / "notify.yaml")})
        for name, of in (("worker", settings), ("notifier", told), ("serve", settings)):
            child = start(name, of, place, **({SECRET_ENV: box.secret} if name == "notifier" else {}))
            open_.callback(child.stop)
        feeder = asyncio.create_task(tell(settings, story, SPEED, Told(), lambda line: None))
        open_.push_async_callback(end, feeder)
        yield settings
        assert not feeder.done() or feeder.result() is None


def _prometheus(place: Path, settings: Settings) -> tuple[Child, Prometheus]:
    ports = {
        "worker": settings.http_port, "notifier": settings.notifier_http_port, "serve": settings.serve_port
    }  # fmt: skip
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": f"rapport-{name}",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"environment": "demo"}}],
            }
            for name, port in ports.items()
        ],
    }
    (place / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        needs("prometheus"), f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    return Child("Prometheus", command, place / "prometheus.log"), Prometheus(port)


async def test_every_query_has_data_while_the_demo_runs(tmp_path: Path) -> None:
    async with _house(tmp_path) as settings:
        child, prometheus = _prometheus(tmp_path, settings)
        try:
            delivered = 'sum(rapport_notifications_total{outcome="delivered"}) > 0'
            await asyncio.to_thread(_wait, prometheus, child, delivered)
            await asyncio.sleep(6)  # a rate over 5 s of what just happened
            empty = await asyncio.to_thread(_without_data, prometheus)
            assert empty == [], "\n".join(empty)
        finally:
            prometheus.http.close()
            child.stop()


def _wait(prometheus: Prometheus, child: Child, expr: str) -> None:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        assert child.running
        try:
            if prometheus.instant(expr):
                return
        except (OSError, ValueError, AssertionError):
            pass
        except Exception as error:  # httpx: not up yet
            if "Connect" not in type(error).__name__:
                raise
        time.sleep(0.3)
    raise AssertionError(f"no data for {expr}")


def _without_data(prometheus: Prometheus) -> list[str]:
    empty = []
    for name, target in EXPRESSIONS.items():
        chosen = _CHOSEN | ({"partnership": SLIPS} if name.startswith("rapport-partnership/") else {})
        expr = re.sub(r"\$\{?(\w+)\}?", lambda match, chosen=chosen: chosen[match[1]], target["expr"])
        found = prometheus.instant(expr) if target["instant"] else prometheus.range(expr)
        if not found:
            empty.append(f"{name}: {expr}")
    return empty
