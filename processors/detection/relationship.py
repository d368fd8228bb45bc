"""The tie that breaks: `broken_ties(look) -> verdicts`, one event alert per account that carried the
relationship.

Judged is the account that held more than .6 of the sum when it was last heard of: is its silence longer
than its own gaps allow? Gaps are counted in days on which the influencer was about (a holiday or a
posting pause of the influencer says nothing about the tie), up to the last 24 of 182 days. The next gap x
of a renewal process with n gaps of mean m and shape k has x/m ~ F(2k, 2nk): k from the gaps' spread,
drawn to .9 (contacts come in clusters; 1: Poisson) by six gaps' worth. It must also outlast half as much
again as the longest gap seen, and a usual holiday (18 days). Asked of the account's own acts and of
contact from either side (an exchange counts once, as answers come in clusters), with half the budget
each.

Source of the F distribution's tail: Paulson (1942), Ann. Math. Stat. 13, 233, on Wilson and Hilferty's
cube root.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import erfc, exp, log, sqrt
from typing import Final

from processors.detection.explainers import declared
from processors.detection.look import Look
from processors.detection.verdict import CausePart, Considered, Verdict
from processors.ledgers.ties import Ties
from processors.panes import DAY
from processors.signals.inputs import SignalInput
from processors.signals.relationship import WINDOW, Strength, at_days_ago, positions, ties_of

SIGNAL: Final = "relationship"
RULE: Final = "event"
#: False alerts per influencer-month.
BUDGET: Final = 0.012
SHARE: Final = 0.6
MIN_GAPS: Final = 6
MAX_GAPS: Final = 24
#: A fortnight's holiday with its weekends: nobody's tie breaks by it.
MIN_SILENCE_D: Final = 18
#: An event alert is closed after so many days (contracts.md).
OPEN_D: Final = 7
#: Least T when it was last heard of: three comments' worth. A tie of a like a month is none to lose.
MIN_TOTAL: Final = 15.0


def f_tail(x: float, a: float, b: float) -> float:
    """P(F(a, b) > x): exact for a = 2 (Lomax), else by Paulson's approximation with Kelley's correction."""
    if x <= 0:
        return 1.0
    if abs(a - 2) < 1e-9:
        return float((1 + a * x / b) ** (-b / 2))
    root = x ** (1 / 3)
    z = ((1 - 2 / (9 * b)) * root - (1 - 2 / (9 * a))) / sqrt(2 / (9 * b) * root * root + 2 / (9 * a))
    if b <= 3:
        z *= 1 + 0.08 * z**4 / b**3
    return 0.5 * erfc(z / sqrt(2))


def away_days(present: int, days: int) -> int:
    """Bitmap of the last `days` days on which the influencer was away: stretches without any act of theirs
    that are longer than four days and three usual distances."""
    seen = [k for k in positions(present) if k < days]
    if not seen:
        return (1 << days) - 1
    usual = (seen[-1] - seen[0]) / max(1, len(seen) - 1)
    limit = max(4.0, 3 * usual)
    away = 0
    before = -1
    for k in seen:
        if k - before - 1 > limit:
            away |= ((1 << (k - before - 1)) - 1) << (before + 1)
        before = k
    return away


def gaps(bits: int, about: int) -> tuple[float, list[float]]:
    """(days since the newest day set, gaps between days set, newest first), counted in days of `about`."""
    days = positions(bits)
    if not days:
        return 0.0, []

    def between(newer: int, older: int) -> float:
        # The days after `older` up to and with `newer`.
        mask = ((1 << (older - newer)) - 1) << newer
        return float((about & mask).bit_count())

    past = [max(1.0, between(newer, older)) for newer, older in pairwise(days)]
    return between(0, days[0]), past[:MAX_GAPS]


def episodes(bits: int) -> int:
    """Days with contact that no contact came before within two days: an exchange counts once."""
    return bits & ~(bits >> 1) & ~(bits >> 2)


def silence(now: float, past: Sequence[float]) -> float:
    """Chance that a gap is at least `now`, given the past gaps; 1 where they are too few."""
    n = len(past)
    if n < MIN_GAPS:
        return 1.0
    mean = sum(past) / n
    spread = sum((g - mean) ** 2 for g in past) / (n - 1)
    # Days are whole: half a day's rounding belongs to the spread. More regular than that isn't believed.
    shape = mean * mean / max(spread, 0.25)
    shape = min(1.25, max(0.4, exp((n * log(shape) + 6 * log(0.9)) / (n + 6))))
    return f_tail(now / mean, 2 * shape, 2 * n * shape)


def _broken(bits: int, about: int, ago: int) -> tuple[bool, float, float, float]:
    """(broken `ago` days ago, days silent, mean gap, chance)."""
    now, past = gaps(bits >> ago, about >> ago)
    if len(past) < MIN_GAPS:
        return False, now, 0.0, 1.0
    mean = sum(past) / len(past)
    chance = silence(now, past)
    # A month holds 30 / mean gaps, each a chance to ring by accident.
    allowed = BUDGET / 2 * max(1.0, mean) / 30
    long = now >= MIN_SILENCE_D and now > 1.5 * max(past) + 1
    return long and chance < allowed, now, mean, chance


def _share(t: Strength, all_: Sequence[Strength], ago: int) -> tuple[float, float]:
    """(T of a tie, its share of the sum) as they were `ago` days ago."""

    def then(s: Strength) -> float:
        return at_days_ago(s.to_days, s.to, ago) + at_days_ago(s.back_days, s.back, ago)

    total = sum(then(s) for s in all_)
    own = then(t)
    return own, own / total if total > 0 else 0.0


def broken_ties(look: Look) -> Iterable[Verdict]:
    """A verdict for each tie that carried the relationship and has broken in the last week."""
    inp = look.inp
    ledger = inp.ledgers.get(Ties.name)
    if not isinstance(ledger, Ties) or not ledger.ties:
        return
    today = inp.at // DAY
    ties = ties_of(ledger, inp.partnership, inp.at)
    if not ties:
        return
    present = ledger.present(today)
    measured = max(1, min(182, today - inp.first_event_at // DAY))
    away = away_days(present, measured)
    if away & 1 and away & 2:
        return  # the influencer is away: nobody can be in touch
    about = ~away & ((1 << measured) - 1)
    for t in ties:
        verdict = _judge(inp, t, ties, about)
        if verdict is not None:
            yield verdict


def _judge(inp: SignalInput, t: Strength, ties: Sequence[Strength], about: int) -> Verdict | None:
    days = positions(t.to_days)
    last = days[0] if days else None
    if last is None or last < MIN_SILENCE_D:
        return None
    series = (t.to_days, episodes(t.to_days | t.back_days))
    found = [_broken(bits, about, 0) for bits in series]
    if not any(broken for broken, *_ in found):
        return None
    if any(_broken(bits, about, OPEN_D)[0] for bits in series):
        return None  # told a week ago: closed
    total, share = _share(t, ties, last)
    if share <= SHARE or total < MIN_TOTAL:
        return None
    theirs = found[0][0]
    _, now, mean, _ = found[0] if theirs else found[1]
    said = declared(inp, SIGNAL)
    held = any(explainer.accepted for explainer in said)
    who = _named(inp, t)
    what = f"nothing came from {who}" if theirs else f"{who} and the influencer were not in touch"
    note = f"{what} for {now:.0f} days, usually every {mean:.1f} days"
    about_it = Considered("away", False, f"the influencer was about on {now:.0f} days since")
    return Verdict(
        signal=SIGNAL,
        rule=RULE,
        subject=f"tie:{t.key}",
        breached=not held,
        recovered=False,
        severity="critical" if share > 0.8 else "warning",
        measurable=True,
        reason="explained" if held else "tie_breaks",
        effect=-share,
        n=float(t.to_days.bit_count()),
        window=WINDOW,
        cause=(CausePart("overdue", mean, now, -share),),
        evidence_needed=0,
        actors=1,
        explainers=(about_it, *said),
        note=note,
        summary=f"The tie that carried {share:.0%} of the relationship is breaking: {note}.",
        advice=(
            "Name somebody who takes the contact up, and let them write within the week; "
            "`rapport relationships` shows who else knows the influencer."
        ),
    )


def _named(inp: SignalInput, t: Strength) -> str:
    for employee in inp.partnership.employees:
        if employee.account_id == t.account:
            return employee.name or "an employee"
    return "the brand's own account"


__all__ = ["away_days", "broken_ties", "f_tail", "gaps", "silence"]
