"""`rapport sources follow bluesky` as a process: killed in the middle, it goes on from its cursor and loses
nothing; who is gone at the source is asked to be forgotten."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from streams.children import Child
from streams.consume import scan
from streams.sending import send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.streams.sources.jetserver import JetServer
from tests.streams.sources.test_jetstream import ANN, BASE_US, network
from tests.workers import environment, until

pytestmark = pytest.mark.servers


async def events_of(settings: Settings) -> list[dict[str, Any]]:
    """All events in the topic."""
    return [json.loads(r.value or b"{}") async for r in scan(settings, settings.topic(topics.EVENTS))]


async def test_a_client_that_is_killed_goes_on_and_loses_nothing(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(embedded_pair)
    await ensure_topics(settings)
    await send_partnerships(
        settings, [{"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": f"bluesky:{ANN}"}]
    )
    frames = network(400, deleted=50, others=1_200)
    gone = {"did": "did:plc:fan60", "time_us": BASE_US + 10**9, "kind": "account", "account": {
        "active": False, "status": "deleted", "did": "did:plc:fan60", "seq": 1, "time": "x"}}  # fmt: skip
    async with JetServer(frames[:800], twice=0.1) as server:

        def follow() -> Child:
            words = ["-m", "streams.cli", "sources", "follow", "bluesky", "--url", server.url]
            return Child("client", [sys.executable, *words], tmp_path / "log", env=environment(settings))

        child = follow()
        await until(lambda: events_of(settings), lambda found: len(found) > 50, within=20, child=child)
        child.kill()
        server.frames = [*frames, gone]
        child = follow()
        try:
            found = await until(
                lambda: events_of(settings), lambda found: len({e["event_id"] for e in found}) >= 450,
                within=20, child=child,
            )  # fmt: skip
            control = await until(
                lambda: _values(settings, topics.CONTROL),
                lambda found: len(found) > 0,
                within=10,
                child=child,
            )
        finally:
            child.stop(grace_s=5)
    made = {e["event_id"] for e in found if e["op"] == "create"}
    undone = {e["undoes"] for e in found if e["op"] == "undo"}
    assert len(made) == 400 and len(undone) == 50 and undone <= made
    assert len(server.cursors) == 2 and server.cursors[0] is None and server.cursors[1] is not None
    assert json.loads(control[0])["kind"] == "forget" and b"fan60" not in control[0]


async def _values(settings: Settings, topic: str) -> list[bytes]:
    return [record.value async for record in scan(settings, settings.topic(topic)) if record.value]
