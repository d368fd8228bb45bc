"""Interaction quality: `interaction_quality(inp: SignalInput) -> Score`, 0-100.

    IQ = 100 * G^.5 * min(1, depth / ref)^.25 * min(1, rate / ref)^.25

    G      sum_k pi_k (1 - mean f over kind k), pi_k = the reference's mix of kinds, so that a change of mix
           is no change of quality; f = low credibility, over acts of known profiles only; D7
    depth  (comments + replies + shares + saves) / (those + likes); D7
    rate   median over posts of sum w (1 - f) at post age 24 h, per follower; posts of D7, or else the newest
           three of D28 that have reached 24 h

Where a part is not measurable, the exponents of the others are renormalised; at least half of the exponent
weight must remain (G alone, or depth and rate). Without a frozen reference the own D28 stands in for depth
and rate, and the baseline stays empty. The part `without_genuineness` is what partnership health takes, since
authenticity is a signal of its own there. Formula: the design's, docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Final

from processors.panes import COUNT, DAY, KIND_INDEX, KNOWN, LOW, N_KINDS, Pane
from processors.scores import Score
from processors.signals.inputs import PostStat, SignalInput
from processors.signals.stats import MEDIAN_SE, Z95, geometric, log_sd, median, wilson

NAME: Final = "interaction_quality"
WINDOW: Final = "D7"
EXPONENTS: Final = (("genuineness", 0.5), ("depth", 0.25), ("quality_rate", 0.25))
#: Values under this share count as this share, so that one part at zero doesn't hide what the others say.
FLOOR: Final = 0.01
MIN_KNOWN: Final = 30
MIN_DEPTH: Final = 30
MIN_POSTS: Final = 3
#: Index of 24 h in POST_AGES.
AT_24H: Final = 2
#: Posts of the likes' spread, and the fewest that tell one.
SPREAD_POSTS, MIN_SPREAD = 12, 6
#: Posts differ by at least so much (log sd) even if three of them happen to agree.
MIN_LOG_SD: Final = 0.15

_LIKE: Final = COUNT + KIND_INDEX["like"]
_DEEP: Final = tuple(COUNT + KIND_INDEX[kind] for kind in ("comment", "reply", "share", "save"))
#: Kinds that speak of an audience's quality: not own acts (post), not passive or hostile ones (view, report).
MIX_KINDS: Final = tuple(i for kind, i in KIND_INDEX.items() if kind not in ("post", "view", "report"))
_LEFT_OUT: Final = tuple(i for i in range(N_KINDS) if i not in MIX_KINDS)


def sum_mix(pane: Pane, block: int) -> int:
    """Sum over MIX_KINDS of one block of columns (the few left out are subtracted: three times as fast)."""
    total = sum(pane[block : block + N_KINDS])
    for k in _LEFT_OUT:
        total -= pane[block + k]
    return total


def kind_mix(pane: Pane) -> tuple[float, ...]:
    """pi_k over 12 columns: shares of the audience's acts by kind (posts, views, reports: 0); all 0 for
    none."""
    total = sum(pane[COUNT + k] for k in MIX_KINDS)
    mix = [0.0] * N_KINDS
    if total:
        for k in MIX_KINDS:
            mix[k] = pane[COUNT + k] / total
    return tuple(mix)


def deep_and_all(pane: Pane) -> tuple[int, int]:
    """(deep acts, deep acts and likes) of a pane: depth is the first over the second."""
    deep = sum([pane[i] for i in _DEEP])
    return deep, deep + pane[_LIKE]


def genuineness_of(pane: Pane, mix: Sequence[float]) -> tuple[float, float, float, float, int, int]:
    """(G, lo, hi, n, known, acts) of a pane under a mix of kinds; G, lo, hi in [0, 1].

    A kind's share of low credibility is drawn towards the share over all kinds by two acts' worth, or a
    single save would decide for all saves. Var G = sum pi_k^2 f_k (1 - f_k) / known_k; n = G (1 - G) / Var,
    at most the known acts. Kinds without known acts are left out and the mix renormalised.
    """
    acts = sum_mix(pane, COUNT)
    known_all = sum_mix(pane, KNOWN)
    low_all = sum_mix(pane, LOW)
    if not known_all:
        return 0.0, 0.0, 1.0, 0.0, 0, acts
    pooled = low_all / known_all
    total = bad = variance = 0.0
    for k, share in enumerate(mix):
        if share <= 0 or not (known := pane[KNOWN + k]):
            continue
        f = (pane[LOW + k] + 2 * pooled) / (known + 2)
        total += share
        bad += share * f
        variance += share * share * f * (1 - f) / known
    if total <= 0:
        bad, total, variance = pooled, 1.0, pooled * (1 - pooled) / known_all
    g = min(1.0, max(0.0, 1 - bad / total))
    variance /= total * total
    n = min(float(known_all), g * (1 - g) / variance) if variance > 0 and 0 < g < 1 else float(known_all)
    lo, hi = wilson(g, n)
    return g, lo, hi, n, known_all, acts


def reference_genuineness(total: Pane, mix: Sequence[float]) -> float | None:
    """G of a reference's panes; None where profiles are too few or mostly unknown."""
    base, _, _, _, known, acts = genuineness_of(total, mix)
    return base if known >= MIN_KNOWN and 2 * known >= acts else None


def _genuineness(inp: SignalInput) -> tuple[Score, int]:
    """(genuineness, acts of the window)."""
    ref = inp.reference
    mix = ref.kind_mix if ref is not None and any(ref.kind_mix) else kind_mix(inp.d28)
    g, lo, hi, n, known, acts = genuineness_of(inp.d7, mix)
    baseline = ref.genuineness if ref is not None else None
    why = None
    if 2 * known < acts:
        why = f"profiles of {known} of {acts} acts are known; half would be needed"
    elif known < MIN_KNOWN:
        why = f"{known} acts of known profiles in 7 days; {MIN_KNOWN} would be needed"
    if why is not None:
        return Score(None, n, None, None, baseline, WINDOW, False, why), acts
    return Score(g, n, lo, hi, baseline, WINDOW), acts


def _depth(inp: SignalInput) -> tuple[Score, float | None]:
    """(depth, what it is held against)."""
    deep, acts = deep_and_all(inp.d7)
    ref = inp.reference
    baseline = ref.depth if ref is not None else None
    against = baseline
    phi = 1.0 if ref is None else ref.depth_phi
    if against is None:
        own_deep, own_acts = deep_and_all(inp.d28)
        against = own_deep / own_acts if own_acts else None
    if acts < MIN_DEPTH:
        return Score(
            None,
            acts,
            None,
            None,
            baseline,
            WINDOW,
            False,
            f"{acts} likes, comments, shares and saves in 7 days; {MIN_DEPTH} would be needed",
        ), against
    n = acts / phi
    share = deep / acts
    lo, hi = wilson(share, n)
    return Score(share, n, lo, hi, baseline, WINDOW), against


def matured_rates(posts: Sequence[PostStat], followers: int, since: int, until: int) -> list[float]:
    """Quality rate at age 24 h (weight per follower) of the posts published from `since` on and a day or more
    before `until`, in the order of `posts`."""
    scale = 1 / (100 * followers)
    last = until - DAY
    return [post.weight[AT_24H] * scale for post in posts if since <= post.at <= last]


def current_rates(inp: SignalInput) -> tuple[list[float], str]:
    """(rates, window): of the posts of D7, or of the newest MIN_POSTS of D28 if D7 has fewer."""
    if not inp.followers:
        return [], WINDOW
    rates = matured_rates(inp.posts, inp.followers, inp.at - 7 * DAY, inp.at)
    if len(rates) >= MIN_POSTS:
        return rates, WINDOW
    return matured_rates(inp.posts, inp.followers, inp.at - 28 * DAY, inp.at)[-MIN_POSTS:], "D28"


def _quality_rate(inp: SignalInput) -> tuple[Score, float | None]:
    """(quality rate, what it is held against). Interval log-normal, from the spread of single posts."""
    ref = inp.reference
    baseline = ref.quality_rate if ref is not None else None
    if not inp.followers:
        return Score(
            None, 0.0, None, None, baseline, WINDOW, False, "the follower count is not known"
        ), baseline
    rates, window = current_rates(inp)
    n = len(rates)
    if n < MIN_POSTS:
        return Score(
            None,
            float(n),
            None,
            None,
            baseline,
            window,
            False,
            f"{n} posts of the last 28 days have reached 24 h; {MIN_POSTS} would be needed",
        ), baseline
    against = baseline
    spread = ref.quality_rate_log_sd if ref is not None else None
    if against is None or spread is None:
        own = matured_rates(inp.posts, inp.followers, inp.at - 28 * DAY, inp.at)
        if against is None:
            against = median(sorted(own))
        if spread is None:
            spread = log_sd(own) or 0.5
    value = median(sorted(rates))
    factor = exp(Z95 * MEDIAN_SE * max(spread, MIN_LOG_SD) / n**0.5)
    return Score(value, float(n), value / factor, value * factor, baseline, window), against


def likes_spread(inp: SignalInput) -> Score:
    """sd/mean of likes at 24 h over the last SPREAD_POSTS posts, against the own posts before them (up to as
    many): posts that all draw the same are odd for some and usual for others. Shown, judged by nothing."""
    window = f"{SPREAD_POSTS} posts"
    likes = [post.likes[AT_24H] for post in inp.posts if post.at + DAY <= inp.at]
    newest, before = likes[-SPREAD_POSTS:], likes[-2 * SPREAD_POSTS : -SPREAD_POSTS]
    past = _variation(before) if len(before) >= MIN_SPREAD else None
    n = len(newest)
    value = _variation(newest) if n >= MIN_SPREAD else None
    if value is None:
        why = f"{n} posts have reached 24 h" if n < MIN_SPREAD else "no likes came within 24 h"
        return Score(None, float(n), None, None, past, window, False, f"{why}; {MIN_SPREAD} are needed")
    half = Z95 * value * sqrt((0.5 + value * value) / n)
    return Score(value, float(n), max(0.0, value - half), value + half, past, window)


def _variation(values: Sequence[int]) -> float | None:
    mean = sum(values) / len(values)
    if mean <= 0:
        return None
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)) / mean


def _ratio(score: Score, against: float | None) -> tuple[float, float, float] | None:
    """min(1, x / reference) with its interval; None when one of the two is missing."""
    if score.value is None or score.lo is None or score.hi is None or not against:
        return None
    return min(1.0, score.value / against), min(1.0, score.lo / against), min(1.0, score.hi / against)


def _composite(
    shares: Sequence[tuple[float, tuple[float, float, float] | None]],
    baseline: float | None,
    n: float,
    parts: dict[str, Score] | None = None,
) -> Score:
    """100 x the geometric mean over the measurable parts, at least half of the exponent weight."""
    used = [(weight, *share) for weight, share in shares if share is not None]
    if sum([part[0] for part in used]) < 0.5 * sum([weight for weight, _ in shares]):
        return Score(None, n, None, None, baseline, WINDOW, False, "too few of its parts are measurable")
    value, lo, hi = geometric(used, FLOOR)
    return Score(100 * value, n, 100 * lo, 100 * hi, baseline, WINDOW, True, None, parts or {})


def interaction_quality(inp: SignalInput) -> Score:
    """The signal with its parts genuineness, depth, quality_rate and without_genuineness."""
    g, n = _genuineness(inp)
    depth, depth_ref = _depth(inp)
    rate, rate_ref = _quality_rate(inp)
    g_part = None if g.value is None or g.lo is None or g.hi is None else (g.value, g.lo, g.hi)
    depth_part = _ratio(depth, depth_ref)
    rate_part = _ratio(rate, rate_ref)
    # Each ratio that goes in stands against the frozen reference, not against the own D28.
    frozen = (
        inp.reference is not None
        and (depth_part is None or depth.baseline is not None)
        and (rate_part is None or rate.baseline is not None)
    )
    plain = _composite(((0.25, depth_part), (0.25, rate_part)), 100.0 if frozen else None, n)
    parts = {
        "genuineness": g, "depth": depth, "quality_rate": rate, "without_genuineness": plain,
        "likes_spread": likes_spread(inp),
    }  # fmt: skip
    baseline = _baseline(g, depth_part is not None, rate_part is not None) if frozen else None
    whole = _composite(((0.5, g_part), (0.25, depth_part), (0.25, rate_part)), baseline, n, parts)
    if whole.value is None:
        whys = "; ".join(part.why for part in (g, depth, rate) if part.why)
        return Score(None, n, None, None, baseline, WINDOW, False, whys or whole.why, parts)
    return whole


def _baseline(g: Score, depth: bool, rate: bool) -> float | None:
    """The signal of the reference itself over the parts measurable now: its ratios are 1, its G counts."""
    if g.value is None:
        return 100.0
    if g.baseline is None:
        return None
    return float(100 * max(g.baseline, FLOOR) ** (0.5 / (0.5 + 0.25 * depth + 0.25 * rate)))
