"""Partnership health: `health(signals: Mapping[str, Score]) -> Score`, and `pulls(before, after)`.

    health = 100 * prod_p (max(.01, value_p / 100)) ^ (w_p / sum w)

over the parts that are measurable: interaction quality without genuineness, audience fit and authenticity .2
each, connection .25, relationship and all_in .075 each. At least SHARE_NEEDED of the weight of the signals
that this method version computes must be measurable. Two times are compared only over parts measurable at
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from typing import Final

from processors.scores import Score
from processors.signals.stats import geometric

NAME: Final = "health"
WINDOW: Final = "D7"
WEIGHTS: Final = {
    "interaction_quality": 0.2, "audience_fit": 0.2, "authenticity": 0.2, "connection": 0.25,
    "relationship": 0.075, "all_in": 0.075,
}  # fmt: skip
SHARE_NEEDED: Final = 0.6
FLOOR: Final = 0.01


def health_parts(signals: Mapping[str, Score]) -> dict[str, Score]:
    """Per health part the score that goes in: a signal itself, interaction quality without its
    genuineness."""
    parts: dict[str, Score] = {}
    for name, score in signals.items():
        if name not in WEIGHTS:
            continue
        parts[name] = (
            score.parts.get("without_genuineness", score) if name == "interaction_quality" else score
        )
    return parts


def health(signals: Mapping[str, Score]) -> Score:
    """Health over the signals given (those that this method version computes).

    The baseline is the same mean over the parts' baselines, and only there if each measurable part has one,
    so that value and baseline always rest on the same parts."""
    parts = health_parts(signals)
    used: list[tuple[float, float, float, float]] = []
    weight = computed = n = base = 0.0
    complete = True
    for name, part in parts.items():
        w = WEIGHTS[name]
        computed += w
        if part.value is None or part.lo is None or part.hi is None:
            continue
        weight += w
        n = part.n if not used else min(n, part.n)
        used.append((w, part.value / 100, part.lo / 100, part.hi / 100))
        if part.baseline is None:
            complete = False
        else:
            base += w * log(max(part.baseline / 100, FLOOR))
    baseline = 100 * exp(base / weight) if used and complete else None
    if not used or weight < SHARE_NEEDED * computed - 1e-9:
        missing = ", ".join(name for name, part in parts.items() if part.value is None)
        share = weight / computed if computed else 0.0
        why = f"only {share:.0%} of the weight is measurable (missing: {missing})"
        return Score(None, n, None, None, baseline, WINDOW, False, why, parts)
    value, lo, hi = geometric(used, FLOOR)
    return Score(100 * value, n, 100 * lo, 100 * hi, baseline, WINDOW, True, None, parts)


def pulls(before: Mapping[str, float | None], after: Mapping[str, float | None],
          weights: Mapping[str, float], floor: float = FLOOR) -> dict[str, float]:  # fmt: skip
    """How much each part pulled a weighted geometric mean between two times, as a share of the log.

    Values in [0, 1] on one scale at both times; only parts with a value at both count, their weights
    renormalised. pull_p = w_p / sum w * log(after_p / before_p): negative pulls down, and all pulls sum to
    the log of the ratio of the two means (-0.31 is a fall of 1 - e^-.31 = 27 % through this part).
    """
    both = {
        name: (b, a) for name in weights
        if (b := before.get(name)) is not None and (a := after.get(name)) is not None
    }  # fmt: skip
    total = sum(weights[name] for name in both)
    return {name: weights[name] / total * log(max(a, floor) / max(b, floor)) for name, (b, a) in both.items()}


def health_pulls(before: Mapping[str, Score], after: Mapping[str, Score]) -> dict[str, float]:
    """Which signal pulled health by how much, between two sets of scores (`evaluate`'s second value)."""

    def shares(signals: Mapping[str, Score]) -> dict[str, float | None]:
        return {name: None if s.value is None else s.value / 100 for name, s in health_parts(signals).items()}

    return pulls(shares(before), shares(after), WEIGHTS)
