"""Times as platforms write them, and which of several is believed.

A source says up to three times: when the act happened, as the author's program says (it may be made up),
when the platform sent it, and we know when it was received. The event's time is the first of these that can
be right, never later than the ones that follow.
"""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

from schemas.common import EARLIEST
from streams.sources.errors import Refused

Unit = Literal["s", "ms", "us"]
Clock = Literal["event", "send", "poll"]
_PER_S: Final[dict[str, int]] = {"s": 1, "ms": 1_000, "us": 1_000_000}
_LATEST_S: Final = 253_402_214_400  # 9999-12-31
#: RFC 3339, and what is near it: `+0000` (Graph API), a comma before the fraction.
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,12}))?\s?([Zz]|[+-]\d\d:?\d\d)"
)


def moment(value: Any, unit: Unit | None = None) -> dt.datetime | None:
    """A time in UTC, or None.

    Args:
        value: text in RFC 3339 with an offset, or, with `unit`, a number (or its digits as text) since 1970.
    """
    if unit is not None:
        return _since_1970(value, unit)
    if not isinstance(value, str) or len(value) > 64:
        return None
    match = _TIME.fullmatch(value.strip())
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        return dt.datetime.fromisoformat(
            f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone}"
            if len(clock) == 8 else f"{day}T{clock}:00{zone}"
        ).astimezone(dt.UTC)  # fmt: skip
    except (ValueError, OverflowError):
        return None


def _since_1970(value: Any, unit: Unit) -> dt.datetime | None:
    if isinstance(value, str) and len(value) <= 20 and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        micros = round(value * (1_000_000 // _PER_S[unit]))
    except (ValueError, OverflowError):  # nan, inf
        return None
    if not 0 <= micros < _LATEST_S * 1_000_000:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)


def http_date(value: str | None) -> dt.datetime | None:
    """The time in an HTTP `Date` header, or None."""
    if not value or len(value) > 64:
        return None
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def happened(
    stated: dt.datetime | None, sent: dt.datetime | None, received: dt.datetime
) -> tuple[dt.datetime, Clock]:
    """(when it happened, what that time is).

    Args:
        stated: as the act itself says; may lie in the future or in 1970.
        sent: as the platform says. received: as we say.

    Raises:
        Refused: `clock`, if not even `received` lies after 2004.
    """
    latest = received if sent is None or sent < EARLIEST else min(sent, received)
    if latest < EARLIEST:
        raise Refused("clock", f"received {latest.isoformat()}: the clock of this machine is wrong")
    if stated is None or stated < EARLIEST:
        return latest, "send"
    return (stated, "event") if stated <= latest else (latest, "send")


def rfc3339(at: dt.datetime) -> str:
    """UTC as text, milliseconds, `Z`."""
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
