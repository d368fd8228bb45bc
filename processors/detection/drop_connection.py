"""The drop test of connection: `connection_drop(score, inp, ref) -> Finding`.

Raw increments are compared with the frozen reference and its own uncertainty,
    z = (ref - x) / sqrt(phi v(x) + phi v(ref) + tau^2),    breached when z > K and the change is beyond
    delta,
phi the overdispersion measured on the past, tau how far a level wanders within two months without any cause.
The numbers and their why: docs/method.md.
"""

from __future__ import annotations

import datetime as dt
from math import ceil, exp, log, sqrt
from typing import Final

from processors.detection.explainers import growth, reference_days
from processors.detection.verdict import K_CRITICAL, CausePart, Considered, Finding, K
from processors.ledgers.ties import Ties, brand_key
from processors.panes import ANSWERABLE, DAY, HOUR, OWN_REPLIES
from processors.scores import Score
from processors.signals.connection import MIN_EXPECTED, gap_expected
from processors.signals.inputs import Reference, SignalInput
from processors.signals.survival import expected_answers

#: Day number of 1970-01-01 in the calendar.
EPOCH: Final = dt.date(1970, 1, 1).toordinal()
REPLY_DELTA, REPLY_CRITICAL = -0.35, -0.60
REPLY_TAU: Final = 0.10
REPLY_PHI_MIN: Final = 1.2
#: Comments beyond so many times the usual number ask for no more answers: a surge must not look like silence.
CAPACITY: Final = 1.0
#: From so many times the usual number on, the share answered says nothing about the influencer: hold
#: judgement.
SURGE: Final = 1.5
GAP_MIN_EXPECTED: Final = 3.0
#: False alerts per influencer-month that the gap may cost if every gap could ring (those that outlast no gap
#: before cannot: a fortieth of it was measured), and how much less likely a critical one is.
GAP_BUDGET: Final = 0.2
GAP_CRITICAL: Final = 0.01
GAP_TAU: Final = 0.20
GAP_MIN_S: Final = 36 * HOUR
#: Naming the brand is the other thing that a silent influencer stops: at most so much evidence.
MENTIONS_P: Final = 0.1
#: A gap may hold so much more than the usual comments of its length: after a post they come together.
GAP_CAPACITY: Final = 1.5


def _usual_comments(inp: SignalInput, ref: Reference, seconds: float) -> float:
    """Comments usual in a stretch of time: the reference's, with followers grown, or those of the three weeks
    before D7 where they were fewer (after a quiet spell, the reference's number would already be a surge)."""
    usual = ref.total[ANSWERABLE] / reference_days(inp) * growth(inp)
    recent = (inp.d28[ANSWERABLE] - inp.d7[ANSWERABLE]) / 21
    if recent > 0 and inp.at - inp.first_event_at >= 28 * DAY:
        usual = min(usual, recent)
    return usual * seconds / DAY


def no_answer_probability(expected: float, phi: float) -> float:
    """P(0 answers | expected, overdispersion): negative binomial with variance phi times its mean,
    phi^(-expected / (phi - 1)); Poisson for phi = 1. Falls with `expected`, rises with `phi`."""
    if phi <= 1.0 + 1e-9:
        return exp(-expected)
    return exp(-expected * log(phi) / (phi - 1))


def present(inp: SignalInput) -> bool:
    """Whether the influencer showed up since they last answered: still answers, or posted a day or more
    after, or wrote to others in D1. Who is simply away has not stopped answering."""
    since = inp.gap.since
    if since is None or inp.at - since < GAP_MIN_S or inp.d1[OWN_REPLIES] > 0:
        return True
    return inp.last_post_at is not None and inp.last_post_at >= since + DAY


def answer_gap(inp: SignalInput, ref: Reference) -> tuple[float, float]:
    """(expected answers since the last one, probability of none); (0, 1) where the gap can't be judged yet.

    A gap speaks only after GAP_MIN_S, six of the usual latencies (people answer in sittings), and the longest
    quiet stretch of the past and half a day.
    """
    since = inp.gap.since
    rate = ref.reply_rate
    if since is None or not rate or ref.reply_n <= 0:
        return 0.0, 1.0
    length = inp.at - since
    if length < max(GAP_MIN_S, 6 * ref.reply_median_s, ref.quiet_s + DAY // 2 if ref.quiet_s else 0):
        return 0.0, 1.0
    came = sum(inp.gap.comments_by_age)
    if not came:
        return 0.0, 1.0
    fullest = max((pane[ANSWERABLE] for _, pane in inp.reference_days), default=0)
    usual = max(GAP_CAPACITY * _usual_comments(inp, ref, length), float(fullest))
    expected = gap_expected(inp.gap.comments_by_age, ref.reply_curve) * min(1.0, usual / came)
    phi = max(REPLY_PHI_MIN, ref.reply_phi)
    # The reference's own uncertainty and wandering make the mean itself uncertain: variance cv^2 expected^2.
    cv2 = phi * (1 - rate) / (rate * ref.reply_n) + GAP_TAU**2
    return expected, no_answer_probability(expected, phi + cv2 * expected)


def gap_limit(inp: SignalInput, ref: Reference) -> float:
    """Probability under which a gap is no accident: the budget over the gaps that a month holds (as many as
    independent answers)."""
    answers = (ref.reply_rate or 0.0) * ref.total[ANSWERABLE] * 30 / reference_days(inp)
    return GAP_BUDGET / min(60.0, max(8.0, answers / max(REPLY_PHI_MIN, ref.reply_phi)))


def brand_unnamed(inp: SignalInput) -> float:
    """Chance that the brand would not have been named since the last answer, at least MENTIONS_P: named as
    often as in the 60 days before, in a contract's days only; 1 where that says nothing."""
    ledger = inp.ledgers.get(Ties.name)
    since = inp.gap.since
    if not isinstance(ledger, Ties) or since is None:
        return 1.0
    partnership, today = inp.partnership, inp.at // DAY
    on = dt.datetime.fromtimestamp(inp.at, dt.UTC).date()
    begun = [c.starts_on for c in partnership.contracts if c.starts_on <= on <= c.ends_on]
    talk = ledger.towards_brand(brand_key(partnership.influencer_id, partnership.brand_id), today)
    if not begun or talk is None:
        return 1.0
    quiet = today - since // DAY
    days = min(60, today - quiet - min(begun).toordinal() + EPOCH, today - quiet - inp.first_event_at // DAY)
    named = ((talk.named >> quiet) & ((1 << max(0, days)) - 1)).bit_count()
    if named < 4 or talk.named & ((1 << quiet) - 1):
        return 1.0
    # Negative binomial over what is known of the rate: n days named in `days`.
    return float(max(MENTIONS_P, (1 + quiet / days) ** -named))


def reply_rate_drop(inp: SignalInput, ref: Reference) -> tuple[float, float, float]:
    """(expected answers in D7, z, effect): answers given against those that the reference expects, capped at
    the usual volume. effect = given / expected - 1."""
    rate = ref.reply_rate
    if not rate or ref.reply_n <= 0:
        return 0.0, 0.0, 0.0
    exposure = inp.exposure_d7
    expected = expected_answers(exposure, ref.reply_curve)
    if exposure.comments:
        expected *= min(1.0, CAPACITY * _usual_comments(inp, ref, 7 * DAY) / exposure.comments)
    if expected <= 0:
        return 0.0, 0.0, 0.0
    given = sum(exposure.answered)
    n = expected / rate
    phi = max(REPLY_PHI_MIN, ref.reply_phi)
    single = phi * rate * (1 - rate)
    variance = n * single + n * n * (single / ref.reply_n + (REPLY_TAU * rate) ** 2)
    return expected, (expected - given) / sqrt(max(variance, 1e-9)), given / expected - 1


def comment_surge(inp: SignalInput, ref: Reference) -> Considered:
    """Far more comments than usual in D7, with the ratio."""
    usual = _usual_comments(inp, ref, 7 * DAY)
    ratio = inp.exposure_d7.comments / usual if usual > 0 else 1.0
    return Considered("surge", ratio > SURGE, f"{ratio:.1f} times the usual comments in D7")


def _connection_cause(
    score: Score, inp: SignalInput, missing: float | None
) -> tuple[tuple[CausePart, ...], str | None]:
    """(causes, sentence about the gap). `missing`: answers expected since the last one, None if no gap
    counts.

    The gap comes first, as it is the newer news; the level's fall is the reply rate's as far as that has
    fallen."""
    cause: list[CausePart] = []
    note = None
    pull = 0.0
    if score.value is not None and score.baseline:
        pull = min(0.0, log(max(score.value, 1.0) / max(score.baseline, 1.0)))
    part = score.parts.get("reply_rate")
    fallen = part is not None and part.value is not None and part.baseline and part.value < part.baseline
    if missing is not None:
        came = sum(inp.gap.comments_by_age)
        cause.append(CausePart("answer_gap", missing, 0.0, 0.0 if fallen else pull))
        note = f"{came} comments came, {missing:.0f} would have been answered, none was"
    if fallen and part is not None and part.value is not None and part.baseline is not None:
        cause.append(CausePart("reply_rate", part.baseline, part.value, pull))
    return tuple(cause), note


def connection_drop(score: Score, inp: SignalInput, ref: Reference) -> Finding:
    """Reply rate in D7 against the reference's, and the answer gap."""
    expected, z, effect = reply_rate_drop(inp, ref)
    missing, chance = answer_gap(inp, ref)
    limit = gap_limit(inp, ref)
    if limit < chance < limit / MENTIONS_P:  # where the answers alone don't decide, the other thing may
        chance *= brand_unnamed(inp)
    gap = missing >= GAP_MIN_EXPECTED and chance < limit
    measurable = expected >= MIN_EXPECTED
    rate = ref.reply_rate or 0.0
    needed = max(5, min(100, ceil(MIN_EXPECTED / (3 * rate)))) if rate else 100
    if not measurable and not gap:
        return Finding(False, reason="not_measurable", needed=needed)
    surge = comment_surge(inp, ref)
    drop = measurable and z > K and effect <= REPLY_DELTA and not surge.accepted
    if (gap or drop) and not present(inp):
        away = Considered("away", True, "no own post or comment since a day after the last answer")
        return Finding(False, effect=effect, z=z, reason="away", explainers=(away,), needed=needed)
    critical = (drop and effect <= REPLY_CRITICAL and z > K_CRITICAL) or (
        gap and chance < GAP_CRITICAL * limit
    )
    cause, note = _connection_cause(score, inp, missing if gap else None)
    reason = "drop" if drop else "answer_gap" if gap else "surge" if surge.accepted else "steady"
    effect = -1.0 if gap else effect
    return Finding(
        True,
        gap or drop,
        effect,
        z,
        critical,
        not gap and effect > REPLY_DELTA / 2,
        reason,
        cause,
        needed,
        note,
        (surge,),
    )
