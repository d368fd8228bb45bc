"""Records as rows of Parquet: the record itself, to be replayed, and columns of what is mostly asked."""

from __future__ import annotations

import datetime as dt
from typing import IO, Any, Final

import msgspec

from schemas.topics import ALERTS, ENRICHED, EVENTS, READINGS, REJECTED
from streams.consume import Record
from streams.reading.tables import ParquetMissingError

#: Rows that are held before they are written.
_GROUP: Final = 20_000
_EVENT: Final = (
    "event_id", "source", "kind", "op", "influencer_id", "actor.id", "object_id", "target.id", "text", "lang",
)  # fmt: skip
#: Columns by topic beside those of the record itself: paths in its value, all as text.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    EVENTS: _EVENT,
    ENRICHED: (*_EVENT, "enrichment.actor_role", "enrichment.inauthentic"),
    READINGS: ("partnership_id", "influencer_id", "brand_id", "tier", "at"),
    ALERTS: ("alert_id", "partnership_id", "influencer_id", "signal", "rule", "state", "severity", "at"),
    REJECTED: ("reason", "topic", "partition", "offset", "at"),
}
_decode: Final = msgspec.json.Decoder().decode


class ParquetOut:
    """Writes row groups as they fill. Columns: timestamp, key, partition, offset, value, and `COLUMNS` with a
    leading underscore where they would be called as those."""

    def __init__(self, file: IO[bytes], topic: str) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as parquet
        except ImportError:
            raise ParquetMissingError from None
        self._pa = pa
        self._paths = COLUMNS.get(topic, ())
        own = {"timestamp", "key", "partition", "offset", "value"}
        names = [f"_{path}" if path in own else path.replace(".", "_") for path in self._paths]
        self._schema = pa.schema([
            ("timestamp", pa.timestamp("ms", tz="UTC")), ("key", pa.binary()), ("partition", pa.int32()),
            ("offset", pa.int64()), ("value", pa.binary()), *((name, pa.string()) for name in names),
        ])  # fmt: skip
        self._columns: list[list[Any]] = [[] for _ in self._schema]
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def put(self, record: Record) -> bool:
        """Takes one record; all can be shown."""
        try:
            told = _decode(record.value or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = {}
        at = dt.datetime.fromtimestamp(record.timestamp_ms // 1_000, dt.UTC)
        row = (
            at.replace(microsecond=record.timestamp_ms % 1_000 * 1_000), record.key, record.partition,
            record.offset, record.value, *(_text(told, path) for path in self._paths),
        )  # fmt: skip
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)
        if len(self._columns[0]) >= _GROUP:
            self._flush()
        return True

    def close(self) -> None:
        """Writes the last rows and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if not self._columns[0]:
            return
        arrays = [
            self._pa.array(column, kind.type)
            for column, kind in zip(self._columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        for column in self._columns:
            column.clear()


def _text(told: Any, path: str) -> str | None:
    for name in path.split("."):
        told = told.get(name) if isinstance(told, dict) else None
    if told is None or isinstance(told, dict | list):
        return None
    return told if isinstance(told, str) else msgspec.json.encode(told).decode()
