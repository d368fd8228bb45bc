"""The worker process, apart from what it counts."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.sending import send
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.workers import WorkerProcess, read_totals, until

pytestmark = pytest.mark.servers
_AT = 1_790_000_000


def _like(number: int) -> tuple[float, bytes, bytes]:
    event = {
        "event_id": f"e{number}", "source": "test", "kind": "like", "occurred_at": "2026-09-21T14:13:20Z",
        "influencer_id": "x:inf", "actor": {"id": f"x:{number}"},
    }  # fmt: skip
    return _AT + number, b"x:inf", json.dumps(event).encode()


async def test_a_taken_port_is_a_plain_error(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with WorkerProcess(settings_for(embedded_pair), tmp_path / "log") as worker:
            worker.child.stop()
            worker.port = port
            worker.restart()
            await until(_stopped(worker), bool, within=20)
            said = worker.child.logged()
    assert f"127.0.0.1:{port}" in said and "RAPPORT_HTTP_PORT" in said
    assert "Traceback" not in said


async def test_health_readiness_and_metrics_tell_what_is(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("defaults: {connection.drop: {for: 1h}}")
    settings = settings_for(embedded_pair).model_copy(update={"rules": rules, "shadow_rules": rules})
    await ensure_topics(settings)
    await send(settings, [_like(number) for number in range(300)])
    with WorkerProcess(settings, tmp_path / "log") as worker:
        await until(lambda: read_totals(settings), lambda t: t.counted == 300, within=40, child=worker.child)
        assert json.loads(_get(worker, "/health"))["status"] == "ok"
        ready = await until(_ready(worker), lambda r: bool(r["ready"]), within=10, child=worker.child)
        assert ready["assigned"] == ready["claimed"] == list(range(settings.partitions))
        samples = _get(worker, "/metrics")
        for text, told in (("defaults: [", "the rules stay as they were"), ("", "the rules were read again")):
            rules.write_text(text)
            os.kill(worker.child.pid, signal.SIGHUP)
            await until(_logged(worker, told), bool, within=10, child=worker.child)
        assert json.loads(_get(worker, "/health"))["status"] == "ok"
    counted = [
        line for line in samples.splitlines() if line.startswith("rapport_events_total") and "counted" in line
    ]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in counted) == 300
    for name in (
        "rapport_slice_seconds_count",
        "rapport_redis_bytes_total",
        "rapport_build_info",
        "process_cpu",
    ):
        assert name in samples
    logged = (tmp_path / "log").read_text()
    assert "partition=" in logged and "epoch=" in logged and "offset=" in logged


def _get(worker: WorkerProcess, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}{path}", timeout=5) as answer:
        return answer.read().decode()  # type: ignore[no-any-return]


def _ready(worker: WorkerProcess):  # type: ignore[no-untyped-def]
    async def look() -> dict[str, object]:
        try:
            return json.loads(_get(worker, "/ready"))  # type: ignore[no-any-return]
        except OSError:
            return {"ready": False}

    return look


def _logged(worker: WorkerProcess, words: str):  # type: ignore[no-untyped-def]
    async def look() -> bool:
        return words in worker.child.logged()

    return look


def _stopped(worker: WorkerProcess):  # type: ignore[no-untyped-def]
    async def look() -> bool:
        return not worker.child.running

    return look
