"""Loads of a bad shape: each is the bench's mix of events, bent in one way; totals are counted beside."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random

from processors.generator.bench import bench_events
from processors.generator.render import stamp
from streams.sending import Timed
from tests.faults.load import BAD, Load, make

_START = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
_HOUR = 3_600.0
_DAY_S = 24 * _HOUR


def _events(count: int, influencers: int = 200) -> Iterator[Timed]:
    return bench_events(count, start=_START, stretch_s=_DAY_S, influencers=influencers)


def poison(count: int, partitions: int, seed: int) -> Load:
    """Every tenth record cannot be read: whatever a batch holds, one stands in its middle."""
    load, rng = Load(partitions, ends=[0] * partitions), Random(seed)
    for number, record in enumerate(_events(count)):
        load.add(record, "counted")
        if number % 9 == 8:
            load.add((record[0], record[1], rng.choice(BAD)), "rejected")
    return load


def late(count: int, partitions: int, seed: int) -> Load:
    """In the midst of the day a batch comes, a fifth of all, whose events happened 36 hours before."""
    load = Load(partitions, ends=[0] * partitions)
    events = list(_events(count))
    middle = count // 2 + Random(seed).randrange(count // 10)
    for record in events[:middle]:
        load.add(record, "counted")
    now = events[middle][0]
    for number, (at, key, value) in enumerate(events[: count // 5]):
        event = json.loads(value)
        event |= {"event_id": f"late/{number}", "occurred_at": stamp(at - 36 * _HOUR)}
        load.add((now, key, json.dumps(event).encode()), "counted")
    for record in events[middle:]:
        load.add(record, "counted")
    return load


def duplicates(count: int, partitions: int, seed: int) -> Load:
    """Half of the records are repeats: each is sent once more, up to a thousand records later."""
    load, rng = Load(partitions, ends=[0] * partitions), Random(seed)
    waiting: list[tuple[int, int, Timed]] = []
    for number, record in enumerate(_events(count)):
        load.add(record, "counted")
        heapq.heappush(waiting, (number + rng.randrange(1_000), number, record))
        while waiting and waiting[0][0] <= number:
            load.add((record[0], *heapq.heappop(waiting)[2][1:]), "duplicate")
    for _, _, repeated in waiting:
        load.add(repeated, "duplicate")
    return load


def reordered(count: int, partitions: int, seed: int) -> Load:
    """Each record comes up to six hours after it happened, so that nothing is in order."""
    load, rng = Load(partitions, ends=[0] * partitions), Random(seed)
    arrivals = [(record[0] + rng.uniform(0, 6 * _HOUR), *record[1:]) for record in _events(count)]
    for record in sorted(arrivals, key=lambda one: one[0]):
        load.add(record, "counted")
    return load


def skewed(count: int, partitions: int, seed: int) -> Load:
    """Nineteen of twenty events are one influencer's, all on one partition."""
    load, rng = Load(partitions, ends=[0] * partitions), Random(seed)
    star = b""
    for at, key, value in _events(count):
        star = star or key
        event = json.loads(value)
        if rng.random() < 0.95 and event["influencer_id"] == key.decode():
            event["influencer_id"], key = star.decode(), star
            value = json.dumps(event).encode()
        load.add((at, key, value), "counted")
    return load


def story(count: int, partitions: int, seed: int) -> Load:
    """The demo's planted story, in which an alert fires; then a mix with some of everything."""
    return make(count, partitions, story=True, seed=seed)


def mix(count: int, partitions: int, seed: int) -> Load:
    """Some bad, repeated, late, undone and very old ones among good events."""
    return make(count, partitions, seed=seed)


def heavy(count: int, partitions: int, seed: int) -> Load:
    """Many plain events, made fast, within a day."""
    return _plain(count, partitions, seed, _DAY_S)


def quarter(count: int, partitions: int, seed: int) -> Load:
    """Plain events over 90 days."""
    return _plain(count, partitions, seed, 90 * _DAY_S)


def _plain(count: int, partitions: int, seed: int, stretch_s: float) -> Load:
    load = Load(partitions, ends=[0] * partitions)
    for record in bench_events(count, start=_START, stretch_s=stretch_s, seed=seed, influencers=200):
        load.add(record, "counted")
    return load


SHAPES: dict[str, Callable[[int, int, int], Load]] = {
    shape.__name__: shape
    for shape in (mix, story, poison, late, duplicates, reordered, skewed, heavy, quarter)
}
