"""Bought followers at once: `bought_followers(look) -> Verdict`, over 24 and 48 h, every 3 h.

What tells bought accounts from people is *who* comes, not how many: the share of low credibility (or of mass
followers: follow trains) among those who join, against the same among those who joined in the frozen
reference. Base shares differ from 5 to 50 % between accounts, so nothing absolute is tested. Numbers alone
speak only where profiles are hidden or a source sends totals, and then only for a rise that is steep, even
over the hours, and without any engagement. The numbers and their why: docs/method.md.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt
from typing import Final

import msgspec

from processors.detection import spikes
from processors.detection.explainers import declared
from processors.detection.look import Look
from processors.detection.sequential import rate_dispersion, share_dispersion
from processors.detection.spikes import Rise
from processors.detection.verdict import CausePart, Considered, Verdict, relative_change
from processors.ledgers.followers import Followers
from processors.panes import COUNT, DAY
from processors.signals.authenticity import (
    ENGAGED,
    FOLLOW,
    NAME,
    base_share,
    ledger_of,
    low_and_known,
)  # fmt: skip
from processors.signals.inputs import SignalInput
from processors.signals.stats import median

SUBJECT: Final = "bought_followers"
#: As the contract names it: a sudden change.
RULE: Final = "drop"
#: A share among those who join wanders so much without any cause (sd).
TAU: Final = 0.04
#: How far the number of joins a day wanders (sd of the log).
RATE_TAU: Final = 0.35
#: Chance of so many low ones among so few, beyond which who comes speaks for itself; beside a steep rise in
#: numbers, less is enough.
P_SURE, P_BESIDE = 1e-5, 1e-3
#: What profiles must hint at beside polled totals, if so many are known.
P_HINT: Final = 0.05
MIN_PEOPLE: Final = 6
#: The share must rise by so much, and by so much where a harmless explanation fits.
SHIFT, SHIFT_EXPLAINED = 0.12, 0.25
#: Times the usual number of joins: with, and without a word on who comes.
RATIO, RATIO_BESIDE, RATIO_ALONE = 1.5, 3.0, 4.0
MIN_EXCESS: Final = 6
#: Follows that totals or numbers alone must rest on, and the share of the base by which totals must rise.
MIN_ALONE, MIN_GAIN = 25, 0.008
#: Share of a gain in totals between two polls from which it was a wave.
WAVE_POLLED: Final = 0.4


ADVICE: Final = (
    "Look at the newest followers together with the influencer, and leave them out of what is paid for; "
    "anyone can buy followers for someone else."
)


class Base(msgspec.Struct, frozen=True):
    """A share in the reference: what it rests on, and how clumped it is."""

    share: float
    n: float
    phi: float

    @property
    def sd(self) -> float:
        """Of the share as a null: uncertainty of the reference, and wandering."""
        p = min(0.95, max(0.05, self.share))
        return sqrt(self.phi * p * (1 - p) / max(1.0, self.n) + TAU * TAU)


def tail(k: int, n: int, p: float) -> float:
    """P(X >= k), X binomial (n, p): exact, by logs. 1 for k <= 0."""
    if k <= 0:
        return 1.0
    p = min(1 - 1e-9, max(1e-9, p))
    whole = lgamma(n + 1)
    terms = [
        whole - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) + (n - i) * log1p(-p) for i in range(k, n + 1)
    ]
    top = max(terms)
    return min(1.0, exp(top) * sum(exp(term - top) for term in terms))


def rise_of(k: int, n: int, base: Base) -> tuple[float, float]:
    """(rise of the share, chance of it): the null reaches one sd beyond the reference, and counts are
    thinned by phi, since acts that come in clumps say less."""
    if not n:
        return 0.0, 1.0
    thin = 1 / base.phi if n >= 30 else 1.0
    return k / n - base.share, tail(int(k * thin), max(1, int(n * thin)), min(0.98, base.share + base.sd))


def low_base(inp: SignalInput) -> Base:
    """Share of low credibility among those who joined in the reference; a prior worth ten from all acts."""
    days = [low_and_known(pane, (FOLLOW,)) for _, pane in inp.reference_days]
    low, known = sum(a for a, _ in days), sum(b for _, b in days)
    prior = base_share(inp, ENGAGED)
    weight, prior = (10.0, prior) if prior is not None else (5.0, 0.2)
    return Base((low + weight * prior) / (known + weight), known + weight, share_dispersion(days, 1.2))


def mass_base(inp: SignalInput, ledger: Followers) -> Base:
    """Share of mass followers in the reference's weeks, with a prior of .1 worth ten."""
    ref = inp.reference
    weeks = ledger.weeks_in(ref.starts, ref.ends) if ref is not None else []
    of = sum(week.following_known for week in weeks)
    return Base((sum(week.mass for week in weeks) + 1.0) / (of + 10.0), of + 10.0, 1.3)


def rise(inp: SignalInput, hours: int) -> Rise:
    """Follows of the last `hours` against the reference and the own recent past, whichever is livelier."""
    days = spikes.per_day(inp, (FOLLOW,))
    mean = sum(days) / len(days) * spikes.grown(inp) if days else 0.0
    recent = [pane[COUNT + FOLLOW] if pane is not None else 0 for _, pane in spikes.recent_days(inp)]
    usual = max(mean, median(sorted(recent)) if len(recent) >= 7 else 0.0)
    phi = min(8.0, rate_dispersion(days, [1.0] * len(days))) if days else 2.0
    came, low, known = spikes.window_of(inp, hours)
    expected = usual * hours / 24
    sd = sqrt(phi * max(expected, 0.5) + (RATE_TAU * expected) ** 2)
    return Rise(hours, came, expected, (came - expected) / sd, known, low)


def bought_followers(look: Look) -> Verdict:
    """Follows far beyond the usual, from accounts unlike those who usually join."""
    inp = look.inp
    if inp.reference is None:
        return verdict(look, SUBJECT, RULE, reason="warming_up", measurable=False)
    ledger = ledger_of(inp)
    found = verdict(look, SUBJECT, RULE)
    for hours in (24, 48):
        found = _burst(look, ledger, rise(inp, hours))
        if found.breached:
            return found
    return _by_totals(look, ledger) or found


def _burst(look: Look, ledger: Followers, found: Rise) -> Verdict:
    inp = look.inp
    if found.ratio < RATIO or found.came - found.expected < MIN_EXCESS or found.z < 2:
        return verdict(look, SUBJECT, RULE, z=found.z)
    base = low_base(inp)
    low_shift, low_p = rise_of(found.low, found.known, base)
    parts = [("new_followers", base.share, base.share + low_shift, low_shift, low_p, found.known)]
    parts.append(_mass(inp, ledger))
    part, before, after, shift, p, n = min(parts, key=lambda item: (item[4], -item[3]))
    weighed = spikes.considered(inp, ledger, found)
    said = [c for c in weighed if c.accepted and c.kind not in ("purge", "shout_out")]
    accounted = any(c.accepted for c in declared(inp, NAME))
    unlike = shift >= (SHIFT_EXPLAINED if said else SHIFT) and p < P_SURE
    steep = found.ratio >= RATIO_BESIDE and found.z >= 4
    unlike = unlike or (steep and not said and shift >= SHIFT_EXPLAINED and p < P_BESIDE)
    alone = not unlike and _numbers_alone(inp, found, weighed)
    # A wave of what people are must differ more: a mention on television brings all sorts within hours.
    if unlike and shift < SHIFT_EXPLAINED and any(c.kind == "shout_out" and c.accepted for c in weighed):
        unlike = False
    breached = (unlike or alone) and not accounted
    reason = "explained" if (unlike or alone) and accounted else SUBJECT if breached else "steady"
    words = (
        f"{found.came} accounts began to follow within {found.hours} hours "
        f"where {found.expected:.0f} were to be expected"
    )
    if unlike and part == "mass_followers":
        words += f"; {after:.0%} of them follow more than 1,500 others ({before:.0%} before)"
    elif unlike:
        words += f"; {after:.0%} of the {n} known profiles are of low credibility ({before:.0%} before)"
    else:
        words += ", evenly over the hours and without more engagement"
    return verdict(
        look, SUBJECT, RULE, breached=breached, reason=reason, z=found.z,
        effect=-(shift if unlike else 1 - 1 / found.ratio) if breached else 0.0,
        critical=breached and found.came >= 0.05 * (inp.followers or 1e12), explainers=weighed,
        n=found.came, needed=5, actors=round(found.came - found.expected), words=words,
        parts=((part, before, after),) if unlike else (("follows", found.expected, float(found.came)),),
    )  # fmt: skip


def _mass(inp: SignalInput, ledger: Followers) -> tuple[str, float, float, float, float, int]:
    """Mass followers among those who joined yesterday and today: what follow trains bring."""
    base = mass_base(inp, ledger)
    today = inp.at // DAY
    rows = [row for day in (today - 1, today) if (row := ledger.days.get(day)) is not None]
    n = sum(row.following_known for row in rows)
    shift, p = rise_of(sum(row.mass for row in rows), n, base)
    return "mass_followers", base.share, base.share + shift, shift, p, n


def _numbers_alone(inp: SignalInput, found: Rise, weighed: tuple[Considered, ...]) -> bool:
    """Whether numbers speak though hardly a profile is known: steep, even, and nobody looks at posts."""
    if found.known >= 8 and found.known >= 0.15 * found.came:
        return False
    if (
        found.ratio < RATIO_ALONE
        or found.came < MIN_ALONE
        or found.z < 6
        or any(c.accepted for c in weighed if c.kind != "purge")
    ):
        return False
    before = spikes.follows_on(inp, inp.at // DAY - 3)
    if before > 2 * max(1.0, found.expected * 24 / found.hours):
        return False  # it began earlier: what is seen may be the tail of a wave
    busy, unevenness = spikes.flatness(spikes.hourly(inp, found.hours), found.expected / found.hours)
    return busy >= 16 and unevenness < 0.4 and spikes.engagement(inp, 2) < 1.4


def _unlike(inp: SignalInput, ledger: Followers) -> bool | None:
    """Whether those who joined in 48 h and are known hint at others than usual; None: too few are known."""
    found = rise(inp, 48)
    looks = [("new_followers", *rise_of(found.low, found.known, low_base(inp)), found.known)]
    mass = _mass(inp, ledger)
    looks.append((mass[0], *mass[3:]))
    unlike = any(shift >= SHIFT and p < P_HINT for _, shift, p, _ in looks)
    return unlike or (False if max(n for _, _, _, n in looks) >= MIN_PEOPLE else None)


def _by_totals(look: Look, ledger: Followers) -> Verdict | None:
    """By totals, where single follows don't come, or so few that they prove nothing: a steep rise with no
    more engagement, not contradicted by those whose profile is known."""
    inp = look.inp
    found = spikes.polled_growth(inp, ledger)
    if found is None:
        return None
    day = found.gained / found.days
    steep = (
        day > found.usual + 6 * max(found.spread, 0.001 * found.base)
        and day > 2 * max(found.most, 1.0)
        and found.gained >= max(MIN_ALONE, MIN_GAIN * found.base)
    )
    if not steep:
        return None
    as_rise = Rise(48, round(found.gained), found.usual * found.days, 6.0, 0, 0)
    weighed = [c for c in spikes.considered(inp, ledger, as_rise) if c.kind != "shout_out"]
    unlike = _unlike(inp, ledger)
    wave = found.wave
    why = "too few polls to see the hours" if wave is None else f"{wave:.0%} of the gain between two polls"
    ebbs = not found.steady if wave is None else found.ebb >= spikes.EBB or wave >= WAVE_POLLED
    weighed.append(Considered("shout_out", ebbs and unlike is None, f"{why}, {found.ebb:.1f} times at first"))
    liked = spikes.engagement(inp, 2)
    quiet = liked < (1.25 if wave is None else 1.4) and unlike is not False
    breached = quiet and not any(c.accepted for c in weighed if c.kind != "purge")
    words = (
        f"followers grew by {found.gained:.0f} in {found.days:.1f} days where {found.usual * found.days:.0f} "
        f"were to be expected, with {liked:.1f} times the engagement of a good day"
    )
    return verdict(
        look, SUBJECT, RULE, breached=breached, reason=SUBJECT if breached else "explained", z=6.0,
        effect=-(1 - found.usual / day) if breached else 0.0, explainers=tuple(weighed), n=found.gained,
        needed=0, words=words, parts=(("followers", found.usual, day),),
    )  # fmt: skip


def verdict(
    look: Look, subject: str, rule: str, *, breached: bool = False, reason: str = "steady",
    measurable: bool = True, effect: float = 0.0, z: float = 0.0, n: float = 0.0, critical: bool = False,
    needed: int = 5, explainers: tuple[Considered, ...] = (), words: str = "", actors: int | None = None,
    parts: tuple[tuple[str, float, float], ...] = (), window: str = "D1", recovered: bool = True,
    advice: str = ADVICE,
) -> Verdict:  # fmt: skip
    """The verdict; the signal's own numbers only where something is to be told (they cost)."""
    inp = look.inp
    score = look.score(NAME) if breached else None
    causes = tuple(
        CausePart(name, before, after, effect if i == 0 else 0.0)
        for i, (name, before, after) in enumerate(parts)
    )
    return Verdict(
        signal=NAME, rule=rule, subject=subject, breached=breached, recovered=not breached and recovered,
        severity=("critical" if critical else "warning") if breached else None, measurable=measurable,
        reason=reason, effect=effect, z=z, n=n, window=window, explainers=explainers, cause=causes,
        change=relative_change(score) if score is not None else None,
        value=score.value if score is not None else None,
        baseline=score.baseline if score is not None else None,
        lo=score.lo if score is not None else None, hi=score.hi if score is not None else None,
        evidence_key=inp.lifetime[FOLLOW], evidence_needed=needed, actors=actors,
        summary=f"The audience is affected by unusual new followers: {words}." if breached else None,
        advice=advice if breached else None,
    )  # fmt: skip
