"""Opened files: what each of them is, and all their records one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from schemas.topics import EVENTS, TOPICS
from streams.errors import InputError
from streams.reading import columns, exported, ndjson, payloads, retweets, tables
from streams.reading.model import BadLine, Ear, Format, How, Line
from streams.reading.opening import UNREADABLE, Opened, open_file, unreadable
from streams.sources.base import Source

FORMATS: Final[tuple[str, ...]] = get_args(Format)
_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".json": "json",
    ".xml": "xml", ".atom": "xml",
}  # fmt: skip
_PARQUET: Final = b"PAR1"


class Recording:
    """Files that can be gone through any number of times. `current`: number of the file being read."""

    def __init__(self, files: Sequence[Opened], how: How) -> None:
        self._files = files
        self._how = how
        self.formats = [how.format or self._seen(file) for file in files]
        self.current = 0

    def _seen(self, file: Opened) -> Format:
        try:
            return format_of(file, self._how)
        finally:
            file.close()

    @property
    def size(self) -> int:
        """Bytes of all files as they lie there."""
        return sum(file.size for file in self._files)

    def position(self) -> int:
        """Bytes read so far of this round."""
        before = sum(file.size for file in self._files[: self.current])
        return before + self._files[self.current].position() if self._files else 0

    @property
    def name(self) -> str:
        """What it is called in messages."""
        first = self._files[0].name if self._files else "nothing"
        return first if len(self._files) < 2 else f"{first} and {len(self._files) - 1} more"

    def lines(self, ear: Ear, *, check: bool = True) -> Iterator[Line]:
        """The records in sending order; `ear` is told of what is none.

        Args:
            check: hold events against the contract; without it those of NDJSON are taken as they are.

        Raises InputError when a file is not what its format says, or cannot be read to its end.
        """
        how = self._how
        source = how.source() if how.source is not None else None
        for number, (file, kind) in enumerate(zip(self._files, self.formats, strict=True)):
            self.current = number
            try:
                found = _payload_lines(file, kind, source, how, ear) if source is not None else _record_lines(
                    file, kind, how, ear, check
                )  # fmt: skip
                if how.since is None and how.until is None:
                    yield from found
                else:
                    yield from (line for line in found if how.wants(line.at))
            except UNREADABLE as error:  # a broken gzip, a disk that fails
                raise unreadable(file.name, error) from error
            finally:
                file.close()


@contextmanager
def open_recording(paths: Sequence[Path | str], how: How) -> Iterator[Recording]:
    """Opens files, to be read in this order.

    Raises InputError when one cannot be read, or the format or the topic is unknown.
    """
    if how.format is not None and how.format not in FORMATS:
        raise InputError(f"unknown format {how.format!r}: it may be {', '.join(FORMATS)}")
    if how.topic not in TOPICS:
        raise InputError(f"unknown topic {how.topic!r}: there are {', '.join(TOPICS)}")
    if [str(path) for path in paths].count("-") > 1:
        raise InputError("standard input can be read once only")
    with ExitStack() as open_:
        yield Recording([open_.enter_context(open_file(path)) for path in paths], how)


def format_of(file: Opened, how: How) -> Format:
    """What a file is, by its name and its first bytes. Raises InputError."""
    file.file.seek(0)
    if file.file.read(4) == _PARQUET:
        return "parquet"
    if kind := _SUFFIXES.get(file.suffix):
        if kind == "csv" and how.source is None and tables.csv_columns(file.head()) == retweets.COLUMNS:
            return "retweets"
        if kind == "json" and how.source is None and file.head().lstrip()[:1] == b"[":
            raise InputError(
                f"{file.name}: is one JSON list; events are read one a line",
                hint=f"jq -c '.[]' {file.name} | rapport replay -",
            )
        return kind if how.source is not None or kind not in ("json", "xml") else "ndjson"
    return "records" if how.source is None and exported.is_exported(file.head(1 << 20)) else "ndjson"


def _record_lines(file: Opened, kind: Format, how: How, ear: Ear, check: bool) -> Iterator[Line]:
    if kind == "parquet":
        yield from _parquet_lines(file, how, ear)
        return
    if kind == "csv":
        _need_columns(tables.csv_columns(file.head()), file.name, how)
    with file.plain() as stream:
        if kind == "records":
            yield from exported.records(stream, file.name, ear)
        elif kind == "retweets":
            yield from sorted(retweets.shares(stream, file.name, ear), key=lambda line: line.at)
        elif kind == "csv":
            yield from _row_lines(tables.csv_rows(stream, file.name, ear.bad), file.name, ear)
        elif kind in ("json", "xml"):
            raise InputError(
                f"{file.name}: {kind} holds payloads of a source", hint="name it with --source or --mapping"
            )
        elif how.topic == EVENTS:
            yield from ndjson.events(stream, file.name, ear, check=check)
        else:
            yield from ndjson.values(stream, file.name, how.topic, ear)


def _parquet_lines(file: Opened, how: How, ear: Ear) -> Iterator[Line]:
    found = tables.parquet_columns(file.file, file.name)
    rows = tables.parquet_rows(file.file, file.name)
    if {"timestamp", "key", "value"} <= set(found):
        for number, row in rows:
            value = row.get("value")
            if value is not None:
                value = value if isinstance(value, bytes) else str(value).encode()
            key = row.get("key", b"")
            key = key if isinstance(key, bytes) else str(key).encode()
            at = round(row["timestamp"].timestamp(), 3)
            yield Line(at, key, exported.event_id_of(value) if value else "", value, number)
        return
    _need_columns(found, file.name, how)
    yield from _row_lines(rows, file.name, ear)


def _need_columns(found: list[str], name: str, how: How) -> None:
    if how.topic != EVENTS:
        raise InputError(f"{name}: only events can be read by column names", hint="export NDJSON for others")
    if lacking := columns.missing(found):
        raise InputError(
            f"{name}: no column {', '.join(lacking)}; it has {', '.join(found[:20]) or 'none'}",
            hint="columns are called as the fields of an event (actor.id, target.id, …); for other names "
            "write a mapping file (docs/sources.md) and give it with --mapping",
        )


def _row_lines(rows: Iterator[tables.Row], name: str, ear: Ear) -> Iterator[Line]:
    """Rows by the convention of `columns`, each held against the contract."""
    stamper, met = ndjson.Stamper(), dict[str, columns.Column]()
    for number, row in rows:
        try:
            value = columns.to_event(row, met)
        except columns.CellError as error:
            ear.bad(BadLine(name, number, "schema", error.field, str(error), _key(row), _raw(row)))
            continue
        found = ndjson.judged(name, number, value, stamper)
        if isinstance(found, Line):
            yield found
        else:
            ear.bad(found)


def _key(row: Mapping[str, Any]) -> bytes | None:
    found = row.get("influencer_id")
    return found.encode("utf-8", "replace") if isinstance(found, str) else None


def _raw(row: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(row)
    except (TypeError, ValueError):
        return str(dict(row)).encode("utf-8", "replace")


def _payload_lines(file: Opened, kind: Format, source: Source, how: How, ear: Ear) -> Iterator[Line]:
    def made(found: Iterator[payloads.Payload]) -> Iterator[Line]:
        return payloads.events(found, file.name, source, how.source_at, ear)

    if kind == "parquet":
        yield from made(payloads.rows_of(tables.parquet_rows(file.file, file.name)))
        return
    with file.plain() as stream:
        if kind in ("csv", "retweets"):
            yield from made(payloads.rows_of(tables.csv_rows(stream, file.name, ear.bad)))
        elif kind in ("json", "xml"):
            yield from made(payloads.document(stream, file.name, items=kind == "json"))
        else:
            yield from made(payloads.lines_of(stream, file.name, ear))
