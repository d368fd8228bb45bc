"""Partnerships as rows: the newest readings, parsed only where they changed, with state, trend and alerts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from processors import history
from processors.readings import unpacked
from schemas import Alert, Partnership
from schemas.common import Time
from streams.errors import NotFoundError
from streams.reader import Reader, health_line
from streams.serve.cache import Cache

log = logging.getLogger("rapport.serve")
#: Read anew at most so often, s.
FRESH_S: Final = 1.0
_SLICE: Final = 10
#: Points of the trend of a row: one a day.
TREND_DAYS: Final = 30
#: Worst first.
STATES: Final = ("firing", "pending", "no_data", "warming_up", "ok")
NO_READING: Final = "no reading yet"


class Lean(msgspec.Struct, gc=False):
    """One number of a reading."""

    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    baseline: float | None = None
    measurable: bool = True
    why: str | None = None

    @property
    def known(self) -> float | None:
        """The value, where it is measurable."""
        return self.value if self.measurable else None


class LeanReading(msgspec.Struct):
    """What a row takes of a reading: a tenth of the time that all of it would take to parse."""

    partnership_id: str
    influencer_id: str
    at: str | None
    health: Lean
    signals: dict[str, Lean] = {}
    brand_id: str | None = None
    tier: str | None = None
    source: str | None = None
    source_age_s: float | None = None
    warming_up: str | None = None


#: A row as JSON, after what it was made of.
_Encoded = tuple[LeanReading, list[float | None], str, msgspec.Raw]
_NO_TREND: Final[list[float | None]] = []
_decode = msgspec.json.Decoder(LeanReading).decode


class ScoreOut(BaseModel):
    """A score, its 95 % interval, and its frozen reference; `why`: what is missing to measure it."""

    value: float | None
    low: float | None
    high: float | None
    baseline: float | None
    measurable: bool
    why: str | None


class AlertBrief(BaseModel):
    """An alert of a partnership that is not resolved, in short."""

    alert_id: str
    signal: str
    rule: str
    severity: str
    state: str


class Row(BaseModel):
    """A partnership now."""

    partnership_id: str
    brand_id: str | None
    influencer_id: str
    tier: str | None
    platform: str | None
    """The source that the influencer's newest event came from."""
    state: str
    """firing, pending, no_data (of its worst alert), warming_up (no reference or no reading yet), ok."""
    health: ScoreOut
    signals: dict[str, ScoreOut]
    source_age_s: float | None
    at: Time | None
    """Of the newest reading; null: there is none yet."""
    trend: list[float | None]
    """Health by the day for 30 days, newest last; null: not measurable then."""


class RowCache(Cache):
    """`get` gives what is kept of all readings."""

    def __init__(self, reader: Reader, monotonic: Callable[[], float]) -> None:
        super().__init__(FRESH_S, monotonic)
        self._reader = reader
        self._raw: dict[str, bytes] = {}
        self._histories: dict[str, bytes] = {}
        self._readings: dict[str, LeanReading] = {}
        self._encoded: dict[str, _Encoded] = {}
        self.trends: dict[str, list[float | None]] = {}

    def encoded(self, reading: LeanReading, alerts: Iterable[Alert]) -> msgspec.Raw:
        """The row as JSON, rounded to 0.1; made again only where something of it has changed."""
        name = reading.partnership_id
        state, trend = state_of(reading, alerts), self.trends.get(name, _NO_TREND)
        kept = self._encoded.get(name)
        if kept is None or kept[0] is not reading or kept[1] is not trend or kept[2] != state:
            told = msgspec.Raw(msgspec.json.encode(_row(reading, state, trend, 1)))
            kept = self._encoded[name] = (reading, trend, state, told)
        return kept[3]

    async def get(self) -> dict[str, LeanReading]:
        """Readings by partnership, at most a second old or so; none where no worker has written yet.
        `trends` are as old."""
        await self.fresh()
        return self._readings

    async def _read(self) -> None:
        try:
            raw = await self._reader.reading_bytes()
        except NotFoundError:
            raw = {}
        changed = [name for name, value in raw.items() if self._raw.get(name) != value]
        if not changed and len(raw) == len(self._raw):
            return
        found = {name: one for name, one in self._readings.items() if name in raw}
        for number, name in enumerate(changed, 1):
            if number % _SLICE == 0:
                await asyncio.sleep(0)  # others are answered meanwhile
            try:
                found[name] = lean(raw[name])
            except msgspec.MsgspecError as error:
                # One unreadable value must not hide all others; it is told, not swallowed.
                log.warning("the reading of %r in Redis cannot be read: %s", name, error)
                found.pop(name, None)
        await self._read_trends()  # they change with readings, never alone
        self._raw, self._readings = raw, found
        self._encoded = {name: one for name, one in self._encoded.items() if name in found}

    async def _read_trends(self) -> None:
        packed = await self._reader.health_bytes()
        trends = {name: line for name, line in self.trends.items() if name in packed}
        changed = [name for name, value in packed.items() if self._histories.get(name) != value]
        for number, name in enumerate(changed, 1):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            trends[name] = history.days(list(health_line(packed[name], name)), TREND_DAYS)
        self._histories, self.trends = packed, trends


def lean(packed: bytes) -> LeanReading:
    """Of a reading as it lies in Redis. Raises msgspec.MsgspecError."""
    return _decode(unpacked(packed))


def unread(item: Partnership) -> LeanReading:
    """Stands for the reading of a partnership that has none yet."""
    return LeanReading(
        item.partnership_id, item.influencer_id, None, Lean(measurable=False, why=NO_READING),
        brand_id=item.brand_id, warming_up=NO_READING,
    )  # fmt: skip


def state_of(reading: LeanReading, alerts: Iterable[Alert]) -> str:
    """The state of a row: of its worst alert."""
    standing = {alert.state for alert in alerts}
    worst = next((state for state in STATES[:3] if state in standing), "ok")
    return "warming_up" if worst == "ok" and reading.warming_up else worst


def row(reading: LeanReading, alerts: Iterable[Alert], trend: list[float | None]) -> dict[str, Any]:
    """In the shape of Row."""
    return _row(reading, state_of(reading, alerts), trend)


def _row(
    reading: LeanReading, state: str, trend: list[float | None], digits: int | None = None
) -> dict[str, Any]:
    return {
        "partnership_id": reading.partnership_id, "brand_id": reading.brand_id,
        "influencer_id": reading.influencer_id, "tier": reading.tier, "platform": reading.source,
        "state": state, "health": _score(reading.health, digits),
        "signals": {name: _score(signal, digits) for name, signal in reading.signals.items()},
        "source_age_s": reading.source_age_s, "at": reading.at, "trend": trend,
    }  # fmt: skip


def weakest_first(reading: LeanReading) -> tuple[bool, float, str]:
    """Key for sorting: by health, those without one last."""
    health = reading.health.known
    return health is None, health or 0.0, reading.partnership_id


def brief(alert: Alert) -> dict[str, Any]:
    """In the shape of AlertBrief."""
    return {name: getattr(alert, name) for name in AlertBrief.model_fields}


def by_partnership(alerts: Iterable[Alert]) -> dict[str, list[Alert]]:
    """Those that are not resolved, in their order."""
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.partnership_id is not None and alert.state != "resolved":
            found.setdefault(alert.partnership_id, []).append(alert)
    return found


def _score(score: Lean, digits: int | None = None) -> dict[str, Any]:
    numbers = {"value": score.known, "low": score.lo, "high": score.hi, "baseline": score.baseline}
    if digits is not None:
        numbers = {name: None if one is None else round(one, digits) for name, one in numbers.items()}
    return numbers | {"measurable": score.known is not None, "why": score.why}
