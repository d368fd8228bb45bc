"""Lives of an account as those who join see them: days and hours of follows, likes, and polled totals.

For the tests of the detectors on followers: everything is drawn from one seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

from processors.detection.look import Look
from processors.ledgers.followers import BIN_S, Day, Followers, Week
from processors.panes import COUNT, DAY, HOUR, KIND_INDEX, KNOWN, LOW, Pane, new_pane, sum_panes
from processors.reference import freeze
from processors.signals.authenticity import FOLLOW
from processors.signals.inputs import SignalInput
from tests.processors import builders

LIKE = KIND_INDEX["like"]
START = builders.NOW - 28 * DAY
#: What comes in one hour beside the usual: (hour since START) -> (follows, share low, likes).
More = Callable[[int], tuple[float, float, float]]


def none(hour: int) -> tuple[float, float, float]:
    return 0.0, 0.0, 0.0


def poisson(rng: Random, mean: float) -> int:
    """Small means by products, large ones by the normal."""
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, k, p = math.exp(-mean), 0, rng.random()
    while p > limit:
        k += 1
        p *= rng.random()
    return k


class Life:
    """`days` days after the reference's 28, with follows by the hour of the day and by posts every second
    day."""

    def __init__(
        self, seed: int, days: int, more: More = none, *, per_day: float = 20.0, low: float = 0.2,
        known: float = 1.0, likes: float = 400.0, mass: float = 0.05, more_mass: float = 0.05,
        totals: bool = True, poll_h: int = 6, follows: bool = True, followers: int = 40_000,
    ) -> None:  # fmt: skip
        self.rng = Random(seed)
        self.hours: dict[int, Pane] = {}
        self.ledger = Followers()
        self.followers = followers
        total = float(followers)
        for hour in range((28 + days) * 24):
            at = START + hour * HOUR
            pane = self.hours[at] = new_pane()
            age = hour % 48
            wave = (0.5 + 0.5 * math.cos((hour % 24 - 19) / 24 * 2 * math.pi)) * (
                0.3 + 2.5 * math.exp(-age / 8)
            )
            usual = poisson(self.rng, per_day / 24 * wave * 2.2)
            extra, share, liked = more(hour)
            came = poisson(self.rng, extra)
            pane[COUNT + LIKE] = poisson(self.rng, likes / 24 * wave * 2.2 + liked)
            pane[KNOWN + LIKE] = round(known * pane[COUNT + LIKE])
            pane[LOW + LIKE] = round(low * pane[KNOWN + LIKE])
            day = at // DAY
            row = self.ledger.days.setdefault(day, Day())
            week = self.ledger.weeks.setdefault(day // 7, Week())
            total += usual + came
            if follows:
                for number, p, q in ((usual, low, mass), (came, share, more_mass)):
                    self._join(number, p, q, known, at, pane, row, week)
            if totals and hour % poll_h == 3:
                row.totals.append((at + 1_800, round(total)))

    def _join(
        self, number: int, low: float, mass: float, known: float, at: int, pane: Pane, row: Day, week: Week
    ) -> None:
        seen = sum(self.rng.random() < known for _ in range(number))
        pane[COUNT + FOLLOW] += number
        pane[KNOWN + FOLLOW] += seen
        pane[LOW + FOLLOW] += sum(self.rng.random() < low for _ in range(seen))
        many = sum(self.rng.random() < mass for _ in range(seen))
        for part in (row, week):
            part.joins += number
            part.following_known += seen
            part.mass += many
            part.bins[at % DAY // BIN_S] += number

    def day(self, start: int) -> Pane:
        return sum_panes([self.hours[at] for at in range(start, start + DAY, HOUR)])

    def look(self, hour: int, **fields: Any) -> Look:
        """At so many hours after the reference."""
        at = builders.NOW + hour * HOUR
        starts = range(START, at // DAY * DAY, DAY)
        days = [(start, self.day(start)) for start in starts]
        frozen = builders.signal_input(day_totals=days[:28], followers=self.followers)
        ref = freeze(frozen)
        lifetime = [
            sum(pane[COUNT + k] for start, pane in self.hours.items() if start < at) for k in range(12)
        ]
        inp: SignalInput = builders.signal_input(
            at=at, first_event_at=START, followers=self.followers, reference=ref, day_totals=days[-35:],
            reference_days=days[:28], ledgers={Followers.name: self.ledger}, lifetime=lifetime,
            hours=[(start, self.hours[start]) for start in range(at - 48 * HOUR, at, HOUR)],
            d1=sum_panes([self.hours[start] for start in range(at - DAY, at, HOUR)]),
            d7=sum_panes([self.hours[start] for start in range(at - 7 * DAY, at, HOUR)]),
            d28=sum_panes([self.hours[start] for start in range(at - 28 * DAY, at, HOUR)]), **fields,
        )  # fmt: skip
        return Look(inp)


def burst(share: float = 0.9, count: int = 1_200, hours: int = 36, begin: int = 30) -> More:
    """Bought: evenly over the hours, no likes."""
    begin += 28 * 24

    def more(hour: int) -> tuple[float, float, float]:
        return (count / hours, share, 0.0) if begin <= hour < begin + hours else (0.0, 0.0, 0.0)

    return more


def viral(share: float = 0.2, times: float = 20.0, begin: int = 30, likes: float = 400.0) -> More:
    """Real: a wave that ebbs, and many more likes than follows."""
    begin += 28 * 24

    def more(hour: int) -> tuple[float, float, float]:
        if hour < begin:
            return 0.0, 0.0, 0.0
        ebb = times * likes / 24 * (1 + (hour - begin) / 6) ** -1.5
        return ebb / 8, share, ebb

    return more


def drip(per_day: float, share: float = 0.9, begin: int = 24) -> More:
    begin += 28 * 24

    def more(hour: int) -> tuple[float, float, float]:
        return (per_day / 24, share, 0.0) if hour >= begin else (0.0, 0.0, 0.0)

    return more


def named_elsewhere(likes_per_follow: float, begin: int = 30) -> More:
    """Named on television: the same wave without an own post."""
    wave = viral(times=15.0, begin=begin)

    def more(hour: int) -> tuple[float, float, float]:
        came = 2 * wave(hour)[0]
        return came, 0.2, likes_per_follow * came

    return more
