"""A replay sends each event once, tells what it left out, and refuses what would be counted twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.topics import EVENTS
from streams.consume import scan
from streams.errors import NotFoundError, StoreUnavailableError
from streams.replay import AlreadyReplayedError, replay
from streams.settings import Settings
from streams.topics import ensure_topics

pytestmark = pytest.mark.servers


def write(path: Path, order: list[int], bad: bool = False) -> Path:
    lines = [json.dumps({"event_id": f"e{n}", "source": "t", "kind": "like", "influencer_id": f"t:i{n % 7}",
                         "occurred_at": f"2026-01-01T00:{n // 60:02d}:{n % 60:02d}Z", "actor": {"id": "t:u"}})
             for n in order]  # fmt: skip
    path.write_text("\n".join([*lines[:5], *(["broken"] if bad else []), *lines[5:]]))
    return path


async def sent(settings: Settings) -> int:
    return len([record async for record in scan(settings, settings.topic(EVENTS))])


async def test_a_file_goes_out_and_its_bad_lines_are_named(settings: Settings, tmp_path: Path) -> None:
    await ensure_topics(settings)
    told: list[tuple[int, int | None]] = []
    path = write(tmp_path / "a.ndjson", list(range(200)), bad=True)
    result = await replay(settings, path, on_progress=lambda done, total: told.append((done, total)))
    assert (result.sent, result.skipped_bad, result.replayed_before) == (200, 1, False)
    assert [line.number for line in result.bad_lines] == [6]
    assert (result.last_at or 0) - (result.first_at or 0) == 199
    assert told[-1] == (200, 200)
    assert await sent(settings) == 200


async def test_within_the_memory_it_is_sent_again_and_after_it_refused(
    settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)
    path = write(tmp_path / "a.ndjson", list(range(50)))
    same_events = write(tmp_path / "b.ndjson", list(reversed(range(50))))
    others = write(tmp_path / "c.ndjson", list(range(1, 51)))
    begin = 1_790_000_000.0
    await replay(settings, path, clock=lambda: begin)
    assert (await replay(settings, path, clock=lambda: begin + 46 * 3_600)).replayed_before
    assert await sent(settings) == 100
    with pytest.raises(
        AlreadyReplayedError, match=r"same 50 events finished on 2026-09-21 .* nothing was sent"
    ):
        await replay(settings, same_events, clock=lambda: begin + 47.5 * 3_600)
    assert await sent(settings) == 100
    assert not (await replay(settings, others, clock=lambda: begin + 47.5 * 3_600)).replayed_before
    again = await replay(settings, same_events, again=True, clock=lambda: begin + 60 * 3_600)
    assert again.replayed_before
    assert await sent(settings) == 200
    # Sent anew, remembered anew.
    assert (await replay(settings, path, clock=lambda: begin + 90 * 3_600)).sent == 50


async def test_a_replay_that_was_interrupted_counts_from_when_it_was_begun(
    settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)
    path = write(tmp_path / "a.ndjson", list(range(50)))
    begin = 1_790_000_000.0

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await replay(settings, path, on_progress=interrupt, clock=lambda: begin)
    assert (await replay(settings, path, clock=lambda: begin + 3_600)).sent == 50
    with pytest.raises(AlreadyReplayedError):
        await replay(settings, path, clock=lambda: begin + 48 * 3_600)


async def test_without_redis_or_without_the_topic_nothing_is_sent_and_no_receipt_left(
    settings: Settings, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.ndjson", [1])
    with pytest.raises(NotFoundError, match="there is no topic"):
        await replay(settings, path)
    await ensure_topics(settings)
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        await replay(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}), path)
    assert await sent(settings) == 0
    assert not (await replay(settings, path)).replayed_before
