"""Connection with the audience: `connection(inp: SignalInput) -> Score`, level 0-100, D7.

    level  100 * (.35 reply + .25 dialogue + .25 return + .15 regulars), each the share's percentile
           p / (p + m) under a log-logistic prior with the tier's median m, shape 1, until neighbours in
           size are known; renormalised over the parts that are measurable, of which half of the weight is
           needed
    parts  reply_rate   share of genuine comments answered within 48 h, by Kaplan-Meier over D7
           dialogue     two-way threads / genuine comments
           return       of the commenters of 28 days, the share seen again in the 7 days after (sampled)
           regulars     of this and the last month's commenters, those of at least 6 of 12 months (sampled)
           evenness     1 - Gini of comment days per commenter in D28 (shown, not in the level)
           reply_latency (h, median of those answered within 48 h), answer_gap

The baseline has the reference's shares; a part without one stands there as it is now, so that it moves
nothing.

answer_gap's value is the number of answers that the reference's reply curve (or the own D28's) would have
led to among the comments that came since the last answer. None of them was given: it sees silence without
events. Under MIN_EXPECTED answers expected in D7 the reply rate is not measurable. A posting pause is no
data. Sources: Kaplan and Meier (1958); Greenwood (1926); log-logistic prior: docs/method.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Final

from processors.ledgers.people import People, Share
from processors.panes import ANSWERABLE, DAY, DIALOGUES, HOUR, N_LATENCY, OWN_POSTS, OWN_REPLIES
from processors.scores import Score
from processors.signals.inputs import Exposure, SignalInput
from processors.signals.stats import wilson
from processors.signals.survival import answered_by, expected_answers, latency_quantile
from processors.tiers import tier
from processors.untold import withheld

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
#: Weight of each part in the level.
WEIGHTS: Final = {"reply_rate": 0.35, "dialogue": 0.25, "return": 0.25, "regulars": 0.15}
SHARE_NEEDED: Final = 0.5
#: Prior medians of the others by tier: dialogue .3 of the reply rate (how many come back on an answer);
#: return and regulars after the 3.3 % of commenters who comment on three posts or more.
_DIALOGUE_OF_REPLY: Final = 0.3
PRIOR_RETURN: Final = {"nano": 0.12, "micro": 0.08, "mid": 0.05, "macro": 0.03, "mega": 0.02, "unknown": 0.06}
PRIOR_REGULARS: Final = {
    "nano": 0.04, "micro": 0.025, "mid": 0.015, "macro": 0.008, "mega": 0.005, "unknown": 0.02,
}  # fmt: skip
MIN_PEOPLE: Final = 20


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


def _share(found: Share | None, usual: Share | None, why: str) -> Score:
    """A share of sampled people; `why` where it can't be known yet."""
    baseline = usual.k / usual.n if usual is not None and usual.n >= MIN_PEOPLE else None
    if found is None:
        return Score(None, 0.0, None, None, baseline, WINDOW, False, why)
    if found.n < MIN_PEOPLE:
        why = f"{found.n} commenters in the sample; {MIN_PEOPLE} would be needed"
        return Score(None, found.n, None, None, baseline, WINDOW, False, why)
    share = found.k / found.n
    lo, hi = wilson(share, found.n)
    return Score(share, found.n, lo, hi, baseline, WINDOW)


def people_parts(inp: SignalInput) -> dict[str, Score]:
    """Return, regulars and evenness, from the ledger `people`."""
    ledger = inp.ledgers.get(People.name)
    if not isinstance(ledger, People):
        ledger = People()
    today = inp.at // DAY
    ref = inp.reference
    usual = None if ref is None else ledger.usual_return(ref.starts // DAY, ref.ends // DAY)
    even = ledger.evenness(today)
    evenness = Score(None, 0.0, None, None, None, "D28", False, "nobody commented in 28 days")
    if even is not None:
        few = None if even[1] >= MIN_PEOPLE else f"{even[1]} commenters; {MIN_PEOPLE} would be needed"
        evenness = Score(None if few else even[0], even[1], None, None, None, "D28", few is None, few)
    parts = {
        "return": _share(ledger.returned(today), usual, "35 days of comments would be needed"),
        "regulars": _share(ledger.regulars(today), None, "six months of comments would be needed"),
        "evenness": evenness,
    }
    why = inp.untold.authors
    return parts if why is None else {name: withheld(why, part) for name, part in parts.items()}


def combine(
    parts: Mapping[str, Score], medians: Mapping[str, float]
) -> tuple[float, float, float, float | None] | None:
    """(level, lo, hi, baseline) over the measurable parts; None when they weigh less than half.

    The interval: half-widths in quadrature (MOVER). The baseline is None where no part has one."""
    value = below = above = base = weight = 0.0
    compared = False
    for name, w in WEIGHTS.items():
        part = parts[name]
        if part.value is None or part.lo is None or part.hi is None:
            continue
        median = medians[name]
        here = level(part.value, median)
        weight += w
        value += w * here
        below += (w * (here - level(part.lo, median))) ** 2
        above += (w * (level(part.hi, median) - here)) ** 2
        base += w * (here if part.baseline is None else level(part.baseline, median))
        compared |= part.baseline is not None
    if weight < SHARE_NEEDED:
        return None
    value /= weight
    lo, hi = max(0.0, value - sqrt(below) / weight), min(100.0, value + sqrt(above) / weight)
    return value, lo, hi, base / weight if compared else None


def connection(inp: SignalInput) -> Score:
    """The signal's level with its parts."""
    ref = inp.reference
    size = tier(inp.followers)
    medians = {
        "reply_rate": PRIOR_MEDIAN[size], "dialogue": _DIALOGUE_OF_REPLY * PRIOR_MEDIAN[size],
        "return": PRIOR_RETURN[size], "regulars": PRIOR_REGULARS[size],
    }  # fmt: skip
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
        **people_parts(inp),
    }
    away = posting_pause(inp)
    found = combine(parts, medians)
    if away is not None or found is None:
        baseline = None if found is None else found[3]
        why = away or rate.why or "less than half of the level's weight is measurable"
        return Score(None, rate.n, None, None, baseline, WINDOW, False, why, parts)
    value, lo, hi, baseline = found
    n = rate.n if rate.value is not None else parts["return"].n
    return Score(value, n, lo, hi, baseline, WINDOW, True, None, parts)
