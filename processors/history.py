"""What readings were: health and every signal with its interval, for 90 days, at falling resolution.

    grown(packed, at, health, signals) -> packed     one hour more; what is too old or too dense goes
    pack(rows) -> bytes, unpack(packed) -> rows      as it lies in Redis and in memory: a third of the rows
    points(rows, name) -> [(epoch s, value, lo, hi)] of one signal, oldest first

Rows are one bytes object; a row is 32 bytes: hour since 1970, seven values in tenths, and how far their
intervals reach down and up, in halves, rounded outwards (widths change less than ends, so they pack better).
By the hour for three days, every six hours for four weeks, by the day for 90 days: of each stretch the last
row stays. Readings look back over days, so a row stands for its stretch well, and nothing is averaged that
already is an average.

Health alone is kept apart (a sixth of the bytes), for those who list partnerships:

    health_of(packed) -> bytes, health(data) -> [(epoch s, health)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from struct import Struct
from typing import Final
from zlib import compress, decompress, error

import msgspec

from processors.panes import DAY, HOUR
from processors.scores import Score

HEALTH: Final = "health"
#: In the order in which they lie in a row: a further signal goes to the end, under a new version.
NAMES: Final = (
    HEALTH, "interaction_quality", "audience_fit", "authenticity", "connection", "all_in", "relationship",
)  # fmt: skip
#: (age up to which, stretch of which one row stays), hours.
STEPS: Final = ((3 * 24, 1), (28 * 24, 6), (90 * 24, 24))
KEPT_S: Final = STEPS[-1][0] * HOUR
_COUNT: Final = len(NAMES)
_ROW: Final = Struct(f"<i{_COUNT}h{2 * _COUNT}B")
_HOUR: Final = Struct(f"<i{_ROW.size - 4}x")
_HEALTH_ROW: Final = Struct("<ih")
_VERSION: Final = b"\x01"
_HEALTH: Final = b"\x02"
_NONE: Final = -1
#: No hour lies further off (a record may bear any timestamp).
_FAR: Final = 2**31 - 1
_OPEN: Final = 255  # no interval
#: Thinned in hours that this divides (to look each hour would take a quarter of an evaluation), and from so
#: many bytes on.
_THINNED: Final = 6
_MOST: Final = 256 * _ROW.size

Point = tuple[int, float | None, float | None, float | None]
#: (epoch s of event time, health from 0 to 100 or None), oldest first.
Line = list[tuple[int, float | None]]
_old_msgpack = msgspec.msgpack.Decoder(Line).decode
_old_json = msgspec.json.Decoder(Line).decode


def step_s(age_s: float) -> int:
    """Between two rows of that age, s."""
    return next((hours for until, hours in STEPS if age_s <= until * HOUR), STEPS[-1][1]) * HOUR


def grown(packed: bytes | None, at: int, health: Score, signals: Mapping[str, Score]) -> bytes:
    """The history with one row more, packed as it was: 0.5 ms, once an hour."""
    rows = b"" if packed is None else unpack(packed)
    return pack(append(rows, at, health, signals))


def append(rows: bytes, at: int, health: Score, signals: Mapping[str, Score]) -> bytes:
    """The rows with one more at `at` (epoch s), which is not before the last; thinned."""
    hour = max(-_FAR, min(at // HOUR, _FAR))
    rows += _row(hour, [health, *(signals.get(name) for name in NAMES[1:])])
    if hour % _THINNED and len(rows) < _MOST:
        return rows
    hours = [one for (one,) in _HOUR.iter_unpack(rows)]
    out = bytearray()
    for number in range(len(hours) - 1):
        here, age = hours[number], hour - hours[number]
        for until, stretch in STEPS:
            if age <= until:
                if here // stretch != hours[number + 1] // stretch:
                    out += rows[number * _ROW.size : (number + 1) * _ROW.size]
                break
    return bytes(out) + rows[-_ROW.size :]


def points(rows: bytes, name: str) -> Iterator[Point]:
    """(epoch s, value, lo, hi) of health or a signal, oldest first; None: not measurable then."""
    place = NAMES.index(name)
    for row in _ROW.iter_unpack(rows):
        raw = row[1 + place]
        value = None if raw == _NONE else raw / 10
        down, up = row[1 + _COUNT + 2 * place : 3 + _COUNT + 2 * place]
        if value is None or down == _OPEN:
            yield row[0] * HOUR, value, None, None
        else:
            lo, hi = _within(round(value - down / 2, 1)), _within(round(value + up / 2, 1))
            yield row[0] * HOUR, value, lo, hi


def pack(rows: bytes) -> bytes:
    """Byte by byte of all rows: what changes slowly lies side by side, and is small when compressed."""
    size = _ROW.size
    return _VERSION + compress(b"".join(rows[place::size] for place in range(size)), 1)


def unpack(data: bytes) -> bytes:
    """The rows. What was written before there was more than health is taken in. Raises ValueError."""
    if data[:1] == _VERSION:
        return _rowwise(data, _ROW.size)
    rest: list[Score | None] = [None] * (_COUNT - 1)
    return b"".join(_row(at // HOUR, [Score(value), *rest]) for at, value in _old(data))


def current(data: bytes) -> bytes:
    """Packed as this version does. Raises ValueError."""
    return data if data[:1] == _VERSION else pack(unpack(data))


def health_of(packed: bytes) -> bytes:
    """Health alone, packed."""
    rows = unpack(packed)
    size = _ROW.size
    columns = [rows[place::size] for place in range(_HEALTH_ROW.size)]  # its value comes first in a row
    return _HEALTH + compress(b"".join(columns), 1)


def health(data: bytes) -> Line:
    """Health over time, oldest first; also of how it was written before. Raises ValueError."""
    if data[:1] != _HEALTH:
        return _old(data)
    return [
        (hour * HOUR, None if value == _NONE else value / 10)
        for hour, value in _HEALTH_ROW.iter_unpack(_rowwise(data, _HEALTH_ROW.size))
    ]


def days(line: Line, most: int) -> list[float | None]:
    """The last health of each of the last `most` days, newest last; None: not measurable, or no row."""
    last = {at // DAY: value for at, value in line}
    if not last:
        return []
    newest = max(last)
    return [last.get(day) for day in range(max(min(last), newest - most + 1), newest + 1)]


def _rowwise(data: bytes, size: int) -> bytes:
    try:
        columns = decompress(data[1:])
    except error as why:
        raise ValueError(f"no history: {why}") from None
    count, rest = divmod(len(columns), size)
    if rest:
        raise ValueError(f"no history: {len(columns)} bytes are no whole rows")
    out = bytearray(len(columns))
    for place in range(size):
        out[place::size] = columns[place * count : (place + 1) * count]
    return bytes(out)


def _old(data: bytes) -> Line:
    return _old_json(data) if data[:1] == b"[" else _old_msgpack(data)


def _row(hour: int, scores: list[Score | None]) -> bytes:
    values: list[int] = []
    ends: list[int] = []
    for score in scores:
        value = None if score is None or not score.measurable else score.value
        if score is None or value is None:
            values.append(_NONE)
            ends += (_OPEN, _OPEN)
            continue
        values.append(round(10 * _within(value)))
        if score.lo is None or score.hi is None:
            ends += (_OPEN, _OPEN)
        else:  # rounded outwards: an interval may be told wider than it is, never narrower
            ends += (_half(value - score.lo), _half(score.hi - value))
    return _ROW.pack(hour, *values, *ends)


def _half(distance: float) -> int:
    # The value was rounded by up to half a tenth.
    return min(_OPEN - 1, max(0, ceil(2 * (distance + 0.05))))


def _within(value: float) -> float:
    return min(100.0, max(0.0, value))
