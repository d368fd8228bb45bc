"""Followers that leak in or out: a drip of bought ones, and cohorts that leave again.

bought_followers_drip(look) -> Verdict    days since the reference, looked at daily
follower_churn(look) -> Verdict           cohorts of the last three weeks
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from processors.detection import spikes
from processors.detection.explainers import declared
from processors.detection.followers import P_SURE, SHIFT, TAU, Base, low_base, mass_base, rise_of, verdict
from processors.detection.followers import SUBJECT as BURST
from processors.detection.look import Look
from processors.detection.sequential import cusum_share, llr_limit
from processors.detection.verdict import Considered, Verdict
from processors.ledgers.followers import BINS, Day
from processors.panes import COUNT, DAY
from processors.signals.authenticity import FOLLOW, NAME, ledger_of, low_and_known
from processors.signals.inputs import SignalInput
from processors.signals.stats import median

DRIP, CHURN = "bought_followers_drip", "follower_churn"
RULE: Final = "leak"
#: Drip: rise of the share looked for, and that matters; budget of false alerts per influencer-month.
DRIP_SHIFT, DRIP_MATTERS, BUDGET = 0.10, 0.06, 0.002
DRIP_Z: Final = 3.5
DRIP_DAYS: Final = 3
#: Beside a lasting rise of polled totals, so sure and so steep, known profiles need only hint at it.
LIFT_Z, LIFT_RATIO, LIFT_KNOWN, P_LIFT = 3.0, 1.3, 5, 0.02
#: Churn: so much more of a cohort left within 7 days (exact), within 30 (sample).
CHURN_7, CHURN_30 = 0.20, 0.35
MIN_COHORT: Final = 30
_DRIP_HELP: Final = (
    "Look at the followers of the last weeks together with the influencer, and count reach by those "
    "who engage until it is over."
)
_CHURN_HELP: Final = "Count reach by those who stay: ask which action brought this cohort."


def bought_followers_drip(look: Look) -> Verdict:
    """Day by day a few more of low credibility than before."""
    inp = look.inp
    ref = inp.reference
    if ref is None:
        return verdict(look, DRIP, RULE, reason="warming_up", measurable=False)
    base = low_base(inp)
    past = [low_and_known(pane, (FOLLOW,)) for _, pane in inp.reference_days]
    since = [(start, pane) for start, pane in inp.day_totals if start >= ref.ends]
    days = _without_bursts([(pane[COUNT + FOLLOW], *low_and_known(pane, (FOLLOW,))) for _, pane in since])
    shares = [(low, known) for _, low, known in days]
    found = cusum_share(shares, base.share, base.phi, DRIP_SHIFT, base.n, TAU)
    p = min(0.95, max(0.05, base.share))
    z_past = [(low - known * p) / sqrt(base.phi * known * p * (1 - p)) for low, known in past if known]
    here = found.estimate - base.share
    running = shares[found.start :]
    usual = sum(low for low, _ in past) / max(1, (ref.ends - ref.starts) // DAY)
    span = len(running)
    now_low = sum(low for low, _ in running) / span if span else 0.0
    more = now_low / max(usual * spikes.grown(inp), 0.1)
    on_days = sum(1 for low, known in running if known and low / known > base.share + base.sd)
    said = [c for c in declared(inp, NAME) if c.accepted]
    sure = (
        found.now > llr_limit(BUDGET, 1, found.delta, z_past) and found.z > DRIP_Z and here >= DRIP_MATTERS
        and more >= 1.3 and on_days >= DRIP_DAYS
    )  # fmt: skip
    lift = None if sure else _by_totals(inp, base)
    breached = (sure or lift is not None) and not said
    flat = _evenness(inp, span)
    part, before, now = "new_followers", base.share, found.estimate
    weighed = (spikes.own_hit(inp), spikes.purge(inp, ledger_of(inp)), *declared(inp, NAME))
    words = (
        f"for {span} days {now_low:.1f} accounts of low credibility a day have begun to follow "
        f"({usual:.1f} before), {found.estimate:.0%} of the known profiles ({base.share:.0%} before)"
    )
    if lift is not None:
        rise, part, before, now, n = lift
        span, here = rise.days, now - before
        like = "are of low credibility" if part == "new_followers" else "follow more than 1,500 others"
        words = (
            f"for {span} days {rise.now:.0f} accounts a day have begun to follow ({rise.before:.0f} before), "
            f"with no more engagement; {now:.0%} of {n} known profiles {like} ({before:.0%} before)"
        )
    return verdict(
        look, DRIP, RULE, breached=breached, reason=DRIP if breached else "steady", z=found.z,
        effect=-here if breached else min(0.0, -here) if found.now > 0 else 0.0,
        critical=breached and here >= 0.3 and found.z > 6, n=found.weight, needed=3, explainers=weighed,
        parts=((part, before, now), *flat), words=words, advice=_DRIP_HELP,
        window="D28", recovered=found.now <= 0 or here < DRIP_MATTERS / 2,
    )  # fmt: skip


def _by_totals(inp: SignalInput, base: Base) -> tuple[spikes.Lift, str, float, float, int] | None:
    """A lasting rise of the gains by polled totals, without engagement, where the few known profiles hint at
    the same: (rise, part, its share before, now, known profiles)."""
    ledger = ledger_of(inp)
    lift = spikes.lifted(spikes.daily_gains(inp, ledger))
    if lift is None or lift.z < LIFT_Z or lift.now < LIFT_RATIO * lift.before:
        return None
    since = inp.at // DAY * DAY - lift.days * DAY
    days = [(start, pane) for start, pane in inp.day_totals if start >= since]
    low = known = 0
    for _, pane in days:
        a, b = low_and_known(pane, (FOLLOW,))
        low, known = low + a, known + b
    rows = [row for _, row in ledger.rows(inp.at, lift.days)]
    asked, mass = sum(row.following_known for row in rows), mass_base(inp, ledger)
    part, before, shift, p, n = min(
        ("new_followers", base.share, *rise_of(low, known, base), known),
        ("mass_followers", mass.share, *rise_of(sum(row.mass for row in rows), asked, mass), asked),
        key=lambda found: found[3],
    )
    usual = spikes.per_day(inp, spikes.LOOKS)
    looks = sum(spikes.looks(pane) for _, pane in days) / lift.days
    lively = bool(usual) and looks > 1.5 * sum(usual) / len(usual) * spikes.grown(inp)
    if n < LIFT_KNOWN or shift < SHIFT or p > P_LIFT or lively:
        return None
    return lift, part, before, before + shift, n


def _without_bursts(days: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Days of (joins, low, known) without single days far above the others: a burst is no drip, and a viral
    post's strangers would outweigh all other days."""
    if len(days) < 4:
        return days
    usual = median(sorted(joins for joins, _, _ in days))
    return [day for day in days if day[0] <= max(10.0, 4 * usual)]


def _evenness(inp: SignalInput, days: int) -> tuple[tuple[str, float, float], ...]:
    """("hours_spread", before, now): joins in the quieter half of the reference's hours, as a share; a drip
    fills the night up."""
    ledger, ref = ledger_of(inp), inp.reference
    if ref is None:
        return ()
    weeks = ledger.weeks_in(ref.starts, ref.ends)
    usual = [sum(week.bins[i] for week in weeks) for i in range(BINS)]
    rows = [row for _, row in ledger.rows(inp.at, max(1, days))]
    now = [sum(row.bins[i] for row in rows) for i in range(BINS)]
    if sum(usual) < 40 or sum(now) < 40:
        return ()
    quiet = sorted(range(BINS), key=lambda i: (usual[i], i))[: BINS // 2]
    return (
        ("hours_spread", sum(usual[i] for i in quiet) / sum(usual), sum(now[i] for i in quiet) / sum(now)),
    )


def follower_churn(look: Look) -> Verdict:
    """A cohort of new followers that leaves again, far more than those before it."""
    inp = look.inp
    ledger, ref = ledger_of(inp), inp.reference
    if ref is None:
        return verdict(look, CHURN, RULE, reason="warming_up", measurable=False)
    weeks = ledger.weeks_in(ref.starts, ref.ends)
    joined = sum(week.joins for week in weeks)
    if joined < MIN_COHORT:
        return verdict(look, CHURN, RULE, reason="too_few_actors", measurable=False)
    base = Base(sum(week.left_7 for week in weeks) / joined, joined, 2.0)
    sampled = sum(week.sampled for week in weeks)
    base_30 = Base(sum(week.left_30 for week in weeks) / max(1, sampled), max(1, sampled), 2.0)
    cleared = spikes.lost_at_once(inp, ledger)
    rows = ledger.rows(inp.at)
    exact, by_sample = _cohorts(rows, set(cleared))
    today = inp.at // DAY
    old = [(day, row) for day, row in rows if today - 21 <= day < today - 7]
    worst: tuple[float, str, float, float, int, int] | None = None
    for at in range(len(old)):
        near = [item for item in old[at : at + 3] if item[0] <= old[at][0] + 2]
        n = sum(row.joins for _, row in near)
        k = sum(min(exact.get(day, 0), row.joins) for day, row in near)
        drawn = sum(len(row.sample) for _, row in near)
        gone = sum(min(by_sample.get(day, 0), len(row.sample)) for day, row in near)
        for part, left, of, before, least in (
            ("churn_7d", k, n, base, CHURN_7), ("churn_30d", gone, drawn, base_30, CHURN_30)
        ):  # fmt: skip
            shift, p = rise_of(left, of, before)
            if of >= MIN_COHORT and shift >= least and p < P_SURE and (worst is None or shift > worst[0]):
                worst = (shift, part, before.share, left / of, of, near[0][0])
    weighed = (spikes.purge(inp, ledger), *declared(inp, NAME))
    if worst is None:
        return verdict(look, CHURN, RULE, explainers=weighed)
    shift, part, share, left_share, of, day = worst
    told = _was_burst(inp, day)
    weighed = (*weighed, told)
    breached = not told.accepted and not any(c.accepted for c in weighed if c.kind != "purge")
    ago = today - day
    words = (
        f"of {of} accounts that began to follow {ago} days ago {left_share:.0%} have left again "
        f"({share:.0%} before)"
    )
    return verdict(
        look, CHURN, RULE, breached=breached, reason=CHURN if breached else "explained",
        effect=-shift if breached else 0.0, n=of, needed=0, explainers=weighed, window="D28",
        parts=((part, share, left_share),), words=words, advice=_CHURN_HELP,
    )  # fmt: skip


def _cohorts(rows: list[tuple[int, Day]], cleared: set[int]) -> tuple[dict[int, int], dict[int, int]]:
    """(left within 7 days, left of the sample) by day of joining; days of mass unfollows left out."""
    exact: dict[int, int] = {}
    by_sample: dict[int, int] = {}
    for day, row in rows:
        if day in cleared:
            continue
        for table, ages in ((exact, row.left), (by_sample, row.left_sampled)):
            for age, count in enumerate(ages):
                table[day - age] = table.get(day - age, 0) + count
    return exact, by_sample


def _was_burst(inp: SignalInput, day: int) -> Considered:
    """Whether the cohort came in a burst that was unlike others: that was told then."""
    base = low_base(inp)
    low = known = 0
    for start, pane in inp.day_totals:
        if day <= start // DAY <= day + 2:
            a, b = low_and_known(pane, (FOLLOW,))
            low, known = low + a, known + b
    shift, p = rise_of(low, known, base)
    why = f"{low} of the cohort's {known} known profiles are of low credibility ({base.share:.0%} before)"
    return Considered(BURST, shift >= SHIFT and p < P_SURE, why)
