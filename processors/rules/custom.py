"""A limit that people set on a signal: the verdict of one custom rule at one boundary."""

from __future__ import annotations

from typing import Final

from processors.detection.look import Look
from processors.detection.verdict import Verdict, relative_change
from processors.signals.health import NAME as HEALTH
from schemas.rules import THRESHOLD, CustomRule

#: How often custom rules look, s of event time.
EVERY: Final = 3_600
_LABEL: Final = {
    "connection": "Connection with the audience", "interaction_quality": "Interaction quality",
    "audience_fit": "Audience fit", "authenticity": "Authenticity", "relationship": "The relationship",
    "all_in": "Being all in", "health": "Partnership health",
}  # fmt: skip


def judge_custom(name: str, rule: CustomRule, look: Look) -> Verdict:
    """Breached where the whole interval lies beyond the limit; recovered when the value is back within it.

    No new acts are asked for: the interval is what confirms it. A signal without interval cannot breach."""
    signal = rule.signal or ""
    score = look.scores[HEALTH] if signal == HEALTH else look.score(signal)
    value, lo, hi = score.value, score.lo, score.hi
    below = rule.below is not None
    limit = rule.below if rule.below is not None else rule.above or 0.0
    measurable = value is not None and lo is not None and hi is not None
    breached = recovered = False
    effect, severity = 0.0, None
    if value is not None and lo is not None and hi is not None:
        near = hi if below else lo  # the end of the interval that lies nearest to the limit
        breached = near < limit if below else near > limit
        recovered = value >= limit if below else value <= limit
        room = limit if below else 100.0 - limit
        effect = -min(1.0, max(0.0, limit - value if below else value - limit) / max(room, 1.0))
        if breached:
            far = rule.critical is not None and (near < rule.critical if below else near > rule.critical)
            severity = "critical" if far else rule.severity
    side = "below" if below else "above"
    summary = None
    if value is not None:
        where = f" (between {lo:.0f} and {hi:.0f})" if lo is not None and hi is not None else ""
        label = _LABEL.get(signal, signal)
        summary = f"{label} is at {value:.0f}{where}, {side} the limit of {limit:g} set as {name}."
    reason = f"{side}_limit" if breached else "steady" if measurable else "not_measurable"
    return Verdict(
        signal=signal, rule=THRESHOLD, subject=name, breached=breached, recovered=recovered,
        severity=severity, measurable=measurable, reason=reason, effect=effect,
        change=relative_change(score), value=value, baseline=score.baseline, n=score.n, lo=lo, hi=hi,
        window=score.window, evidence_needed=0, summary=summary, advice=rule.advice,
    )  # fmt: skip
