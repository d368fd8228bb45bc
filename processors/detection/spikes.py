"""Why followers may come all at once: what was looked at, and the harmless explanations, with their numbers.

Real people come in a burst that decays and bring engagement: an own post that does well, a mention
elsewhere, a giveaway, advertising. Bought accounts come evenly over the hours, of low credibility, and like
nothing. What people declared accounts for a burst as for anything else; the other explanations ask for more
evidence where the new accounts plainly differ from those who usually join, and decide where profiles are
hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from processors.detection.explainers import declared, growth
from processors.detection.verdict import Considered
from processors.ledgers.followers import SLOT_S, Day, Followers
from processors.panes import COUNT, DAY, HOUR, KIND_INDEX, UNDOS, Pane
from processors.signals.authenticity import FOLLOW, NAME, low_and_known
from processors.signals.inputs import SignalInput
from processors.signals.stats import median
from processors.snapshot import purged

#: Kinds that say that people look at posts (views too: a video that is seen by many brings followers).
LOOKS: Final = tuple(
    KIND_INDEX[k] for k in ("like", "comment", "reply", "share", "quote", "save", "view", "click")
)
_COMMENTS: Final = (KIND_INDEX["comment"], KIND_INDEX["reply"])
#: Engagement over the usual from which an own post explains new followers.
HIT: Final = 2.0
#: Share of a window's follows within its fullest six hours from which they came in one wave that ebbs.
WAVE: Final = 0.5
#: Times as many in the first half of a rise as in its second from which it ebbs.
EBB: Final = 1.4
WAVE_H: Final = 6
#: Share of the comments that name somebody, and its multiple of the usual, from which it is a giveaway.
TAGGED, TAGGED_TIMES = 0.4, 2.0
#: Followers lost within a day from which the platform may have cleared up.
PURGED: Final = 0.025
#: Share of all influencers that lost followers on one day from which the platform did.
EVERYWHERE: Final = 0.2
#: An hour counts as busy with so many times the follows to be expected in it.
BUSY: Final = 2.0


class Rise(msgspec.Struct, frozen=True):
    """A window's follows against the usual."""

    hours: int
    came: int
    expected: float
    z: float
    known: int  # with a known profile
    low: int  # of these of low credibility

    @property
    def ratio(self) -> float:
        """Times the usual; what is hardly ever seen counts as half a follow."""
        return self.came / max(self.expected, 0.5)


def looks(pane: Pane) -> int:
    """Acts that show that posts are looked at."""
    return sum([pane[COUNT + k] for k in LOOKS])


def per_day(inp: SignalInput, kinds: Sequence[int]) -> list[int]:
    """Counts of some kinds on each day of the reference, quiet days as zeros."""
    ref = inp.reference
    if ref is None:
        return []
    by_day = {start: sum([pane[COUNT + k] for k in kinds]) for start, pane in inp.reference_days}
    return [by_day.get(start, 0) for start in range(ref.starts, ref.ends, DAY)]


def recent_days(inp: SignalInput, skip: int = 2, days: int = 28) -> list[tuple[int, Pane | None]]:
    """(start, pane or None) of the `days` whole days that ended `skip` days before the running one, and not
    before the influencer's first day."""
    today = inp.at // DAY
    first = max(today - skip - days, inp.first_event_at // DAY + 1)
    by_start = dict(inp.day_totals)
    return [(day * DAY, by_start.get(day * DAY)) for day in range(first, today - skip)]


def engagement(inp: SignalInput, days: int = 1) -> float:
    """Acts on posts in the last one or two days over those of a good day of the past (its upper quartile, as
    days with a new post are livelier); 1 where the past is unknown."""
    usual = sorted(per_day(inp, LOOKS))
    recent = sorted(looks(pane) if pane is not None else 0 for _, pane in recent_days(inp))
    good = max((values[3 * len(values) // 4] for values in (usual, recent) if len(values) >= 7), default=0)
    if good <= 0:
        return 1.0
    since = inp.at // HOUR * HOUR - days * DAY
    hours = [pane for start, pane in inp.hours if start >= since]
    return sum(looks(pane) for pane in hours) / days / good


def own_hit(inp: SignalInput) -> Considered:
    """An own post draws far more than usual, and follows with it."""
    ratio = max(engagement(inp), engagement(inp, 2))
    young = [post for post in inp.posts if post.at >= inp.at - 4 * DAY]
    why = f"{ratio:.1f} times the engagement of a good day, {len(young)} own posts in 4 days"
    return Considered("own_hit_post", ratio >= HIT, why)


def hourly(inp: SignalInput, hours: int) -> list[int]:
    """Follows by hour over the last `hours` (48 at most) closed hours, quiet hours as zeros."""
    end = inp.at // HOUR * HOUR
    by_start = {start: pane[COUNT + FOLLOW] for start, pane in inp.hours}
    return [by_start.get(start, 0) for start in range(end - hours * HOUR, end, HOUR)]


def follows_on(inp: SignalInput, day: int) -> int:
    """Follows on a whole epoch day; 0 for a quiet one."""
    return next((pane[COUNT + FOLLOW] for start, pane in inp.day_totals if start // DAY == day), 0)


def wave_share(counts: Sequence[int], width: int = WAVE_H) -> float:
    """Share of all that lies within the fullest `width` neighbouring entries; 0 for none."""
    total = sum(counts)
    if not total:
        return 0.0
    return max(sum(counts[i : i + width]) for i in range(max(1, len(counts) - width + 1))) / total


def flatness(counts: Sequence[int], usual: float) -> tuple[int, float]:
    """(busy hours, their coefficient of variation without what chance brings). Busy: at least BUSY times the
    usual follows of an hour, and one at least."""
    busy = [n for n in counts if n >= max(1.0, BUSY * usual)]
    if len(busy) < 2:
        return len(busy), 9.0
    inner = busy[1:-1] if len(busy) > 6 else busy  # the first and last hour are cut
    mean = sum(inner) / len(inner)
    variance = sum((n - mean) ** 2 for n in inner) / (len(inner) - 1)
    return len(busy), (max(0.0, variance - mean) / (mean * mean)) ** 0.5


def run_of(counts: Sequence[float], usual: float) -> tuple[int, int]:
    """[begin, end) of the run that holds most beyond BUSY times the usual (Kadane's scan)."""
    best, found = 0.0, (0, 0)
    level, begin = 0.0, 0
    for i, n in enumerate(counts):
        level += n - BUSY * usual
        if level <= 0:
            level, begin = 0.0, i + 1
        elif level > best:
            best, found = level, (begin, i + 1)
    return found


def ebbing(counts: Sequence[float], usual: float) -> float:
    """How many times the excess of its first half a rise has over its second; 1 where it is too short, or
    where chance alone would do."""
    begin, end = run_of(counts, usual)
    rise = [n - usual for n in counts[begin:end]]
    half = len(rise) // 2
    if half < 2:
        return 1.0
    first, second = sum(rise[:half]), sum(rise[len(rise) - half :])
    noise = 2 * (sum(counts[begin:end]) + 1) ** 0.5
    return first / max(second, 1.0) if first - second > noise else 1.0


def shout_out(inp: SignalInput, rise: Rise) -> Considered:
    """A mention elsewhere: a wave that ebbs within hours, of people like those who usually join."""
    hours = hourly(inp, 48)
    share = wave_share(hours[-rise.hours :])
    times = ebbing(hours, rise.expected / rise.hours)
    ebbs = share >= WAVE or times >= EBB
    why = (
        f"{share:.0%} of the follows came within {WAVE_H} hours, {times:.1f} times as many at first as later"
    )
    if rise.known >= 8:
        why += f", {rise.low / rise.known:.0%} of the known profiles of low credibility"
    return Considered("shout_out", ebbs, why)


def giveaway(inp: SignalInput, ledger: Followers) -> Considered:
    """Comments that name others: undeclared giveaways show so."""
    today = inp.at // DAY
    comments = {
        start // DAY: sum([pane[COUNT + k] for k in _COMMENTS]) for start, pane in inp.day_totals
    }  # fmt: skip
    running = today * DAY
    comments[today] = sum(
        sum([pane[COUNT + k] for k in _COMMENTS]) for start, pane in inp.hours if start >= running
    )
    now = [ledger.days.get(day, Day()) for day in range(today - 2, today + 1)]
    tagged, of = (
        sum(row.tagged for row in now),
        sum(comments.get(day, 0) for day in range(today - 2, today + 1)),
    )
    rows = [(day, row) for day, row in ledger.rows(inp.at) if day < today - 2]
    past, past_of = sum(row.tagged for _, row in rows), sum(comments.get(day, 0) for day, _ in rows)
    share, usual = tagged / of if of else 0.0, past / past_of if past_of else 0.0
    why = f"{share:.0%} of {of} comments in three days name somebody ({usual:.0%} before)"
    return Considered("giveaway", of >= 10 and share >= TAGGED and share >= TAGGED_TIMES * usual, why)


def advertising(inp: SignalInput) -> Considered:
    """Own posts that are said to be advertising, in the last three days: a brand may have paid for reach."""
    paid = [post for post in inp.posts if post.sponsored and post.at >= inp.at - 3 * DAY]
    return Considered(
        "advertising", False, f"{len(paid)} sponsored posts in three days, none declared as paid reach"
    )


def lost_at_once(inp: SignalInput, ledger: Followers) -> dict[int, str]:
    """Epoch day -> why, for days on which the platform seems to have cleared up: far more unfollows than on
    any usual day, or polled totals that fell by PURGED at least."""
    found: dict[int, str] = {}
    rows = dict(ledger.rows(inp.at))
    today = inp.at // DAY
    if today in ledger.days:
        rows[today] = ledger.days[today]
    usual = median(sorted(row.unfollows for row in rows.values())) if rows else 0.0
    for day, row in rows.items():
        if row.unfollows >= max(20.0, 8 * usual):
            found[day] = f"{row.unfollows} unfollows on one day, {usual:.0f} on a usual one"
    totals = ledger.totals(inp.at)
    for (before, old), (after, new) in pairwise(totals):
        if old and after - before <= 2 * DAY and new <= old * (1 - PURGED):
            found[after // DAY] = f"followers fell from {old} to {new} within a day"
    return {**everywhere(inp), **found}


def everywhere(inp: SignalInput) -> dict[int, str]:
    """Epoch day -> why, for days of the last 28 on which many influencers at once lost followers."""
    snapshot, today = inp.snapshot, inp.at // DAY
    if snapshot is None or not any(lost for _, lost in snapshot.days.values()):
        return {}
    shares = {day: purged(snapshot, day) for day in range(today - 28, today + 1)}
    return {
        day: f"{share:.0%} of all influencers lost more than 2 % of their followers within a day"
        for day, share in shares.items() if share >= EVERYWHERE
    }  # fmt: skip


def purge(inp: SignalInput, ledger: Followers) -> Considered:
    """Mass unfollows in the last 28 days: what left then was cleared up, and says nothing about joining."""
    days = {day: why for day, why in lost_at_once(inp, ledger).items() if day >= inp.at // DAY - 28}
    if not days:
        return Considered("purge", False, f"{inp.d7[UNDOS]} undos in 7 days, no day of mass unfollows")
    newest = max(days)
    why = f"{days[newest]}, {inp.at // DAY - newest} days ago"
    return Considered("purge", True, why, by_snapshot=newest in everywhere(inp))


def considered(inp: SignalInput, ledger: Followers, rise: Rise) -> tuple[Considered, ...]:
    """All explanations of a rise in follows, weighed."""
    return (
        own_hit(inp), shout_out(inp, rise), giveaway(inp, ledger), advertising(inp), purge(inp, ledger),
        *declared(inp, NAME),
    )  # fmt: skip


class Growth(msgspec.Struct, frozen=True):
    """Polled totals: what came in the last 24 hours against the past's days."""

    gained: float
    days: float  # that the gain covers
    base: int  # followers before
    usual: float  # median gain a day
    spread: float  # robust sd of the daily gains
    most: float  # largest gain of a day before
    wave: float | None  # share of the gain between two polls next to each other; None with too few polls
    ebb: float  # times as much in the first half of two days as in the second
    steady: bool  # two days in a row with nearly the same steep gain: all that daily polls can show
    n: int  # days in the past


def polled_growth(inp: SignalInput, ledger: Followers) -> Growth | None:
    """Growth by totals; None with too few polls: seven gains before and one within the last two days."""
    points = ledger.totals(inp.at)
    if len(points) < 8:
        return None
    newest_at, newest = points[-1]
    if newest_at < inp.at - 2 * DAY:
        return None
    window = next((p for p in reversed(points) if p[0] <= newest_at - DAY + SLOT_S // 2), None)
    if window is None or newest_at - window[0] > 2.5 * DAY or not window[1]:
        return None
    days = max(1.0, (newest_at - window[0]) / DAY)
    gains = []
    at, total = points[0]
    for when, count in points[1:]:
        if when > window[0] - DAY:
            break
        if when - at >= DAY - SLOT_S // 2:
            gains.append((count - total) / ((when - at) / DAY))
            at, total = when, count
    if len(gains) < 7:
        return None
    gains.sort()
    usual = median(gains)
    spread = 1.4826 * median(sorted(abs(gain - usual) for gain in gains))
    inside = [p for p in points if p[0] >= window[0]]
    steps = [b[1] - a[1] for a, b in pairwise(inside)]
    gained = newest - window[1]
    wave = max(steps) / gained if gained > 0 and len(steps) >= 3 else None
    lately = [p for p in points if p[0] >= newest_at - 2 * DAY - SLOT_S]
    ebb = ebbing([b[1] - a[1] for a, b in pairwise(lately)], usual * 2 / max(1, len(lately) - 1))
    two = [gain for _, gain in daily_gains(inp, ledger)[-2:]]
    steady = min(two) > usual + 6 * spread and 0.6 <= two[0] / max(two[-1], 1.0) <= 1.7
    return Growth(gained, days, window[1], usual, spread, gains[-1], wave, ebb, steady, len(gains))


def daily_gains(inp: SignalInput, ledger: Followers) -> list[tuple[int, float]]:
    """(epoch day, followers gained a day) by polled totals, oldest first; a day without a poll is bridged."""
    newest: dict[int, tuple[int, int]] = {}
    for point in ledger.totals(inp.at):
        newest[point[0] // DAY] = point
    points = [newest[day] for day in sorted(newest)]
    return [
        (after // DAY, (new - old) / max(0.5, (after - before) / DAY))
        for (before, old), (after, new) in pairwise(points)
    ]


class Lift(msgspec.Struct, frozen=True):
    """A level of daily gains that has risen: `days` since, gains a day before and now."""

    days: int
    before: float
    now: float
    z: float


def lifted(gains: Sequence[tuple[int, float]], windows: Sequence[int] = (4, 7, 10, 14)) -> Lift | None:
    """The surest lasting rise of the daily gains, held against at least ten days before; None without one.

    Medians, so that a single viral day is no rise; gains wander by a quarter without any cause.
    """
    best: Lift | None = None
    for width in windows:
        now, past = [g for _, g in gains[-width:]], sorted(g for _, g in gains[:-width])
        if len(now) < width or len(past) < 10:
            continue
        before, after = median(past), median(sorted(now))
        sd = 1.4826 * median(sorted(abs(g - before) for g in past))
        # pi/2: a median's variance over a mean's.
        error = (1.57 * sd * sd * (1 / len(now) + 1 / len(past)) + (0.25 * before) ** 2 + 4.0) ** 0.5
        z = (after - before) / error
        lasting = sum(g > past[4 * len(past) // 5] for g in now) >= 0.75 * width
        if lasting and z > 2 and (best is None or z > best.z):
            best = Lift(width, before, after, z)
    return best


def grown(inp: SignalInput) -> float:
    """How much larger the account is than at freezing, at least 1: more followers bring more follows."""
    return max(1.0, growth(inp))


def window_of(inp: SignalInput, hours: int) -> tuple[int, int, int]:
    """(follows, of low credibility, with a known profile) in the last closed hours, 48 at most."""
    since = inp.at // HOUR * HOUR - hours * HOUR
    panes = [pane for start, pane in inp.hours if start >= since]
    low = known = 0
    for pane in panes:
        a, b = low_and_known(pane, (FOLLOW,))
        low, known = low + a, known + b
    return sum(pane[COUNT + FOLLOW] for pane in panes), low, known
