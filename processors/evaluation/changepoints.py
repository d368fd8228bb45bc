"""Change points in the open collection TCPD: F1 with margin 5 and covering, default settings for all series.

    changepoints(series) -> list[int]                       where the level, slope, or spread changes
    f_measure(annotations, predicted), covering(annotations, predicted, n)
    evaluate_changepoints(directory) -> {"n", "f1", "covering", "by_series"}

The method: binary segmentation over straight lines with their own spread, cost of a stretch L log(rss/L), a
change kept when it lowers the cost by more than BIC charges for its four parameters (place, level, slope,
spread). Noise that resembles itself from row to row holds less than its length says: costs are scaled by the
root of (1 - r)/(1 + r), r the lag-1 autocorrelation of what a first cut leaves over. It is offline, for
labelling and back-tests; the live detectors are CUSUMs against a frozen reference.

Sources: measures and data: van den Burg and Williams (2020), "An evaluation of change point detection
algorithms" (the collection's metrics.py, with 0 added to every set of change points); covering: Arbelaez et
al. (2010); binary segmentation: Scott and Knott (1974); BIC: Schwarz (1978); effective length: Bartlett
(1946).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from math import log, sqrt
from pathlib import Path
from typing import Any, Final

MARGIN: Final = 5
#: Least rows of a stretch, and most change points of a series.
MIN_ROWS, MOST = 5, 10
#: Parameters of a line with its spread, and with the place where it starts.
LINE, PLACE = 3, 1
#: Least spread, in sd of the whole series: rows that lie on a line by rounding are no evidence without end.
MIN_VARIANCE: Final = 1e-3
MOST_AUTOCORRELATION: Final = 0.95


class _Lines:
    """Residual sums of squares of straight lines over any stretch, from prefix sums; the series is scaled to
    mean 0, sd 1."""

    def __init__(self, values: Sequence[float]) -> None:
        n = len(values)
        mean = sum(values) / n
        sd = sqrt(sum((v - mean) ** 2 for v in values) / n) or 1.0
        self.values = [(v - mean) / sd for v in values]
        self._sum, self._square, self._moment = [0.0], [0.0], [0.0]
        for i, v in enumerate(self.values):
            self._sum.append(self._sum[-1] + v)
            self._square.append(self._square[-1] + v * v)
            self._moment.append(self._moment[-1] + i * v)

    def _fit(self, i: int, j: int) -> tuple[float, float, float, float]:
        """(mean, slope, middle, covariance sum) of rows i..j-1."""
        n = j - i
        total = self._sum[j] - self._sum[i]
        middle = (i + j - 1) / 2
        joint = self._moment[j] - self._moment[i] - middle * total
        spread = n * (n * n - 1) / 12
        return total / n, joint / spread if spread > 0 else 0.0, middle, joint

    def rss(self, i: int, j: int) -> float:
        mean, slope, _, joint = self._fit(i, j)
        square = self._square[j] - self._square[i]
        return max(0.0, square - (j - i) * mean * mean - slope * joint)

    def residuals(self, i: int, j: int) -> list[float]:
        mean, slope, middle, _ = self._fit(i, j)
        return [self.values[k] - mean - slope * (k - middle) for k in range(i, j)]


def _cost(lines: Iterable[_Lines], i: int, j: int) -> float:
    length = j - i
    return sum([length * log(max(each.rss(i, j) / length, MIN_VARIANCE)) for each in lines])


def _cut(lines: Sequence[_Lines], i: int, j: int) -> tuple[float, int]:
    """(what the best cut of i..j gains, where); no gain where the stretch is too short."""
    whole = _cost(lines, i, j)
    gains = (
        (whole - _cost(lines, i, k) - _cost(lines, k, j), k) for k in range(i + MIN_ROWS, j - MIN_ROWS + 1)
    )
    return max(gains, key=lambda gain: gain[0], default=(float("-inf"), i))


def _effective(each: _Lines) -> float:
    """Root of the share of rows that are news, given their autocorrelation around one cut."""
    n = len(each.values)
    _, place = _cut((each,), 0, n)
    rest = each.residuals(0, place) + each.residuals(place, n) if place else each.residuals(0, n)
    square = sum(r * r for r in rest)
    if square <= 0:
        return 1.0
    r = sum(a * b for a, b in pairwise(rest)) / square
    r = min(MOST_AUTOCORRELATION, max(0.0, r))
    return sqrt((1 - r) / (1 + r))


def changepoints(series: Sequence[Sequence[float]]) -> list[int]:
    """First rows of new stretches, ascending, in a series of one or more dimensions (each as long).

    Raises ValueError for no dimension."""
    if not series:
        raise ValueError("a series has at least one dimension")
    n = len(series[0])
    if n < 2 * MIN_ROWS:
        return []
    lines = [_Lines(values) for values in series]
    effective = sum(_effective(each) for each in lines) / len(lines)
    charge = (LINE * len(lines) + PLACE) * log(n)
    stretches = [(0, n)]
    cuts = {(0, n): _cut(lines, 0, n)}
    found: list[int] = []
    while len(found) < MOST:
        i, j = max(stretches, key=lambda stretch: cuts[stretch][0])
        gain, place = cuts[i, j]
        if gain * effective <= charge:
            break
        stretches.remove((i, j))
        for part in ((i, place), (place, j)):
            stretches.append(part)
            cuts[part] = _cut(lines, *part)
        found.append(place)
    return sorted(found)


def _true(truth: Iterable[int], predicted: Iterable[int], margin: int) -> int:
    """True change points that a predicted one lies near, each predicted one used once."""
    left = set(predicted)
    hits = 0
    for place in sorted(truth):
        near = sorted((abs(place - x), x) for x in left if abs(place - x) <= margin)
        if near:
            hits += 1
            left.remove(near[0][1])
    return hits


def f_measure(
    annotations: Mapping[str, Collection[int]], predicted: Iterable[int], margin: int = MARGIN
) -> float:
    """F1: precision against all annotators together, recall as the mean over them; 0 counts as found."""
    truths = [set(places) | {0} for places in annotations.values()]
    guess = set(predicted) | {0}
    precision = _true(set().union(*truths), guess, margin) / len(guess)
    recall = sum(_true(truth, guess, margin) / len(truth) for truth in truths) / len(truths)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _stretches(places: Iterable[int], n: int) -> list[tuple[int, int]]:
    return list(pairwise([0, *sorted({place for place in places if 0 < place < n}), n]))


def covering(annotations: Mapping[str, Collection[int]], predicted: Iterable[int], n: int) -> float:
    """Mean over annotators of how well the predicted stretches cover theirs (Jaccard, by length)."""
    guess = _stretches(predicted, n)
    total = 0.0
    for places in annotations.values():
        for i, j in _stretches(places, n):
            best = max(max(0, min(j, b) - max(i, a)) / (max(j, b) - min(i, a)) for a, b in guess)
            total += (j - i) / n * best
    return total / len(annotations)


def _filled(raw: Sequence[float | None]) -> list[float]:
    """Missing values as the last one before them (the first known at the start)."""
    last = next((float(v) for v in raw if v is not None), 0.0)
    values = []
    for v in raw:
        last = float(v) if v is not None else last
        values.append(last)
    return values


def evaluate_changepoints(directory: Path) -> dict[str, Any]:
    """F1 and covering, mean over the series in `directory` (the collection's JSON beside annotations.json).

    Raises OSError or ValueError where a file can't be read, KeyError for a series without annotations."""
    annotations: dict[str, dict[str, list[int]]] = json.loads((directory / "annotations.json").read_text())
    by_series: dict[str, dict[str, Any]] = {}
    for path in sorted(directory.glob("*.json")):
        data = json.loads(path.read_text())
        if "series" not in data:
            continue
        found = changepoints([_filled(each["raw"]) for each in data["series"]])
        truth = annotations[data["name"]]
        by_series[data["name"]] = {
            "f1": f_measure(truth, found),
            "covering": covering(truth, found, data["n_obs"]),
            "found": found,
        }
    n = len(by_series)
    return {
        "n": n,
        "f1": sum(each["f1"] for each in by_series.values()) / n if n else 0.0,
        "covering": sum(each["covering"] for each in by_series.values()) / n if n else 0.0,
        "by_series": by_series,
    }
