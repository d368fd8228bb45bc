"""Alerts together with what people did about them; filters, and export as CSV or NDJSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas import Alert
from schemas.acts import Mark, Matcher, Silence, labels
from streams.people import People, Who, silenced_by
from streams.text import clean

STATES: Final = ("pending", "firing", "resolved", "no_data")
SEVERITIES: Final = ("info", "warning", "critical")
#: A spreadsheet takes text that begins so for a formula, a Japanese one the wide forms, too.
_FORMULA: Final = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠", "％")
_CELL_MOST: Final = 20_000
COLUMNS: Final = (
    "alert_id", "partnership_id", "brand_id", "influencer_id", "signal", "rule", "subject", "state",
    "severity",
    "started_at", "at", "resolved_at", "value", "baseline", "change", "n", "lo", "hi", "summary", "advice",
    "acked_by", "acked_at", "wrong_by", "silenced_until",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert, with the marks on it and the silence that holds for it now."""

    alert: Alert
    ack: Mark | None = None
    wrong: Mark | None = None
    silence: Silence | None = None

    def as_json(self) -> dict[str, Any]:
        """The contract's fields, and beside them acknowledged, wrong and silenced (null where not)."""
        return {
            **self.alert.model_dump(mode="json"),
            "acknowledged": _mark(self.ack),
            "wrong": _mark(self.wrong),
            "silenced": None if self.silence is None else {
                "silence_id": self.silence.silence_id, "ends_at": _text(self.silence.ends_at),
                "by": self.silence.created_by, "comment": self.silence.comment,
            },
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What is to be shown; empty: all of it. `states` empty: all that are not resolved."""

    partnership: str | None = None
    brand: str | None = None
    signal: str | None = None
    severity: str | None = None
    states: frozenset[str] = frozenset()
    acked: bool | None = None
    silenced: bool | None = None
    matchers: tuple[Matcher, ...] = ()

    def takes(self, view: AlertView) -> bool:
        """Whether an alert is to be shown."""
        return self.takes_alert(view.alert) and self.takes_marks(view)

    def takes_alert(self, alert: Alert) -> bool:
        """Whether it is to be shown as far as the alert itself says."""
        return (
            (alert.state in self.states if self.states else alert.state != "resolved")
            and self.partnership in (None, alert.partnership_id)
            and self.brand in (None, alert.brand_id)
            and self.signal in (None, alert.signal)
            and self.severity in (None, alert.severity)
            and (not self.matchers or _all_match(self.matchers, labels(alert)))
        )

    def takes_marks(self, view: AlertView) -> bool:
        """Whether it is to be shown as far as people's acts say."""
        acked, silenced = view.ack is not None, view.silence is not None
        return self.acked in (None, acked) and self.silenced in (None, silenced)

    @property
    def asks_marks(self) -> bool:
        """Whether people's acts matter to it."""
        return self.acked is not None or self.silenced is not None


async def load_views(people: People, who: Who, at: datetime) -> list[AlertView]:
    """All alerts that one may see, newest first, with what people did about them."""
    alerts = await people.alerts()
    acks, wrong, silences = await people.acks(), await people.wrong(), await people.silences()
    return make_views([a for a in alerts if who.sees(a.brand_id)], acks, wrong, silences, at)


def make_views(
    alerts: Iterable[Alert], acks: Mapping[str, Mark], wrong: Mapping[str, Mark],
    silences: Sequence[Silence], at: datetime,
) -> list[AlertView]:  # fmt: skip
    """As `load_views`, from what was read already."""
    active = [silence for silence in silences if silence.active(at)]
    return [
        AlertView(
            alert, acks.get(alert.alert_id), wrong.get(alert.alert_id),
            silenced_by(alert, active, at) if active else None,
        )
        for alert in alerts
    ]  # fmt: skip


def to_csv(views: Iterable[AlertView]) -> Iterator[str]:
    """Lines of a CSV file (RFC 4180) with a header; text that a spreadsheet would run is made harmless."""
    for row in [COLUMNS, *(_row(view) for view in views)]:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\r\n").writerow(row)
        yield buffer.getvalue()


def to_ndjson(views: Iterable[AlertView]) -> Iterator[str]:
    """One JSON object a line, ASCII only."""
    return (json.dumps(view.as_json(), allow_nan=False) + "\n" for view in views)


def csv_cell(value: object) -> str:
    """A value as a cell: numbers as they are; text on one line without control characters, which terminals
    obey, and with a quote before what would be read as a formula."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = clean(_text(value) if isinstance(value, datetime) else value, _CELL_MOST)
    return "'" + text if text.startswith((*_FORMULA, "'")) else text


def short(alert_id: str, others: Iterable[str], least: int = 8) -> str:
    """The shortest beginning of an id, from `least` characters, that no other has."""
    rest = [other for other in others if other != alert_id and other[:least] == alert_id[:least]]
    size = least
    while size < len(alert_id) and any(other[:size] == alert_id[:size] for other in rest):
        size += 1
    return alert_id[:size]


def _row(view: AlertView) -> list[str]:
    beside = {
        "acked_by": view.ack and view.ack.by, "acked_at": view.ack and view.ack.at,
        "wrong_by": view.wrong and view.wrong.by, "silenced_until": view.silence and view.silence.ends_at,
    }  # fmt: skip
    return [csv_cell(beside[name] if name in beside else getattr(view.alert, name)) for name in COLUMNS]


def _all_match(matchers: Iterable[Matcher], found: Mapping[str, str]) -> bool:
    return all(matcher.matches(found) for matcher in matchers)


def _mark(mark: Mark | None) -> dict[str, Any] | None:
    return None if mark is None else {"by": mark.by, "at": _text(mark.at), "note": mark.note}


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
