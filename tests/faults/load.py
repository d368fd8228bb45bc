"""Load with known totals: the demo's planted story, then a bench mix; bad, repeated and very old ones in it.

The same seed gives the same bytes. What the checker needs to know of a load is counted here, from the records
as they are made, and not by the code under test.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec

from processors.generator.bench import bench_events
from processors.generator.demo import demo
from processors.generator.render import stamp
from processors.state.layout import partition_of
from streams.sending import Timed

_NOW = datetime(2026, 6, 1, tzinfo=UTC)
_DAY = 86_400
_LIVE_DAYS = 12  # of the story, after its quiet past: sol.cooks falls silent, the alert fires within three
_BENCH_S = 4 * 3_600
_INFLUENCERS = 300
BAD = (b"not json", b'{"event_id": 7}', b"\xff\xfe", b"[" * 500, b'{"event_id":"x","kind":"wave"}')


class _Fact(msgspec.Struct):
    influencer_id: str
    kind: str


_fact = msgspec.json.Decoder(_Fact).decode


@dataclass(slots=True)
class Load:
    """Records in order, and what must come of them."""

    partitions: int
    key: tuple[str, int, int] = ("", 0, 0)  # shape, count and seed that make it again
    records: list[Timed] = field(default_factory=list)
    partnerships: list[dict[str, Any]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    lifetime: dict[str, Counter[str]] = field(default_factory=dict)  # influencer -> kind -> events
    ends: list[int] = field(default_factory=list)  # records by partition
    enriched: set[bytes] = field(default_factory=set)  # "<partition>-<offset>" of what is counted or expired

    def add(self, record: Timed, outcome: str) -> None:
        """Append a record whose outcome is known."""
        partition = partition_of(record[1], self.partitions)
        offset = self.ends[partition]
        self.ends[partition] += 1
        self.records.append(record)
        self.outcomes[outcome] += 1
        if outcome in ("counted", "expired"):
            self.enriched.add(b"%d-%d" % (partition, offset))
            fact = _fact(record[2] or b"")
            self.lifetime.setdefault(fact.influencer_id, Counter())[fact.kind] += 1


def make(count: int, partitions: int, *, story: bool = False, seed: int = 1) -> Load:
    """A load of `count` records (one more, if the last was to be spoilt).

    `story`: up to some 34,000 of them tell the demo's, in which one alert fires.
    """
    load = Load(partitions, ends=[0] * partitions)
    rng = Random(seed)
    at = _NOW.timestamp()
    good: Iterator[Timed]
    if story:
        told = demo(_NOW, live_days=_LIVE_DAYS)
        load.partnerships = [dict(item) for item in told.generated.partnerships]
        at = told.ends_at
        past = ((record[0], record[1], record[2]) for record in told.generated.events())
        good = itertools.chain(past, _mix(count, at, rng))
    else:
        good = _mix(count, at, rng)
    sent: list[Timed] = []
    for record in good:
        if len(load.records) >= count:
            break
        load.add(record, "counted")
        _spoil(load, rng, record, sent)
    return load


def _spoil(load: Load, rng: Random, record: Timed, sent: list[Timed]) -> None:
    """Now and then a repeated, a bad or a very old record after a good one."""
    at, key, value = record
    draw = rng.random()
    if draw < 0.01:
        sent.append(record)
    elif draw < 0.02 and sent:
        _, old_key, old_value = sent[rng.randrange(len(sent))]
        load.add((at, old_key, old_value), "duplicate")
    elif draw < 0.025:
        load.add((at, key, rng.choice(BAD)), "rejected")
    elif draw < 0.027 and value is not None and len(load.records) > 1_000:
        event = json.loads(value)
        event |= {"event_id": f"{event['event_id']}/old", "occurred_at": stamp(at - 500 * _DAY)}
        load.add((at, key, json.dumps(event).encode()), "expired")


def _mix(count: int, start: float, rng: Random) -> Iterator[Timed]:
    """The bench's events, with undos, late ones, and threads that go on after the influencer's answer."""
    likes: list[dict[str, Any]] = []
    number = 0
    for at, key, value in bench_events(count, start=start, stretch_s=_BENCH_S, influencers=_INFLUENCERS):
        draw = rng.random()
        yield at, key, value
        if draw > 0.06:
            continue
        number += 1
        event = json.loads(value)
        if draw < 0.02 and event["kind"] in ("like", "comment"):
            likes.append(event)
        elif draw < 0.03 and likes:
            undone = likes.pop(rng.randrange(len(likes)))
            again = {**undone, "event_id": f"undo/{number}", "op": "undo", "occurred_at": stamp(at)}
            if number % 2:
                again["undoes"] = undone["event_id"]
            yield at, undone["influencer_id"].encode(), json.dumps(again).encode()
        elif draw < 0.04:
            late = stamp(at - rng.choice((90, 400, 4_000, 90_000, 4_000_000)))
            event |= {"event_id": f"late/{number}", "occurred_at": late}
            yield at, key, json.dumps(event).encode()
        elif event["kind"] == "reply":
            for turn in range(2):  # two come back on the same answer: one thread has become two-way
                yield at, key, json.dumps(_back(event, f"back/{number}/{turn}", at)).encode()


def _back(answer: dict[str, Any], event_id: str, at: float) -> dict[str, Any]:
    return {
        "event_id": event_id, "source": answer["source"], "kind": "reply", "occurred_at": stamp(at),
        "influencer_id": answer["influencer_id"], "actor": {"id": f"bluesky:{event_id}"},
        "object_id": event_id,
        "target": {"id": answer["object_id"], "type": "comment"}, "text": "and thanks for that",
    }  # fmt: skip
