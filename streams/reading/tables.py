"""Rows of CSV and Parquet, one after the other: (number from 1, {column: value}), or what is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, Final

from streams.errors import InputError, RapportError
from streams.reading.model import BadLine

_DELIMITERS: Final = ",;\t|"
_ROWS: Final = 1_000
#: Longest cell of a CSV file; a text may have 10,000 characters, JSON in a cell more.
_CELL: Final = 1024 * 1024
#: Cells beyond the header's columns.
_MORE: Final = "_more"

Row = tuple[int, Mapping[str, Any]]


class ParquetMissingError(RapportError):
    """pyarrow is not installed."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            "Parquet needs pyarrow, which is not installed", hint="pip install 'rapport-monitor[parquet]'"
        )


def csv_rows(stream: IO[bytes], name: str, bad: Callable[[BadLine], None]) -> Iterator[Row]:
    """Rows of a CSV file by its header; empty cells are left out. The delimiter is seen from the header.

    Raises InputError without a header that names each column once.
    """
    text = io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="")
    before = csv.field_size_limit(_CELL)
    try:
        yield from _csv_rows(text, name, bad)
    finally:
        csv.field_size_limit(before)
        with suppress(ValueError):  # closed already: reading was given up
            text.detach()  # else the file would be closed with it, and it is read twice


def _csv_rows(text: io.TextIOWrapper, name: str, bad: Callable[[BadLine], None]) -> Iterator[Row]:
    first = text.readline(_CELL)
    delimiter = max(_DELIMITERS, key=first.count)
    columns = [column.strip() for column in next(csv.reader([first], delimiter=delimiter), [])]
    if not any(columns) or len(set(columns)) < len(columns):
        raise InputError(f"{name}: its first line should name each column once")
    rows = csv.reader(text, delimiter=delimiter)
    while True:
        number = rows.line_num + 2  # the header is line 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            bad(BadLine(name, number, "schema", "", str(error)))
            continue
        if cells is None:
            return
        row: dict[str, Any] = {c: cell for c, cell in zip(columns, cells, strict=False) if c and cell != ""}
        if len(cells) > len(columns):
            row[_MORE] = cells[len(columns) :]
        if row:
            yield number, row


def csv_columns(head: bytes) -> list[str]:
    """Columns that a first line names."""
    first = head.decode("utf-8-sig", "replace").rstrip("\r\n")
    return next(csv.reader([first], delimiter=max(_DELIMITERS, key=first.count)), [])


def parquet_columns(file: IO[bytes], name: str) -> list[str]:
    """Names of the columns. Raises InputError, ParquetMissingError."""
    return list(_parquet(file, name).schema_arrow.names)


def parquet_rows(file: IO[bytes], name: str) -> Iterator[Row]:
    """Rows of a Parquet file, a thousand at a time. Raises InputError, ParquetMissingError."""
    import pyarrow as pa

    opened = _parquet(file, name)
    number = 0
    try:
        for batch in opened.iter_batches(batch_size=_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield number, {column: value for column, value in row.items() if value is not None}
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name} cannot be read after row {number:,}: {error}") from error


def _parquet(file: IO[bytes], name: str) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        raise ParquetMissingError from None
    file.seek(0)
    try:  # pre_buffer would hold whole row groups
        return parquet.ParquetFile(file, pre_buffer=False, memory_map=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name} is no Parquet file: {error}") from error
