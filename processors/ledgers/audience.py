"""Ledger `audience`: who engages, day by day, by country, language, topic, age band and segment.

Counted are genuine acts whose actor tells (or whose text's language stands in); what fit is judged on, since
a mix by day shows a slow drift long before a window of 28 days does. About 80 bytes a day in Redis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final

import msgspec

from processors.factors import flagged
from processors.ledgers.base import AUDIENCE, Act, Ledger
from processors.panes import DAY

#: Order of the attributes in a row.
ATTRIBUTES: Final = ("country", "lang", "topics", "age_band", "segment")
TOPICS: Final = 2
KEEP_DAYS: Final = 70
#: Values of one attribute told apart in one day; further ones are counted as OTHER.
VALUES: Final = 24
OTHER: Final = "*"
#: An act of an actor with several topics is shared out among them: counts of all attributes are in this unit.
UNIT: Final = 12


class Row(msgspec.Struct, array_like=True):
    """One day: genuine acts of any actor, and per attribute value -> acts in twelfths."""

    acts: int = 0
    by: list[dict[str, int]] = msgspec.field(default_factory=lambda: [{} for _ in ATTRIBUTES])


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, Row]).decode
_decode_one = msgspec.msgpack.Decoder(Row).decode
#: Days that lie in one field: a field of its own costs a day as much again as it holds.
WEEK: Final = 7


def _book(table: dict[str, int], value: str, parts: int) -> None:
    held = table.get(value)
    if held is None:
        if len(table) >= VALUES:
            value = OTHER
        held = table.get(value, 0)
    table[value] = held + parts


class Audience(Ledger):
    """Daily mixes of the engaged audience; must see acts after all that append factors."""

    name: ClassVar[str] = "audience"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {
        AUDIENCE: frozenset(("like", "comment", "reply", "share", "quote", "save", "follow", "mention"))
    }

    __slots__ = ("_changed", "_gone", "_kept", "_kept_until", "_single", "rows")

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}  # day since 1970 -> row
        self._changed: set[int] = set()
        self._gone: set[int] = set()
        self._single: set[str] = set()  # fields of single days, to be written as weeks
        self._kept: dict[
            tuple[str, int, int], dict[str, float]
        ] = {}  # mixes, until one of their days changes
        self._kept_until = 0

    def act(self, act: Act) -> None:
        """Count one act, unless it is flagged or taken back."""
        if act.op != "create" or (act.factors and flagged(act)):
            return
        day = int(act.at) // DAY
        if day <= int(act.newest) // DAY - KEEP_DAYS:
            return
        row = self.rows.get(day)
        if row is None:
            row = self.rows[day] = Row()
        row.acts += 1
        if day < self._kept_until:
            self._kept, self._kept_until = {}, 0
        self._changed.add(day)
        event = act.event
        actor = event.actor
        if actor is None:
            return
        by = row.by
        if actor.country:
            _book(by[0], actor.country, UNIT)
        if lang := actor.lang or event.lang:
            _book(by[1], lang, UNIT)
        if actor.topics:
            share = max(1, UNIT // len(actor.topics))
            for topic in actor.topics[:UNIT]:
                _book(by[2], topic, share)
        if actor.age_band:
            _book(by[3], actor.age_band, UNIT)
        if actor.segment:
            _book(by[4], actor.segment, UNIT)

    def days(self, start: int, end: int) -> list[tuple[int, Row]]:
        """(day start, row) of the whole days in [start, end), epoch s, oldest first."""
        first, last = max(-(-start // DAY), min(self.rows, default=0)), end // DAY
        return [(day * DAY, self.rows[day]) for day in range(first, last) if day in self.rows]

    def mix(self, start: int, end: int, attribute: str) -> dict[str, float]:
        """Acts by value of an attribute over the whole days in [start, end), epoch s."""
        name = attribute, -(-start // DAY), end // DAY
        found = self._kept.get(name)
        if found is None:
            if len(self._kept) > 4 * len(ATTRIBUTES):
                self._kept = {}
            found = self._kept[name] = _mix(self.days(start, end), ATTRIBUTES.index(attribute))
            self._kept_until = max(self._kept_until, name[2])
        return found

    def trim(self, newest: float) -> None:
        """Forget days that are older than KEEP_DAYS."""
        floor = int(newest) // DAY - KEEP_DAYS
        for day in [day for day in self.rows if day <= floor]:
            del self.rows[day]
            self._changed.discard(day)
            self._gone.add(day)

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """The weeks in which a day changed or is gone."""
        out: list[tuple[str, bytes | None]] = []
        for week in sorted({day // WEEK for day in self._changed | self._gone}):
            days = range(week * WEEK, (week + 1) * WEEK)
            held = {day: self.rows[day] for day in days if day in self.rows}
            out.append((f"w{week}", _encode(held) if held else None))
        out += ((sub, None) for sub in sorted(self._single))
        self._changed.clear()
        self._gone.clear()
        self._single.clear()
        return out

    def load(self, sub: str, data: bytes) -> None:
        """Take a week back, or a day as it was stored once."""
        if sub[0] == "w":
            self.rows |= _decode(data)
        else:
            self.rows[int(sub)] = _decode_one(data)
            self._changed.add(int(sub))
            self._single.add(sub)


def _mix(days: Sequence[tuple[int, Row]], index: int) -> dict[str, float]:
    total: dict[str, int] = {}
    for _, row in days:
        for value, n in row.by[index].items():
            total[value] = total.get(value, 0) + n
    return {value: n / UNIT for value, n in total.items()}
