"""Reading a payload of which nothing can be trusted, and keeping what was not read.

A `Node` is an object of the payload. Each accessor gives the value in the type that was asked for, or None:
a field of another type is as good as missing. What no accessor took is in `rest()`, so unknown fields
survive in the event's `extra` without any list of known ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from schemas.common import INT_MAX
from streams.sources.errors import Refused
from streams.sources.times import Unit, moment

#: Items of a list that are looked at; a batch of a platform has at most 1,000.
ITEMS_MAX: Final = 10_000
_DIGITS_MAX: Final = 20


class Node:
    """One object of a payload, at `path`."""

    __slots__ = ("_data", "_inner", "_read", "path")

    def __init__(self, data: Any, path: str = "") -> None:
        self._data: dict[str, Any] = data if isinstance(data, dict) else {}
        self._read: set[str] = set()
        self._inner: dict[str, list[Node]] = {}
        self.path = path

    def __bool__(self) -> bool:
        return bool(self._data)

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    @property
    def data(self) -> dict[str, Any]:
        """The object as it is."""
        return self._data

    def raw(self, name: str) -> Any:
        """The value as it is; stays in the rest."""
        return self._data.get(name)

    def keys(self) -> Iterator[str]:
        """Names of all fields."""
        return iter(self._data)

    def where(self, name: str) -> str:
        """Path of a field, for reasons."""
        return f"{self.path}.{name}" if self.path else name

    def skip(self, *names: str) -> None:
        """Fields that say nothing beyond what is taken: they do not go into the rest."""
        self._read.update(names)

    def text(self, name: str) -> str | None:
        """A text that is not empty."""
        value = self._data.get(name)
        if not isinstance(value, str) or not value:
            return None
        self._read.add(name)
        return value

    def id(self, name: str) -> str | None:
        """An id: a text, or a whole number as text."""
        value = self._data.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 10**_DIGITS_MAX:
            self._read.add(name)
            return str(value)
        return self.text(name)

    def need(self, name: str) -> str:
        """An id that must be there. Raises Refused (`missing`)."""
        value = self.id(name)
        if value is None:
            raise Refused("missing", f"`{name}` is needed, as text", self.where(name))
        return value

    def number(self, name: str) -> int | None:
        """A whole number, or one written as text; -1 and the like too."""
        value = self._data.get(name)
        if isinstance(value, str) and len(value) <= _DIGITS_MAX and value.lstrip("-").isdecimal():
            try:
                value = int(value)
            except ValueError:  # "--1"
                return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INT_MAX:
            return None
        self._read.add(name)
        return value

    def count(self, name: str) -> int | None:
        """A whole number that is not negative."""
        value = self.number(name)
        return value if value is not None and value >= 0 else None

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self._data.get(name)
        if not isinstance(value, bool):
            return None
        self._read.add(name)
        return value

    def time(self, name: str, unit: Unit | None = None) -> dt.datetime | None:
        """A time: RFC 3339 text with an offset, or a number in `unit`."""
        found = moment(self._data.get(name), unit)
        if found is not None:
            self._read.add(name)
        return found

    def node(self, name: str) -> Node:
        """An inner object; an empty one where there is none."""
        return next(iter(self.nodes(name)), None) or Node(None, self.where(name))

    def nodes(self, name: str) -> list[Node]:
        """Inner objects: of a list those items that are objects, or the one that stands there alone."""
        known = self._inner.get(name)
        if known is None:
            value = self._data.get(name)
            if isinstance(value, list):
                items = [
                    Node(item, f"{self.where(name)}.{place}")
                    for place, item in enumerate(value[:ITEMS_MAX]) if isinstance(item, dict)
                ]  # fmt: skip
            else:
                items = [Node(value, self.where(name))] if isinstance(value, dict) else []
            known = self._inner[name] = items
        return known

    def items(self, name: str) -> list[Node]:
        """As `nodes`, of a list of acts: an item that is no object is an empty one, to be refused."""
        value = self._data.get(name)
        if not isinstance(value, list):
            return self.nodes(name)
        return [Node(item, f"{self.where(name)}.{place}") for place, item in enumerate(value[:ITEMS_MAX])]

    def texts(self, name: str, most: int = 100) -> list[str]:
        """The texts of a list, or the text that stands there alone."""
        value = self._data.get(name)
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            return []
        found = [item for item in value[:most] if isinstance(item, str) and item]
        if found and len(found) == len(value):
            self._read.add(name)
        return found

    def rest(self) -> dict[str, Any]:
        """What was not taken, nested as it was; nulls and what is empty left out."""
        out: dict[str, Any] = {}
        for name, value in self._data.items():
            if name in self._read or value is None or value == [] or value == {}:
                continue
            inner = self._inner.get(name)
            if not inner:
                out[name] = value
            elif isinstance(value, dict):
                if left := inner[0].rest():
                    out[name] = left
            elif rests := [left for one in inner if (left := one.rest())]:
                out[name] = rests
        return out
