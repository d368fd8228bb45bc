"""One influencer's outcome as a few numbers: what measures are summed from, and resampled over.

tally(case_name, influencer, matched, ...) -> Tally
"""

from __future__ import annotations

from array import array
from typing import Final

import msgspec

from processors.evaluation.drive import Alert
from processors.evaluation.inputs import NEGATIVE, Truth
from processors.evaluation.matching import ALSO, FALSE, REPEAT, TRUE, Matched

MONTH_S: Final = 30 * 86_400
CLEAN, NEGATIVES, INCIDENTS = "clean", "negatives", "incidents"


class Outcome(msgspec.Struct, frozen=True):
    """An incident: found or not."""

    type: str
    found: bool
    delay_h: float | None
    delay_events: int | None
    delay_share: float | None  # of the allowed one


class Tally(msgspec.Struct):
    """One influencer of one directory."""

    case: str
    influencer: str
    tier: str
    group: str  # clean, negatives (at least one, no incident), incidents
    months: float
    outcomes: list[Outcome] = []
    negatives: list[tuple[str, bool]] = []
    true: int = 0
    false: int = 0  # after merging
    repeats: int = 0  # after merging; also-signals included
    wrong: int = 0  # of the false ones
    after_end: int = 0  # repeats that are none only because the allowed delay outlasts the incident
    false_in_negatives: int = 0
    false_by_signal: dict[str, int] = {}
    named: int = 0  # actors that true alerts name
    named_right: int = 0
    actors: int = 0  # of the incidents found by alerts that name actors


def tally(
    case: str,
    influencer: str,
    tier: str,
    months: float,
    matched: Matched,
    times: array[float],
    hashed: dict[str, str],
) -> Tally:
    """Sum up one influencer. `times`: occurred_at of its events; `hashed`: actor id -> name in alerts."""
    out = Tally(case, influencer, tier, _group(matched), months)
    for found in matched.incidents:
        truth, delay = found.truth, found.delay_s
        if delay is None or found.alert is None:
            out.outcomes.append(Outcome(truth.type, False, None, None, None))
            continue
        between = sum(1 for at in times if truth.onset <= at <= found.alert.at)
        share = delay / truth.allowed_s if truth.allowed_s else None
        out.outcomes.append(Outcome(truth.type, True, delay / 3_600, between, share))
        _actors(out, truth, found.alert, hashed)
    out.negatives = [(line.type.removeprefix(NEGATIVE), hit) for line, hit in matched.negatives]
    for judged in matched.judged:
        if judged.verdict == TRUE:
            out.true += 1
        elif judged.merged:
            continue
        elif judged.verdict in (REPEAT, ALSO):
            out.repeats += 1
            out.after_end += judged.incident is not None and judged.alert.at > judged.incident.end
        elif judged.verdict == FALSE:
            out.false += 1
            out.wrong += judged.wrong_signal
            out.false_in_negatives += judged.incident is not None and judged.incident.negative
            signal = judged.alert.signal
            out.false_by_signal[signal] = out.false_by_signal.get(signal, 0) + 1
    return out


def _group(matched: Matched) -> str:
    return INCIDENTS if matched.incidents else NEGATIVES if matched.negatives else CLEAN


def _actors(out: Tally, truth: Truth, alert: Alert, hashed: dict[str, str]) -> None:
    if not alert.actors or not truth.actors:
        return
    real = set(truth.actors) | {hashed[actor] for actor in truth.actors if actor in hashed}
    out.named += len(set(alert.actors))
    out.named_right += len(real & set(alert.actors))
    out.actors += len(set(truth.actors))
