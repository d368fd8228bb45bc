"""Every source with payloads as its platform sends them: what the contract is tested on."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.sources import SOURCES, Options, Parsed, Source, open_source
from streams.sources.mapping import load_mapping

FIXTURES = Path(__file__).parent / "fixtures"
#: Later than anything in the fixtures, but for one like whose client's clock is a year ahead.
RECEIVED = dt.datetime(2026, 9, 22, tzinfo=dt.UTC)
HEADERS = {"Date": "Mon, 21 Sep 2026 20:00:00 GMT"}


@dataclass(frozen=True)
class Case:
    """A source with its payloads. `influencer`: whom they concern; `options`: what the source is told."""

    name: str
    influencer: str
    files: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, **options: Any) -> Source:
        """A fresh source."""
        made = Options(**(self.options | options))
        if self.name in SOURCES:
            return open_source(self.name, made)
        return load_mapping(FIXTURES / f"{self.name}.yaml", made)

    def payloads(self) -> list[bytes]:
        """All payloads, in order."""
        found = []
        for name in self.files:
            data = (FIXTURES / name).read_bytes()
            found += data.splitlines() if name.endswith(".ndjson") else [data]
        return found

    def parsed(self, received: dt.datetime = RECEIVED, **options: Any) -> list[Parsed]:
        """What becomes of each payload, by one source."""
        source = self.open(**options)
        return [source.parse(payload, received, HEADERS) for payload in self.payloads()]

    def events(self, **options: Any) -> list[dict[str, Any]]:
        """All events, in order."""
        return [event for one in self.parsed(**options) for event in one.events]


CASES = (
    Case("bluesky", "bluesky:did:plc:wa7b35aakoll7hugkrjtf3xf", ("bluesky.ndjson",)),
    Case("mastodon", "mastodon:social.example/23634", ("mastodon.ndjson",),
         {"instance": "social.example", "account": "23634"}),
    Case("activitystreams", "activitystreams:https://social.example/users/ann", ("activitystreams.ndjson",)),
    Case("instagram", "instagram:17841405793187218", ("instagram.ndjson",), {"account": "17841405793187218"}),
    Case("youtube", "youtube:UCann", ("youtube.ndjson", "youtube_push.xml", "youtube_push_deleted.xml")),
    Case("tiktok", "tiktok:ann", ("tiktok.ndjson",), {"account": "ann"}),
    Case("linkedin", "linkedin:urn:li:organization:2414183", ("linkedin.ndjson",)),
    Case("reviews", "shop:ann", ("reviews.ndjson",)),
)  # fmt: skip
BY_NAME = {case.name: case for case in CASES}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, outermost first; JSON inside of texts is not looked into."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def changed(payload: bytes, change: Callable[[Any], None]) -> bytes:
    """A payload after `change` was done to its document; Mastodon's inner document is opened for it."""
    document = json.loads(payload)
    inner = document.get("payload") if isinstance(document, dict) else None
    if isinstance(inner, str) and inner.startswith("{"):
        document["payload"] = json.loads(inner)
    change(document)
    if isinstance(inner, str) and isinstance(document, dict) and isinstance(document.get("payload"), dict):
        document["payload"] = json.dumps(document["payload"])
    return json.dumps(document).encode()
