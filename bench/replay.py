"""`python -m bench.replay [--events N]`: rates of `rapport replay` and `export` at full speed, by format.

On an Apache Kafka of its own with four partitions, and a redis-server. *Send* is the second round over a
file, *all* both rounds. Every run goes to topics of its own, and must send each event.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import zstandard

from schemas.topics import EVENTS
from streams.exporting import Shape, export
from streams.exporting_filter import Wanted
from streams.reading import How
from streams.replay import replay
from streams.settings import Settings
from streams.sources import open_source
from streams.sources.mapping import load_mapping
from streams.topics import ensure_topics
from tests.servers import ApachePair

_MAPPING = """\
name: bench
rules:
- kind: like
  id: "bench/{event_id}"
  at: occurred_at
  influencer: "{influencer_id}"
  actor: {id: "{actor_id}", followers: actor_followers}
  target: {id: target_id, type: target_type, author_id: target_author_id}
  text: text
"""


def events(count: int) -> Iterator[dict[str, Any]]:
    """Events of 200 influencers and 50,000 actors, a quarter of them comments."""
    for n in range(count):
        made: dict[str, Any] = {
            "event_id": f"bench/{n}", "source": "bench", "kind": "comment" if n % 4 == 3 else "like",
            "occurred_at": f"2026-01-01T{n // 3_600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z",
            "influencer_id": f"bench:i{n % 200}",
            "actor": {"id": f"bench:u{n % 50_000}", "followers": n % 900, "following": 12, "has_bio": True},
            "target": {"id": f"bench:p{n % 900}", "type": "post", "author_id": f"bench:i{n % 200}"},
        }  # fmt: skip
        if n % 4 == 3:
            made["text"] = "Where did you get these gloves? They look great on you"
        yield made


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """An event as a row with plain column names."""
    row = {"text": None} | event
    for part in ("actor", "target"):
        row |= {f"{part}_{name}": value for name, value in row.pop(part).items()}
    return row


def jetstream(count: int) -> Iterator[bytes]:
    """Likes as Bluesky's Jetstream tells them."""
    for n in range(count):
        record = {"createdAt": "2026-01-01T10:00:00Z",
                  "subject": {"uri": f"at://did:plc:i{n % 20}/app.bsky.feed.post/3k{n % 90}"}}  # fmt: skip
        commit = {
            "operation": "create",
            "collection": "app.bsky.feed.like",
            "rkey": f"k{n}",
            "record": record,
        }
        envelope = {"did": f"did:plc:u{n % 500}", "time_us": 1_767_261_600_000_000 + n, "kind": "commit"}
        yield json.dumps(envelope | {"commit": commit}).encode()


def write(directory: Path, count: int) -> list[tuple[str, Path, How]]:
    """(name, file, how it is read) of each format. Those that take a source hold a tenth."""
    few = count // 10
    lines = b"\n".join(json.dumps(event, separators=(",", ":")).encode() for event in events(count))
    (directory / "a.ndjson").write_bytes(lines)
    (directory / "a.ndjson.gz").write_bytes(gzip.compress(lines, 6))
    (directory / "a.ndjson.zst").write_bytes(zstandard.compress(lines))
    (directory / "bluesky.ndjson").write_bytes(b"\n".join(jetstream(few)))
    (directory / "map.yaml").write_text(_MAPPING)
    for name, size in (("a.csv", count), ("few.csv", few)):
        with (directory / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(flat(next(events(1)))))
            writer.writeheader()
            writer.writerows(map(flat, events(size)))
    parquet.write_table(
        pa.Table.from_pylist([flat(event) for event in events(count)]), directory / "a.parquet"
    )
    plain = ["a.ndjson", "a.ndjson.gz", "a.ndjson.zst", "a.csv", "a.parquet"]
    by_map = How(source=lambda: load_mapping(directory / "map.yaml"))
    return [
        *((name, directory / name, How()) for name in plain),
        ("few.csv by a mapping", directory / "few.csv", by_map),
        ("bluesky.ndjson", directory / "bluesky.ndjson", How(source=lambda: open_source("bluesky"))),
    ]


async def measure(fresh: Callable[[], Settings], directory: Path, count: int) -> None:
    """Prints a line for each run."""
    first: Settings | None = None
    for name, path, how in write(directory, count):
        settings = fresh()
        first = first or settings
        await _replay(settings, name, path, how)
    assert first is not None
    shapes: list[tuple[str, Shape]] = [
        ("x.ndjson", "values"), ("x.ndjson.zst", "values"), ("x.ndjson.gz", "values"),
        ("records.ndjson", "records"), ("x.parquet", "records"),
    ]  # fmt: skip
    for name, shape in shapes:
        began = time.perf_counter()
        made = await export(first, EVENTS, directory / name, Wanted(), shape=shape)
        rate = made.records / (time.perf_counter() - began)
        print(f"export {name:24} {made.records:9,} records {rate:9,.0f}/s {made.bytes:12,} bytes", flush=True)
        if shape == "records":
            await _replay(fresh(), name, directory / name, How())


async def _replay(settings: Settings, name: str, path: Path, how: How) -> None:
    await ensure_topics(settings)
    began = time.perf_counter()
    result = await replay(settings, path, how)
    whole = result.sent / (time.perf_counter() - began)
    assert result.sent and not result.skipped_bad, result
    print(
        f"replay {name:24} {result.sent:9,} events  send {result.per_second:9,.0f}/s  all {whole:9,.0f}/s",
        flush=True,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    count = parser.parse_args().events
    with ApachePair() as pair, tempfile.TemporaryDirectory() as directory:

        def fresh() -> Settings:
            name = f"b{secrets.token_hex(4)}"
            return Settings(broker=pair.broker, redis_url=pair.redis_url, namespace=name,
                            topic_prefix=f"{name}.", partitions=4)  # type: ignore[call-arg]  # fmt: skip

        asyncio.run(measure(fresh, Path(directory), count))


if __name__ == "__main__":
    main()
