"""Hard negatives: nothing happens to anyone, but records are lost, late, doubled, or wrongly dated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar, Final

from processors.generator.incidents.base import HOUR, Incident, registered
from processors.generator.render import stamp

_FIELD: Final = '"occurred_at":"'
_LENGTH: Final = len("2026-01-01T00:00:00.000Z")


def redated(value: str, at: float) -> str:
    """The record with another `occurred_at` (epoch s)."""
    begin = value.index(_FIELD) + len(_FIELD)
    return value[:begin] + stamp(at) + value[begin + _LENGTH :]


def dated(value: str) -> float:
    """`occurred_at` of a record (epoch s)."""
    begin = value.index(_FIELD) + len(_FIELD)
    text = value[begin : begin + _LENGTH - 1]
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def received(value: str, at: float) -> str:
    """The record with the time of its arrival."""
    head, known, _ = value.partition(',"received_at"')  # if it is there, it is the last field
    return f'{head if known else value[:-1]},"received_at":"{stamp(at)}"}}'


class _Delivery(Incident):
    delivers: ClassVar[bool] = True
    days_range = (4.0, 8.0)
    usual_days = 6.0


@registered
class Late(_Delivery):
    """`share` of the records arrive up to `hours` late, and so out of order."""

    type = "negative:late"
    parameters: ClassVar[dict[str, float]] = {"share": 0.5, "hours": 6.0}

    def deliver(self, at: float, arrives: float, value: str) -> list[tuple[float, str]]:
        if not self.active(at) or self.rng.random() > self.values["share"]:
            return [(arrives, value)]
        later = arrives + self.rng.random() * self.values["hours"] * HOUR
        self.touched(arrives)
        return [(later, received(value, later))]


@registered
class Duplicates(_Delivery):
    """`share` of the records arrive twice, up to `hours` apart."""

    type = "negative:duplicates"
    parameters: ClassVar[dict[str, float]] = {"share": 1.0, "hours": 3.0}

    def deliver(self, at: float, arrives: float, value: str) -> list[tuple[float, str]]:
        if not self.active(at) or self.rng.random() > self.values["share"]:
            return [(arrives, value)]
        again = round(arrives + 1 + self.rng.random() ** 3 * self.values["hours"] * HOUR, 3)
        self.touched(again)
        return [(arrives, value), (again, value)]


@registered
class Outage(_Delivery):
    """For `hours` nothing arrives: `lost` of it never, the rest in a batch when it is over."""

    type = "negative:outage"
    parameters: ClassVar[dict[str, float]] = {"hours": 12.0, "lost": 0.3}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"hours": (4, 36), "lost": (0.05, 1)}
    days_range = (2.0, 2.0)
    usual_days = 2.0

    def deliver(self, at: float, arrives: float, value: str) -> list[tuple[float, str]]:
        over = self.onset + self.values["hours"] * HOUR
        if not self.onset <= at < over:
            return [(arrives, value)]
        self.touched(arrives)
        if self.rng.random() < self.values["lost"]:
            return []
        later = over + self.rng.random() * 600
        return [(later, received(value, later))]


@registered
class ClockSkew(_Delivery):
    """`share` of the records carry a time that is wrong: `minutes` slow, some 4 minutes fast."""

    type = "negative:clock_skew"
    parameters: ClassVar[dict[str, float]] = {"share": 0.5, "minutes": 25.0}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"minutes": (5, 50)}

    def deliver(self, at: float, arrives: float, value: str) -> list[tuple[float, str]]:
        if not self.active(at) or self.rng.random() > self.values["share"]:
            return [(arrives, value)]
        minutes = 4 * self.rng.random() if self.rng.random() < 0.3 else -self.values["minutes"]
        self.touched(arrives)
        return [(arrives, redated(value, at + 60 * minutes))]
