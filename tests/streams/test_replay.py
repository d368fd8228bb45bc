"""A replay sends each event once, tells what it left out, and refuses what would be counted twice."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from processors.actors import ActorHasher
from schemas import RejectedEvent
from schemas.topics import CONTROL, EVENTS, REJECTED
from streams.consume import scan
from streams.errors import NotFoundError, StoreUnavailableError
from streams.mending import Mended, mended_lines, payload
from streams.reading import How
from streams.replay import AlreadyReplayedError, replay
from streams.settings import Settings
from streams.sources import open_source
from streams.sources.base import Options
from streams.topics import ensure_topics
from tests.conftest import Pair

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


async def test_a_replay_that_was_interrupted_goes_on_where_all_was_acknowledged(
    settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)
    path = write(tmp_path / "a.ndjson", list(range(500)), bad=True)
    begin = 1_790_000_000.0
    stop: list[int] = []

    def interrupt(done: int, total: int | None) -> None:
        stop.append(done)
        raise KeyboardInterrupt

    rejects = tmp_path / "rejects.ndjson"
    rejects.write_text("of another replay")
    with pytest.raises(KeyboardInterrupt):
        await replay(settings, path, speed=1_000, on_progress=interrupt, clock=lambda: begin, rejects=rejects)
    assert 0 < stop[0] < 500
    # What was not noted may have been sent: after the memory's time it can't be told any more.
    with pytest.raises(AlreadyReplayedError, match="was begun, but not finished"):
        await replay(settings, path, clock=lambda: begin + 48 * 3_600)
    told: list[int] = []
    done = await replay(settings, path, clock=lambda: begin + 3_600, rejects=rejects,
                        on_progress=lambda n, total: told.append(n))  # fmt: skip
    assert (done.resumed_at, done.sent) == (stop[0], 500 - stop[0])
    assert told[-1] == 500
    assert await sent(settings) == 500
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [6]  # and not twice
    with pytest.raises(AlreadyReplayedError):
        await replay(settings, path, clock=lambda: begin + 48 * 3_600)


async def test_another_order_of_the_same_events_does_not_go_on_in_the_middle(
    settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await replay(settings, write(tmp_path / "a.ndjson", list(range(300))), speed=1_000,
                     on_progress=interrupt)  # fmt: skip
    done = await replay(settings, write(tmp_path / "b.ndjson", list(reversed(range(300)))))
    assert (done.resumed_at, done.sent, done.replayed_before) == (0, 300, True)


async def test_what_is_no_event_goes_to_the_rejected_topic_or_into_a_file_to_be_mended(
    settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)
    path = write(tmp_path / "a.ndjson", list(range(20)), bad=True)
    assert (await replay(settings, path)).rejects_kept == 1
    (record,) = [r async for r in scan(settings, settings.topic(REJECTED))]
    found = RejectedEvent.model_validate_json(record.value or b"")
    assert (found.reason, found.topic, found.offset, payload(found)) == (
        "not_json", "file:a.ndjson", 6, b"broken",
    )  # fmt: skip
    rejects = tmp_path / "rejects.ndjson"
    await replay(settings, path, again=True, rejects=rejects)
    (line,) = map(json.loads, rejects.read_text().splitlines())
    assert (line["line"], line["reason"], line["event"]) == (6, "not_json", "broken")
    good = {**json.loads(path.read_text().splitlines()[0]), "event_id": "mended"}
    assert isinstance(mended_lines([json.dumps(line | {"event": good})], datetime.now(UTC))[0], Mended)


async def test_an_account_that_is_gone_at_its_source_is_asked_to_be_forgotten(
    settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)
    settings = settings.model_copy(update={"hash_key": SecretStr("k" * 32)})
    post = {"did": "did:plc:ann", "time_us": 1_767_261_600_000_000, "kind": "commit",
            "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "1",
                       "record": {"createdAt": "2026-01-01T10:00:00Z", "text": "Hi"}}}  # fmt: skip
    gone = {"did": "did:plc:bob", "time_us": 1_767_261_600_000_000, "kind": "account",
            "account": {"active": False, "did": "did:plc:bob", "status": "deleted"}}  # fmt: skip
    path = tmp_path / "jetstream.ndjson"
    path.write_text(json.dumps(post) + "\n" + json.dumps(gone))
    options = Options(frozenset(["bluesky:did:plc:ann"]))
    result = await replay(settings, path, How(source=lambda: open_source("bluesky", options)))
    assert (result.sent, result.forgotten) == (1, 1)
    (record,) = [r async for r in scan(settings, settings.topic(CONTROL))]
    hash_ = ActorHasher(b"k" * 32).hash("bluesky:did:plc:bob")
    assert record.key == f"forget:{hash_:016x}".encode()
    assert b"did:plc:bob" not in (record.value or b"")


async def test_killed_and_run_again_nothing_is_missing(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(embedded_pair)
    await ensure_topics(settings)
    path = write(tmp_path / "a.ndjson", list(range(2_000)))
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nimport streams.replay as r\n"
        "from streams.settings import Settings\nr.NOTE_S = 0.05\n"
        "asyncio.run(r.replay(Settings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), speed=1000))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, settings.model_dump_json(), str(path)
    )
    try:
        async with asyncio.timeout(30):
            while await sent(settings) < 300:
                assert child.returncode is None
    finally:
        child.kill()
        await child.wait()
    result = await replay(settings, path)
    assert result.resumed_at > 0
    records = [json.loads(r.value or b"") async for r in scan(settings, settings.topic(EVENTS))]
    assert {record["event_id"] for record in records} == {f"e{n}" for n in range(2_000)}
    assert len(records) - 2_000 < 600


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
