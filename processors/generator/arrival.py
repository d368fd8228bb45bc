"""How all records arrive, as a scenario may ask: late and out of order, twice, or (a control) other days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

from processors.generator.draw import bits
from processors.generator.incidents.delivery import received, redated
from processors.generator.influencer import Record
from processors.generator.scenario import Scenario

_DAY: Final = 86_400
_UNIT: Final = 2**32
#: Share of the records that are late at all.
_LATE: Final = 1 / 3


def arriving(records: Iterable[Record], scenario: Scenario) -> Iterator[Record]:
    """The records (in order of time) in order of arrival."""
    if scenario.shuffle_times:
        records = _shuffled(records, scenario)
    if not scenario.late_hours and not scenario.duplicates:
        yield from records
        return
    waiting: list[tuple[float, int, Record]] = []
    for number, record in enumerate(records):
        while waiting and waiting[0][0] <= record.at:
            yield heappop(waiting)[2]
        chance = bits(scenario.seed, f"arrival/{number}")
        late, how, twice, again = (chance >> shift & 0xFFFFFFFF for shift in (0, 32, 64, 96))
        at, value = record.at, record.value
        if scenario.late_hours and late < _LATE * _UNIT:
            at = round(at + 3_600 * scenario.late_hours * how / _UNIT, 3)
            value = received(value.decode(), at).encode()
        arrived = Record(at, record.key, value)
        heappush(waiting, (at, 2 * number, arrived))
        if twice < scenario.duplicates * _UNIT:
            at = round(at + 1 + 7_200 * (again / _UNIT) ** 3, 3)
            heappush(waiting, (at, 2 * number + 1, Record(at, record.key, value)))
    while waiting:
        yield heappop(waiting)[2]


def _shuffled(records: Iterable[Record], scenario: Scenario) -> list[Record]:
    """Every record at its hour of the day, but on any other day: whatever happened is spread evenly."""
    begin, days = scenario.starts_at, scenario.days
    moved = []
    for number, record in enumerate(records):
        day = bits(scenario.seed, f"shuffle/{number}") % days
        at = round(begin + (record.at - begin + day * _DAY) % (days * _DAY), 3)
        moved.append(Record(at, record.key, redated(record.value.decode(), at).encode()))
    moved.sort()
    return moved
