"""Files of recorded events as records in the order in which they are to be sent.

``ndjson``: canonical events, one a line, sent in the order of the file, which is the order of arrival.
``retweets``: the CSV of real retweets (object_id, account_id, content_id, timestamp_share), sorted by time.
Both may be gzipped (seen from their first bytes); ``-`` is standard input.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, NamedTuple, cast, get_args

import msgspec

from streams.errors import InputError

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

Format = Literal["ndjson", "retweets"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)
_GZIP: Final = b"\x1f\x8b"
_COLUMNS: Final = ["object_id", "account_id", "content_id", "timestamp_share"]
_SPOOL_BYTES: Final = 64 * 1024 * 1024


class Line(NamedTuple):
    """One event of a file, ready to be sent: time in epoch seconds, record key, event id, event as JSON."""

    at: float
    key: bytes
    event_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that has no key, so that it cannot be sent. `number` counts from 1."""

    number: int
    why: str


Bad = Callable[[BadLine], None]


class Recording:
    """An opened file: its lines can be gone through any number of times."""

    def __init__(self, file: IO[bytes], name: str, kind: Format) -> None:
        self._file = file
        self._name = name
        self._kind = kind

    def lines(self, on_bad: Bad) -> Iterator[Line]:
        """The events in sending order; `on_bad` is told of each line left out, in order of line number.

        Raises InputError when the file is not what its format says.
        """
        self._file.seek(0)
        try:
            if self._kind == "ndjson":
                yield from _ndjson(_plain(self._file), on_bad)
            else:
                yield from sorted(_retweets(_plain(self._file), self._name, on_bad), key=lambda line: line.at)
        except (OSError, EOFError) as error:  # a broken gzip, a disk that fails
            raise InputError(f"{self._name} cannot be read: {error}") from error


@contextmanager
def open_recording(path: Path | str, kind: str = "ndjson") -> Iterator[Recording]:
    """Opens a file of events; `-` takes standard input, which is kept on disk so that it can be read twice.

    Raises InputError when there is no such file or format.
    """
    if kind not in FORMATS:
        raise InputError(f"unknown format {kind!r}: it may be {' or '.join(FORMATS)}")
    if str(path) == "-":
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            yield Recording(cast(IO[bytes], spool), "standard input", cast(Format, kind))
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below; only opening it is guarded here
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    with file:
        yield Recording(file, str(path), cast(Format, kind))


def _plain(file: IO[bytes]) -> IO[bytes]:
    zipped = file.read(2) == _GZIP
    file.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=file, mode="rb")) if zipped else file


class _Key(msgspec.Struct, gc=False):
    influencer_id: str


class _Head(msgspec.Struct, gc=False):
    """What must be known of an event to send it."""

    influencer_id: str
    event_id: str = ""
    occurred_at: str | int | float | None = None


_head: Final = msgspec.json.Decoder(type=_Head, strict=False).decode
_key: Final = msgspec.json.Decoder(type=_Key).decode


def _ndjson(file: IO[bytes], on_bad: Bad) -> Iterator[Line]:
    """Every line with a key, as it is: whether the event is valid is the worker's to judge.

    A record is stamped with its event's time, as a live source would have at that time; without a readable
    one, or with one that has not come yet, with the newest before it.
    """
    newest = 0.0
    now = datetime.now(UTC).timestamp()
    for number, raw in enumerate(file, 1):
        value = raw.strip()
        if not value:
            continue
        try:
            head = _head(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            key = _key_of(value)
            if key is None:
                on_bad(BadLine(number, _why(value, error)))
                continue
            head = _Head(key)
        if not head.influencer_id:
            on_bad(BadLine(number, "influencer_id is empty"))
            continue
        at = _epoch(head.occurred_at)
        if at is None or at > now or at < 0:
            at = newest or now
        newest = at
        yield Line(at, head.influencer_id.encode(), head.event_id, value)


def _key_of(value: bytes) -> str | None:
    """The influencer id of an event in which something else is of the wrong type."""
    try:
        return _key(value).influencer_id or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _why(value: bytes, error: Exception) -> str:
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        return f"not JSON: {broken}"
    return f"no influencer_id to be keyed by: {error}"


def _epoch(text: str | float | None) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def _retweets(file: IO[bytes], name: str, on_bad: Bad) -> Iterator[Line]:
    """Each row as a `share`: the post shared stands for an influencer, the account for the actor.

    The event id holds all four columns, so only rows that are the same in all of them are duplicates.
    """
    text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
    try:
        yield from _shares(csv.reader(text), name, on_bad)
    finally:
        text.detach()  # else the file would be closed with it, and it is read twice


def _shares(rows: CsvReader, name: str, on_bad: Bad) -> Iterator[Line]:
    if next(rows, None) != _COLUMNS:
        raise InputError(f"{name} is not a retweets file: its first line must be {','.join(_COLUMNS)}")
    for row in rows:
        if not row:
            continue
        try:
            post, account, content, shared = row
            at = float(shared)
            when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        except (ValueError, OverflowError, OSError):
            on_bad(BadLine(rows.line_num, f"not {', '.join(_COLUMNS)} with a time in seconds"))
            continue
        influencer, event_id = f"retweets:{post}", f"retweets/{post}/{account}/{content}/{shared}"
        yield Line(at, influencer.encode(), event_id, json.dumps({
            "event_id": event_id, "source": "retweets", "kind": "share", "occurred_at": when,
            "clock": "event",
            "influencer_id": influencer, "actor": {"id": f"retweets:{account}"},
            "object_id": f"retweets:{content}",
            "target": {"id": post, "type": "post", "author_id": influencer},
        }, separators=(",", ":")).encode())  # fmt: skip
