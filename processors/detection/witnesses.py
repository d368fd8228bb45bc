"""Shares that move together when acts are bought: who likes, from where, and how late.

    late(posts, split), low(inp, since), foreign(inp, ref, since) -> Witness | None  a share, before and since
    together(witnesses, at) -> Together                                               the onset that they tell

Each share alone lies within its own noise where little is bought. But they share an onset: so for each first
day of the last five weeks z is taken of every share since then (the past's overdispersion and uncertainty and
the share's own wandering in its denominator), and S = sum of max(0, z)^2 is the log-likelihood ratio, twice,
of "these shares rose that day" against "nothing did" (Kudo 1963, Biometrika 50, 403, for one-sided means);
each z at most MOST_Z.
The onset with the largest S is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Final

import msgspec

from processors.detection.drift import plain
from processors.detection.leak_quality import AT_72H, LIKE, LOOK_BACK
from processors.detection.sequential import share_dispersion
from processors.ledgers.audience import UNIT, Audience, Row
from processors.panes import COUNT, DAY, KNOWN, LOW
from processors.signals.inputs import POST_AGES, PostStat, Reference, SignalInput
from processors.signals.quality import AT_24H

#: First days that are tried, in days before now: as far as is looked back.
ONSETS: Final = (2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 21, 25, 30, 35)
#: No witness counts for more: what one alone is sure of is another cause (a drift, a surge).
MOST_Z: Final = 3.5
#: Acts that a past, and a stretch since an onset, must hold to say anything.
MIN_PAST, MIN_NEW = 30, 8
#: At most so many likes of a post count: one big post must not carry the share.
POST_LIKES: Final = 200
#: Wandering of each share without any cause (sd).
LATE_TAU, LOW_TAU, FOREIGN_TAU = 0.02, 0.025, 0.02
#: A country is foreign where its share of the past's acts is under this; what is expected of foreign ones
#: beside that past, and its worth in acts (which countries are rare is read off the same acts).
RARE, RARE_PRIOR, RARE_WORTH = 0.03, 0.02, 30.0
#: Acts that a past must hold to tell where people are from.
PLACED: Final = 60


class Witness(msgspec.Struct, frozen=True):
    """A share: `k0` of `n0` acts in the past, overdispersed by `phi`, and (epoch s, k, n) since."""

    k0: float
    n0: float
    phi: float
    new: Sequence[tuple[int, int, int]]
    tau: float

    @classmethod
    def of(
        cls, past: Sequence[tuple[int, int]], new: Sequence[tuple[int, int, int]], tau: float,
        prior: float = 0.5, worth: float = 1.0,
    ) -> Witness | None:  # fmt: skip
        """From (k, n) of the past's days or posts; `prior`: a share worth so many acts, added to them. None
        where the past holds too few."""
        n = sum(n for _, n in past)
        if n < MIN_PAST:
            return None
        k = sum(k for k, _ in past)
        return cls(k + prior * worth, n + worth, share_dispersion(past, 1.5), new, tau)

    def since(self, onset: float) -> Rise:
        """What it tells of the time since `onset` (epoch s)."""
        k = sum(k for at, k, _ in self.new if at >= onset)
        n = sum(n for at, _, n in self.new if at >= onset)
        base = self.k0 / self.n0
        if n < MIN_NEW:
            return Rise(base, base, 0.0, n)
        pooled = min(0.97, max(0.02, (self.k0 + k) / (self.n0 + n)))
        var = self.phi * pooled * (1 - pooled) * (1 / n + 1 / self.n0) + self.tau**2
        return Rise(base, k / n, (k / n - base) / sqrt(var), n)


class Rise(msgspec.Struct, frozen=True):
    """A share before and since, z of the change, and the acts since."""

    before: float
    now: float
    z: float
    n: int

    @property
    def by(self) -> float:
        """How far it rose."""
        return self.now - self.before


class Together(msgspec.Struct, frozen=True):
    """What all witnesses tell of the likeliest onset, `days` ago (0: none)."""

    s: float = 0.0
    days: int = 0
    rises: Mapping[str, Rise] = {}

    def z(self, name: str) -> float:
        """z of one of them; 0 where it has nothing to say."""
        found = self.rises.get(name)
        return 0.0 if found is None else found.z


def together(witnesses: Mapping[str, Witness | None], at: int) -> Together:
    """The onset with the largest S."""
    best = Together()
    for days in ONSETS:
        rises = {name: one.since(at - days * DAY) for name, one in witnesses.items() if one is not None}
        s = sum(min(MOST_Z, max(0.0, rise.z)) ** 2 for rise in rises.values())
        if s > best.s:
            best = Together(s, days, rises)
    return best


def begins(inp: SignalInput, ref: Reference) -> int:
    """From when on (epoch s) days are no longer past."""
    return max(ref.ends, inp.at - LOOK_BACK * DAY)


def _late(post: PostStat) -> tuple[int, int]:
    """(likes after 24 h, likes) of a post at 72 h; large posts count as POST_LIKES."""
    n = post.likes[AT_72H]
    k = n - post.likes[AT_24H]
    return (round(k * POST_LIKES / n), POST_LIKES) if n > POST_LIKES else (k, n)


def late(posts: Sequence[PostStat], split: int) -> Witness | None:
    """Likes that come a day or more after the post, of posts that are 72 h old; the first `split` of them
    are the past. A post tells at 72 h."""
    new = [(post.at + POST_AGES[AT_72H], *_late(post)) for post in posts[split:]]
    return Witness.of([_late(post) for post in posts[:split]], new, LATE_TAU)


def low(inp: SignalInput, since: int) -> Witness | None:
    """Likes by accounts of low credibility, by day; None where half of the newer likes are of unknown
    profiles."""
    days = [(start, pane) for start, pane in inp.day_totals if start >= since - DAY + 1]
    new = [(start, pane[LOW + LIKE], pane[KNOWN + LIKE]) for start, pane in days]
    came = sum(pane[COUNT + LIKE] for _, pane in days)
    if not came or 2 * sum(n for _, _, n in new) < came:
        return None
    past = [(pane[LOW + LIKE], pane[KNOWN + LIKE]) for _, pane in inp.reference_days]
    return Witness.of(past, new, LOW_TAU)


def foreign(inp: SignalInput, ref: Reference, since: int) -> Witness | None:
    """Genuine acts from countries from which hardly any came before, by day; None where too few tell. Days
    of a surge and their tails are left out: strangers are from anywhere."""
    ledger = inp.ledgers.get(Audience.name)
    if not isinstance(ledger, Audience):
        return None
    rows = ledger.days(0, inp.at)
    past = [row for start, row in rows if start < since]
    by: dict[str, int] = {}
    for row in past:
        for country, parts in row.by[0].items():
            by[country] = by.get(country, 0) + parts
    whole = sum(by.values())
    if whole < PLACED * UNIT:
        return None
    usual = {country for country, parts in by.items() if parts >= RARE * whole}

    def counts(row: Row) -> tuple[int, int]:
        placed = sum(row.by[0].values())
        here = sum(parts for country, parts in row.by[0].items() if country in usual)
        return round((placed - here) / UNIT), round(placed / UNIT)

    new = [(start, *counts(row)) for start, row in plain(rows, inp, ref) if start >= since]
    return Witness.of([counts(row) for row in past], new, FOREIGN_TAU, RARE_PRIOR, RARE_WORTH)
