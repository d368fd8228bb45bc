"""Payload files of every source, a mapping file among them, through a broker and a worker into readings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas import Reading
from streams.reader import Reader
from streams.sending import Sender, send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.streams.sources.cases import CASES, FIXTURES, RECEIVED
from tests.workers import WorkerProcess, read_totals, until

pytestmark = pytest.mark.servers
HOUR = 3_600.0


async def test_payloads_of_every_source_end_in_readings_that_say_what_it_cannot_tell(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(embedded_pair, mappings=str(FIXTURES / "reviews.yaml"))
    await ensure_topics(settings)
    await send_partnerships(settings, [
        {"partnership_id": f"acme--{case.name}", "brand_id": "acme", "influencer_id": case.influencer}
        for case in CASES
    ])  # fmt: skip
    events = [event for case in CASES for event in case.events(watched=frozenset([case.influencer]))]
    ids = {(event["influencer_id"], event["event_id"]) for event in events}
    # The clock of records goes on, so that the boundary after the newest event comes.
    last = [_post(case.influencer, case.open().name) for case in CASES]
    async with Sender(settings) as sender:
        for stamp, event in [*((0.0, e) for e in events), *((2 * HOUR, e) for e in last)]:
            at = RECEIVED.timestamp() + stamp
            await sender.send((at, event["influencer_id"].encode(), msgspec.json.encode(event)))
    async with Reader(settings) as reader:
        with WorkerProcess(settings, tmp_path / "log") as worker:
            totals = await until(
                lambda: read_totals(settings), lambda t: t.read == len(events) + len(CASES), within=40,
                child=worker.child,
            )  # fmt: skip
            readings = await until(
                reader.readings, lambda found: len(found) == len(CASES), within=20, child=worker.child
            )
    assert (totals.counted, totals.rejected, totals.expired) == (len(ids) + len(CASES), 0, 0)
    found = {reading.partnership_id.removeprefix("acme--"): reading for reading in readings}
    for case in CASES:
        source, reading = case.open(), found[case.name]
        assert (reading.influencer_id, reading.source) == (case.influencer, source.name)
        assert reading.source_age_s is not None
        for path, why in source.not_measurable().items():
            score = _score(reading, path)
            assert score.value is None and score.why == f"not measurable here: {source.name}: {why}", path
    likes = _score(found["instagram"], "authenticity.suspicious_likes")
    assert not likes.measurable and "likes: counters only" in (likes.why or "")


def _post(influencer: str, source: str) -> dict[str, Any]:
    return {
        "event_id": f"{source}/last", "source": source, "kind": "post", "influencer_id": influencer,
        "occurred_at": "2026-09-22T01:59:00Z", "actor": {"id": influencer},
    }  # fmt: skip


def _score(reading: Reading, path: str) -> Any:
    signal, _, part = path.partition(".")
    score = reading.signals[signal]
    return score.parts[part] if part else score
