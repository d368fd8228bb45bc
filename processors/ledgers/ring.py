"""A ring of the last N records of fixed width, searchable by any of its columns.

Each column lies in one `bytearray`, so that a search for a value is a search for bytes: 0.1 us in a
thousand records, where a dictionary would take fifty times the memory. Stored in chunks of CHUNK records, of
which only those that changed are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

CHUNK: Final = 32


class Ring:
    """The last `size` records (a multiple of CHUNK); `widths`: bytes of each column."""

    __slots__ = ("_columns", "_dirty", "held", "next", "size", "widths")

    def __init__(self, size: int, widths: Sequence[int]) -> None:
        if size % CHUNK:
            raise ValueError(f"the size must be a multiple of {CHUNK}")
        self.size, self.widths = size, tuple(widths)
        self._columns = [bytearray() for _ in widths]  # they grow with what is held
        self._dirty: set[int] = set()
        self.next = 0  # records ever put
        self.held = 0

    def put(self, *values: bytes) -> None:
        """Add a record; the oldest goes when the ring is full."""
        index = self.next % self.size
        for column, width, value in zip(self._columns, self.widths, values, strict=True):
            if index * width >= len(column):
                column += value
            else:
                column[index * width : (index + 1) * width] = value
        self.next += 1
        self.held = min(self.next, self.size)
        self._dirty.add(index // CHUNK)

    def find(self, column: int, value: bytes) -> list[int]:
        """Indices of the records whose column is `value`, in the ring's order."""
        data, width = self._columns[column], self.widths[column]
        found = []
        place = data.find(value)
        while place >= 0:
            index, off = divmod(place, width)
            if not off:
                found.append(index)
            place = data.find(value, place + 1)
        return found

    def number(self, column: int, index: int) -> int:
        """A record's column as an unsigned number."""
        width = self.widths[column]
        return int.from_bytes(self._columns[column][index * width : (index + 1) * width], "little")

    def is_(self, column: int, index: int, value: bytes) -> bool:
        """Whether a record's column is `value`."""
        width = self.widths[column]
        return self._columns[column][index * width : (index + 1) * width] == value

    def blank(self, column: int, value: bytes) -> None:
        """Put zeros where a column is `value`."""
        width = self.widths[column]
        for index in self.find(column, value):
            self._columns[column][index * width : (index + 1) * width] = bytes(width)
            self._dirty.add(index // CHUNK)

    def writes(self) -> Iterator[tuple[str, bytes]]:
        """(chunk, value) of what changed: how many records had been put with the newest in it, then the
        columns' slices. So a chunk's value doesn't depend on when it is written."""
        for chunk in sorted(self._dirty):
            parts = [self._put_until(chunk).to_bytes(8, "little")]
            for column, width in zip(self._columns, self.widths, strict=True):
                parts.append(bytes(column[chunk * CHUNK * width : (chunk + 1) * CHUNK * width]))
            yield str(chunk), b"".join(parts)
        self._dirty.clear()

    def _put_until(self, chunk: int) -> int:
        """Records ever put up to the newest one in the chunk."""
        cycle, index = divmod(self.next - 1, self.size)
        here = index // CHUNK
        if chunk == here:
            return self.next
        return (cycle if chunk < here else cycle - 1) * self.size + (chunk + 1) * CHUNK

    def load(self, chunk: str, data: bytes) -> None:
        """Take a chunk back; chunks may come in any order."""
        number = int(chunk)
        self.next = max(self.next, int.from_bytes(data[:8], "little"))
        self.held = min(self.next, self.size)
        records = (len(data) - 8) // sum(self.widths)
        place = 8
        for column, width in zip(self._columns, self.widths, strict=True):
            start, length = number * CHUNK * width, records * width
            if len(column) < start + length:
                column += bytes(start + length - len(column))
            column[start : start + length] = data[place : place + length]
            place += length
