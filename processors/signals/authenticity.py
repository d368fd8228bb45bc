"""Authenticity: `authenticity(inp: SignalInput) -> Score`, 0-100, D7.

    100 * (1 - sum w f / sum w)        over acts of the audience; w(kind) as of signals.md, f: flagged

Acts whose profile is unknown are left out of what rests on credibility, not taken for genuine: with L the
weight of low-credibility acts, K of acts with a known profile, F of all flagged ones, W of all,

    sum w f / sum w = L / K + (F - L) / W       (with all profiles known: F / W)

Parts. `suspicious`, `suspicious_likes`, `suspicious_comments`: share of low credibility among acts with a
known profile (0.25 warns, 0.50 is critical: Modash, Socialbakers). `new_followers`: the same among those who
joined; `mass_followers`: share with more than 1,500 followings (HypeAuditor); `churn_7d`, `churn_30d`: of
those who joined, who left again (the second by a sample). `inauthentic_comments`: share of the comments with
two negative factors. `coverage`: acts with a known profile.

More than half of the profiles unknown: what rests on credibility is not measurable; churn and comments are.
n is the effective number of acts, (sum w)^2 / sum w^2 (Kish), over phi of the days (acts come in clumps).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from processors.ledgers.followers import Day, Followers, Week
from processors.panes import COUNT, DAY, FLAGGED, INAUTHENTIC, KIND_INDEX, KNOWN, LOW, WEIGHT, Pane
from processors.scores import Score
from processors.signals.inputs import SignalInput
from processors.signals.quality import MIX_KINDS, sum_mix
from processors.signals.stats import overdispersion, wilson

NAME: Final = "authenticity"
WINDOW: Final = "D7"
MIN_KNOWN: Final = 30
MIN_JOINED: Final = 20
#: At least this share of the acts must have a known profile.
MIN_COVERAGE: Final = 0.5
#: w(kind) in hundredths, as the folder books them (processors.fold.WEIGHTS; a test holds them together).
KIND_WEIGHTS: Final = {
    "like": 100, "share": 200, "comment": 675, "reply": 675, "save": 300, "mention": 300, "quote": 400,
    "follow": 200, "click": 200,
}  # fmt: skip
_WEIGHED: Final = tuple((KIND_INDEX[kind], weight) for kind, weight in KIND_WEIGHTS.items())
LIKES: Final = (KIND_INDEX["like"],)
COMMENTS: Final = (KIND_INDEX["comment"], KIND_INDEX["reply"])
#: Kinds with words of one's own.
WRITTEN: Final = (*COMMENTS, KIND_INDEX["quote"])
FOLLOW: Final = KIND_INDEX["follow"]
#: What is looked at besides follows, which have a part of their own.
ENGAGED: Final = tuple(k for k in MIX_KINDS if k != FOLLOW)
_EMPTY: Final = Followers()
_LIKED: Final = "likes"
_COMMENTED: Final = "comments"


def low_and_known(pane: Pane, kinds: Sequence[int]) -> tuple[int, int]:
    """(acts of low credibility, acts with a known profile) of some kinds."""
    low = known = 0
    for k in kinds:
        low += pane[LOW + k]
        known += pane[KNOWN + k]
    return min(low, known), known


def flagged_share(pane: Pane) -> tuple[float, float] | None:
    """(sum w f / sum w, effective n) with unknown profiles left out; None for no weighed acts."""
    weight, known_weight, low_weight = float(pane[WEIGHT]), float(pane[WEIGHT]), 0.0
    total = squares = 0.0
    for k, w in _WEIGHED:
        known = pane[KNOWN + k]
        known_weight -= w * (pane[COUNT + k] - known)
        low_weight += w * pane[LOW + k]
        total += w * known
        squares += w * w * known
    if weight <= 0 or squares <= 0:
        return None
    known_weight = max(known_weight, low_weight, 1.0)
    other = max(0.0, pane[FLAGGED] - low_weight)
    share = low_weight / known_weight + other / weight
    return min(1.0, share), total * total / squares


def ledger_of(inp: SignalInput) -> Followers:
    """The ledger of followers; an empty one where nothing was ever told to it (so that it doesn't show
    whether an empty one happens to be in memory)."""
    ledger = inp.ledgers.get(Followers.name)
    return ledger if isinstance(ledger, Followers) else _EMPTY


def _phi(inp: SignalInput) -> float:
    """How clumped low credibility comes, by day; at most 10."""
    days = [low_and_known(pane, MIX_KINDS) for _, pane in inp.day_totals[-28:]]
    return min(10.0, overdispersion(days))


def _share(low: int, known: int, base: float | None, least: int, what: str, phi: float = 1.0) -> Score:
    if known < least:
        why = f"{known} {what} in 7 days; {least} would be needed"
        return Score.unmeasurable(why, window=WINDOW, n=known, baseline=base)
    n = known / phi
    share = low / known
    return Score(share, n, *wilson(share, n), base, WINDOW)


def _suspicious(
    inp: SignalInput, kinds: Sequence[int], what: str, phi: float, hidden: str | None, totals: bool
) -> Score:
    """Share of low credibility of some kinds; `hidden`: why credibility says nothing; `totals`: the source
    polls such acts as totals."""
    low, known = low_and_known(inp.d7, kinds)
    base = base_share(inp, kinds)
    came = sum(inp.d28[COUNT + k] for k in kinds)
    if not came:
        why = f"the source sends {what} only as totals: nobody knows who" if totals else f"no {what} came"
        return Score.unmeasurable(why, window=WINDOW, baseline=base)
    if hidden is not None:
        return Score.unmeasurable(hidden, window=WINDOW, n=known, baseline=base)
    return _share(low, known, base, MIN_KNOWN, f"{what} of known profiles", phi)


def base_share(inp: SignalInput, kinds: Sequence[int]) -> float | None:
    """The frozen reference's share of low credibility; None for fewer than MIN_KNOWN known acts."""
    if inp.reference is None:
        return None
    low, known = low_and_known(inp.reference.total, kinds)
    return low / known if known >= MIN_KNOWN else None


def churn(rows: Sequence[tuple[int, Day]], at: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """((left within 7 days, joined), (left of the sampled, sampled)): of cohorts 7 to 28 days old, who left
    within 7 days; of cohorts 30 days and older, whom the sample shows to have left within 30 days."""
    today = at // DAY
    joins = {day: row.joins for day, row in rows}
    sampled = {day: len(row.sample) for day, row in rows}
    left: dict[int, int] = {}
    gone: dict[int, int] = {}
    for day, row in rows:
        for age, count in enumerate(row.left):
            left[day - age] = left.get(day - age, 0) + count
        for age, count in enumerate(row.left_sampled):
            gone[day - age] = gone.get(day - age, 0) + count
    week = [day for day in joins if today - 28 <= day < today - 7]
    month = [day for day in joins if day < today - 30]
    return (
        (sum(min(left.get(day, 0), joins[day]) for day in week), sum(joins[day] for day in week)),
        (sum(min(gone.get(day, 0), sampled[day]) for day in month), sum(sampled[day] for day in month)),
    )


def _reference_churn(weeks: Sequence[Week]) -> tuple[float | None, float | None, float | None]:
    """(left within 7 days, left within 30 days, mass followers) of the reference's weeks."""

    def share(part: int, whole: int) -> float | None:
        return min(1.0, part / whole) if whole >= MIN_JOINED else None

    return (
        share(sum(week.left_7 for week in weeks), sum(week.joins for week in weeks)),
        share(sum(week.left_30 for week in weeks), sum(week.sampled for week in weeks)),
        share(sum(week.mass for week in weeks), sum(week.following_known for week in weeks)),
    )


def _followers_parts(inp: SignalInput, ledger: Followers) -> dict[str, Score]:
    """What the new followers show."""
    low, known = low_and_known(inp.d7, (FOLLOW,))
    joined = inp.d7[COUNT + FOLLOW]
    base = base_share(inp, (FOLLOW,))
    if not inp.d28[COUNT + FOLLOW] and ledger.totals(inp.at, 28):
        why = "the source sends followers only as totals: nobody knows who joined"
        fresh = Score.unmeasurable(why, window=WINDOW)
    elif known < MIN_COVERAGE * joined:
        why = f"profiles of {known} of {joined} new followers are known; half would be needed"
        fresh = Score.unmeasurable(why, window=WINDOW, n=known, baseline=base)
    else:
        fresh = _share(low, known, base, MIN_JOINED, "new followers of known profile")
    parts = {"new_followers": fresh}
    rows = ledger.rows(inp.at)
    ref = inp.reference
    weeks = ledger.weeks_in(ref.starts, ref.ends) if ref is not None else []
    base_7, base_30, base_mass = _reference_churn(weeks)
    recent = [row for day, row in rows if day >= inp.at // DAY - 7]
    asked = sum(row.following_known for row in recent)
    mass = sum(row.mass for row in recent)
    parts["mass_followers"] = _share(mass, asked, base_mass, MIN_JOINED, "new followers who show followings")
    (left, of), (gone, sampled) = churn(rows, inp.at)
    parts["churn_7d"] = _churned(left, of, base_7, "joined in days 8 to 28 before", "D28")
    parts["churn_30d"] = _churned(gone, sampled, base_30, "of the sample joined 31 days ago or more", "D28")
    return parts


def _churned(left: int, of: int, base: float | None, what: str, window: str) -> Score:
    if of < MIN_JOINED:
        why = f"{of} {what}; {MIN_JOINED} would be needed"
        return Score.unmeasurable(why, window=window, n=of, baseline=base)
    return Score(left / of, of, *wilson(left / of, of), base, window)


def _inauthentic(inp: SignalInput) -> Score:
    """Share of the comments (replies and quotes included) with two negative factors or more."""

    def counted(pane: Pane) -> tuple[int, int]:
        came = sum(pane[COUNT + k] for k in WRITTEN)
        return min(pane[INAUTHENTIC], came), came

    base = None
    if inp.reference is not None:
        bad, of = counted(inp.reference.total)
        base = bad / of if of >= MIN_KNOWN else None
    return _share(*counted(inp.d7), base, MIN_KNOWN, "comments")


def _polled(ledger: Followers, at: int, what: str) -> bool:
    """Whether totals of likes or comments were polled in the last 28 days."""
    rows = [row for _, row in ledger.rows(at, 28)]
    return any(row.polled_likes if what == _LIKED else row.polled_comments for row in rows)


def authenticity(inp: SignalInput) -> Score:
    """The signal with its parts."""
    pane = inp.d7
    known, acts = sum_mix(pane, KNOWN), sum_mix(pane, COUNT)
    ledger = ledger_of(inp)
    hidden = None
    if known < MIN_COVERAGE * acts:
        hidden = f"profiles of {known} of {acts} acts are known; half would be needed"
    phi = _phi(inp)
    parts = {"suspicious": _suspicious(inp, MIX_KINDS, "acts", phi, hidden, totals=False)}
    for what, kinds in ((_LIKED, LIKES), (_COMMENTED, COMMENTS)):
        totals = _polled(ledger, inp.at, what)
        parts[f"suspicious_{what}"] = _suspicious(inp, kinds, what, phi, hidden, totals)
    parts["inauthentic_comments"] = _inauthentic(inp)
    parts |= _followers_parts(inp, ledger)
    if acts:
        share = min(1.0, known / acts)
        parts["coverage"] = Score(share, acts, *wilson(share, acts), None, WINDOW)
    ref = inp.reference
    before = flagged_share(ref.total) if ref is not None else None
    enough = ref is not None and sum_mix(ref.total, KNOWN) >= MIN_COVERAGE * sum_mix(ref.total, COUNT)
    baseline = 100 * (1 - before[0]) if before is not None and enough and before[1] >= MIN_KNOWN else None
    found = flagged_share(pane)
    if hidden is not None or found is None or known < MIN_KNOWN:
        why = hidden or f"{known} acts of known profiles in 7 days; {MIN_KNOWN} would be needed"
        return Score.unmeasurable(why, window=WINDOW, n=known, baseline=baseline, parts=parts)
    bad, n = found
    n /= phi
    lo, hi = wilson(1 - bad, n)
    return Score(100 * (1 - bad), n, 100 * lo, 100 * hi, baseline, WINDOW, True, None, parts)
