"""Every query of every panel on a real Prometheus that scrapes all processes of the running demo."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path

import httpx
import pytest
import yaml

from dashboards import build
from dashboards.check import check
from dashboards.views.board import SIGNALS
from processors.generator.demo import SLIPS, SPEED, demo
from streams.children import Child, free_port
from streams.demo_house import as_environment, prepare, start
from streams.demo_mailbox import SECRET_ENV, mailbox
from streams.embedded import EmbeddedError
from streams.serve.tokens import SCOPES
from streams.settings import Settings
from streams.story import Told, introduce, tell
from streams.topics import ensure_topics
from streams.undisturbed import end
from tests.conftest import missing
from tests.dashboards.infinity_reader import read, targets
from tests.dashboards.test_promql import ALL, EXPRESSIONS, NUMBERS, Prometheus, needs

pytestmark = [pytest.mark.servers, pytest.mark.fault, pytest.mark.timeout(240)]
#: In the live part so many seconds of event time pass in one: weeks in seconds.
#: What the demo does not have, by panel and column.
NEVER = {
    "What the audience says: People", "What the audience says: Before a day",
    "Signals with interval and reference: Why not",
    "Audience fit by attribute: Why not",
}  # fmt: skip
API = dict(targets(build.dashboards()))
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
        settings = settings.model_copy(update={"serve_port": free_port(), "gateway_port": free_port()})
        story = demo(datetime.now(UTC))
        await ensure_topics(settings)
        await introduce(settings, story)
        box = await open_.enter_async_context(mailbox(settings, free_port()))
        told = settings.model_copy(update={"notify_config": box.config(place / "notify.yaml")})
        for name, of in (
            ("worker", settings), ("notifier", told), ("serve", settings), ("gateway", settings)
        ):  # fmt: skip
            child = start(name, of, place, **({SECRET_ENV: box.secret} if name == "notifier" else {}))
            open_.callback(child.stop)
        feeder = asyncio.create_task(tell(settings, story, SPEED, Told(), lambda line: None))
        open_.push_async_callback(end, feeder)
        yield settings
        assert not feeder.done() or feeder.result() is None


def _prometheus(place: Path, settings: Settings) -> tuple[Child, Prometheus]:
    ports = {
        "worker": settings.http_port, "notifier": settings.notifier_http_port,
        "serve": settings.serve_port, "gateway": settings.gateway_port,
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
            await asyncio.to_thread(_send_an_event, settings, tmp_path)
            await asyncio.sleep(6)  # a rate over 5 s of what just happened
            empty = await asyncio.to_thread(_without_data, prometheus)
            assert empty == [], "\n".join(empty)
            await asyncio.to_thread(_ask_the_api, settings, tmp_path)
        finally:
            prometheus.http.close()
            child.stop()


def _rapport(settings: Settings, place: Path, *words: str) -> str:
    environment = {**os.environ, **as_environment(settings), "RAPPORT_CONFIG": str(place / "empty.toml")}
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *words],
        capture_output=True, text=True, timeout=60, env=environment, check=True,
    ).stdout.strip()  # fmt: skip


def _send_an_event(settings: Settings, place: Path) -> None:
    token = _rapport(settings, place, "gateway", "tokens", "create", "shop", "--source", "shop").split()[-1]
    event = {
        "event_id": "shop/1", "source": "shop", "kind": "like", "influencer_id": "shop:ann",
        "actor": {"id": "shop:bo"}, "occurred_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    httpx.post(
        f"http://127.0.0.1:{settings.gateway_port}/v1/events", json=event, timeout=30, trust_env=False,
        headers={"Authorization": f"Bearer {token}"},
    ).raise_for_status()  # fmt: skip


def _ask_the_api(settings: Settings, place: Path) -> None:
    """Every query of an (API) row on the API itself, as Infinity asks and reads it."""
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    token = json.loads(_rapport(settings, place, "tokens", "create", "grafana", *scopes, "--json"))["token"]
    with httpx.Client(
        base_url=f"http://127.0.0.1:{settings.serve_port}", headers={"Authorization": f"Bearer {token}"},
        timeout=20, trust_env=False,
    ) as http:  # fmt: skip
        (alert, *_) = http.get("/api/v1/alerts", params={"partnership": SLIPS}).json()["items"]
        for act in ("ack", "wrong"):
            http.post(f"/api/v1/alerts/{alert['alert_id']}/{act}", json={"note": "seen"}).raise_for_status()
        silence = {
            "matchers": [{"name": "partnership_id", "value": SLIPS}], "comment": "a silence to look at",
            "ends_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }  # fmt: skip
        http.post("/api/v1/silences", json=silence).raise_for_status()
        found = {name: read(http, target, {**ALL, "partnership": SLIPS}) for name, target in API.items()}
    report = check(build.dashboards(), api=(f"http://127.0.0.1:{settings.serve_port}", token))
    assert report.problems == [] and report.asked == len(API)
    empty = {name.split("/")[1] for name, rows in found.items() if not rows}
    assert empty <= {"Alerts that ended"}, empty
    nodes = found["rapport-relationships/Who knows whom/nodes"]
    known = {node["id"] for node in nodes}
    edges = found["rapport-relationships/Who knows whom/edges"]
    assert {edge["source"] for edge in edges} | {edge["target"] for edge in edges} <= known
    signals = found["rapport-partnership/Signals with interval and reference/A"]
    assert {row["Signal"] for row in signals} == {"health", *SIGNALS}
    measured = [row for row in signals if row["Measurable"]]
    assert len(measured) >= 5 and all(row["from"] <= row["Value"] <= row["to"] for row in measured)
    # No column is empty throughout without a reason that is known.
    never = {
        f"{name.split('/')[1]}: {title}" for name, rows in found.items() if rows
        for title in rows[0] if all(row[title] is None for row in rows)
    }  # fmt: skip
    assert never <= NEVER, never - NEVER


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
        lines = [one.get("values", [one.get("value")]) for one in found]
        # NaN is no data: a quantile of nothing. A number is what it is now, a line what it was within 30 s.
        values = [text for line in lines for _, text in (line[-1:] if name in NUMBERS else line)]
        if not any(isfinite(float(text)) for text in values):
            empty.append(f"{name}: {expr}")
    return empty
