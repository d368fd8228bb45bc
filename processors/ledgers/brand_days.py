"""Days and recent posts of the ledger `brand`, as small rows, and how they are stored.

Per influencer a table of all own posts by day; per partnership one of what concerns its brand; and the
newest own posts one by one, so that an edited or deleted post can be booked anew. Days go by blocks of 32,
so that a post makes a few hundred bytes to write.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from processors.panes import DAY

#: Days kept: D90, the 60 days after a contract, and its last weeks.
KEEP_DAYS: Final = 192
BLOCK: Final = 32
#: Own posts remembered one by one.
RECENT: Final = 36

# Columns of the influencer's own table ("all") and of a partnership's.
POSTS, PAID_POSTS, TOLD_POSTS = 0, 1, 2
ORGANIC, PAID, RIVALS, SHARE_OF_VOICE, ADS, ADS_TOLD = 0, 1, 2, 3, 4, 5
#: Whose day table: the influencer's own posts.
ALL: Final = "all"

_encode = msgspec.msgpack.Encoder().encode
_table = msgspec.msgpack.Decoder(dict[int, list[int]]).decode


class Part(msgspec.Struct, array_like=True, frozen=True):
    """What a post is to one partnership."""

    whose: str  # key of the partnership
    mention: bool = False
    rival: bool = False
    brands: int = 0  # brands named in the post, if this one's is among them
    sponsored: bool = False
    proper: bool = False
    how: str = ""  # label, declared, tag, code, discount, link, call to buy, relation
    why: str = ""  # what was found of a disclosure: clear, late, buried, weak, none
    tag: str = ""

    @property
    def row(self) -> tuple[int, ...]:
        """Its columns in the partnership's day table."""
        voice = round(100 / self.brands) if self.mention and self.brands else 0
        return (
            self.mention and not self.sponsored, self.mention and self.sponsored, self.rival, voice,
            self.sponsored, self.sponsored and self.proper,
        )  # fmt: skip


class Item(msgspec.Struct, array_like=True, frozen=True):
    """One own post. `key`: hash of its object id; `made`: as PostStat.id_hash, 0 where there is none."""

    key: int
    event: int  # hash of the event id
    made: int
    at: int  # epoch s
    post: bool  # counts as a post of its own (no bare mention)
    sponsored: bool
    proper: bool
    form: int  # hash of the format (16 bits), 0: unknown
    parts: tuple[Part, ...] = ()

    @property
    def open(self) -> bool:
        """Advertising that does not tell people so."""
        return any(part.sponsored and not part.proper for part in self.parts)


class Days:
    """Counts by day: `rows[day][column]`, days since 1970."""

    __slots__ = ("_changed", "_gone", "rows")

    def __init__(self) -> None:
        self.rows: dict[int, list[int]] = {}
        self._changed: set[int] = set()
        self._gone: set[int] = set()

    def add(self, at: float, newest: float, row: Iterable[int], sign: int = 1) -> None:
        """Count (or take back) a post made at `at`; what lies before the days kept is left out."""
        day = int(at) // DAY
        values = [int(value) for value in row]
        if day <= int(newest) // DAY - KEEP_DAYS or not any(values):
            return
        old = self.rows.get(day, [])
        size = max(len(old), len(values))
        new = [max(0, (old[i] if i < len(old) else 0) + sign * (values[i] if i < len(values) else 0))
               for i in range(size)]  # fmt: skip
        if any(new):
            self.rows[day] = new
        else:
            self.rows.pop(day, None)
        self._changed.add(day // BLOCK)

    def total(self, column: int, first: int, last: int) -> int:
        """Sum of a column over the days first..last (both included)."""
        return sum(
            row[column] for day, row in self.rows.items() if first <= day <= last and column < len(row)
        )

    def days_with(self, first: int, last: int, *columns: int) -> list[int]:
        """Days in first..last on which any of the columns counts something, in order."""
        return sorted(
            day for day, row in self.rows.items()
            if first <= day <= last and any(c < len(row) and row[c] for c in columns)
        )  # fmt: skip

    def trim(self, newest: float) -> None:
        """Forget what is too old."""
        floor = int(newest) // DAY - KEEP_DAYS
        for day in [day for day in self.rows if day <= floor]:
            del self.rows[day]
            self._changed.add(day // BLOCK)

    def writes(self) -> list[tuple[str, bytes | None]]:
        """(block, value) of the blocks that changed."""
        out: list[tuple[str, bytes | None]] = []
        for block in sorted(self._changed):
            rows = {day % BLOCK: row for day, row in sorted(self.rows.items()) if day // BLOCK == block}
            out.append((str(block), _encode(rows) if rows else None))
        self._changed.clear()
        return out

    def load(self, block: str, data: bytes) -> None:
        """Take a block back."""
        for day, row in _table(data).items():
            self.rows[int(block) * BLOCK + day] = row
