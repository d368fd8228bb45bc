"""Times as people type them: "18:00", "friday 18:00", "2h", RFC 3339; and stretches, "friday 18:00-24:00".

Strict: what is not understood wholly is refused, since a silence at the wrong time is worse than an error.
Times without a zone are those of the machine (or of the variable TZ).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN: Final = re.compile(r"(?:\d{1,6}[smhdw])+", re.ASCII)
_PART: Final = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONGEST: Final = timedelta(days=3_660)
_FORMS: Final = "like 2h, 18:00, friday 18:00, tomorrow 9:00, 2026-11-27 18:00 or 2026-11-27T18:00:00Z"


def parse_span(text: str) -> timedelta:
    """A length like 90s, 30m, 2h, 1d12h or 2w, longer than nothing, at most ten years. Raises ValueError."""
    compact = text.strip().lower()
    if not _SPAN.fullmatch(compact):
        raise ValueError(f"{text[:40]!r} is not a length of time like 30m, 2h, 1d12h or 2w")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(compact))
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError(f"{text[:40]!r}: longer than nothing, and at most ten years")
    return timedelta(seconds=seconds)


def parse_when(text: str, now: datetime, *, past: bool = False) -> datetime:
    """The time that is meant, seen from `now` (aware): the next one, or with `past` the one that was last.

    Raises ValueError with what may be written.
    """
    plain = " ".join(text.split())
    words = plain.lower().split(" ")
    if plain.lower() == "now":
        return now
    if _SPAN.fullmatch(plain.lower()):
        return now - parse_span(plain) if past else now + parse_span(plain)
    if _DATE.match(plain) and len(plain) > 16 and ("T" in plain or "t" in plain):
        return _rfc3339(plain)
    zone = _zone(now)
    local = now.astimezone(zone)
    if len(words) > 2 or not words[0]:
        raise ValueError(f"{text[:60]!r} is no time {_FORMS}")
    clock = words[-1] if _CLOCK.fullmatch(words[-1]) else None
    day = words[0] if len(words) == 2 or clock is None else None
    if len(words) == 2 and clock is None:
        raise ValueError(f"{text[:60]!r} is no time {_FORMS}")
    hour, minute = _clock(clock) if clock else (0, 0)
    step = timedelta(days=-1 if past else 1)
    if day is None:  # today's, or if that is over the next one
        found = _at(local.date(), hour, minute, zone, now)
        over = found > now if past else found <= now
        return _at(local.date() + step, hour, minute, zone, now) if over else found
    if day in ("today", "tomorrow", "yesterday"):
        days = {"today": 0, "tomorrow": 1, "yesterday": -1}[day]
        return _at(local.date() + timedelta(days=days), hour, minute, zone, now)
    if _DATE.fullmatch(day):
        return _at(_date(day), hour, minute, zone, now)
    number = _weekday(day)
    if number is None:
        raise ValueError(f"{text[:60]!r} is no time {_FORMS}")
    ahead = (number - local.weekday()) % 7
    found = _at(local.date() + timedelta(days=ahead - (7 if past and ahead else 0)), hour, minute, zone, now)
    if (found > now) if past else (found <= now):
        found = _at(
            found.astimezone(zone).date() + timedelta(days=-7 if past else 7), hour, minute, zone, now
        )
    return found


def parse_stretch(text: str, now: datetime) -> tuple[datetime, datetime]:
    """From and until, of "friday 18:00-24:00", "18:00-20:00" or two times with " to " or " – " between.

    A stretch that has begun today is meant as such. Raises ValueError.
    """
    plain = text.replace("–", "-").replace("—", "-").strip()
    halves = re.split(r"\s+(?:to|until|-)\s+", plain, maxsplit=1)
    if len(halves) == 1:
        found = re.fullmatch(r"(.*\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})", plain, re.ASCII)
        if found is None:
            raise ValueError(f"{text[:60]!r} is no stretch of time like 'friday 18:00-24:00'")
        halves = [found[1], found[2]]
    first, last = halves
    starts = parse_when(first, now)
    if not _CLOCK.fullmatch(last.strip()):
        return starts, _after(starts, parse_when(last, starts), text)
    hour, minute = _clock(last.strip())
    zone = _zone(now)
    if not _SPAN.fullmatch(first.strip().lower()):
        # "18:00-24:00" said at 19:00 means the one that runs, not tomorrow's.
        begun = parse_when(first, now, past=True)
        if begun <= now < (ends := _end(begun, hour, minute, zone, now)):
            return begun, ends
    return starts, _end(starts, hour, minute, zone, now)


def _end(starts: datetime, hour: int, minute: int, zone: tzinfo | None, now: datetime) -> datetime:
    day = starts.astimezone(zone).date()
    ends = _at(day, hour, minute, zone, now)
    return ends if ends > starts else _at(day + timedelta(days=1), hour, minute, zone, now)


def _after(starts: datetime, ends: datetime, text: str) -> datetime:
    if ends <= starts:
        raise ValueError(f"{text[:60]!r} ends before it begins")
    return ends


def _rfc3339(text: str) -> datetime:
    from schemas.common import parse_time

    try:
        return parse_time(text.upper())
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} {error}") from None


def _clock(text: str) -> tuple[int, int]:
    found = _CLOCK.fullmatch(text)
    hour, minute = (int(found[1]), int(found[2])) if found else (99, 99)
    if not ((hour < 24 and minute < 60) or (hour, minute) == (24, 0)):
        raise ValueError(f"{text[:20]!r} is no time of day: 0:00 to 24:00")
    return hour, minute


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no day of the calendar") from None


def _weekday(word: str) -> int | None:
    hits = [number for number, name in enumerate(DAYS) if len(word) >= 3 and name.startswith(word)]
    return hits[0] if len(hits) == 1 else None


def _zone(now: datetime) -> tzinfo | None:
    """The zone of `now` where it has a real one; for UTC (a server's clock) the machine's (None)."""
    return None if now.tzinfo in (None, UTC) else now.tzinfo


def _at(day: date, hour: int, minute: int, zone: tzinfo | None, now: datetime) -> datetime:
    whole, clock = (day + timedelta(days=1), time()) if hour == 24 else (day, time(hour, minute))
    naive = datetime.combine(whole, clock)
    # astimezone() of a naive time knows the machine's rules for summer time on that day.
    return (naive.replace(tzinfo=zone) if zone is not None else naive.astimezone()).astimezone(UTC)
