"""The live path over a file: decode, fold, boundaries, detection, alerts, with state in this process.

    drive(case: Case, feed: Feed, on_progress=None) -> Run

The same `Partition` as in the worker, written through the same fence (processors/state/memory_store). Only
two things differ: readings are not made, as nobody reads them, and rules also look at influencers whom
nobody has a partnership with.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from processors.actors import ActorHasher
from processors.book import Book, implicit
from processors.evaluation.feed import Feed, Rec
from processors.evaluation.inputs import Case
from processors.partition import Partition
from processors.records import Config
from processors.rules.book import RuleBook
from processors.signals import evaluate
from processors.snapshot import merge
from processors.state.layout import PartitionKeys
from processors.state.memory_store import MemoryStore
from processors.state.store import Answer
from processors.tiers import tier
from processors.windows import signal_input

HOUR, DAY = 3_600, 86_400
WEEK = 7 * DAY
#: Records between two looks at the clock; event time between two writes; how long the clock runs on when the
#: events are over, so that what is overdue by then is seen. Scores are taken once a week.
_CHUNK = 512
_WRITE_S = 6 * HOUR
_IDLE_S = 6 * HOUR
_COLLECT = 50_000, 20, 50
HASHER_KEY = b"rapport evaluate"
_MOST_PROBLEMS = 20


class Alert(msgspec.Struct, frozen=True):
    """An alert that fired. `at` is what people are shown, epoch s."""

    at: float
    influencer: str
    signal: str
    rule: str = ""
    subject: str = ""
    severity: str = ""
    partnership: str = ""
    summary: str = ""
    value: float | None = None
    baseline: float | None = None
    parts: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()  # keyed hashes or ids, where the alert names them


class Run(msgspec.Struct):
    """What the live path made of a file."""

    alerts: list[Alert]
    scores: dict[
        str, dict[str, list[tuple[float, float]]]
    ]  # influencer -> signal -> (epoch s, value), weekly
    tiers: dict[str, str]
    totals: dict[str, int]
    problems: list[str]  # the first lines that were rejected
    ends_at: float
    compared: list[dict[str, Any]] = []  # with shadow rules: transitions of both sets, in short


def drive(
    case: Case,
    feed: Feed,
    on_progress: Callable[[int], None] | None = None,
    *,
    rules: RuleBook | None = None,
    shadow_rules: RuleBook | None = None,
) -> Run:
    """Run the file's events through the core. `on_progress(records since the last call)`. Without `rules` the
    detectors' own hold; with `shadow_rules` both are scored, and `Run.compared` tells what came of each."""
    return _Driver(case, feed, rules, shadow_rules).run(on_progress)


class _Driver:
    def __init__(
        self, case: Case, feed: Feed, rules: RuleBook | None = None, shadow_rules: RuleBook | None = None
    ) -> None:
        self.case, self.feed = case, feed
        self.book = Book(case.partnerships)
        self.store = MemoryStore()
        self.keys = PartitionKeys("evaluate", "events", 0)
        self.partition = Partition(
            self.keys, self.book, ActorHasher(HASHER_KEY),
            Config(
                enriched=False, readings=False, rules_for_all=True, rules=rules, shadow_rules=shadow_rules
            ),
        )  # fmt: skip
        self.run_ = Run([], {}, {}, {}, [], 0.0)
        self._fired: set[str] = set()
        self._prev, self._next, self._written_at, self._sampled, self._merged = -1, 0, 0.0, 0, 0
        self.loop = asyncio.new_event_loop()

    def run(self, on_progress: Callable[[int], None] | None) -> Run:
        before = gc.get_threshold()
        gc.set_threshold(*_COLLECT)  # as the worker has it: most of what is made is freed by its count
        try:
            claim = self.loop.run_until_complete(self.store.claim(self.keys))
            self.partition.restore(claim, (), ())
            for records in _by_hour(self.feed.records()):
                self._fold(records)
                if on_progress is not None:
                    on_progress(len(records))
            self._finish()
        finally:
            gc.set_threshold(*before)
            self.loop.close()
        return self.run_

    def _fold(self, records: list[Rec]) -> None:
        partition = self.partition
        decoded = partition.decode(records)
        for name in partition.missing(decoded):
            self._meet(name)
        partition.fold(decoded, records[0].timestamp // 3_600_000)
        self._next = records[-1].offset + 1
        if (hour := int(partition.clock) // HOUR) > self._merged:
            self._merged = hour
            partition.evaluator.snapshot = merge((partition.part(),), partition.evaluator.snapshot)
        if partition.clock >= self._written_at + _WRITE_S or partition.crowded:
            self._write()

    def _meet(self, name: str) -> None:
        if not self.book.of(name):
            self.book.put(implicit(name))
        self.partition.load(name, {}, b"")
        self.partition.watched |= {name}

    def _write(self) -> None:
        partition = self.partition
        for influencer, alert in partition.evaluator.out.transitions:
            self._transition(influencer, alert)
        self.run_.compared += partition.evaluator.out.compared
        for record, rejected in partition.out.rejected:
            if len(self.run_.problems) < _MOST_PROBLEMS:
                fault = rejected.errors[0]
                what = f"{fault.field or 'as a whole'}: {fault.message} ({rejected.reason})"
                self.run_.problems.append(f"{self.feed.path}: line {record.offset}: {what}")
        write = partition.write(self._prev, self._next)
        answer, _ = self.loop.run_until_complete(self.store.apply(self.keys, write))
        if answer is not Answer.OK:
            raise RuntimeError(f"the fence of the evaluation answered {answer}")
        self.store.streams.clear()  # the outbox: nobody relays it here
        partition.written()
        self._prev, self._written_at = self._next, partition.clock
        week = int(partition.clock) // WEEK
        if week > self._sampled:
            self._sampled = week
            self._sample()

    def _transition(self, influencer: str, alert: dict[str, Any]) -> None:
        if alert["state"] != "firing" or alert["alert_id"] in self._fired or not influencer:
            return
        self._fired.add(alert["alert_id"])
        evidence = alert.get("evidence") or {}
        self.run_.alerts.append(Alert(
            datetime.fromisoformat(alert["at"]).timestamp(), influencer, alert["signal"], alert["rule"],
            alert.get("subject") or "", alert.get("severity") or "", alert["partnership_id"],
            alert.get("summary") or "", alert.get("value"), alert.get("baseline"),
            tuple(str(cause["part"]) for cause in alert.get("cause") or ()),
            tuple(map(str, evidence.get("actor_ids") or ())),
        ))  # fmt: skip

    def _sample(self) -> None:
        """Everybody's scores now: for rank correlation and steadiness, not for alerts."""
        for name, inf in self.partition.influencers.items():
            at = inf.meta.evaluated // HOUR * HOUR
            if not inf.meta.first_at or at < inf.meta.first_at:
                continue
            health, signals = evaluate(signal_input(inf, self.book.of(name)[0], at))
            kept = self.run_.scores.setdefault(name, {})
            for signal, score in {**signals, "health": health}.items():
                if score.value is not None:
                    kept.setdefault(signal, []).append((float(at), score.value))

    def _finish(self) -> None:
        partition = self.partition
        ends_at = partition.clock
        # In steps, as the worker's clock goes on: a step of hours would be taken for a gap.
        for step in range(1, _IDLE_S // 300 + 1):
            partition.idle(ends_at + step * 300)
        self._write()
        self._sample()
        run = self.run_
        run.ends_at = ends_at
        run.totals = {name: getattr(partition.totals, name) for name in partition.totals.__dataclass_fields__}
        known = self.case.meta.tiers
        run.tiers = {n: known.get(n) or tier(i.meta.followers) for n, i in partition.influencers.items()}


def _by_hour(records: Iterable[Rec]) -> Iterator[list[Rec]]:
    """Slices of records that came in the same hour."""
    rest = iter(records)
    part: list[Rec] = []
    hour = -1
    while chunk := list(islice(rest, _CHUNK)):
        for record in chunk:
            if (now := record.timestamp // 3_600_000) != hour and part:
                yield part
                part = []
            hour = now
            part.append(record)
    if part:
        yield part
