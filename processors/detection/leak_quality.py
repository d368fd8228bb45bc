"""Interaction that leaks away: CUSUMs over single posts at equal age, against the frozen reference.

    slow_decay(look), sponsored_fatigue(look)       -> Verdict on interaction_quality (rule leak)

Posts are compared with the own past's posts: their log noise (.12 / .23 / .38, P10/50/90 of real accounts) is
estimated from it, and how far levels wander without any cause (.14 in two months) is part of the null.

* slow_decay: likes and comments at 24 h of the posts since the reference, CUSUM downwards; as counts, since
  where a post draws five likes their chance outweighs all else.
* sponsored_fatigue: more of the posts are sponsored *and* posts draw less; neither alone says much within
  three weeks, so both must lean the same way, and together they must be sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, sqrt
from typing import Final

import msgspec

from processors.detection.explainers import declared
from processors.detection.look import Look
from processors.detection.sequential import (
    cusum_rate,
    cusum_share,
    llr_limit,
    location_scale,
)
from processors.detection.verdict import CausePart, Considered, Verdict
from processors.panes import COUNT, DAY, KIND_INDEX, OWN_POSTS, OWN_SPONSORED
from processors.signals.inputs import POST_AGES, PostStat, Reference, SignalInput
from processors.signals.quality import AT_24H

QUALITY, RULE = "interaction_quality", "leak"
DECAY, FATIGUE = "slow_decay", "sponsored_fatigue"
ADVICE: Final = {
    DECAY: "Compare the last posts with those of the reference: topic, format, hour; a slow loss is easier "
    "to turn early.",
    FATIGUE: "Talk about the mix: fewer sponsored posts, and organic ones between them, until posts draw as "
    "before.",
}
#: False alerts per influencer-month that each of them may give.
BUDGET: Final = 0.004
#: Own noise of a post's log likes: median of real accounts, and the least believed.
POST_SD, POST_SD_MIN = 0.23, 0.15
#: Wandering of the log level within two months.
TAU: Final = 0.14
LIKE: Final = KIND_INDEX["like"]
_TALKED: Final = (LIKE, KIND_INDEX["comment"])
AT_72H: Final = 3
MIN_PAST: Final = 5
#: Days that CUSUMs look back at most.
LOOK_BACK: Final = 35


def posts_per_day(inp: SignalInput) -> float:
    """Posts a day, from those that are kept."""
    if len(inp.posts) < 2:
        return 0.1
    return max(0.02, (len(inp.posts) - 1) / max(1.0, (inp.posts[-1].at - inp.posts[0].at) / DAY))


def matured(inp: SignalInput, age: int) -> list[PostStat]:
    """Posts that have reached age POST_AGES[age]."""
    return [post for post in inp.posts if post.at + POST_AGES[age] <= inp.at]


# -- what the posts draw -----------------------------------------------------------------------------------


class _Drawn(msgspec.Struct, frozen=True):
    """What posts draw within 24 h (likes and comments): those since the reference, and what was usual."""

    posts: list[PostStat]
    counts: list[float]  # large ones cut to DRAWN_CAP times the usual: one viral post is no level
    usual: float
    phi: float  # variance over mean of one post's count
    past: float  # counts that `usual` rests on


DRAWN_CAP: Final = 2.5


def _count(post: PostStat) -> float:
    return float(post.likes[AT_24H] + post.comments[AT_24H])


def _drawn(inp: SignalInput, ref: Reference) -> _Drawn | None:
    """None where the past is too thin. Its posts, or what its days held where they are no longer kept."""
    posts = matured(inp, AT_24H)
    past = [_count(post) for post in posts if post.at < ref.ends]
    since = [post for post in posts if post.at >= max(ref.ends, inp.at - LOOK_BACK * DAY)]
    own = sum(pane[OWN_POSTS] for _, pane in inp.reference_days)
    total = sum(sum(pane[COUNT + k] for k in _TALKED) for _, pane in inp.reference_days)
    if own < MIN_PAST or len(since) < 2:
        return None
    # Acts of a day also fall on older posts; the posts that are kept tell how many.
    late = [(post.likes[AT_24H], post.likes[AT_72H]) for post in matured(inp, AT_72H)]
    whole = sum(all_ for _, all_ in late)
    usual = total / own * (sum(day for day, _ in late) / whole if whole else 0.9)
    if len(past) >= 8:
        middle = sorted(past)[len(past) // 2]
        usual = sum(min(x, DRAWN_CAP * max(middle, 1.0)) for x in past) / len(past)
    if usual <= 0:
        return None
    counts = [min(_count(post), DRAWN_CAP * usual) for post in since]
    noise = _noise([_count(post) for post in posts], past, usual)
    phi = max(1.2, 1 + usual * POST_SD_MIN**2, usual * noise * noise)
    return _Drawn(since, counts, usual, phi, own * usual)


def _noise(all_: Sequence[float], past: Sequence[float], usual: float) -> float:
    """Sd of a post's log count: of the past's posts, and from one kept post to the next, which a slow change
    leaves as it is; the larger, since the past's posts are soon no longer kept where many are made."""
    prior = sqrt(POST_SD**2 + 1 / usual)
    logs = [log(x + 0.5) for x in all_]
    steps = [(b - a) / sqrt(2) for a, b in pairwise(logs)]
    found = [location_scale(steps, prior=prior, prior_n=8).sd] if steps else [1.3 * prior]
    if past:
        found.append(location_scale([log(x + 0.5) for x in past], prior=prior, prior_n=8).sd)
    return max(found)


#: Change to be found, share of wandering and reference that is null, most of one post (log-likelihood).
DECAY_FACTOR, DECAY_GUARD, DECAY_CAP = 0.6, 0.8, 2.5
DECAY_Z: Final = 3.1
DECAY_MATTERS, DECAY_CRITICAL = -0.25, -0.50
DECAY_POSTS: Final = 3


def slow_decay(look: Look) -> Verdict:
    """Whether posts have come to draw less and less since the reference."""
    inp, ref = look.inp, look.reference
    if ref is None:
        return silent(inp, QUALITY, DECAY, "warming_up", measurable=False)
    drawn = _drawn(inp, ref)
    if drawn is None:
        return silent(inp, QUALITY, DECAY, "not_measurable", measurable=False)
    found = cusum_rate(
        drawn.counts, [1.0] * len(drawn.counts), drawn.usual, drawn.phi, DECAY_FACTOR, drawn.past, TAU,
        guard=DECAY_GUARD, cap=DECAY_CAP,
    )  # fmt: skip
    h = llr_limit(BUDGET, posts_per_day(inp), found.delta)
    change = found.estimate / drawn.usual - 1 if found.n else 0.0
    breached = found.now > h and found.z > DECAY_Z and change <= DECAY_MATTERS and found.n >= DECAY_POSTS
    pull = log(max(0.01, 1 + change))
    return verdict(
        inp, QUALITY, DECAY, breached, change, found.z, found.n,
        (CausePart("quality_rate", drawn.usual, found.estimate, pull),), declared(inp, QUALITY),
        critical=change <= DECAY_CRITICAL, recovered=change > DECAY_MATTERS / 2,
        summary=f"Interaction leaks away: the last {found.n} posts drew {-change:.0%} fewer likes and "
        f"comments than those of the reference at the same age ({found.estimate:.0f} a post, "
        f"{drawn.usual:.0f} before).",
        advice=ADVICE[DECAY],
    )  # fmt: skip


#: What counts as usual where the reference (often before the contract) has fewer sponsored posts.
FATIGUE_SHARE: Final = 0.15
FATIGUE_SHIFT: Final = 0.25
FATIGUE_Z: Final = 3.2
FATIGUE_SHARE_Z: Final = 3.0
FATIGUE_LEAST: Final = (1.2, 0.8)
FATIGUE_MATTERS: Final = (0.15, -0.06)
FATIGUE_POSTS: Final = 5


def sponsored_fatigue(look: Look) -> Verdict:
    """Whether more and more posts are sponsored, and posts draw less meanwhile."""
    inp, ref = look.inp, look.reference
    if ref is None:
        return silent(inp, QUALITY, FATIGUE, "warming_up", measurable=False)
    drawn = _drawn(inp, ref)
    if drawn is None or len(drawn.posts) < FATIGUE_POSTS:
        return silent(inp, QUALITY, FATIGUE, "not_measurable", measurable=False)
    own = sum(pane[OWN_POSTS] for _, pane in inp.reference_days)
    paid = sum(pane[OWN_SPONSORED] for _, pane in inp.reference_days)
    base = max(FATIGUE_SHARE, paid / own if own else 0.0)
    flags = [(int(post.sponsored), 1) for post in drawn.posts]
    share = cusum_share(flags, base, 1.2, FATIGUE_SHIFT, max(own, 10.0))
    if not share.n:
        return verdict(inp, QUALITY, FATIGUE, False, 0.0, 0.0, 0, (), (), recovered=True)
    since = drawn.counts[share.start :]
    change = sum(since) / len(since) / drawn.usual - 1
    fall = log(max(0.01, 1 + change))
    # Three weeks see half of the two months' variance.
    z_fall = -fall / sqrt(drawn.phi * (1 / (len(since) * drawn.usual) + 1 / drawn.past) + TAU * TAU / 2)
    rise = share.estimate - base
    # A campaign begins all at once: its share, however sure, must not make up for a loss that isn't there.
    both = (min(share.z, FATIGUE_SHARE_Z) + z_fall) / sqrt(2)
    enough = share.z > FATIGUE_LEAST[0] and z_fall > FATIGUE_LEAST[1] and len(since) >= FATIGUE_POSTS
    matters = rise >= FATIGUE_MATTERS[0] and change <= FATIGUE_MATTERS[1]
    return verdict(
        inp, QUALITY, FATIGUE, both > FATIGUE_Z and enough and matters, change, both, len(since),
        (
            CausePart("quality_rate", drawn.usual, drawn.usual * (1 + change), fall),
            CausePart("sponsored_share", base, share.estimate, -rise),
        ),
        declared(inp, QUALITY), recovered=rise < FATIGUE_MATTERS[0] / 2,
        summary=f"{share.estimate:.0%} of the last {len(since)} posts are sponsored ({base:.0%} usual), and "
        f"they drew {-change:.0%} fewer likes and comments.", advice=ADVICE[FATIGUE],
    )  # fmt: skip


def silent(inp: SignalInput, signal: str, subject: str, reason: str, *, measurable: bool) -> Verdict:
    """Nothing to say, and why."""
    return Verdict(
        signal=signal, rule=RULE, subject=subject, breached=False, recovered=False, severity=None,
        measurable=measurable, reason=reason, evidence_key=sum(inp.lifetime),
    )  # fmt: skip


def verdict(
    inp: SignalInput, signal: str, subject: str, breached: bool, effect: float, z: float, n: float,
    parts: tuple[CausePart, ...], weighed: tuple[Considered, ...], *, critical: bool = False,
    recovered: bool = False, summary: str | None = None, advice: str | None = None, needed: int = 10,
) -> Verdict:  # fmt: skip
    """A leak\'s verdict: what people declared takes the breach away; words only where it is breached."""
    explained = breached and any(each.accepted for each in weighed)
    breached = breached and not explained
    newest = tuple(post.event_id for post in inp.posts[-5:] if post.event_id)
    return Verdict(
        signal=signal, rule=RULE, subject=subject, breached=breached, recovered=recovered and not breached,
        severity=("critical" if critical else "warning") if breached else None, measurable=True,
        reason=subject if breached else "explained" if explained else "steady", effect=effect,
        change=effect or None, z=z, n=n, window="D28", cause=parts if breached else (), explainers=weighed,
        evidence_key=sum(inp.lifetime), evidence_needed=needed, event_ids=newest if breached else (),
        summary=summary if breached else None, advice=advice if breached else None,
    )  # fmt: skip
