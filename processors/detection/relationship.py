"""The tie that breaks: `broken_ties(look) -> verdicts`, one event alert per account that carried the
relationship.

Judged is the account that held more than .6 of the sum when it was last heard of: is the silence between it
and the influencer, either way, longer than their own rhythm allows? Days are counted on which the influencer
was about (a holiday or a posting pause says nothing about the tie). With n contacts (days in a row are one)
over s days, contact is taken for a renewal process whose rate is known as well as n contacts tell it: the
chance of x more days of nothing is gamma-Poisson,
    (1 + x / s)^(-n / phi),
phi the squared variation of the gaps, drawn to 1.15 by eight gaps' worth (contacts come in clusters; 1:
Poisson). The silence must also outlast the longest gap seen by a fifth, and a usual holiday (18 days), with
nothing from the account itself in all that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import exp, log1p
from typing import Final

import msgspec

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
BUDGET: Final = 0.025
SHARE: Final = 0.6
#: Contacts that make a rhythm.
MIN_CONTACTS: Final = 5
#: Squared variation of gaps that is expected, what it is worth in gaps, and the least that is believed.
CLUSTERS, CLUSTERS_N, CLUSTERS_MIN = 1.15, 8.0, 0.9
#: The silence over the longest gap before.
OUTLASTS: Final = 1.2
#: A fortnight's holiday with its weekends: nobody's tie breaks by it.
MIN_SILENCE_D: Final = 18
#: An event alert is closed after so many days (contracts.md).
OPEN_D: Final = 7
#: Least T when it was last heard of: three comments' worth. A tie of a like a month is none to lose.
MIN_TOTAL: Final = 15.0


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


def contacts(bits: int) -> int:
    """Days with contact that do not follow one with contact: an exchange overnight counts once."""
    return bits & ~(bits >> 1)


class Rhythm(msgspec.Struct, frozen=True):
    """How two are in touch, in days on which the influencer was about."""

    silent: float  # days since the last contact
    contacts: float
    span: float  # measured days up to the last contact
    gaps: tuple[float, ...]  # between contacts, newest first

    @property
    def mean(self) -> float:
        """Days between two contacts."""
        return self.span / max(1.0, self.contacts)

    @property
    def chance(self) -> float:
        """Chance of a silence this long if they went on as before; 1 where contacts are too few to say."""
        n = len(self.gaps)
        if self.contacts < MIN_CONTACTS or self.span <= 0:
            return 1.0
        varies = CLUSTERS
        if n > 1:
            mean = sum(self.gaps) / n
            # Days are whole: half a day's rounding belongs to the spread.
            varies = sum((gap - mean) ** 2 for gap in self.gaps) / (n - 1) / max(0.25, mean * mean)
        phi = max(CLUSTERS_MIN, (n * varies + CLUSTERS_N * CLUSTERS) / (n + CLUSTERS_N))
        return exp(-self.contacts / phi * log1p(self.silent / self.span))

    @property
    def broken(self) -> bool:
        """Whether it is longer than any usual silence, and less likely than the budget allows."""
        if self.silent < MIN_SILENCE_D or self.silent <= OUTLASTS * max(self.gaps, default=0.0) + 1:
            return False
        # A month holds 30 / mean gaps, each a chance to ring by accident.
        return self.chance < BUDGET * max(1.0, self.mean) / 30


def rhythm(bits: int, about: int) -> Rhythm:
    """Of a bitmap of days with contact (bit k: k days ago), in days of `about`."""
    days = positions(contacts(bits))
    newest = positions(bits)[0] if bits else 0

    def between(newer: int, older: int) -> float:
        # The days after `older` up to and with `newer`.
        return float((about & (((1 << (older - newer)) - 1) << newer)).bit_count())

    past = tuple(max(1.0, between(newer, older)) for newer, older in pairwise(days))
    # Who is in touch day by day has few beginnings: two days of contact are worth one at least.
    count = max(float(len(days)), bits.bit_count() / 2)
    return Rhythm(between(0, newest), count, float((about >> newest).bit_count()), past)


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
    both = t.to_days | t.back_days
    now = rhythm(both, about)
    if not now.broken or rhythm(both >> OPEN_D, about >> OPEN_D).broken:
        return None  # or told a week ago: closed
    total, share = _share(t, ties, last)
    if share <= SHARE or total < MIN_TOTAL:
        return None
    said = declared(inp, SIGNAL)
    held = any(explainer.accepted for explainer in said)
    who = _named(inp, t)
    note = (
        f"{who} and the influencer were not in touch for {now.silent:.0f} days, usually every "
        f"{now.mean:.1f} days"
    )
    about_it = Considered("away", False, f"the influencer was about on {now.silent:.0f} days since")
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
        cause=(CausePart("overdue", now.mean, now.silent, -share),),
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


__all__ = ["Rhythm", "away_days", "broken_ties", "rhythm"]
