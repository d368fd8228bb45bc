"""What is exported is whole, in order of time, and replayed it is the same records."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from schemas.topics import ALERTS, CONTROL, ENRICHED, EVENTS, READINGS, REJECTED
from streams.consume import Record, scan
from streams.errors import InputError, NotFoundError
from streams.exporting import Exported, export
from streams.exporting_filter import Wanted
from streams.reading import How
from streams.replay import replay
from streams.sending import send, send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair

pytestmark = pytest.mark.servers
AT = 1_767_225_600.0
COUNT = 600


def event(n: int) -> dict[str, object]:
    return {
        "event_id": f"e{n}", "source": "t", "kind": "like", "influencer_id": f"t:i{n % 7}",
        "occurred_at": f"2026-01-01T00:{n // 60:02d}:{n % 60:02d}Z", "actor": {"id": f"t:u{n % 5}"},
        "target": {"id": "p", "author_id": f"t:i{n % 7}"}, "text": "ü\u2028 \"quoted\"",
    }  # fmt: skip


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def filled(settings: Settings) -> None:
    await ensure_topics(settings)
    records = [
        (AT + n, f"t:i{n % 7}".encode(), json.dumps(event(n), ensure_ascii=bool(n % 2)).encode())
        for n in range(COUNT)
    ]
    await send(settings, records)


async def all_of(settings: Settings, topic: str = EVENTS) -> list[tuple[bytes | None, bytes | None, int]]:
    found: list[Record] = [record async for record in scan(settings, settings.topic(topic))]
    return sorted((r.key, r.value, r.timestamp_ms) for r in found)  # type: ignore[type-var]


def other(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "topic_prefix": settings.topic_prefix + "b.",
            "namespace": settings.namespace + "b",
            "partitions": 3,
        }
    )


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.ndjson.zst", "a.parquet"])
async def test_events_that_were_exported_and_replayed_are_the_same_records(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path, name: str
) -> None:
    settings = settings_for(embedded_pair)
    await filled(settings)
    made = await export(settings, EVENTS, tmp_path / name, Wanted())
    assert (made.records, made.skipped, made.not_shown) == (COUNT, 0, 0)
    assert sum(stretch.records for stretch in made.partitions.values()) == COUNT
    assert names_in(tmp_path) == [name]
    to = other(settings)
    await ensure_topics(to)
    assert (await replay(to, tmp_path / name)).sent == COUNT
    assert await all_of(to) == await all_of(settings)


async def test_any_record_of_any_topic_comes_back_with_key_and_time(
    settings: Settings, tmp_path: Path
) -> None:
    await ensure_topics(settings)
    to = other(settings)
    await ensure_topics(to)
    rows: list[tuple[float, bytes, bytes | None]] = [
        (AT, b"k1", b'{"a": 1}'), (AT + 0.001, b"k2", None), (AT + 1, b"\xff\xfe", b"\x00no json"),
        (AT + 2, b"k1", b'{"pretty":\n  [1, 2]}'), (AT + 3, b"k3", b"null"),
        (AT + 4, b"k3", b'{"b": "\xc3\xbc"}'),
    ]  # fmt: skip
    for topic in (ENRICHED, READINGS, ALERTS, REJECTED, CONTROL):
        await send(settings, rows, topic=topic)
        for name in ("x.ndjson.zst", "x.parquet"):
            made = await export(settings, topic, tmp_path / name, Wanted(), shape="records", overwrite=True)
            assert (made.records, made.not_shown) == (len(rows), 0)
            result = await replay(to, tmp_path / name, How(topic=topic), again=True)
            assert (result.sent, result.skipped_bad) == (len(rows), 0)
        before = await all_of_unsorted(settings, topic)
        after = await all_of_unsorted(to, topic)
        assert sorted(after, key=repr) == sorted(before * 2, key=repr)
    plain = await export(settings, READINGS, tmp_path / "plain.ndjson", Wanted())
    assert (plain.records, plain.not_shown) == (4, 2)
    assert len((tmp_path / "plain.ndjson").read_bytes().splitlines()) == 4


async def all_of_unsorted(settings: Settings, topic: str) -> list[tuple[bytes | None, bytes | None, int]]:
    return [(r.key, r.value, r.timestamp_ms) async for r in scan(settings, settings.topic(topic))]


async def test_a_stretch_by_time_influencer_partnership_actor_and_offsets(
    settings: Settings, tmp_path: Path
) -> None:
    await filled(settings)
    await send_partnerships(
        settings, [{"partnership_id": "acme--i3", "brand_id": "acme", "influencer_id": "t:i3"}]
    )
    path = tmp_path / "a.ndjson"

    async def taken(wanted: Wanted, **more: object) -> tuple[list[int], Exported]:
        made = await export(settings, EVENTS, path, wanted, overwrite=True, **more)  # type: ignore[arg-type]
        return [int(json.loads(line)["event_id"][1:]) for line in path.read_bytes().splitlines()], made

    everything = list(range(COUNT))
    assert (await taken(Wanted()))[0] == everything  # one after the other, whatever the partition
    assert (await taken(Wanted(since=AT + 100, until=AT + 110)))[0] == everything[100:110]
    of_one = [n for n in everything if n % 7 == 3]
    assert (await taken(Wanted(influencer="t:i3")))[0] == of_one
    assert (await taken(Wanted(partnership="acme--i3")))[0] == of_one
    assert (await taken(Wanted(actor="t:u2")))[0] == [n for n in everything if n % 5 == 2]
    assert (await taken(Wanted(actor="t:i3")))[0] == of_one  # what was done to what it made
    with pytest.raises(NotFoundError, match="no partnership"):
        await taken(Wanted(partnership="acme--nobody"))
    _, whole = await taken(Wanted())
    number, stretch = next(iter(whole.partitions.items()))
    _, part = await taken(Wanted(), stretches={number: (stretch.first + 2, stretch.first + 5)})
    assert part.document()["partitions"] == {
        number: {"first": stretch.first + 2, "last": stretch.first + 4, "records": 3}
    }


async def test_a_file_appears_when_it_is_whole_and_replaces_none_unasked(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(embedded_pair)
    await filled(settings)
    path = tmp_path / "a.ndjson"

    class Stop(Exception):  # noqa: N818
        pass

    def stop(read: int, written: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        await export(settings, EVENTS, path, Wanted(), on_progress=stop)
    assert names_in(tmp_path) == []
    path.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        await export(settings, EVENTS, path, Wanted())
    assert path.read_text() == "mine"
    with pytest.raises(InputError, match="unknown topic"):
        await export(settings, "x.v1", path, Wanted())
    with pytest.raises(InputError, match="cannot be written"):
        await export(settings, EVENTS, tmp_path / "no" / "a.ndjson", Wanted())


async def test_packed_files_are_what_their_names_say(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(embedded_pair)
    await filled(settings)
    for name in ("a.ndjson", "b.ndjson.gz", "c.ndjson.zst"):
        await export(settings, EVENTS, tmp_path / name, Wanted())
    plain = (tmp_path / "a.ndjson").read_bytes()
    assert gzip.decompress((tmp_path / "b.ndjson.gz").read_bytes()) == plain
    packed = zstandard.ZstdDecompressor().decompressobj()
    assert packed.decompress((tmp_path / "c.ndjson.zst").read_bytes()) == plain
    assert packed.eof
