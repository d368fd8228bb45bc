"""The audience drifts away from the target, slowly: `audience_drift(look) -> Verdict`.

A window of 28 days dilutes a drift of weeks until it is over. So each attribute aimed at is followed by a
CUSUM of the daily share of acts in the target (ledger `audience`) against the share frozen with the
reference. Days of a surge, and the week after, are left out: strangers come and go again.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from typing import Final

from processors.detection.explainers import declared, growth
from processors.detection.look import Look
from processors.detection.sequential import Cusum, cusum_share, llr_limit
from processors.detection.verdict import CausePart, Considered, Verdict, causes
from processors.ledgers.audience import Row
from processors.panes import DAY
from processors.signals.fit import TARGETED, audience_days, daily_shares
from processors.signals.inputs import Reference, SignalInput

SIGNAL: Final = "audience_fit"
SUBJECT: Final = "audience_drift"
#: Shares wander so much without any cause (sd within two months).
TAU: Final = 0.025
#: Deviations of reference and wandering that belong to no change.
GUARD: Final = 0.3
#: The change to be found, as a share of the reference's share, and the one that matters to people.
SHIFT: Final = 0.25
MATTERS: Final = 0.10
CRITICAL: Final = 0.40
Z: Final = 2.5
#: False alerts a month that one attribute may give.
BUDGET: Final = 0.012
#: Acts of one day are not independent (one post, one crowd): at least so much overdispersion.
PHI_MIN: Final = 1.25
#: One day may add this much to a CUSUM of log-likelihoods at most: a drift needs several days.
CAP: Final = 2.5
#: Volume over the reference's busiest day from which it is a surge; and how long strangers stay.
SURGE: Final = 1.5
SURGE_DAYS: Final = 7
#: The greater the surge, the longer its tail of strangers: twice as large, a week longer; at most so long.
TAIL_DAYS: Final = 21
#: Least acts that the reference's busiest day is taken to hold.
BUSY: Final = 12
LOOK_BACK: Final = 35
#: Known acts since the reference: z weighs how few they are, this only bars what is next to nothing.
MIN_KNOWN: Final = 20


def plain(rows: Sequence[tuple[int, Row]], inp: SignalInput, ref: Reference) -> list[tuple[int, Row]]:
    """The days without surges and their tails."""
    limit = SURGE * max(ref.busiest_day, BUSY) * max(1.0, growth(inp))
    out, held = [], 0.0
    for start, row in rows:
        if row.acts > limit:
            days = min(TAIL_DAYS, SURGE_DAYS * (1 + log(row.acts / limit, 2)))
            held = max(held, start + days * DAY)
        elif start > held:
            out.append((start, row))
    return out


def _follow(inp: SignalInput, attribute: str, rows: list[tuple[int, Row]], ref: Reference) -> Cusum | None:
    base, known, phi = ref.mix_by[attribute]
    days = daily_shares(inp, attribute, rows)
    if sum(n for _, n in days) < MIN_KNOWN:
        return None
    phi = max(PHI_MIN, phi)
    return cusum_share(days, base, phi, -SHIFT * base, known, TAU, guard=GUARD, cap=CAP)


def audience_drift(look: Look) -> Verdict:
    """Whether the share in the target has slipped in any attribute."""
    inp, ref = look.inp, look.reference
    if ref is None or not ref.mix_by:
        return _verdict(look, measurable=False, reason="warming_up" if ref is None else "not_measurable")
    rows = audience_days(inp, max(ref.ends, inp.at - LOOK_BACK * DAY), inp.at)
    calm = plain(rows, inp, ref)
    held = Considered(
        "surge", False, f"{len(rows) - len(calm)} of {len(rows)} days left out as surges and their tails"
    )
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    found: Cusum | None = None
    for attribute in TARGETED:
        if attribute not in ref.mix_by:
            continue
        seen = _follow(inp, attribute, calm, ref)
        if seen is None:
            continue
        base = ref.mix_by[attribute][0]
        change = seen.estimate / base - 1 if base else 0.0
        rings = seen.now > llr_limit(BUDGET, 1, seen.delta) and seen.z > Z and change <= -MATTERS
        recent = seen.n > 0 and seen.now > 0
        before[attribute], after[attribute] = base, seen.estimate if recent else base
        if rings and (found is None or seen.z > found.z):
            found = seen
    if not before:
        return _verdict(look, measurable=False, reason="not_measurable")
    effect = min(after[name] / before[name] - 1 if before[name] else 0.0 for name in before)
    explainers = (held, *declared(inp, SIGNAL))
    breached = found is not None and not any(e.accepted for e in explainers)
    pulls = {name: log(max(after[name], 0.01) / max(before[name], 0.01)) / len(before) for name in before}
    return _verdict(
        look, breached=breached, effect=effect, z=found.z if found else 0.0,
        reason="drift" if breached else "steady",
        severity=("critical" if effect <= -CRITICAL else "warning") if breached else None,
        cause=causes(before, after, pulls), explainers=explainers, n=found.weight if found else 0.0,
        recovered=found is None and effect > -MATTERS / 2, before=before, after=after,
    )  # fmt: skip


def _verdict(
    look: Look, *, measurable: bool = True, breached: bool = False, reason: str, effect: float = 0.0,
    z: float = 0.0, severity: str | None = None, cause: tuple[CausePart, ...] = (),
    explainers: tuple[Considered, ...] = (), n: float = 0.0,
    recovered: bool = False, before: dict[str, float] | None = None, after: dict[str, float] | None = None,
) -> Verdict:  # fmt: skip
    value = baseline = lo = hi = None
    if before and after:
        value = 100 * sum(after.values()) / len(after)
        baseline = 100 * sum(before.values()) / len(before)
        half = 196 * sqrt(PHI_MIN * 0.25 / max(n, 1.0)) if n else 0.0
        lo, hi = max(0.0, value - half), min(100.0, value + half)
    return Verdict(
        signal=SIGNAL, rule="leak", subject=SUBJECT, breached=breached, recovered=recovered,
        severity=severity, measurable=measurable, reason=reason, effect=effect, change=effect or None, z=z,
        value=value, baseline=baseline, n=n, lo=lo, hi=hi, window="D28", cause=cause,
        evidence_key=_evidence(look.inp), evidence_needed=10, explainers=explainers,
    )  # fmt: skip


def _evidence(inp: SignalInput) -> int:
    return sum(inp.lifetime)
