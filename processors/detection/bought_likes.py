"""Likes that were bought: more than a post's comments and the own past explain, at once or in a drip.

    bought_likes(look), bought_likes_drip(look)     -> Verdict on authenticity (rule leak)

* bought_likes: what likes at 6 h exceed when the same post's comments are allowed for. With L and C the logs
  of likes and comments against the own past, R = L - beta C, beta = p^2/(p^2 + c^2 + 1/comments): the part
  of a post's popularity that its comments tell (p .23, c .25 the own noise of talk). So it is log likes where
  comments are few, and log likes per comment where they are many. Where profiles are known, the likes' share
  of low credibility must agree, or people come from where hardly anyone did before.
* bought_likes_drip: likes that come evenly come late, on posts of days ago; their accounts are of low
  credibility, and from elsewhere: three shares that rise together (`witnesses`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import Final

from processors.detection.explainers import aftermath, declared, surge
from processors.detection.leak_quality import (
    AT_72H,
    BUDGET,
    LIKE,
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
    limit,
    location_scale,
    share_dispersion,
)
from processors.detection.spikes import own_hit
from processors.detection.verdict import CausePart, Considered, Verdict
from processors.detection.witnesses import Together, begins, foreign, late, low, together
from processors.panes import COUNT, DAY, KNOWN, LOW, Pane
from processors.signals.inputs import PostStat, Reference, SignalInput

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
#: Strangers from elsewhere speak for it from this z and rise on: people abroad who find a post also talk.
FOREIGN_Z, FOREIGN_RISE = 4.0, 0.10
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


def _elsewhere(inp: SignalInput, ref: Reference, since: float) -> CausePart | None:
    """Acts from countries from which hardly any came before, where they plainly grew with the likes; nothing
    while a surge of the last weeks still shapes who is there."""
    if aftermath(inp).accepted:
        return None
    held = foreign(inp, ref, begins(inp, ref))
    rise = held.since(since // DAY * DAY) if held is not None else None
    if rise is None or rise.z < FOREIGN_Z or rise.by < FOREIGN_RISE:
        return None
    return CausePart("foreign", rise.before, rise.now, -rise.by)


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
    elsewhere = _elsewhere(inp, ref, since)
    speaks_for = speaks_for or leans or elsewhere is not None
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
            *((CausePart("suspicious_likes", p0, p1, p0 - p1),) if speaks_for and p1 > p0 else ()),
            *((elsewhere,) if elsewhere is not None else ()),
        ),
        weighed, critical=excess > log(3), recovered=excess < BOUGHT_MATTERS / 2,
        summary=f"Posts are affected by likes that do not fit their comments: the last {found.n} posts "
        f"drew {exp(excess):.1f} times the likes that would be usual for them.",
        advice=LIKES_ADVICE, needed=CONFIRMED,
    )  # fmt: skip


#: What witnesses must tell together (S of `witnesses`), and each: of low credibility (z, rise, likes), and
#: another one (z), or none where it is this sure.
DRIP_S, DRIP_LOW_Z, DRIP_LOW_RISE, DRIP_LOW_N, DRIP_OTHER_Z = 16.0, 2.2, 0.06, 15, 1.5
DRIP_LOW_ALONE: Final = 5.0
#: Where profiles are hidden: lateness (z, rise) with strangers from elsewhere, or by itself.
DRIP_LATE_Z, DRIP_LATE_RISE, DRIP_LATE_ALONE = 3.0, 0.06, 4.5
#: Volume over the usual from which strangers shift all three without being bought.
DRIP_SURGE: Final = (("D1", 3.0), ("D7", 2.0))
_SEEN: Final = {
    "late": ("late_likes", "{now:.0%} of the likes come a day or more after the post ({before:.0%} before)"),
    "low": ("suspicious_likes", "{now:.0%} of the likes are of low credibility ({before:.0%} before)"),
    "foreign": (
        "foreign",
        "{now:.0%} of those who engage are from countries that hardly anyone was from ({before:.0%} before)",
    ),
}


def bought_likes_drip(look: Look) -> Verdict:
    """Whether likes trickle in evenly: late on posts, from accounts of low credibility, from elsewhere."""
    inp, ref = look.inp, look.reference
    if ref is None:
        return silent(inp, AUTHENTICITY, DRIP, "warming_up", measurable=False)
    posts = matured(inp, AT_72H)
    split, since = _split(posts, ref), begins(inp, ref)
    held = {
        "late": late(posts, split) if split >= MIN_PAST else None,
        "low": low(inp, since),
        "foreign": foreign(inp, ref, since),
    }
    if held["late"] is None and held["low"] is None:
        return silent(inp, AUTHENTICITY, DRIP, "not_measurable", measurable=False)
    told = together(held, inp.at)
    rings = _drips(told, held["low"] is not None)
    on = {name: rise for name, rise in told.rises.items() if rise.z >= 1.0}
    said = [_SEEN[name][1].format(now=rise.now, before=rise.before) for name, rise in on.items()]
    # Late likes of people like the usual ones: an old post was found again, or the format lives longer.
    rise = told.rises.get("low")
    usual = f"{rise.now:.0%} of the likes are of low credibility" if rise is not None else ""
    weighed = (Considered("organic_likes", False, usual),) if usual else ()
    return verdict(
        inp, AUTHENTICITY, DRIP, rings, -max((rise.by for rise in on.values()), default=0.0), sqrt(told.s),
        sum(rise.n for rise in on.values()),
        tuple(CausePart(_SEEN[name][0], rise.before, rise.now, -rise.by) for name, rise in on.items()),
        (*weighed, surge(inp, DRIP_SURGE), own_hit(inp), *declared(inp, AUTHENTICITY)) if rings else (),
        recovered=told.s < DRIP_S / 2, advice=DRIP_ADVICE, needed=CONFIRMED,
        summary="Posts are affected by likes that trickle in evenly: " + "; ".join(said) + ".",
    )  # fmt: skip


def _drips(told: Together, known: bool) -> bool:
    """Whether the witnesses are sure together; `known`: whether it is known who likes."""
    others = max(told.z("late"), told.z("foreign"))
    if not known:
        late_ = told.rises.get("late")
        if late_ is None or late_.by < DRIP_LATE_RISE:
            return False
        beside = told.z("foreign") >= DRIP_OTHER_Z and late_.z >= DRIP_LATE_Z
        return late_.z >= DRIP_LATE_ALONE or (beside and told.s > DRIP_S)
    rise = told.rises.get("low")
    if rise is None or rise.by < DRIP_LOW_RISE or rise.n < DRIP_LOW_N:
        return False
    beside = others >= DRIP_OTHER_Z and rise.z >= DRIP_LOW_Z and told.s > DRIP_S
    return beside or rise.z >= DRIP_LOW_ALONE
