"""Daily mixes as they are stored: by week, and days of an older form taken over."""

from __future__ import annotations

import msgspec

from processors.ledgers.audience import KEEP_DAYS, WEEK, Audience, Row
from processors.panes import DAY


def filled(first: int, last: int) -> Audience:
    ledger = Audience()
    for day in range(first, last):
        ledger.load(str(day), msgspec.msgpack.encode(Row(day)))
    return ledger


def test_days_are_stored_by_week_and_old_fields_go() -> None:
    ledger = filled(21 * WEEK - 2, 21 * WEEK + 3)
    stored = dict(ledger.writes())
    fields = {sub: data for sub, data in stored.items() if data is not None}
    assert sorted(fields) == ["w20", "w21"]
    assert sorted(sub for sub, data in stored.items() if data is None) == sorted(map(str, ledger.rows))
    back = Audience()
    for sub, data in fields.items():
        back.load(sub, data)
    assert back.rows == ledger.rows and list(back.writes()) == list(ledger.writes()) == []


def test_a_week_goes_with_its_last_day() -> None:
    first = 21 * WEEK
    ledger = filled(first, first + WEEK + 1)
    list(ledger.writes())
    ledger.trim(float((first + KEEP_DAYS + 3) * DAY))
    ((sub, data),) = ledger.writes()
    assert sub == "w21" and data is not None
    ledger.trim(float((first + KEEP_DAYS + WEEK - 1) * DAY))
    assert list(ledger.writes()) == [("w21", None)]
