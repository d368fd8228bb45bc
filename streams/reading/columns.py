"""Rows with plain column names as canonical events: no mapping file needed.

A column is called as the event's field: `kind`, `occurred_at`, `influencer_id`, `text`; within actor,
target and sponsored with a dot or an underscore (`actor.id`, `actor_id`, `target_author_id`). Lists are
JSON or separated by `|`. Times are RFC 3339 (without an offset they are UTC) or epoch seconds or
milliseconds. Columns that the contract does not know are kept in the event's `extra`. Without `event_id`
one is made of all that the row says, so that the same row again is the same event; without `source` it is
`file`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from schemas.common import Record
from schemas.events import Actor, EngagementEvent, Sponsored, Target

#: Parts of an event and what they hold.
_PARTS: Final[dict[str, type[Record]]] = {"actor": Actor, "target": Target, "sponsored": Sponsored}
#: What a file of events must have; the actor's id too, but for counters.
NEEDED: Final = ("kind", "occurred_at", "influencer_id")
_INTS: Final = {"followers", "following", "posts", "count"}
_FLAGS: Final = {"has_avatar", "has_bio", "bot", "label", "disclosed", "cumulative", "text_truncated"}
_LISTS: Final = {"tags", "mentions", "urls", "topics"}
_TIMES: Final = {"occurred_at", "received_at", "created_at"}
_TRUE: Final = {"true", "yes", "y", "t", "1"}
_FALSE: Final = {"false", "no", "n", "f", "0"}
#: Numbers from here on are milliseconds: 1973 if they were, the year 5138 if they were not.
_MILLIS: Final = 1e11
_encode: Final = msgspec.json.Encoder().encode
_encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode


class CellError(ValueError):
    """A cell that cannot be what its column says. `field`: dotted."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def path_of(column: str) -> tuple[str, ...]:
    """Where a column's value goes in the event: ("actor", "id") for `actor.id`, `actor_id`, `Actor ID`."""
    name = column.strip()
    plain = name.lower().replace(" ", "_").replace("-", "_")
    if plain in EngagementEvent.model_fields:
        return (plain,)
    for part, model in _PARTS.items():
        rest = plain.removeprefix(part)[1:] if plain.startswith((f"{part}.", f"{part}_")) else ""
        if rest in model.model_fields:
            return part, rest
    return (name,)


def missing(columns: list[str]) -> list[str]:
    """Columns that are needed and not there."""
    there = {".".join(path_of(column)) for column in columns}
    return [name for name in NEEDED if name not in there]


class Column(NamedTuple):
    """Where a column's values go in the event, and what makes them of its cells (None: empty)."""

    part: str | None
    field: str
    value: Callable[[Any], Any]


def column_of(name: str) -> Column:
    """What a column of this name holds."""
    path = path_of(name)
    dotted, field = ".".join(path), path[-1]
    if len(path) == 1 and field not in EngagementEvent.model_fields:
        make: Callable[[str, Any], Any] = _as_it_is  # unknown: the worker keeps it as it is
    elif field == "schema_version":
        make = _whole
    else:
        make = _MAKERS.get(field, _word)

    def value(cell: Any) -> Any:
        if type(cell) is str:
            cell = cell.strip()
        elif type(cell) is not int:
            cell = _plain(cell)
        return None if cell is None or cell == "" else make(dotted, cell)

    return Column(path[0] if len(path) == 2 else None, field, value)


def to_event(row: Mapping[str, Any], columns: dict[str, Column]) -> bytes:
    """The row as an event in JSON. `columns`: those met so far; new ones are added. Raises CellError."""
    event: dict[str, Any] = {}
    for name, cell in row.items():
        column = columns.get(name)
        if column is None:
            column = columns[name] = column_of(name)
        value = column.value(cell)
        if value is None:
            continue
        if column.part is None:
            event[column.field] = value
            continue
        held = event.setdefault(column.part, {})
        if type(held) is not dict:
            raise CellError(column.part, "should be an object")
        held[column.field] = value
    event.setdefault("source", "file")
    try:
        if "event_id" not in event:
            digest = hashlib.blake2b(_encode_sorted(event), digest_size=16).hexdigest()
            event["event_id"] = f"{event['source']}/{digest}"
        return _encode(event)
    except UnicodeEncodeError:
        raise CellError("", "not UTF-8") from None
    except (TypeError, ValueError) as error:
        raise CellError("", f"cannot be written as JSON: {error}") from None


def _as_it_is(_: str, cell: Any) -> Any:
    return cell


def _word(_: str, cell: Any) -> Any:
    """Text; ids may look like numbers."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return f"{cell:g}" if isinstance(cell, float) else str(cell)
    return cell


def _object(field: str, cell: Any) -> Any:
    return _json(field, cell) if isinstance(cell, str) else cell


def _plain(cell: Any) -> Any:
    """Values of Parquet that JSON does not know."""
    if isinstance(cell, dt.datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=dt.UTC)).isoformat()
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    if isinstance(cell, dict):
        return {key: plain for key, value in cell.items() if (plain := _plain(value)) is not None}
    return cell


def _time(field: str, cell: Any) -> str:
    if isinstance(cell, str):
        try:
            number = float(cell)
        except ValueError:
            try:
                moment = dt.datetime.fromisoformat(cell)
            except ValueError:
                raise CellError(field, f"{cell[:40]!r} is no time like 2026-11-22T10:15:30Z") from None
            return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).isoformat()
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        number = float(cell)
    else:
        raise CellError(field, f"{str(cell)[:40]!r} is no time")
    try:
        moment = dt.datetime.fromtimestamp(number / 1_000 if abs(number) >= _MILLIS else number, dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise CellError(field, f"{str(cell)[:40]!r} is no time") from None
    return moment.isoformat()


def _whole(field: str, cell: Any) -> int:
    try:
        number = int(cell) if isinstance(cell, str) else cell
        if isinstance(number, float) and number.is_integer():
            number = int(number)
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool):
        raise CellError(field, f"{str(cell)[:40]!r} is no whole number")
    return number


def _flag(field: str, cell: Any) -> bool:
    if isinstance(cell, bool):
        return cell
    word = str(cell).lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise CellError(field, f"{str(cell)[:40]!r} is neither true nor false")


def _list(field: str, cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    if cell.startswith("["):
        return _json(field, cell)
    return [word for one in cell.split("|") if (word := one.strip())]


def _json(field: str, cell: str) -> Any:
    try:
        return msgspec.json.decode(cell.encode())
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CellError(field, f"not JSON: {error}") from None


_MAKERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    **dict.fromkeys(_TIMES, _time), **dict.fromkeys(_INTS, _whole), **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_LISTS, _list), **dict.fromkeys((*_PARTS, "extra"), _object),
}  # fmt: skip
