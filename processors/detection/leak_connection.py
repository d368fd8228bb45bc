"""The leak of answers, week by week fewer and later: `reply_leak(look) -> Verdict`.

Increments are days: of the comments of a day, how many answers should have come by now within each
latency bin, by the reference's curve, and how many did (comments of 24 to 48 h count as far as they are
old enough). For each possible onset in the last three weeks, and each of a few ways to fade, the log-
likelihood ratio of the days since is summed; their mixture is the Shiryaev-Roberts statistic
    R = sum over onsets of mean over ways of exp(LLR),       breached when R > R_RINGS,
whose run length without a change is at least that many days (Pollak 1985, Ann. Stat. 13, 206).

What keeps it honest with real people, who fade without any cause:
- the past's own overdispersion of just these statistics, of single days and of blocks of four, divides
  the LLR;
- the level before the onset is the lower of the reference's and of the three weeks before: a slow trend
  of months is no leak; and it is lowered by one standard deviation of (reference, wandering) on top;
- days on which the influencer was away count for nothing; comments beyond the reference's fullest days
  ask for no more answers.
Under 3 answers expected a week nothing can be seen soon: not measurable, with what would be needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, inf, log, sqrt
from typing import Final

import msgspec

from processors.detection.drop import evidence
from processors.detection.explainers import declared, pause
from processors.detection.look import Look
from processors.detection.verdict import CausePart, Considered, Verdict
from processors.panes import (
    ANSWERABLE,
    ANSWERED,
    DAY,
    HOUR,
    LATENCY_EDGES,
    N_LATENCY,
    OWN_POSTS,
    OWN_REPLIES,
    Pane,
)
from processors.signals.connection import MIN_EXPECTED, WINDOW, posting_pause
from processors.signals.inputs import Reference, SignalInput

SIGNAL: Final = "connection"
RULE: Final = "leak"
SUBJECT: Final = "reply_leak"
#: R beyond which it rings. The run length that R promises is a wide bound, as the LLR is divided by the
#: past's overdispersion and an onset must also pass Z_MIN and DELTA. At 30, 30 real people (messages of a
#: college, who fade by nature) rang .035 times a month, and nobody of 36 made-up ones in six weeks.
R_RINGS: Final = 30.0
#: Answers a week that must be usual, or nothing can be seen soon.
MIN_WEEKLY: Final = 3.0
#: Ways to fade: (halving time in days, or None for a step to `factor`), factor, times the latency.
WAYS: Final = ((12.0, 1.0, 1.0), (12.0, 1.0, 3.0), (None, 0.5, 1.0), (None, 0.5, 3.0), (None, 0.15, 1.0))
ONSETS_D: Final = 21
#: People answer in sittings, once a day: what is younger may simply wait for the evening.
TOO_YOUNG_S: Final = DAY
#: Least loss over the days since the onset that matters, and what is critical.
DELTA, CRITICAL = 0.25, 0.6
Z_MIN: Final = 2.2
TAU: Final = 0.12
PHI_PRIOR, PHI_PRIOR_N = 1.5, 7.0
#: Answers' worth by which the level before an onset is drawn to the reference's.
DRAWN: Final = 10.0
BEFORE_D: Final = 21


class Cohort(msgspec.Struct, frozen=True):
    """One day's comments: answers by latency bin, and how many the reference would have led to by now."""

    day: int  # start, epoch s
    answered: tuple[float, ...]
    expected: tuple[float, ...]

    @property
    def given(self) -> float:
        """Answers given, of those that count."""
        return sum(self.answered)

    @property
    def due(self) -> float:
        """Answers expected by now."""
        return sum(self.expected)


def steps_of(curve: Sequence[float]) -> list[float]:
    """Share answered within each latency bin."""
    before, out = 0.0, []
    for share in curve:
        out.append(max(0.0, share - before))
        before = share
    return out


def slower(curve: Sequence[float], times: float) -> list[float]:
    """The curve F when every latency is `times` as long: F(t / times), log-linear between the edges."""
    edges = [60.0, *map(float, LATENCY_EDGES)]
    values = [0.0, *curve]
    out = []
    for edge in LATENCY_EDGES:
        at = edge / times
        share = 0.0
        for i in range(1, len(edges)):
            if at <= edges[i]:
                part = log(max(at, edges[i - 1]) / edges[i - 1]) / log(edges[i] / edges[i - 1])
                share = values[i - 1] + part * (values[i] - values[i - 1])
                break
        out.append(share)
    return out


def _cohort(day: int, parts: Sequence[tuple[int, Pane]], steps: Sequence[float], most: float) -> Cohort:
    """`parts`: (age of the youngest comment in s, pane)."""
    answered, expected = [0.0] * N_LATENCY, [0.0] * N_LATENCY
    comments = 0
    for age, pane in parts:
        waiting = pane[ANSWERABLE]
        comments += waiting
        for i, edge in enumerate(LATENCY_EDGES):
            if age < edge or waiting <= 0:
                break
            answered[i] += min(pane[ANSWERED + i], waiting)
            expected[i] += waiting * steps[i]
    scale = min(1.0, most / comments) if comments else 1.0
    return Cohort(day, tuple(answered), tuple(e * scale for e in expected))


def cohorts(inp: SignalInput, ref: Reference) -> list[Cohort]:
    """Days since the reference (at most 35) on which the influencer was about, oldest first."""
    steps = steps_of(ref.reply_curve)
    most = 1.2 * max((pane[ANSWERABLE] for _, pane in inp.reference_days), default=0) or 1e9
    young: dict[int, list[tuple[int, Pane]]] = {}
    for start, pane in inp.hours:
        young.setdefault(start // DAY * DAY, []).append((inp.at - start - HOUR, pane))
    days = dict(inp.day_totals)
    out = []
    away = away_days(inp, ref)
    for day in sorted({*days, *young}):
        if day < ref.ends or day in away:
            continue
        parts = list(young.get(day, ()))
        seen = [(age, pane) for age, pane in parts if age >= TOO_YOUNG_S]
        whole = days.get(day)
        if whole is not None:
            rest = list(whole)
            for _, pane in parts:
                rest = [max(0, a - b) for a, b in zip(rest, pane, strict=False)]
            seen.append((max(0, inp.at - day - DAY) if not parts else LATENCY_EDGES[-1], rest))
        out.append(_cohort(day, seen, steps, most))
    return [cohort for cohort in out if cohort.due > 0]


def away_days(inp: SignalInput, ref: Reference) -> set[int]:
    """Starts of the days within stretches without any own act, longer than the reference's longest and than
    one and a half usual distances between posts."""

    def runs(days: Sequence[tuple[int, Pane]], first: int, last: int) -> list[list[int]]:
        acted = {start for start, pane in days if pane[OWN_POSTS] or pane[OWN_REPLIES]}
        found: list[list[int]] = [[]]
        for start in range(first, last, DAY):
            if start in acted:
                found.append([])
            else:
                found[-1].append(start)
        return [run for run in found if run]

    usual = (ref.ends - ref.starts) / DAY / max(1, ref.total[OWN_POSTS])
    longest = max((len(run) for run in runs(inp.reference_days, ref.starts, ref.ends)), default=0)
    limit = max(2.0, 1.5 * usual, min(float(longest), 4 * usual))
    today = inp.at // DAY * DAY
    running = [(today, pane) for start, pane in inp.hours if start >= today]
    found = runs([*inp.day_totals, *running], max(ref.ends, today - 35 * DAY), today + DAY)
    return {start for run in found if len(run) > limit for start in run}


def past_cohorts(inp: SignalInput, ref: Reference) -> list[Cohort]:
    """The reference's own days against its curve."""
    steps = steps_of(ref.reply_curve)
    found = [_cohort(day, [(LATENCY_EDGES[-1], pane)], steps, 1e9) for day, pane in inp.reference_days]
    return [cohort for cohort in found if cohort.due > 0]


def _weights(curve: Sequence[float], factor: float, times: float) -> list[float]:
    """Ratio of the answers expected under a way to fade to those of the reference, by bin."""
    null, other = steps_of(curve), steps_of(slower(curve, times) if times != 1 else curve)
    return [factor * (o / n if n > 1e-9 else 1.0) for o, n in zip(other, null, strict=True)]


def dispersion(past: Sequence[Cohort], scores: Sequence[float], size: int, calm: float = 1.0) -> float:
    """phi of sum_i (k_i - e_i) a_i over blocks of `size` days: Pearson, with a prior worth a week."""
    chi2 = blocks = 0.0
    for i in range(0, len(past) - size + 1, size):
        part = past[i : i + size]
        got = sum((k - e) * a for c in part for k, e, a in zip(c.answered, c.expected, scores, strict=True))
        var = sum(e * a * a for c in part for e, a in zip(c.expected, scores, strict=True))
        if var > 0:
            chi2 += got * got / var
            blocks += 1
    prior_n = PHI_PRIOR_N / size
    # `calm`: 1 - reply rate, as answers are binomial: who answers most comments varies less than by Poisson.
    return max(calm, (chi2 + PHI_PRIOR * calm * prior_n) / (max(0.0, blocks - 1) + prior_n))


class Leak(msgspec.Struct, frozen=True):
    """What the days say. `log_r`: log of the Shiryaev-Roberts statistic."""

    log_r: float
    onset: int  # start of the likeliest first day, epoch s; 0: none
    ratio: float  # answers given / expected since then, against the level before
    z: float
    given: float
    due: float  # at the level before
    late: bool  # answers come later, too


def leak(days: Sequence[Cohort], past: Sequence[Cohort], ref: Reference) -> Leak:
    """Shiryaev-Roberts over onsets and ways to fade."""
    none = Leak(-9.0, 0, 1.0, 0.0, 0.0, 0.0, False)
    rate = ref.reply_rate or 0.0
    if not days or rate <= 0:
        return none
    flat = [1.0] * N_LATENCY
    calm = max(0.4, 1 - rate)
    phi = max(dispersion(past, flat, size, calm) for size in (1, 4))
    onsets = _onsets(days, phi, max(1.0, rate * ref.reply_n))
    if not any(onset.z > Z_MIN and onset.given <= (1 - DELTA) * onset.due for onset in onsets):
        return msgspec.structs.replace(
            none, ratio=min((o.given / o.due for o in onsets if o.due > 0), default=1.0)
        )
    total, best, found = 0.0, -inf, none
    for halving, factor, times in WAYS:
        base = _weights(ref.reply_curve, factor, times)
        scores = [log(max(1e-3, w * (0.6 if halving else 1.0))) for w in base]
        scale = max(dispersion(past, scores, 1, calm), dispersion(past, scores, 4, calm))
        for onset in onsets:
            llr = _llr(days[onset.first :], base, halving, onset) / scale
            total += exp(min(50.0, llr)) / len(WAYS)
            if llr > best and onset.z > Z_MIN:
                best = llr
                ratio = onset.given / onset.due
                found = Leak(0.0, days[onset.first].day, ratio, onset.z, onset.given, onset.due, times > 1)
    return msgspec.structs.replace(found, log_r=log(max(total, 1e-4)))


class _Onset(msgspec.Struct, frozen=True):
    """A first day, the level before it, how far a level is known, and what came since."""

    first: int  # index of the day
    level: float
    guard: float  # exp(-one sd of level and wandering)
    given: float
    due: float
    z: float


def _onsets(days: Sequence[Cohort], phi: float, ref_count: float) -> list[_Onset]:
    out = []
    newest = days[-1].day
    given_after = sum(c.given for c in days)
    due_after = sum(c.due for c in days)
    for i, first in enumerate(days):
        if newest - first.day <= ONSETS_D * DAY:
            before = [c for c in days[:i] if first.day - c.day <= BEFORE_D * DAY]
            given, due = sum(c.given for c in before), sum(c.due for c in before)
            level = min(1.0, (given + DRAWN) / (due + DRAWN))
            loose = sqrt(phi / (ref_count + given) + TAU * TAU)
            expected = due_after * level
            noise = phi * expected + (expected * loose) ** 2
            z = (expected - given_after) / sqrt(noise) if noise > 0 else 0.0
            out.append(_Onset(i, level, exp(-loose), given_after, expected, z))
        given_after -= first.given
        due_after -= first.due
    return out


def _llr(since: Sequence[Cohort], base: Sequence[float], halving: float | None, onset: _Onset) -> float:
    llr = 0.0
    start = since[0].day
    edge = onset.level * onset.guard
    for cohort in since:
        fade = 0.5 ** (((cohort.day - start) / DAY + 0.5) / halving) if halving else 1.0
        for k, e, w in zip(cohort.answered, cohort.expected, base, strict=True):
            if e <= 0:
                continue
            # The null's edge counts as nothing lost; a way to fade that lies above it says nothing.
            f = min(1.0, max(1e-3, w * fade / onset.guard))
            llr += k * log(f) - e * edge * (f - 1)
    return llr


def reply_leak(look: Look) -> Verdict:
    """Verdict on the leak of answers at `look.inp.at`."""
    inp, ref = look.inp, look.reference
    score = look.scores[SIGNAL]
    base = Verdict(
        signal=SIGNAL, rule=RULE, subject=SUBJECT, breached=False, recovered=False, severity=None,
        measurable=False, reason="warming_up", value=score.value, baseline=score.baseline, n=score.n,
        lo=score.lo, hi=score.hi, window=WINDOW, evidence_key=evidence(SIGNAL, inp), evidence_needed=5,
    )  # fmt: skip
    with_ = msgspec.structs.replace
    if ref is None or not ref.reply_rate or len(ref.reply_curve) != N_LATENCY:
        return base
    weekly = ref.reply_rate * ref.total[ANSWERABLE] / max(1.0, (ref.ends - ref.starts) / (7 * DAY))
    if weekly < MIN_WEEKLY:
        need = f"{weekly:.1f} answers a week are usual; {MIN_WEEKLY:.0f} would be needed to see a leak soon"
        return with_(base, reason="not_measurable", note=need)
    away = posting_pause(inp)
    if away is not None:
        return with_(base, reason="posting_pause", explainers=(pause(inp, away),))
    days = cohorts(inp, ref)
    found = leak(days, past_cohorts(inp, ref), ref)
    loss = 1 - found.ratio
    breached = found.log_r > log(R_RINGS) and loss >= DELTA and found.z > Z_MIN
    said = declared(inp, SIGNAL)
    explained = breached and any(explainer.accepted for explainer in said)
    since = (inp.at - found.onset) / DAY if found.onset else 0.0
    trend = Considered("trend", False, f"against the three weeks before, over {since:.0f} days")
    note = f"in {since:.0f} days {found.given:.0f} answers came where {found.due:.0f} were to be expected"
    rate = score.parts.get("reply_rate")
    after = rate.value if rate is not None and rate.value is not None else ref.reply_rate * found.ratio
    pull = min(-1e-6, log(max(found.ratio, 0.01)))
    return with_(
        base,
        breached=breached and not explained,
        measurable=True,
        recovered=not breached and loss < DELTA / 2,
        severity=("critical" if loss >= CRITICAL else "warning") if breached and not explained else None,
        reason="explained" if explained else "leak" if breached else "steady",
        effect=-loss if breached else min(0.0, -loss / 2),
        z=found.z,
        cause=(CausePart("reply_rate", ref.reply_rate, after, pull),),
        evidence_needed=max(3, min(100, ceil(MIN_EXPECTED / (3 * ref.reply_rate)))),
        explainers=(trend, *said),
        note=note,
        summary=f"Comments are answered less and less{' and later' if found.late else ''}: {note}.",
    )


__all__ = ["RULE", "SIGNAL", "SUBJECT", "Cohort", "Leak", "cohorts", "leak", "past_cohorts", "reply_leak"]
