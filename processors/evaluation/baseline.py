"""A plain baseline beside ours: a robust z on hourly counts, and a CUSUM, per influencer.

    baseline(stream, influencer, starts, ends) -> list[Alert]

What a team would put up first: counts per hour of follows, likes, comments, shares, own answers, against
the first 28 days' median and MAD; an alert where z is beyond its limit, or where the CUSUM of z (k = .5) is.
Limits are set on the influencer's own first 28 days, a half above the worst that was seen there, so that it
is as quiet as it can know how to be. No profile, no text, no post is looked at.

A surge of follows, likes, comments or shares names authenticity; a lasting loss of likes and comments names
interaction quality; a loss of the influencer's answers names connection.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import Final

from processors.evaluation.drive import Alert
from processors.evaluation.feed import COUNTED, HOUR, Stream

DAY: Final = 86_400
TRAIN_DAYS: Final = 28
Z_LIMIT: Final = 8.0
CUSUM_K: Final = 0.5
CUSUM_LIMIT: Final = 12.0
#: How far beyond the worst of the first 28 days a limit lies.
MARGIN: Final = 1.5
_UP: Final = {
    "follow": "authenticity",
    "like": "authenticity",
    "comment": "authenticity",
    "share": "authenticity",
}
_DOWN: Final = {"like": "interaction_quality", "comment": "interaction_quality", "own_reply": "connection"}
_CAP: Final = 50.0  # of a single z within the CUSUM


def baseline(stream: Stream, influencer: str, starts: float, ends: float) -> list[Alert]:
    """Alerts of one influencer between `starts` and `ends` (epoch s), in order of time. An hour is judged
    when it is over; what gets less, by the day."""
    first, last = int(starts) // HOUR + 1, int(ends) // HOUR
    split = first + TRAIN_DAYS * 24
    if last <= split:
        return []
    alerts: list[Alert] = []
    for column, name in enumerate(COUNTED):
        if name not in _UP and name not in _DOWN:
            continue
        hours = range(first, last)
        counts = [row[column] if (row := stream.counts.get(hour)) else 0 for hour in hours]
        if name in _UP:
            alerts += _surges(counts, split - first, first, influencer, _UP[name], name)
        if name in _DOWN:
            alerts += _losses(counts, split - first, first, influencer, _DOWN[name], name)
    return sorted(alerts, key=lambda alert: (alert.at, alert.signal, alert.subject))


def robust(values: list[int]) -> tuple[float, float]:
    """Median, and 1.4826 MAD, at least the spread of a Poisson count and at least one."""
    middle = float(median(values))
    spread = 1.4826 * float(median(abs(value - middle) for value in values))
    return middle, max(spread, middle**0.5, 1.0)


def _surges(
    counts: list[int], split: int, first: int, influencer: str, signal: str, name: str
) -> list[Alert]:
    middle, spread = robust(counts[:split])
    z = [(count - middle) / spread for count in counts]
    found = _beyond(z, split, Z_LIMIT)
    found |= _beyond(_cusum(z), split, CUSUM_LIMIT)
    return _alerts(found, first, HOUR, influencer, signal, f"{name} up")


def _losses(
    counts: list[int], split: int, first: int, influencer: str, signal: str, name: str
) -> list[Alert]:
    """By day: an hour of most influencers has nothing that it could lose."""
    days = [sum(counts[hour : hour + 24]) for hour in range(0, len(counts) - 23, 24)]
    middle, spread = robust(days[:TRAIN_DAYS])
    if middle < 1:
        return []
    found = _beyond(_cusum([(middle - day) / spread for day in days]), TRAIN_DAYS, CUSUM_LIMIT)
    return _alerts(found, first, DAY, influencer, signal, f"{name} down")


def _cusum(z: list[float]) -> list[float]:
    out, total = [], 0.0
    for value in z:
        total = max(0.0, total + min(value, _CAP) - CUSUM_K)
        out.append(total)
    return out


def _beyond(values: list[float], split: int, least: float) -> set[int]:
    """Where the limit is first passed, each time it is."""
    limit = max(least, MARGIN * max(values[:split], default=0.0))
    found = {split} if values[split] > limit else set()
    found |= {n for n, (old, new) in enumerate(pairwise(values[split:]), split + 1) if old <= limit < new}
    return found


def _alerts(
    found: set[int], first: int, width: int, influencer: str, signal: str, subject: str
) -> list[Alert]:
    return [
        Alert(float(first * HOUR + (number + 1) * width), influencer, signal, "threshold", subject)
        for number in sorted(found)
    ]
