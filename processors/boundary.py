"""One partnership at one boundary of event time: signals, reference, rules, alert states, reading.

Everything that comes of it is gathered here until the next fenced write: readings for the topic, the newest
reading for Redis, alert transitions for the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from processors import alerting, history
from processors.alerting import LIVE, Round, Side, compared, sides_of
from processors.beside import beside
from processors.book import NO_BRAND, Acts
from processors.crossing import source_silent, take, taken_by
from processors.detection.lifecycle import Transition
from processors.detection.look import Look
from processors.detection.message import build
from processors.detection.naming import with_actors
from processors.detection.verdict import Verdict
from processors.engaged import effective, sample_of
from processors.forgetting import forget_due
from processors.influencer import Influencer
from processors.ledgers.audience import Audience
from processors.panes import DAY, HOUR
from processors.readings import packed, reading
from processors.records import Config
from processors.refreezing import warming_up, with_reference
from processors.rules import RuleBook
from processors.scores import Score
from processors.signals import HOURLY
from processors.signals.inputs import SignalInput
from processors.snapshot import TOPICS, Facts, Snapshot
from processors.state.layout import PartitionKeys
from processors.state.store import Write
from processors.tiers import UNKNOWN, tier
from processors.untold import Untold
from processors.windows import signal_input
from schemas import Partnership

#: Own posts named as evidence in an alert.
EVIDENCE = 5
#: Transitions kept for comparing live and shadow rules, of one partition.
COMPARED = 2_000
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Shown:
    """What metrics show of a partnership; None: not measurable."""

    brand: str
    influencer: str
    tier: str
    platform: str
    health: float | None
    signals: dict[str, float | None]
    firing: int = 0  # alerts


@dataclass(slots=True)
class Outbound:
    """What evaluation gathered since the last fenced write."""

    readings: list[tuple[str, bytes, int]] = field(default_factory=list)  # partnership, JSON, epoch s
    transitions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # influencer, contract alert
    newest: dict[str, tuple[bool, bytes]] = field(default_factory=dict)  # partnership -> (unpartnered, JSON)
    histories: dict[str, bytes] = field(default_factory=dict)  # partnership -> packed history
    shown: dict[str, Shown] = field(default_factory=dict)  # by partnership
    compared: list[dict[str, Any]] = field(default_factory=list)  # with shadow rules: of both sets


class Evaluator:
    """Evaluates partnerships."""

    def __init__(
        self,
        config: Config | None = None,
        acts: Acts | None = None,
    ) -> None:
        self.out = Outbound()
        #: What crosses influencers, as last read; and what parts of it tell of those evaluated here.
        self.snapshot: Snapshot | None = None
        self.facts: dict[str, Facts] = {}
        self.heard: Mapping[str, int] = {}  # source -> its newest event in this partition, epoch s
        self._config = config or Config()
        self._acts = acts or Acts()
        #: May be exchanged at any time: what was not evaluated yet is judged after the new ones.
        self.rules: RuleBook = self._config.rules or RuleBook()
        self.shadow_rules: RuleBook | None = self._config.shadow_rules

    def evaluate(self, inf: Influencer, partnership: Partnership, at: int) -> None:
        """Evaluate at boundary `at` (epoch s, multiple of 300)."""
        pid = partnership.partnership_id
        slow = inf.slow.get(pid) if self._config.readings else None
        known = slow[1] if slow is not None and slow[0] // HOUR == at // HOUR else None
        look = Look(partial(self._input, inf, partnership, at), known=known)
        unpartnered = partnership.brand_id == NO_BRAND
        take(inf, self.snapshot, at)
        if self._acts.forgotten and at % HOUR == 0:
            forget_due(inf, self._acts.forgotten, at)
        if not unpartnered or self._config.rules_for_all:
            self._rules(inf, look, partnership, at)
        if self._config.readings:
            self._reading(inf, look, unpartnered)
            if known is None:
                inf.keep_slow(pid, at, {name: look.score(name) for name in HOURLY})

    def _reading(self, inf: Influencer, look: Look, unpartnered: bool) -> None:
        inp = look.inp
        partnership, at = inp.partnership, inp.at
        signals = dict(look.scores)
        health = signals.pop("health")
        taken = taken_by(inf, at)
        body = reading(
            partnership, inp.followers, at, health, beside(signals, taken) if taken is not None else signals,
            complete=True, corrected=inf.meta.corrected, warming_up=warming_up(inf, inp),
            snapshot_id=taken.snapshot_id if taken is not None else None, source=inf.meta.source or None,
            source_age_s=self._age(inf, at),
        )  # fmt: skip
        pid = partnership.partnership_id
        self.out.readings.append((pid, body, at))
        self.out.newest[pid] = (unpartnered, body)
        if unpartnered:
            return
        values = {name: score.value for name, score in signals.items()}
        self.out.shown[pid] = Shown(
            partnership.brand_id, inf.id, tier(inp.followers), inf.meta.source or UNKNOWN, health.value,
            values, alerting.firing_of(inf, pid),
        )  # fmt: skip
        if at % HOUR == 0:
            inf.histories[pid] = self.out.histories[pid] = history.grown(
                inf.histories.get(pid), at, health, signals
            )
            inf.mark(f"sp:{pid}")
            self.facts[inf.id] = facts_of(inf, inp, signals, self.facts.get(inf.id))

    def _age(self, inf: Influencer, at: int) -> int | None:
        """Seconds since the newest event of the influencer's source."""
        newest = self.heard.get(inf.meta.source)
        return None if newest is None else max(0, at - newest)

    def provisional(self, inf: Influencer, partnership: Partnership, at: int) -> bytes:
        """A reading up to now, with the running panes. Rules do not look at it."""
        slow = inf.slow.get(partnership.partnership_id)
        look = Look(
            self._aware(inf, signal_input(inf, partnership, at, provisional=True)),
            known=slow[1] if slow is not None else None,
        )
        signals = dict(look.scores)
        health = signals.pop("health")
        taken = taken_by(inf, at)
        body = reading(
            partnership, inf.meta.followers, at, health,
            beside(signals, taken) if taken is not None else signals, complete=False,
            warming_up=warming_up(inf, look.inp),
            snapshot_id=taken.snapshot_id if taken is not None else None, source=inf.meta.source or None,
            source_age_s=self._age(inf, at),
        )  # fmt: skip
        self.out.newest[partnership.partnership_id] = (partnership.brand_id == NO_BRAND, body)
        return body

    def _input(self, inf: Influencer, partnership: Partnership, at: int) -> SignalInput:
        """The input, with a reference frozen on the way when one is due."""
        accepted = self._acts.accepted.get(partnership.partnership_id, 0.0)
        return self._aware(inf, with_reference(inf, partnership, at, accepted, self.snapshot))

    def _aware(self, inf: Influencer, inp: SignalInput) -> SignalInput:
        """The input with what the influencer's source cannot tell."""
        untold: Untold | None = self._config.untold.get(inf.meta.source)
        return inp if untold is None else replace(inp, untold=untold)

    def _rules(self, inf: Influencer, look: Look, partnership: Partnership, at: int) -> None:
        """Ask every rule at `at`, under the live rules and under shadow rules where there are any."""
        live, shadow = self.rules, self.shadow_rules
        by_tier = live.by_tier or (shadow is not None and shadow.by_tier)
        size = tier(inf.meta.followers) if by_tier else UNKNOWN
        other = None if shadow is None else shadow.rules(partnership, size)
        sides = sides_of(inf, partnership.partnership_id, live.rules(partnership, size), other)
        # While nothing comes from its source, the silence is the source's: one alert of operations tells it.
        quiet = source_silent(inf.ledgers) > 0

        def told(side: Side, transition: Transition, verdict: Verdict, look: Look) -> None:
            if other is not None:
                self.out.compared.append(compared(side, transition, verdict, partnership))
            if side.name == LIVE:
                self._told(inf, transition, verdict, look.inp)

        Round(inf, look, at, sides, quiet, told).run()

    def _told(self, inf: Influencer, transition: Transition, verdict: Verdict, inp: SignalInput) -> None:
        alert = build(
            transition, with_actors(verdict, inp), inp, event_ids=_evidence(inp), actors=_actors(inp),
            snapshot_id=_named(inp, verdict),
        )  # fmt: skip
        self.tell(inf.id, alert)

    def tell(self, influencer: str, alert: dict[str, Any]) -> None:
        """An alert's transition goes out with the next fenced write."""
        self.out.transitions.append((influencer, alert))

    def write(self, write: Write, keys: PartitionKeys) -> None:
        """Add what was gathered to the fenced write."""
        for unpartnered, key in ((False, keys.readings), (True, keys.readings_none)):
            fields: list[bytes | str | int] = []
            for pid, (none, body) in self.out.newest.items():
                if none is unpartnered:
                    fields += (pid, packed(body))
            if fields:
                write.add("HSET", key, fields)
        histories: list[bytes | str | int] = []
        for pid, packed_rows in self.out.histories.items():
            histories += (pid, history.health_of(packed_rows))
        if histories:
            write.add("HSET", keys.spark, histories)
        for _, alert in self.out.transitions:
            body = _encode(alert)
            write.add("XADD", keys.outbox, ["*", "alert", body])
            write.add("HSET", keys.alerts, [alert["fingerprint"], body])
        for line in self.out.compared:
            write.add("XADD", keys.shadow, ["MAXLEN", "~", COMPARED, "*", "alert", _encode(line)])

    def written(self) -> None:
        """The write stands: start over."""
        self.out.readings.clear()
        self.out.transitions.clear()
        self.out.newest.clear()
        self.out.histories.clear()
        self.out.shown.clear()
        self.out.compared.clear()


def _evidence(inp: SignalInput) -> list[str]:
    """Event ids of the newest own posts: what can be looked up. Ids of the audience's acts often carry the
    actor's id, which state must not hold."""
    return [post.event_id for post in inp.posts[-EVIDENCE:] if post.event_id]


def _actors(inp: SignalInput) -> int | None:
    """Distinct actors of D28, scaled up from the sample."""
    sample = inp.actors_d28
    return round(sample.actors / sample.rate) if sample.actors else None


def _named(inp: SignalInput, verdict: Verdict) -> str | None:
    """Id of the snapshot where the finding rests on it or is explained by it."""
    if verdict.snapshot_id is not None:
        return verdict.snapshot_id
    if inp.snapshot is None or not any(c.accepted and c.by_snapshot for c in verdict.explainers):
        return None
    return inp.snapshot.id


def facts_of(inf: Influencer, inp: SignalInput, signals: dict[str, Score], old: Facts | None) -> Facts:
    """What the hourly snapshot tells of an influencer; what takes long is looked at once a day."""
    quality = signals["interaction_quality"].parts.get("quality_rate")
    reply = signals["connection"].parts.get("reply_rate")
    size, topics = (None, {}) if old is None else (old.effective, old.topics)
    if old is None or inp.at % DAY == 0:
        target = inp.partnership.target_audience
        size = effective(sample_of(inf.actors, inp.at // DAY), target).value
        ledger = inf.ledgers.get(Audience.name)
        mix = ledger.mix(inp.at - 28 * DAY, inp.at, "topics") if isinstance(ledger, Audience) else {}
        most = sorted(mix.items(), key=lambda item: (-item[1], item[0]))[:TOPICS]
        topics = {topic: round(acts) for topic, acts in most if acts >= 1}
    return Facts(
        size, signals["audience_fit"].value, quality.value if quality is not None else None,
        reply.value if reply is not None else None, topics,
    )  # fmt: skip


def firing(inf: Influencer) -> int:
    """How many alerts of the influencer's partnerships fire, under the live rules."""
    return alerting.firing(inf)
