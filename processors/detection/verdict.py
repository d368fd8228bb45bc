"""What a rule says about one signal at one boundary, as plain frozen values (msgspec Structs: cheap to
make)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from processors.scores import Score

#: Deviations from the reference beyond which a drop is believed: one in 4,300 by chance for a single look.
K: Final = 3.5
#: Beyond so many, and with a large change, it is critical.
K_CRITICAL: Final = 5.0


class CausePart(msgspec.Struct, frozen=True):
    """A part that moved. `pull`: its share of the log of value / baseline; all parts' pulls sum to that
    log."""

    part: str
    before: float
    after: float
    pull: float


class Considered(msgspec.Struct, frozen=True):
    """An explanation that was weighed, with the numbers that decided."""

    kind: str
    accepted: bool
    why: str
    by_snapshot: bool = False  # the hourly snapshot of all influencers says so


class Verdict(msgspec.Struct, frozen=True):
    """A rule's answer. `breached` asks for an alert; whether one comes is up to the life cycle.

    reason: "drop", "answer_gap" (breached); "steady", "warming_up" (no reference), "not_measurable",
    "posting_pause", "surge", "explained", "away", "too_few_actors".
    effect: relative change of what was tested, on raw counts (-0.8: four fifths are gone); recovery looks at
    it. change: relative change of the signal as shown, (value - baseline) / baseline.
    evidence_key: acts ever counted that bear on this rule; `evidence_needed` more of them than at the start
    of pending confirm it.
    """

    signal: str
    rule: str
    breached: bool
    recovered: bool
    severity: str | None
    measurable: bool
    reason: str
    effect: float = 0.0
    change: float | None = None
    z: float = 0.0
    value: float | None = None
    baseline: float | None = None
    n: float = 0.0
    lo: float | None = None
    hi: float | None = None
    window: str | None = None
    cause: tuple[CausePart, ...] = ()
    evidence_key: int = 0
    evidence_needed: int = 10
    explainers: tuple[Considered, ...] = ()
    note: str | None = None
    subject: str = ""  # the cause, or what an event alert is about
    actors: int | None = None  # how many accounts the finding rests on
    actor_ids: tuple[int, ...] = ()  # keyed hashes of some of them, the lower 32 bits count
    snapshot_id: str | None = None  # of the snapshot of all influencers that it rests on
    event_ids: tuple[str, ...] = ()  # evidence; empty: the newest own posts stand in
    summary: str | None = None  # the sentence, where the tables of `message` do not do
    advice: str | None = None


class Finding(msgspec.Struct, frozen=True):
    """What a test found, before explanations are weighed. `held`: why it must not speak now."""

    measurable: bool
    breached: bool = False
    effect: float = 0.0
    z: float = 0.0
    critical: bool = False
    recovered: bool = False
    reason: str = "steady"
    cause: tuple[CausePart, ...] = ()
    needed: int = 10
    note: str | None = None
    explainers: tuple[Considered, ...] = ()


def relative_change(score: Score) -> float | None:
    """(value - baseline) / baseline; None where either is missing or the baseline is 0."""
    if score.value is None or not score.baseline:
        return None
    return (score.value - score.baseline) / score.baseline


def causes(
    before: Mapping[str, float], after: Mapping[str, float], share: Mapping[str, float]
) -> tuple[CausePart, ...]:
    """Parts that pulled down, strongest first."""
    parts = [CausePart(name, before[name], after[name], pull) for name, pull in share.items() if pull < -1e-6]
    return tuple(sorted(parts, key=lambda part: part.pull))


def gone(signal: str, rule: str, subject: str) -> Verdict:
    """The verdict on what an event alert was about and nobody speaks of any more: it resolves."""
    return Verdict(
        signal=signal, rule=rule, subject=subject, breached=False, recovered=True, severity=None,
        measurable=True, reason="over", evidence_needed=0,
    )  # fmt: skip
