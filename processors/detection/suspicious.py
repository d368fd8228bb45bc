"""Accounts of low credibility among those who engage: `suspicious(look) -> Verdict`, daily.

    breached when the share over the days since it began to rise is at least WARN (.25; critical .50), the
    rise against the frozen reference matters, and a CUSUM on the days' raw counts is sure of it

Looked at over all acts but follows (which have detectors of their own), over likes, and over comments: bought
likes hardly show among all acts of a talkative audience, bought comments never among likes. The absolute
thresholds (Modash, Socialbakers) say what matters, never what has changed: the share differs from 5 to 50 %
between accounts for no cause, so without a reference it is shown but raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

from processors.detection import spikes
from processors.detection.explainers import declared, surge
from processors.detection.look import Look
from processors.detection.sequential import Cusum, cusum_share, llr_limit, share_dispersion
from processors.detection.verdict import CausePart, Considered, Verdict, relative_change
from processors.signals.authenticity import COMMENTS, ENGAGED, LIKES, NAME, low_and_known
from processors.signals.inputs import SignalInput

SUBJECT: Final = "suspicious"
RULE: Final = "threshold"
WARN, CRITICAL = 0.25, 0.50
#: (part, kinds, wandering of its share without any cause, rise that matters).
LOOKED_AT: Final = (
    ("suspicious", ENGAGED, 0.03, 0.08),
    ("suspicious_likes", LIKES, 0.03, 0.08),
    ("suspicious_comments", COMMENTS, 0.06, 0.15),
)
#: While many strangers come, and where a harmless explanation fits, the rise must be so large.
RISE_EXPLAINED: Final = 0.20
BUDGET: Final = 0.001
Z: Final = 4.0
MIN_KNOWN: Final = 30
#: Days that must show it, and known acts a reference needs.
DAYS: Final = 2
MIN_REFERENCE: Final = 60
#: Volume over the usual from which strangers may shift the mix.
SURGE: Final = (("D1", 3.0), ("D7", 2.0))
ADVICE: Final = (
    "Look at the newest likes and comments together with the influencer, and leave such accounts out of "
    "what is paid for until the share is back to usual."
)
_WORDS: Final = {"suspicious": "acts", "suspicious_likes": "likes", "suspicious_comments": "comments"}


def suspicious(look: Look) -> Verdict:
    """The worst of the three looks."""
    inp = look.inp
    ref = inp.reference
    if ref is None:
        return Verdict(
            signal=NAME, rule=RULE, subject=SUBJECT, breached=False, recovered=False, severity=None,
            measurable=False, reason="warming_up",
        )  # fmt: skip
    weighed = (surge(inp, SURGE), spikes.own_hit(inp), *declared(inp, NAME))
    held = any(c.accepted for c in weighed[:2])
    accounted = any(c.accepted for c in weighed[2:])
    measured = False
    worst: tuple[float, str, float, Cusum] | None = None
    for part, kinds, tau, matters in LOOKED_AT:
        base, found, limit, on_days = _run(inp, kinds, tau, matters)
        if found is None:
            continue
        measured = True
        here = found.estimate - base
        sure = found.now > limit and found.z > Z and found.weight >= MIN_KNOWN and on_days >= DAYS
        large = found.estimate >= WARN and here >= (max(matters, RISE_EXPLAINED) if held else matters)
        if sure and large and (worst is None or here > worst[0]):
            worst = (here, part, base, found)
    return _verdict(look, worst, weighed, measured=measured, accounted=accounted)


def _run(
    inp: SignalInput, kinds: Sequence[int], tau: float, matters: float
) -> tuple[float, Cusum | None, float, int]:
    """(share in the reference, CUSUM since, its limit, days beyond the null's edge); no CUSUM where too few
    profiles are known."""
    ref = inp.reference
    past = [low_and_known(pane, kinds) for _, pane in inp.reference_days]
    low, known = sum(a for a, _ in past), sum(b for _, b in past)
    days = [low_and_known(pane, kinds) for start, pane in inp.day_totals if ref and start >= ref.ends]
    if known < MIN_REFERENCE or sum(b for _, b in days) < MIN_KNOWN:
        return 0.0, None, 0.0, 0
    base = low / known
    phi = share_dispersion(past, 2.0)
    found = cusum_share(days, base, phi, matters, known, tau)
    p = min(0.95, max(0.05, base))
    edge = base + sqrt(phi * p * (1 - p) / known + tau * tau)
    past_z = [(a - b * p) / sqrt(phi * b * p * (1 - p)) for a, b in past if b]
    on_days = sum(1 for a, b in days[found.start :] if b >= 5 and a / b > edge)
    return base, found, llr_limit(BUDGET, 1, found.delta, past_z), on_days


def _verdict(
    look: Look,
    worst: tuple[float, str, float, Cusum] | None,
    weighed: tuple[Considered, ...],
    *,
    measured: bool,
    accounted: bool,
) -> Verdict:
    inp = look.inp
    breached = worst is not None and not accounted
    if worst is None or not breached:
        return Verdict(
            signal=NAME, rule=RULE, subject=SUBJECT, breached=False, recovered=measured, severity=None,
            measurable=measured, explainers=weighed, evidence_key=sum(inp.lifetime[k] for k in ENGAGED),
            reason="explained" if worst is not None else "steady" if measured else "not_measurable",
        )  # fmt: skip
    here, part, base, found = worst
    score = look.score(NAME)
    summary = (
        f"The audience is affected by accounts of low credibility: they make {found.estimate:.0%} of the "
        f"{_WORDS[part]} in {found.n} days, {base:.0%} before."
    )
    return Verdict(
        signal=NAME, rule=RULE, subject=SUBJECT, breached=True, recovered=False,
        severity="critical" if found.estimate >= CRITICAL else "warning", measurable=True,
        reason=SUBJECT, effect=-here, change=relative_change(score), z=found.z, value=score.value,
        baseline=score.baseline, n=found.weight, lo=score.lo, hi=score.hi, window="D7",
        cause=(CausePart(part, base, found.estimate, -here),), explainers=weighed,
        evidence_key=sum(inp.lifetime[k] for k in ENGAGED), evidence_needed=10, summary=summary,
        advice=ADVICE,
    )  # fmt: skip
