"""Windows over panes: what a signal sees of an influencer at one boundary.

H1 ends at the boundary itself; windows of a day and more end at the last full hour. D1 is exactly 24 hour
panes. D7 and D28 are the whole days since (end - 7 d, end - 28 d), floored to a day, and the hours of the
running day: at midnight exactly 7 and 28 days, never less, at most a day more (docs/decisions/0004).

A provisional input takes in everything up to now, the running panes included.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, attrgetter, sub

from processors.influencer import KEEP_DAYS, Influencer
from processors.panes import (
    ANSWERABLE,
    DAY,
    HOUR,
    LATENCY_EDGES,
    MINUTES_5,
    N_KINDS,
    N_LATENCY,
    Pane,
    sum_panes,
)
from processors.signals.inputs import Exposure, Gap, Reference, SignalInput
from processors.signals.survival import exposure_of
from processors.snapshot import Snapshot
from schemas import Partnership

_EXPOSED = LATENCY_EDGES[-1]


@dataclass(slots=True)
class _Sums:
    """Sums of closed windows that end at one full hour; kept until one of their panes changes, and moved on
    from hour to hour. The lists are shared with the inputs made of them: replaced, never changed."""

    end: int
    d1: Pane
    d7: Pane
    d28: Pane
    old7: Pane  # what of D7 and D28 is older than 48 h, so exposed to every latency
    old28: Pane
    old_exposure7: Exposure
    old_exposure28: Exposure
    young: list[tuple[int, Pane]]  # (hour, pane) of the last 48 h
    exposure_d7: Exposure
    exposure_d28: Exposure
    days: tuple[tuple[int, Pane], ...]
    hours: tuple[tuple[int, Pane], ...]


def window_end(at: int) -> int:
    """The last full hour at `at`: where windows of a day and more end."""
    return at // HOUR * HOUR


def _sums(inf: Influencer, end: int) -> _Sums:
    kept: _Sums | None = inf.cache.get("sums")
    if kept is not None and inf.cached_until == end:
        return kept
    # Days before the last 48 h are whole days: within one day of them, only hours come and grow old.
    if kept is None or end < kept.end or (end - _EXPOSED) // DAY != (kept.end - _EXPOSED) // DAY:
        sums = _summed(inf, end)
    else:
        sums = _moved(inf, kept, end)
    young = [((hour + 1) * HOUR, pane) for hour, pane in sums.young if pane[ANSWERABLE]]
    if young:
        exposure = exposure_of(young, end)
        sums.exposure_d7 = _both(sums.old_exposure7, exposure)
        sums.exposure_d28 = _both(sums.old_exposure28, exposure)
    else:
        sums.exposure_d7, sums.exposure_d28 = sums.old_exposure7, sums.old_exposure28
    sums.hours = tuple((hour * HOUR, pane) for hour, pane in sums.young)
    inf.cache["sums"] = sums
    inf.cached_until = end
    return sums


def _summed(inf: Influencer, end: int) -> _Sums:
    """From the panes themselves: days before the last 48 h, then hours."""
    first_hour = (end - _EXPOSED) // DAY * 24
    last = end // HOUR
    by_hour, by_day = inf.hours.by_index, inf.days.by_index
    hours = [(hour, by_hour[hour]) for hour in range(first_hour, last) if hour in by_hour]
    young = [(hour, pane) for hour, pane in hours if hour >= last - 48]
    aged = [pane for hour, pane in hours if hour < last - 48]
    first7, first28, first_day = (end - 7 * DAY) // DAY, (end - 28 * DAY) // DAY, first_hour // 24
    old7 = sum_panes([*(pane for day, pane in by_day.items() if first7 <= day < first_day), *aged])
    old28 = sum_panes([old7, *(pane for day, pane in by_day.items() if first28 <= day < first7)])
    recent = [pane for _, pane in young]
    return _Sums(
        end=end,
        d1=sum_panes([pane for hour, pane in young if hour >= last - 24]),
        d7=sum_panes([old7, *recent]),
        d28=sum_panes([old28, *recent]),
        old7=old7,
        old28=old28,
        old_exposure7=_aged(old7),
        old_exposure28=_aged(old28),
        young=young,
        exposure_d7=Exposure(),
        exposure_d28=Exposure(),
        days=_day_totals(inf, end),
        hours=(),
    )


def _moved(inf: Influencer, kept: _Sums, end: int) -> _Sums:
    """The sums of an earlier hour of the same day moved on to `end`: hours that closed since come in, others
    leave D1, or the last 48 h. Panes that were summed have not changed, or the sums would be gone."""
    by_hour = inf.hours.by_index
    before, last = kept.end // HOUR, end // HOUR
    new = [(hour, by_hour[hour]) for hour in range(before, last) if hour in by_hour]
    hours = kept.young + new if new else kept.young
    d1, d7, d28, old7, old28 = kept.d1, kept.d7, kept.d28, kept.old7, kept.old28
    exposure7, exposure28 = kept.old_exposure7, kept.old_exposure28
    if new:
        entering = [pane for _, pane in new]
        d1, d7, d28 = (sum_panes([pane, *entering]) for pane in (d1, d7, d28))
    for hour, pane in hours:
        if hour >= last - 24:
            break
        if hour >= before - 24:
            d1 = list(map(sub, d1, pane))
    if hours and hours[0][0] < last - 48:
        leaving = [pane for hour, pane in hours if hour < last - 48]
        hours = hours[len(leaving) :]
        old7, old28 = (sum_panes([pane, *leaving]) for pane in (old7, old28))
        exposure7, exposure28 = _aged(old7), _aged(old28)
    return _Sums(
        end, d1, d7, d28, old7, old28, exposure7, exposure28, hours, exposure7, exposure28, kept.days, ()
    )


def _aged(pane: Pane) -> Exposure:
    """Exposure of comments that are older than every latency."""
    return exposure_of([(0, pane)], _EXPOSED)


def _both(one: Exposure, other: Exposure) -> Exposure:
    """Exposure of two sets of comments."""
    return Exposure(
        tuple(map(add, one.at_risk, other.at_risk)),
        tuple(map(add, one.answered, other.answered)),
        one.comments + other.comments,
    )


def gap(inf: Influencer, at: int) -> Gap:
    """Comments by age since the influencer's last answer (by pane, so to the hour, and to the day past 72
    h)."""
    since = inf.meta.last_answer_at
    if since is None:
        return Gap()
    ages = [0] * N_LATENCY
    by_hour = inf.hours.by_index
    # Not as far back as hour panes happen to be there: what is trimmed when must not show.
    oldest_hour = (at - _EXPOSED) // DAY * 24
    for hour in range(max(since // HOUR + 1, oldest_hour), at // HOUR):
        pane = by_hour.get(hour)
        if pane is not None and pane[ANSWERABLE]:
            ages[_age_bin(at - (hour + 1) * HOUR)] += pane[ANSWERABLE]
    for day in range(max(since // DAY + 1, at // DAY - KEEP_DAYS), oldest_hour // 24):
        pane_of_day = inf.days.by_index.get(day)
        if pane_of_day is not None:
            ages[-1] += pane_of_day[ANSWERABLE]
    return Gap(since, tuple(ages), sum(1 for post in inf.posts.values() if since < post.at <= at))


def _age_bin(age: float) -> int:
    for index, edge in enumerate(LATENCY_EDGES):
        if age <= edge:
            return index
    return N_LATENCY - 1


def signal_input(
    inf: Influencer,
    partnership: Partnership,
    at: int,
    *,
    provisional: bool = False,
    snapshot: Snapshot | None = None,
) -> SignalInput:
    """What the signals see at `at` (epoch s, multiple of 300)."""
    end = window_end(at)
    sums = _sums(inf, end)
    d1, d7, d28 = sums.d1, sums.d7, sums.d28
    if provisional:
        running = [pane for hour, pane in inf.hours.by_index.items() if hour * HOUR >= end]
        if running:
            d1, d7, d28 = (sum_panes([pane, *running]) for pane in (d1, d7, d28))
    by_minute = inf.minutes.by_index
    last = at // MINUTES_5 + (1 if provisional else 0)
    h1 = [by_minute[index] for index in range(last - 12, last) if index in by_minute]
    meta = inf.meta
    return SignalInput(
        at=at,
        partnership=partnership,
        followers=meta.followers,
        first_event_at=int(meta.first_at),
        h1=sum_panes(h1),
        d1=d1,
        d7=d7,
        d28=d28,
        posts=sorted((post for post in inf.posts.values() if post.at <= at), key=attrgetter("at", "id_hash")),
        exposure_d7=sums.exposure_d7,
        exposure_d28=sums.exposure_d28,
        gap=gap(inf, at),
        actors_d28=inf.actors.summary(None if provisional else end // DAY),
        reference=(reference := inf.references.get(partnership.partnership_id)),
        last_post_at=meta.last_post_at,
        day_totals=sums.days,
        reference_days=_reference_days(inf, partnership.partnership_id, reference),
        hours=sums.hours,
        ledgers=inf.ledgers,
        lifetime=meta.lifetime[:N_KINDS],
        snapshot=snapshot,
    )


def _day_totals(inf: Influencer, end: int) -> tuple[tuple[int, Pane], ...]:
    """(day start, pane) of whole days before `end`, oldest first."""
    today = end // DAY
    days = sorted(inf.days.by_index.items())
    return tuple((day * DAY, pane) for day, pane in days if today - KEEP_DAYS <= day < today)


def _reference_days(
    inf: Influencer, partnership_id: str, reference: Reference | None
) -> tuple[tuple[int, Pane], ...]:
    """(day start, pane) of the reference's stretch, from the day panes and their short form."""
    if reference is None:
        return ()
    kept: dict[str, tuple[int, tuple[tuple[int, Pane], ...]]] = inf.cache.setdefault("reference_days", {})
    found = kept.get(partnership_id)
    if found is not None and found[0] == reference.starts:
        return found[1]
    days = []
    for day in range(reference.starts // DAY, reference.ends // DAY):
        pane = inf.days.by_index.get(day) or inf.short.get(day // 30, {}).get(day)
        if pane is not None:
            days.append((day * DAY, pane))
    kept[partnership_id] = (reference.starts, tuple(days))
    return kept[partnership_id][1]
