"""An online anomaly detector for counts per stretch of time (mentions per five minutes).

    score_series(path: Path) -> list[(timestamp, value, score)]      score in 0..1, row by row, no look ahead
    SeriesDetector(step_s).update(at, value) -> float                the same, one row at a time

Counts of talk have heavy tails: quantiles of rows, or sigmas, call every busy afternoon an anomaly. What a
person would be called for is a day's highest value that is unlike the highest of other days. So:

1. The count is smoothed at three scales (half-lives of 2, 4 and 8 rows), and its log taken.
2. Each is seen in three contexts: as it is, less half of the usual for its time of day, and less a slow level
   (so that what grows over weeks is no news).
3. For each of the nine, the highest of each day (days at four offsets) gives a Gumbel distribution by its
   moments, its spread drawn towards a prior (sd .4 of the log, worth 16 days), since a week of days says
   little about tails. A value's surprise is -log10 P(a day's highest exceeds it); the nine are averaged.
4. Said once: after a detection, only what is a quarter more surprising speaks within a day.
5. score = 1 - 1/(1 + surprise); surprises under FLOOR (what every twelfth day brings anyway) score 0.

Nothing is learnt offline; the prior, scales, and floor are the same for all series. Sources: block maxima
and Gumbel's moments: Coles (2001), An Introduction to Statistical Modeling of Extreme Values, ch. 3; tails
against the own past rather than sigmas: Siffer et al. (2017), KDD (SPOT).
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from math import exp, expm1, log, log1p, log10, pi, sqrt
from pathlib import Path
from typing import Final

from processors.evaluation.errors import EvaluationError
from processors.evaluation.nab import Row, read_series
from processors.panes import DAY, MINUTES_5

HALF_LIVES: Final = (2.0, 4.0, 8.0)
PRIOR_SD, PRIOR_DAYS = 0.4, 16.0
#: Days of which the highest values are remembered.
KEEP_DAYS: Final = 60
#: A day is cut into so many blocks; every run of that many blocks is one "day".
OFFSETS: Final = 4
WARM_UP_S: Final = 50 * 3600
#: Least surprise that is said (log10), and how much more of it is news, relative.
FLOOR, NEWS = 1.1, 0.25
QUIET_S: Final = DAY
#: Weight of the time of day; its memory in days; rows to either side that share in what a row teaches.
TIME_SHARE, TIME_DAYS, TIME_WIDTH = 0.5, 7.0, 6
#: A single row moves a learnt level by at most so much of the log's distance.
STEP_CAP: Final = 0.5
SLOW_DAYS: Final = 7.0
EULER: Final = 0.5772156649


class _Extremes:
    """Gumbel distribution of a day's highest value, from the past's days."""

    __slots__ = ("_blocks", "_highest", "_location", "_scale")

    def __init__(self) -> None:
        self._blocks: deque[float] = deque(maxlen=KEEP_DAYS * OFFSETS)
        self._highest = float("-inf")
        self._location: float | None = None
        self._scale = 1.0

    def take(self, x: float) -> None:
        if x > self._highest:
            self._highest = x

    def close_block(self) -> None:
        """A quarter of a day is over."""
        if self._highest == float("-inf"):
            return
        self._blocks.append(self._highest)
        self._highest = float("-inf")
        blocks = list(self._blocks)
        days = [max(blocks[i : i + OFFSETS]) for i in range(len(blocks) - OFFSETS + 1)]
        if not days:
            return
        n = len(days) / OFFSETS
        mean = sum(days) / len(days)
        variance = sum((x - mean) ** 2 for x in days) / len(days)
        sd = sqrt((n * variance + PRIOR_DAYS * PRIOR_SD**2) / (n + PRIOR_DAYS))
        self._scale = sd * sqrt(6) / pi
        self._location = mean - EULER * self._scale

    def surprise(self, x: float) -> float:
        """-log10 P(a day's highest exceeds x); 0 before the first day."""
        if self._location is None:
            return 0.0
        inner = (self._location - x) / self._scale
        if inner > 3:
            return 0.0
        # For large x, expm1 runs out of digits before exp does.
        return -inner / log(10) if inner < -30 else -log10(-expm1(-exp(inner)))


class _Scale:
    """One smoothing of the counts, in its three contexts."""

    __slots__ = ("_alpha", "_contexts", "_level", "_profile", "_slow", "_slow_alpha", "_smooth")

    def __init__(self, half_life: float, per_day: int) -> None:
        self._alpha = 1 - 0.5 ** (1 / half_life)
        self._smooth: float | None = None
        self._slow = self._level = 0.0
        self._slow_alpha = 1 / (SLOW_DAYS * per_day)
        self._profile: list[float | None] = [None] * per_day
        self._contexts = (_Extremes(), _Extremes(), _Extremes())

    def update(self, slot: int, value: float, block_ends: bool) -> float:
        """Sum of the three surprises of a value, judged before it is learnt."""
        if self._smooth is None:
            self._smooth = value
            self._slow = self._level = log1p(value)
        self._smooth += self._alpha * (value - self._smooth)
        x = log1p(self._smooth)
        usual = self._profile[slot]
        seen = (x, x - TIME_SHARE * (self._level if usual is None else usual), x - self._slow)
        total = 0.0
        for context, y in zip(self._contexts, seen, strict=True):
            total += context.surprise(y)
            context.take(y)
            if block_ends:
                context.close_block()
        self._learn(slot, x)
        return total

    def _learn(self, slot: int, x: float) -> None:
        profile = self._profile
        size = len(profile)
        width = min(TIME_WIDTH, (size - 1) // 2)
        for offset in range(-width, width + 1):
            near = (slot + offset) % size
            now = profile[near]
            if now is None:
                now = self._level
            share = (1 - abs(offset) / (width + 1)) / (width + 1) / TIME_DAYS
            profile[near] = now + share * max(-STEP_CAP, min(STEP_CAP, x - now))
        self._level += 0.6 / size * (x - self._level)
        self._slow += self._slow_alpha * max(-1.0, min(1.0, x - self._slow))


class SeriesDetector:
    """Online: one count after the other, in order of time. `step_s`: usual distance of rows, seconds."""

    def __init__(self, step_s: float = MINUTES_5) -> None:
        per_day = max(OFFSETS, round(DAY / step_s))
        self._step = DAY / per_day
        self._per_day = per_day
        self._scales = [_Scale(half_life, per_day) for half_life in HALF_LIVES]
        self._rows = 0
        self._said: tuple[float, float] | None = None  # (when, surprise) of the last detection

    def update(self, at: float, value: float) -> float:
        """Anomaly score of a count >= 0 at `at` (epoch s), from this row and those before it."""
        self._rows += 1
        slot = int(at / self._step) % self._per_day
        block_ends = self._rows % (self._per_day // OFFSETS) == 0
        count = max(0.0, value)
        total = sum([scale.update(slot, count, block_ends) for scale in self._scales])
        surprise = total / (3 * len(self._scales))
        if self._rows * self._step < WARM_UP_S or surprise < FLOOR or not self._news(at, surprise):
            return 0.0
        self._said = (at, surprise)
        return 1 - 1 / (1 + surprise)

    def _news(self, at: float, surprise: float) -> bool:
        if self._said is None or at - self._said[0] > QUIET_S:
            return True
        return surprise > self._said[1] * (1 + NEWS)


def _epoch(timestamp: str) -> float:
    time = dt.datetime.fromisoformat(timestamp)
    return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp()


def _step(times: Sequence[float]) -> float:
    """Usual distance of rows: the median of the first day's worth at most."""
    gaps = sorted(b - a for a, b in pairwise(times[:289]) if b > a)
    return gaps[len(gaps) // 2] if gaps else float(MINUTES_5)


def score_rows(rows: Sequence[tuple[str, float]]) -> list[Row]:
    """(timestamp, value, score) for (timestamp, value) in order of time; timestamps are ISO 8601.

    Raises EvaluationError for a timestamp that isn't."""
    try:
        times = [_epoch(timestamp) for timestamp, _ in rows]
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"a timestamp is not ISO 8601: {error}") from error
    detector = SeriesDetector(_step(times))
    return [(rows[i][0], rows[i][1], detector.update(at, rows[i][1])) for i, at in enumerate(times)]


def score_series(path: Path) -> list[Row]:
    """The scored rows of a CSV file with the header timestamp,value (gzip if its name ends in .gz).

    Raises EvaluationError where it can't be read."""
    return score_rows(read_series(path))
