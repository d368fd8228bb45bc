"""Likes that were bought: more than a post's comments and the own past explain, at once or in a drip.

    bought_likes(look), bought_likes_drip(look)     -> Verdict on authenticity (rule leak)

* bought_likes: what likes at 6 h exceed when the same post's comments are allowed for. With L and C the logs
  of likes and comments against the own past, R = L - beta C, beta = p^2/(p^2 + c^2 + 1/comments): the part
  of a post's popularity that its comments tell (p .23, c .25 the own noise of talk). So it is log likes where
  comments are few, and log likes per comment where they are many. Where profiles are known, the likes' share
  of low credibility must agree.
* bought_likes_drip: likes that come evenly come late: the share of a post's likes (72 h) that came after
  24 h, and the share of low credibility among each day's likes. Either, where the other doesn't contradict.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import Final

import msgspec

from processors.detection.explainers import declared
from processors.detection.leak_quality import (
    AT_72H,
    BUDGET,
    LIKE,
    LOOK_BACK,
    MIN_PAST,
    POST_SD,
    TAU,
    matured,
    posts_per_day,
    silent,
    verdict,
)
from processors.detection.look import Look
from processors.detection.sequential import (
    cusum_log,
    cusum_share,
    limit,
    llr_limit,
    location_scale,
    share_dispersion,
)
from processors.detection.verdict import CausePart, Considered, Verdict
from processors.panes import COUNT, DAY, KNOWN, LOW, Pane
from processors.signals.inputs import PostStat, Reference, SignalInput
from processors.signals.quality import AT_24H

AUTHENTICITY: Final = "authenticity"
LIKES, DRIP = "bought_likes", "bought_likes_drip"
AT_6H: Final = 1
LIKES_ADVICE: Final = (
    "Ask where the likes came from before paying per like; leave the posts named out of what is paid for."
)
DRIP_ADVICE: Final = (
    "Look at who likes older posts together with the influencer, and leave such likes out of what is "
    "paid for."
)

#: Own noise of a post's comments beside its popularity (sd of logs).
TALK_SD: Final = 0.25
BOUGHT_K: Final = 0.6
BOUGHT_Z: Final = 3.0
#: False alerts per influencer-month where it is known who likes, since they must agree; else BUDGET.
BUDGET_KNOWN: Final = 0.008
#: New acts that confirm: two posts agree already.
CONFIRMED: Final = 3
BOUGHT_MATTERS: Final = 0.18  # log
#: Posts since the newest of which the past's posts may be too young to be past.
RECENT_POSTS: Final = 12
BOUGHT_POSTS: Final = 2
#: Rise of the share of low credibility among the likes that speaks for, and its z; and beyond which the share
#: speaks against (likes that come from people like the usual ones).
LOW_RISE, LOW_Z = 0.04, 2.0
#: A rise this sure leans the same way: it lowers no limit, but both z together must then reach BOTH_Z.
LEANS_Z, BOTH_Z = 1.2, 4.0
MIN_LIKES_KNOWN: Final = 30
#: Where more than this of the likes were of low credibility all along, bought ones look like the usual ones.
LOW_MOST: Final = 0.5


def _residuals(posts: Sequence[PostStat]) -> list[float]:
    """R of posts at 6 h, as logs without centre."""
    comments = sorted(post.comments[AT_6H] for post in posts)
    usual = max(0.5, sum(comments) / len(comments))
    beta = POST_SD**2 / (POST_SD**2 + TALK_SD**2 + 1 / usual)
    return [log(post.likes[AT_6H] + 1.0) - beta * log(post.comments[AT_6H] + 1.0) for post in posts]


def _split(posts: Sequence[PostStat], ref: Reference) -> int:
    """Index of the first post that is not past: those of the reference, else all but the newest twelve."""
    of_reference = sum(post.at < ref.ends for post in posts)
    return max(of_reference, len(posts) - RECENT_POSTS) if of_reference < MIN_PAST else of_reference


def _low_likes(inp: SignalInput, since: float) -> tuple[list[tuple[int, int]], list[tuple[int, int]], bool]:
    """((low, known) likes per day of the reference, of the days from `since` on, whether half of the newer
    likes are of known profiles)."""

    def row(pane: Pane) -> tuple[int, int]:
        return pane[LOW + LIKE], pane[KNOWN + LIKE]

    past = [row(pane) for _, pane in inp.reference_days]
    new = [(row(pane), pane[COUNT + LIKE]) for start, pane in inp.day_totals if start >= since - DAY + 1]
    known, all_ = sum(kn for (_, kn), _ in new), sum(count for _, count in new)
    return past, [pair for pair, _ in new], all_ > 0 and 2 * known >= all_


def _rise(past: Sequence[tuple[int, int]], new: Sequence[tuple[int, int]]) -> tuple[float, float, float]:
    """(share before, share now, z of the rise)."""
    k0, n0 = sum(k for k, _ in past), sum(n for _, n in past)
    k1, n1 = sum(k for k, _ in new), sum(n for _, n in new)
    if n0 < MIN_LIKES_KNOWN or n1 < 5:
        return 0.0, 0.0, 0.0
    p0, p1 = k0 / n0, k1 / n1
    phi = share_dispersion(past)
    p = min(0.97, max(0.03, (k0 + k1) / (n0 + n1)))
    return p0, p1, (p1 - p0) / sqrt(phi * p * (1 - p) * (1 / n0 + 1 / n1) + 0.02**2)


def bought_likes(look: Look) -> Verdict:
    """Whether posts get more likes than their comments explain, beyond the own past."""
    inp, ref = look.inp, look.reference
    if ref is None:
        return silent(inp, AUTHENTICITY, LIKES, "warming_up", measurable=False)
    posts = matured(inp, AT_6H)
    split = _split(posts, ref)
    if split < MIN_PAST or split >= len(posts):
        return silent(inp, AUTHENTICITY, LIKES, "not_measurable", measurable=False)
    values = _residuals(posts)
    usual = sorted(post.likes[AT_6H] for post in posts[:split])[split // 2] + 1.0
    prior = sqrt(0.20**2 + 1 / usual)
    scale = location_scale(values[:split], floor=prior * 0.7, prior=prior, prior_n=6)
    found = cusum_log(
        [exp(v) for v in values[split:]],
        scale.centre,
        scale.sd,
        BOUGHT_K,
        scale.n,
        TAU / 2,
        guard=0.7,
        cap=3.0,
    )
    past_z = [(v - scale.centre) / scale.sd for v in values[:split]]
    excess = found.estimate - scale.centre if found.n else 0.0
    since = posts[split + found.start].at if found.n else inp.at
    p0, p1, z_low = _rise(*(lows := _low_likes(inp, since))[:2])
    known = lows[2] and p0 + p1 > 0 and p0 < LOW_MOST
    h = limit(BUDGET_KNOWN if known else BUDGET, posts_per_day(inp), found.delta / 2, past_z)
    speaks_for = known and z_low > LOW_Z and p1 - p0 > LOW_RISE
    both = found.z + max(0.0, z_low if known else 0.0)
    leans = known and z_low > LEANS_Z and p1 - p0 > LOW_RISE and found.now > h and both > BOTH_Z
    sure = found.now > (0.5 * h if speaks_for else h) and both > BOUGHT_Z
    speaks_for = speaks_for or leans
    breached = sure and excess > BOUGHT_MATTERS and found.n >= BOUGHT_POSTS and (speaks_for or not known)
    weighed = (
        Considered("organic_likes", known and not speaks_for, f"{p1:.0%} of the likes are of low credibility "
                   f"({p0:.0%} before)"),
        *declared(inp, AUTHENTICITY),
    )  # fmt: skip
    return verdict(
        inp, AUTHENTICITY, LIKES, breached, -(1 - exp(-excess)), found.z, found.n,
        (
            CausePart("likes_per_comment", 1.0, exp(excess), -excess),
            *((CausePart("suspicious_likes", p0, p1, p0 - p1),) if speaks_for else ()),
        ),
        weighed, critical=excess > log(3), recovered=excess < BOUGHT_MATTERS / 2,
        summary=f"Posts are affected by likes that do not fit their comments: the last {found.n} posts "
        f"drew {exp(excess):.1f} times the likes that would be usual for them.",
        advice=LIKES_ADVICE, needed=CONFIRMED,
    )  # fmt: skip


#: Share of a post's likes that come after 24 h: change to be found, change that matters, wandering.
LATE_SHIFT, LATE_MATTERS, LATE_TAU = 0.12, 0.06, 0.02
#: The same of the share of low credibility among a day's likes.
LOW_SHIFT, LOW_MATTERS, LOW_TAU = 0.10, 0.05, 0.02
DRIP_Z: Final = 3.0
#: At most so many likes of a post count: one big post must not carry the share.
DRIP_POST_LIKES: Final = 200
#: One post or day may add so much to a CUSUM of log-likelihoods.
DRIP_CAP: Final = 2.5


class _Trickle(msgspec.Struct, frozen=True):
    """A share that may have risen: before, now, and its CUSUM as a part of its limit."""

    before: float
    now: float
    z: float
    evidence: float

    @property
    def rise(self) -> float:
        return self.now - self.before


def _trickle(
    past: Sequence[tuple[int, int]], new: Sequence[tuple[int, int]], shift: float, tau: float, looks: float
) -> _Trickle | None:
    """None where too few likes are known."""
    k, n = sum(k for k, _ in past), sum(n for _, n in past)
    if n < MIN_LIKES_KNOWN or sum(n for _, n in new) < MIN_LIKES_KNOWN / 2:
        return None
    found = cusum_share(new, k / n, share_dispersion(past, 1.5), shift, n, tau, cap=DRIP_CAP)
    evidence = found.now / llr_limit(BUDGET, looks, found.delta)
    return _Trickle(k / n, found.estimate if found.n else k / n, found.z, evidence)


def _late(post: PostStat) -> tuple[int, int]:
    """(likes after 24 h, likes) of a post at 72 h; large posts count as DRIP_POST_LIKES."""
    n = post.likes[AT_72H]
    late = n - post.likes[AT_24H]
    if n > DRIP_POST_LIKES:
        return round(late * DRIP_POST_LIKES / n), DRIP_POST_LIKES
    return late, n


def bought_likes_drip(look: Look) -> Verdict:
    """Whether likes trickle in evenly, late on posts, from accounts of low credibility."""
    inp, ref = look.inp, look.reference
    if ref is None:
        return silent(inp, AUTHENTICITY, DRIP, "warming_up", measurable=False)
    posts = matured(inp, AT_72H)
    split = _split(posts, ref)
    rows = [_late(post) for post in posts]
    looks = posts_per_day(inp)
    late = _trickle(rows[:split], rows[split:], LATE_SHIFT, LATE_TAU, looks) if split >= MIN_PAST else None
    days, new, known = _low_likes(inp, max(ref.ends, inp.at - LOOK_BACK * DAY))
    low = _trickle(days, new, LOW_SHIFT, LOW_TAU, 1.0) if known else None
    if late is None and low is None:
        return silent(inp, AUTHENTICITY, DRIP, "not_measurable", measurable=False)
    late_on = late is not None and late.rise > LATE_MATTERS
    low_on = low is not None and low.rise > LOW_MATTERS
    on = [each for each, speaks in ((late, late_on), (low, low_on)) if each is not None and speaks]
    # Posts and actors are two witnesses: their evidence adds up.
    evidence = sum(each.evidence for each in on)
    z = sum(each.z for each in on) / sqrt(len(on)) if on else 0.0
    # Late likes of people like the usual ones: an old post was found again, or the format lives longer.
    against = low is not None and low.rise < LOW_MATTERS / 2
    said, parts = [], []
    if late_on and late is not None:
        said.append(
            f"{late.now:.0%} of the likes come a day or more after the post ({late.before:.0%} before)"
        )
        parts.append(CausePart("late_likes", late.before, late.now, -late.rise))
    if low_on and low is not None:
        said.append(f"{low.now:.0%} of the likes are of low credibility ({low.before:.0%} before)")
        parts.append(CausePart("suspicious_likes", low.before, low.now, -low.rise))
    organic = f"the likes are of people like the usual ones ({low.now:.0%} of low credibility)" if low else ""
    weighed = (Considered("organic_likes", against, organic),) if low else ()
    effect = -max([each.rise for each in on], default=0.0)
    return verdict(
        inp, AUTHENTICITY, DRIP, evidence > 1 and z > DRIP_Z, effect, z, sum(n for _, n in new),
        tuple(parts), (*weighed, *declared(inp, AUTHENTICITY)),
        recovered=evidence < 0.5, advice=DRIP_ADVICE, needed=CONFIRMED,
        summary="Posts are affected by likes that trickle in evenly: " + "; ".join(said) + ".",
    )  # fmt: skip
