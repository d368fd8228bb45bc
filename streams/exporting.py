"""A stretch of a topic, written to a file: NDJSON or Parquet, packed by the file's name.

`values`: each record's value on a line, as whoever reads the topic sees it; `records`: with key, timestamp
and place, so that a replay gives exactly the same. A file is written beside its place and moved there when
it is whole: whoever finds it finds all of it.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal, Protocol, cast

import msgspec
import zstandard

from schemas.topics import TOPICS
from streams.consume import Record, merged
from streams.errors import InputError
from streams.exporting_filter import Wanted
from streams.exporting_parquet import ParquetOut
from streams.reading.exported import stamp_ms, to_line
from streams.settings import Settings

Shape = Literal["values", "records"]
_TELL_EVERY: Final = 1_024
_PARQUET: Final = (".parquet", ".pq")
_LEVEL: Final = 3  # of Zstandard; and gzip at 6


@dataclass(slots=True)
class Stretch:
    """What was taken of one partition: offsets `first` to `last`."""

    first: int
    last: int
    records: int = 0


@dataclass(slots=True)
class Exported:
    """What was written. `skipped`: records read that the filters left out; `not_shown`: tombstones and values
    that are no JSON, which only `records` (and Parquet) can hold. Times are the records' timestamps."""

    topic: str
    file: str
    format: str
    records: int = 0
    bytes: int = 0
    skipped: int = 0
    not_shown: int = 0
    first_at: str | None = None
    last_at: str | None = None
    partitions: dict[int, Stretch] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Count one written record."""
        self.records += 1
        at = stamp_ms(record.timestamp_ms)
        self.first_at = min(self.first_at or at, at)
        self.last_at = max(self.last_at or at, at)
        stretch = self.partitions.setdefault(record.partition, Stretch(record.offset, record.offset))
        stretch.last = record.offset
        stretch.records += 1

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Out(Protocol):
    """Where records go."""

    def put(self, record: Record) -> bool:
        """Write one; False when it cannot be shown."""

    def close(self) -> None:
        """Write what is held back."""


class LinesOut:
    """A record a line."""

    def __init__(self, stream: IO[bytes], shape: Shape) -> None:
        self._stream, self._shape = stream, shape

    def put(self, record: Record) -> bool:
        """As `Out`."""
        if self._shape == "records":
            line: bytes | None = to_line(
                record.key, record.value, stamp_ms(record.timestamp_ms), record.partition, record.offset
            )
        else:
            line = _one_line(record.value)
        if line is None:
            return False
        self._stream.write(line + b"\n")
        return True

    def close(self) -> None:
        """As `Out`."""
        self._stream.flush()


def _one_line(value: bytes | None) -> bytes | None:
    """A value as one line of JSON, as it is if it is one; None for what is no JSON."""
    if value is None:
        return None
    try:
        if b"\n" in value or b"\r" in value:
            return msgspec.json.encode(msgspec.json.decode(value))
        msgspec.json.decode(value, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value


async def export(
    settings: Settings, topic: str, path: Path | None, wanted: Wanted, *, shape: Shape = "values",
    stretches: Mapping[int, tuple[int, int | None]] | None = None, overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Exported:  # fmt: skip
    """Writes records of a topic, oldest first as far as each partition's order allows; committed ones only.

    Args:
        topic: contract's name, without prefix.
        path: .ndjson, .parquet, each of them also .gz or .zst (not Parquet); None: NDJSON to standard output.
        stretches: partition -> (first offset, offset to end before); all without.
        on_progress: called now and then with (records read, records written).

    Raises:
        InputError: unknown topic, or a file that is there already or cannot be written.
        NotFoundError: no such topic or partnership. BrokerUnavailableError: Kafka does not answer.
    """
    if topic not in TOPICS:
        raise InputError(f"unknown topic {topic!r}: there are {', '.join(TOPICS)}")
    wanted = await wanted.resolved(settings, topic)
    made = Exported(topic, str(path) if path is not None else "-", "ndjson")
    since_ms = None if wanted.since is None else int(wanted.since * 1_000)
    read = 0
    with _destination(path, overwrite) as file, _opened(file, path, topic, shape, made) as out:
        async for record in merged(settings, settings.topic(topic), since_ms=since_ms, stretches=stretches):
            read += 1
            if on_progress is not None and not read % _TELL_EVERY:
                on_progress(read, made.records)
            if not wanted.takes(record):
                made.skipped += 1
            elif out.put(record):
                made.take(record)
            else:
                made.not_shown += 1
        if on_progress is not None:
            on_progress(read, made.records)
    made.bytes = _size(path)
    return made


def _size(path: Path | None) -> int:
    return path.stat().st_size if path is not None else 0


@contextmanager
def _destination(path: Path | None, overwrite: bool) -> Iterator[IO[bytes]]:
    """A new file beside `path`, moved there at the end, gone if anything fails; or standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not overwrite:
        raise InputError(f"{path} is there already", hint="--overwrite replaces it when the new one is whole")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _opened(file: IO[bytes], path: Path | None, topic: str, shape: Shape, made: Exported) -> Iterator[Out]:
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]] if path is not None else []
    with ExitStack() as open_:
        if suffixes and suffixes[-1] in _PARQUET:
            made.format = "parquet"
            out: Out = ParquetOut(file, topic)
        else:
            stream = file
            if suffixes and suffixes[-1] == ".gz":
                packed = open_.enter_context(gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0))
                stream = cast(IO[bytes], packed)
            elif suffixes and suffixes[-1] in (".zst", ".zstd"):
                stream = open_.enter_context(
                    cast(
                        io.BufferedWriter,
                        zstandard.ZstdCompressor(_LEVEL).stream_writer(file, closefd=False),
                    )
                )
            made.format = "ndjson" if shape == "values" else "records"
            out = LinesOut(stream, shape)
        yield out
        out.close()
