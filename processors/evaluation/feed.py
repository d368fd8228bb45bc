"""Recorded events as records in order of arrival, and what a judge counts of them on the way.

    Feed(path).records() -> Iterator[Rec]         one pass; `streams` fills as it goes

A file has no arrival stamps. `received_at` is taken where a line has it; else the newest `occurred_at` so
far, which is when the line can have come at the earliest. A line that cannot be read is stamped likewise and
handed on, so that the decoder of the live path says what is wrong with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

HOUR = 3_600
#: What the plain baseline counts, by role: kinds of the audience, and acts of the influencer.
COUNTED = ("follow", "like", "comment", "share", "own_reply", "own_post")
_COLUMN = {name: number for number, name in enumerate(COUNTED)}
_OTHER = {"save": "share", "quote": "share", "mention": "share", "reply": "comment"}


class _Actor(msgspec.Struct, gc=False):
    id: str = ""


class _Head(msgspec.Struct, gc=False):
    influencer_id: str
    occurred_at: datetime
    kind: str = ""
    op: str = "create"
    received_at: datetime | None = None
    actor: _Actor | None = None


class _Key(msgspec.Struct, gc=False):
    influencer_id: str


class Rec(msgspec.Struct, gc=False):
    """A record as the core wants it; `offset` is the line's number."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Stream:
    """What was counted of one influencer."""

    times: array[float] = field(
        default_factory=lambda: array("d")
    )  # occurred_at in order of arrival, epoch s
    counts: dict[int, list[int]] = field(default_factory=dict)  # hour -> counts in the order of COUNTED

    @property
    def first(self) -> float:
        return min(self.times)


class Feed:
    """The events of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.streams: dict[str, Stream] = {}
        self.lines = 0
        self.clock = 0.0  # newest arrival, epoch s

    def records(self) -> Iterator[Rec]:
        """Records in the file's order. Raises OSError."""
        with self.path.open("rb", buffering=1 << 20) as file:
            yield from self.parsed(file)

    def parsed(self, lines: Iterable[bytes]) -> Iterator[Rec]:
        """Lines as records."""
        head, key = msgspec.json.Decoder(_Head).decode, msgspec.json.Decoder(_Key).decode
        for number, raw in enumerate(lines, 1):
            line = raw.rstrip(b"\r\n")
            if not line.strip():
                continue
            self.lines += 1
            try:
                found = head(line)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
                try:
                    name: bytes | None = key(line).influencer_id.encode()
                except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
                    name = None
                yield Rec(number, int(self.clock * 1_000), name, line)
                continue
            occurred = _epoch(found.occurred_at)
            stamp = max(self.clock, occurred) if found.received_at is None else _epoch(found.received_at)
            self.clock = max(self.clock, stamp)
            self._count(found, occurred)
            # Up, so that nothing is ahead of its own stamp by a fraction of a millisecond.
            yield Rec(number, int(stamp * 1_000 + 0.999), found.influencer_id.encode(), line)

    def _count(self, head: _Head, occurred: float) -> None:
        stream = self.streams.get(head.influencer_id)
        if stream is None:
            stream = self.streams[head.influencer_id] = Stream()
        stream.times.append(occurred)
        if head.op != "create":
            return
        if head.actor is not None and head.actor.id == head.influencer_id:
            name = "own_post" if head.kind == "post" else "own_reply" if head.kind == "reply" else ""
        else:
            name = _OTHER.get(head.kind, head.kind)
        column = _COLUMN.get(name)
        if column is None:
            return
        hour = int(occurred) // HOUR
        row = stream.counts.get(hour)
        if row is None:
            row = stream.counts[hour] = [0] * len(COUNTED)
        row[column] += 1


def scan(path: Path) -> tuple[int, set[str]]:
    """Lines of a file of events, and the influencers it names."""
    decode = msgspec.json.Decoder(_Key).decode
    names: set[str] = set()
    count = 0
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            count += 1
            try:
                names.add(decode(line).influencer_id)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
                continue
    return count, names


def _epoch(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
