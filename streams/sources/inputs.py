"""Payloads out of files, for trying out and replaying: NDJSON, JSON, CSV, XML, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from streams.errors import InputError

BYTES_MAX: Final = 256 * 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_DELIMITERS: Final = ",;\t|"
_encode = msgspec.json.Encoder().encode


class Payload(NamedTuple):
    """One payload of a file. `number`: its line, row or place, from 1."""

    number: int
    body: bytes


def read_payloads(path: str) -> Iterator[Payload]:
    """The payloads of a file, by the ending of its name; `-` is NDJSON on standard input.

    .csv: each row as an object by the header; .json: the document, or each item of a list; .xml, .atom: the
    document; anything else: each line. Raises InputError.
    """
    data = _bytes(path)
    kind = Path(path.removesuffix(".gz")).suffix.lower()
    if kind in (".csv", ".tsv"):
        return _rows(path, data)
    if kind in (".xml", ".atom"):
        return iter([Payload(1, data)])
    if kind == ".json":
        return _document(data)
    return (Payload(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip())


def _bytes(path: str) -> bytes:
    try:
        data = sys.stdin.buffer.read(BYTES_MAX + 1) if path == "-" else _read(Path(path))
        if data.startswith(_GZIP):
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(BYTES_MAX + 1)
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > BYTES_MAX:
        raise InputError(f"{path}: larger than {BYTES_MAX >> 20} MiB; try a part of it")
    return data


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX + 1)


def _document(data: bytes) -> Iterator[Payload]:
    try:
        found = msgspec.json.decode(data, type=list[msgspec.Raw])
    except msgspec.DecodeError:  # no list, or not JSON at all: the source will say which
        yield Payload(1, data)
        return
    for number, item in enumerate(found, 1):
        yield Payload(number, bytes(item))


def _rows(path: str, data: bytes) -> Iterator[Payload]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="_more", strict=True)
    if not reader.fieldnames or len(set(reader.fieldnames)) < len(reader.fieldnames):
        raise InputError(f"{path}: its first line should name each column once")
    try:
        for row in reader:
            yield Payload(reader.line_num, _encode({name: value for name, value in row.items() if value}))
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}") from None
