"""What comes out of a file: lines to be sent, and lines that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from schemas.rejected import RejectReason
from schemas.topics import EVENTS
from streams.sources.base import Source

Format = Literal["ndjson", "records", "csv", "parquet", "retweets", "json", "xml"]
#: Longest line, row or document that is looked at; an event may have 64 KiB, a payload 8 MiB.
LINE_BYTES_MAX: Final = 8 * 1024 * 1024


class Line(NamedTuple):
    """One record of a file, ready to be sent.

    `at`: its time, epoch s; `key`: of the record; `event_id`: empty if it has none; `value`: JSON, None for a
    tombstone; `number`: line or row in its file, from 1.
    """

    at: float
    key: bytes
    event_id: str
    value: bytes | None
    number: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be sent: where it stands, what is wrong with which field, and its bytes."""

    file: str
    number: int
    reason: RejectReason
    field: str
    why: str
    key: bytes | None = None
    raw: bytes = b""

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field and not self.why.startswith(self.field) else ""
        return f"{self.file}, line {self.number}: {where}{self.why}"


def _nothing(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Ear:
    """Who is told what did not become a record. `left_out` gets the code of what a source understood but does
    not count, `forget` the id of an account that is gone at its source."""

    bad: Callable[[BadLine], None]
    left_out: Callable[[str], None] = _nothing
    forget: Callable[[str], None] = _nothing


@dataclass(frozen=True, slots=True)
class How:
    """How files are to be read.

    Attributes:
        format: None: seen from each file.
        topic: contract's name of the topic that they are for.
        source: makes the source whose raw payloads the files hold; None: they hold records.
        source_at: epoch s of when the payloads came; their own times are never taken as later.
        since, until: only records from `since` on and before `until`, epoch s.
    """

    format: Format | None = None
    topic: str = EVENTS
    source: Callable[[], Source] | None = None
    source_at: float | None = None
    since: float | None = None
    until: float | None = None

    def wants(self, at: float) -> bool:
        """Whether a record of that time is asked for."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)
