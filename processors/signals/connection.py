"""Connection with the audience: `connection(inp: SignalInput) -> Score`, level 0-100.

    r      share of genuine comments that the influencer answers within 48 h, by Kaplan-Meier over D7
    level  100 * r / (r + m): r's percentile under a log-logistic prior with the tier's median m, shape 1,
           until neighbours in size are known
    parts  reply_rate (r), reply_latency (h, median of those answered within 48 h), answer_gap, dialogue

answer_gap's value is the number of answers that the reference's reply curve (or the own D28's) would have led
to among the comments that came since the last answer. None of them was given: it sees silence without events.
Under MIN_EXPECTED answers expected in D7 the level is not measurable. A posting pause is no data.
Sources: Kaplan and Meier (1958); Greenwood (1926); log-logistic prior: docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Final

from processors.panes import ANSWERABLE, DAY, DIALOGUES, HOUR, N_LATENCY, OWN_POSTS, OWN_REPLIES
from processors.scores import Score
from processors.signals.inputs import Exposure, SignalInput
from processors.signals.stats import wilson
from processors.signals.survival import answered_by, expected_answers, latency_quantile
from processors.tiers import tier

NAME: Final = "connection"
WINDOW: Final = "D7"
#: Answers that must be expected in the window, or the level is not measurable.
MIN_EXPECTED: Final = 8.0
MIN_ANSWERS: Final = 5
#: Median reply rate by tier: a prior for the level's scale, never a threshold. Geometric steps downwards:
#: real two-way talk has .37-.77, influencers' replies overall have a median of 1.2 % of comments.
PRIOR_MEDIAN: Final = {
    "nano": 0.20,
    "micro": 0.10,
    "mid": 0.05,
    "macro": 0.02,
    "mega": 0.01,
    "unknown": 0.08,
}


def level(rate: float, median: float) -> float:
    """100 * r / (r + m): 0 for a rate of 0, 50 at the prior's median; rises with the rate."""
    return 100 * rate / (rate + median)


def posting_pause(inp: SignalInput) -> str | None:
    """Why the influencer is taken to be away, or None. Away: no own act in D1, and the last own post lies
    further back than three days and than three times the usual distance between posts."""
    if inp.d1[OWN_POSTS] or inp.d1[OWN_REPLIES]:
        return None
    if inp.last_post_at is None:
        return "no own post was seen yet"
    idle = inp.at - inp.last_post_at
    if idle <= 3 * DAY:
        return None
    posts = inp.posts
    usual = (posts[-1].at - posts[0].at) / (len(posts) - 1) if len(posts) > 2 else 2.0 * DAY
    if idle <= 3 * usual:
        return None
    return f"posting pause: no own post for {idle / DAY:.0f} days, usually one every {usual / DAY:.1f} days"


def gap_expected(comments_by_age: Sequence[int], curve: Sequence[float]) -> float:
    """Answers that a reply curve F leads to among comments of these ages: sum of n_i times F at the middle of
    the age bin (mean of its edges)."""
    before = expected = 0.0
    for count, share in zip(comments_by_age, curve, strict=True):
        expected += count * (before + share) / 2
        before = share
    return expected


def _reply_rate(
    exposure: Exposure,
    curve: Sequence[float],
    n: float,
    expected: float,
    ref_curve: Sequence[float] | None,
    phi: float,
    baseline: float | None,
) -> Score:
    if not exposure.comments:
        return Score(None, 0.0, None, None, baseline, WINDOW, False, "no genuine comments in 7 days")
    if ref_curve is not None and expected < MIN_EXPECTED:
        usual = ref_curve[-1]
        need = (
            f"about {ceil(MIN_EXPECTED / usual)} comments"
            if usual > 0
            else "a past in which comments were answered"
        )
        return Score(
            None,
            n,
            None,
            None,
            baseline,
            WINDOW,
            False,
            f"{expected:.1f} answers expected in 7 days; {MIN_EXPECTED:.0f} would be needed ({need})",
        )
    if n < 1:
        return Score(
            None, n, None, None, baseline, WINDOW, False, "no comment is old enough to have been answered"
        )
    effective = n / phi
    lo, hi = wilson(curve[-1], effective)
    return Score(curve[-1], effective, lo, hi, baseline, WINDOW)


def _latency(curve: Sequence[float], answers: int, baseline: float | None) -> Score:
    """Median and its interval from order statistics: quantiles 1/2 +- .98 / sqrt(n). Hours."""
    if answers < MIN_ANSWERS:
        return Score(
            None,
            answers,
            None,
            None,
            baseline,
            WINDOW,
            False,
            f"{answers} answers in 7 days; {MIN_ANSWERS} would be needed",
        )
    half = min(0.499, 0.98 / sqrt(answers))
    return Score(
        latency_quantile(curve, 0.5) / HOUR,
        answers,
        latency_quantile(curve, 0.5 - half) / HOUR,
        latency_quantile(curve, 0.5 + half) / HOUR,
        baseline,
        WINDOW,
    )


def _answer_gap(inp: SignalInput, curve: Sequence[float] | None) -> Score:
    """Value: answers that would have been expected; n: comments that came. `why` tells it in a sentence."""
    gap = inp.gap
    came = sum(gap.comments_by_age)
    if curve is None or curve[-1] <= 0:
        return Score(
            None, came, None, None, 0.0, None, False, "no answer to a comment was seen in the last 28 days"
        )
    expected = gap_expected(gap.comments_by_age, curve)
    spread = sqrt(expected)
    why = (
        f"{came} comments came, {expected:.0f} would have been answered, none was" if expected >= 1 else None
    )
    return Score(expected, came, max(0.0, expected - 2 * spread), expected + 2 * spread, 0.0, None, True, why)


def _dialogue(inp: SignalInput) -> Score:
    ref, comments = inp.reference, inp.d7[ANSWERABLE]
    baseline = None
    if ref is not None and ref.total[ANSWERABLE]:
        baseline = min(1.0, ref.total[DIALOGUES] / ref.total[ANSWERABLE])
    if comments < 10:
        return Score(
            None,
            comments,
            None,
            None,
            baseline,
            WINDOW,
            False,
            f"{comments} genuine comments in 7 days; 10 would be needed",
        )
    share = min(1.0, inp.d7[DIALOGUES] / comments)
    lo, hi = wilson(share, comments)
    return Score(share, comments, lo, hi, baseline, WINDOW)


def connection(inp: SignalInput) -> Score:
    """The signal's level with its parts."""
    ref = inp.reference
    prior = PRIOR_MEDIAN[tier(inp.followers)]
    curve, n = answered_by(inp.exposure_d7)
    ref_curve: Sequence[float] | None = None
    rate_baseline = None
    if ref is not None and ref.reply_rate is not None and len(ref.reply_curve) == N_LATENCY:
        ref_curve, rate_baseline = ref.reply_curve, ref.reply_rate
    else:
        own_curve, own_n = answered_by(inp.exposure_d28)
        if own_n >= 1:
            ref_curve = own_curve
    expected = expected_answers(inp.exposure_d7, ref_curve) if ref_curve is not None else 0.0
    phi = ref.reply_phi if ref is not None else 1.0
    rate = _reply_rate(inp.exposure_d7, curve, n, expected, ref_curve, phi, rate_baseline)
    usual = ref.reply_median_s / HOUR if ref is not None and ref.reply_median_s else None
    parts = {
        "reply_rate": rate,
        "reply_latency": _latency(curve, sum(inp.exposure_d7.answered), usual),
        "answer_gap": _answer_gap(inp, ref_curve),
        "dialogue": _dialogue(inp),
    }
    baseline = None if rate_baseline is None else level(rate_baseline, prior)
    why = rate.why
    if (away := posting_pause(inp)) is not None:
        why = away
    if why is not None or rate.value is None or rate.lo is None or rate.hi is None:
        return Score(None, rate.n, None, None, baseline, WINDOW, False, why, parts)
    return Score(
        level(rate.value, prior),
        rate.n,
        level(rate.lo, prior),
        level(rate.hi, prior),
        baseline,
        WINDOW,
        True,
        None,
        parts,
    )
