"""Raw payloads of a source, or rows for a mapping, as the events that come of them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from typing import IO, Final

import msgspec

from schemas.rejected import RejectReason
from streams.errors import InputError
from streams.reading.model import BadLine, Ear, Line
from streams.reading.ndjson import Stamper, judged
from streams.reading.opening import bounded_lines
from streams.sources.base import Source

#: A document is read whole: .json and .xml.
DOCUMENT_BYTES_MAX: Final = 256 * 1024 * 1024
_REASONS: Final[dict[str, RejectReason]] = {
    "not_json": "not_json", "encoding": "encoding", "depth": "depth", "too_large": "too_large",
}  # fmt: skip
_encode: Final = msgspec.json.Encoder().encode

Payload = tuple[int, bytes]


def lines_of(stream: IO[bytes], name: str, ear: Ear) -> Iterator[Payload]:
    """A payload a line."""
    for number, raw, cut in bounded_lines(stream):
        if cut:
            ear.bad(BadLine(name, number, "too_large", "", "a payload of more than 8 MiB", raw=raw))
        else:
            yield number, raw


def document(stream: IO[bytes], name: str, *, items: bool) -> Iterator[Payload]:
    """The document, or with `items` each item of it if it is a JSON list. Raises InputError."""
    data = stream.read(DOCUMENT_BYTES_MAX + 1)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise InputError(
            f"{name}: a document of more than {DOCUMENT_BYTES_MAX >> 20} MiB", hint="write a payload a line"
        )
    try:
        found = msgspec.json.decode(data, type=list[msgspec.Raw]) if items else None
    except msgspec.DecodeError:  # no list, or not JSON at all: the source will say which
        found = None
    if found is None:
        yield 1, data
        return
    yield from ((number, bytes(item)) for number, item in enumerate(found, 1))


def rows_of(rows: Iterable[tuple[int, object]]) -> Iterator[Payload]:
    """Rows of a table as objects."""
    for number, row in rows:
        yield number, _encoded(row)


def _encoded(row: object) -> bytes:
    try:
        return _encode(row)
    except UnicodeEncodeError:
        return repr(row).encode("utf-8", "replace")  # no JSON: the source says so


def events(
    payloads: Iterable[Payload], name: str, source: Source, at: float | None, ear: Ear
) -> Iterator[Line]:
    """The events of all payloads, each as if it had come at `at` (epoch s; None: now)."""
    received = dt.datetime.fromtimestamp(time.time() if at is None else at, dt.UTC)
    stamper = Stamper()
    for number, body in payloads:
        parsed = source.parse(body, received)
        for event in parsed.events:
            found = judged(name, number, _encode(event), stamper)
            if isinstance(found, Line):
                yield found
            else:
                ear.bad(found)
        for no in parsed.rejected:
            ear.bad(BadLine(name, number, _REASONS.get(no.code, "schema"), no.path or "",
                            f"{no.code}: {no.message}", raw=body))  # fmt: skip
        for left in parsed.left_out:
            ear.left_out(left.code)
        for account in parsed.forget:
            ear.forget(account)
