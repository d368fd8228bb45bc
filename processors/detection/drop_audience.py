"""The drop tests of audience fit and of health: `fit_drop`, `health_drop`, `(score, inp, ref) -> Finding`.

Raw increments are compared with the frozen reference and its own uncertainty,
    z = (ref - x) / sqrt(phi v(x) + phi v(ref) + tau^2),    breached when z > K and the change is beyond
    delta,
phi the overdispersion measured on the past, tau how far a level wanders within two months without any cause.
The numbers and their why: docs/method.md.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final

from processors.detection.drop_connection import comment_surge, present
from processors.detection.explainers import aftermath, surge
from processors.detection.verdict import K_CRITICAL, Finding, K, causes
from processors.scores import Score
from processors.signals.health import FLOOR, WEIGHTS, pulls
from processors.signals.inputs import Reference, SignalInput
from processors.signals.stats import Z95

FIT_DELTA, FIT_CRITICAL = -0.20, -0.40
FIT_PHI, FIT_TAU = 1.5, 0.045
#: Volume over the usual from which strangers may shift the mix, per window.
SURGE: Final = (("D1", 3.0), ("D7", 2.0), ("D28", 1.4))
HEALTH_DELTA, HEALTH_CRITICAL = -0.15, -0.35
HEALTH_K, HEALTH_TAU = 4.0, 0.06


def fit_drop(score: Score, inp: SignalInput, ref: Reference) -> Finding:
    """Share in the target, over the attributes known both now and at freezing: another set is no change."""
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    variance = 0.0
    for name, (base, base_n) in ref.fit_by.items():
        part = score.parts.get(name)
        if part is None or part.value is None or part.n <= 0 or base_n <= 0:
            continue
        before[name], after[name] = base, part.value
        clipped = min(0.98, max(0.02, base))
        variance += FIT_PHI * clipped * (1 - clipped) * (1 / part.n + 1 / base_n) + FIT_TAU**2
    total = sum(before.values())
    if not before or total <= 0:
        return Finding(False, reason="not_measurable")
    lost = total - sum(after.values())
    z = lost / sqrt(variance)
    effect = -lost / total
    considered = surge(inp, SURGE)
    if not considered.accepted and effect <= FIT_DELTA / 2:
        past = aftermath(inp)
        considered = past if past.accepted else considered
    if considered.accepted and effect <= FIT_DELTA / 2:
        return Finding(True, False, effect, z, reason="surge", explainers=(considered,))
    # On the mean's own scale the pulls are additive; stated as shares of its log so that they sum to it.
    whole = log(max(1 + effect, FLOOR))
    share = {name: whole * (before[name] - after[name]) / lost for name in before} if lost > 0 else {}
    breached = z > K and effect <= FIT_DELTA
    return Finding(
        True, breached, effect, z, breached and effect <= FIT_CRITICAL and z > K_CRITICAL, effect > FIT_DELTA
        / 2, "drop" if breached else "steady", causes(before, after, share), explainers=(considered,),
    )  # fmt: skip


def health_drop(score: Score, inp: SignalInput, ref: Reference) -> Finding:
    """Several parts together, over those measurable now and in the reference."""
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    for name, part in score.parts.items():
        if part.value is not None and part.baseline is not None:
            before[name], after[name] = part.baseline / 100, part.value / 100
    strangers = comment_surge(inp, ref)
    if strangers.accepted or not present(
        inp
    ):  # what connection itself holds back must not speak through health
        before.pop("connection", None)
        after.pop("connection", None)
    if score.value is None or not before:
        return Finding(False, reason="not_measurable")
    share = pulls(before, after, WEIGHTS)
    weights = sum(WEIGHTS[name] for name in share)
    effect = exp(sum(share.values())) - 1
    variance = HEALTH_TAU**2
    for name in share:
        part = score.parts[name]
        up = log(max((part.hi or 0.0) / 100, FLOOR) / max(after[name], FLOOR))
        variance += 1.25 * (WEIGHTS[name] / weights * up / Z95) ** 2
    z = -log(1 + effect) / sqrt(variance)
    considered = surge(inp, SURGE)
    if considered.accepted and effect <= HEALTH_DELTA / 2:
        return Finding(True, False, effect, z, reason="surge", explainers=(considered, strangers))
    breached = z > HEALTH_K and effect <= HEALTH_DELTA and len(share) > 1
    percent_before = {name: 100 * value for name, value in before.items()}
    percent_after = {name: 100 * value for name, value in after.items()}
    return Finding(
        True, breached, effect, z, breached and effect <= HEALTH_CRITICAL and z > K_CRITICAL,
        effect > HEALTH_DELTA / 2, "drop" if breached else "steady", causes(percent_before, percent_after,
        share), explainers=(considered, strangers),
    )  # fmt: skip
