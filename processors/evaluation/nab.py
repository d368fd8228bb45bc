"""NAB's scoring of anomaly detectors on time series, as the benchmark itself does it.

    score_files(scored, windows, profile, threshold) -> NabResult  one threshold over all files, the best one
    evaluate_nab(directory, detect, profile) -> NabResult          realTweets/*.csv[.gz], *_windows.json

Rules (Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms", and the code of
numenta/NAB: sweeper.py, optimizer.py, scorer.py, runner.normalize):

* The first min(15 % of the rows, 750) of a file are probation: they neither earn nor cost.
* A window earns the best of its detections: sigma(p) = 2/(1 + e^(5p)) - 1 at the relative position p in
  [-1, 0), over sigma(-1), so the earlier the better; an empty window costs `fn`.
* *Every row* detected outside a window costs fp x sigma(distance to the end of the last window, in its
  widths), -1 beyond three widths or before any window.
* One threshold over all files, the one with the best sum (the optimizer's choice).
* 100 (sum - null)/(perfect - null), null: no detection at all; perfect: each window's best.

Beside it, what a person on call would feel: false episodes per series-month, rows closer than EPISODE_S
counting as one.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp, floor, isfinite
from pathlib import Path
from typing import Any, Final

import msgspec

from processors.evaluation.errors import EvaluationError
from processors.panes import DAY, HOUR

#: (timestamp as written, value, anomaly score in 0..1)
Row = tuple[str, float, float]

PROBATION: Final = 0.15
PROBATION_ROWS: Final = 5000
MONTH_S: Final = 30 * DAY
#: Detections closer than this are one episode to whoever is called.
EPISODE_S: Final = HOUR


class Profile(msgspec.Struct, frozen=True):
    """NAB's cost matrix; the default is its standard profile."""

    tp: float = 1.0
    fn: float = 1.0
    fp: float = 0.11


class NabResult(msgspec.Struct, frozen=True):
    """score: 0 for silence, 100 for perfect. false_episodes: per series-month, outside windows."""

    score: float
    threshold: float
    windows: int
    found: int
    false_rows: int
    false_episodes: float
    by_file: dict[str, dict[str, float]]


class _Point(msgspec.Struct, frozen=True):
    """A row past probation: its score, what a detection there earns, the window it lies in."""

    score: float
    earns: float
    window: str | None
    at: float
    file: str


def scaled_sigmoid(position: float) -> float:
    """NAB's sigmoid: near 1 at -1 (a window's first row), 0 at its end, near -1 a width later; -1 from 3."""
    return -1.0 if position > 3.0 else 2.0 / (1.0 + exp(5.0 * position)) - 1.0


def _time(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


def _points(name: str, rows: Sequence[Row], windows: Sequence[Sequence[str]], costs: Profile) -> list[_Point]:
    times = [_time(row[0]) for row in rows]
    index = {at: i for i, at in enumerate(times)}
    # NAB matches a window's ends with rows exactly, since labels are cut to rows. So do we, or fail loudly.
    spans = [(index[_time(lo)], index[_time(hi)]) for lo, hi in windows]
    probation = min(floor(PROBATION * len(rows)), PROBATION * PROBATION_ROWS)
    best = scaled_sigmoid(-1.0)
    result = []
    current = 0
    previous: tuple[int, int] | None = None
    for i, (_, _, score) in enumerate(rows):
        while current < len(spans) and i > spans[current][1]:
            previous = spans[current]
            current += 1
        inside = current < len(spans) and spans[current][0] <= i
        if inside:
            left, right = spans[current]
            earns = costs.tp * scaled_sigmoid(-(right - i + 1) / (right - left + 1)) / best
        elif previous is None:
            earns = -costs.fp
        else:
            earns = costs.fp * scaled_sigmoid((i - previous[1]) / (previous[1] - previous[0]))
        if i >= probation:
            result.append(_Point(score, earns, f"{name}|{current}" if inside else None, times[i], name))
    return result


def _best_threshold(points: Iterable[_Point], costs: Profile) -> float:
    """The optimizer's: detect where score >= threshold; 1.1 detects nothing."""
    ordered = sorted(points, key=lambda point: -point.score)
    parts = {point.window: -costs.fn for point in ordered if point.window is not None}
    total = sum(parts.values())
    best, best_total, threshold = 1.1, total, 1.1
    for point in ordered:
        if point.score != threshold:
            if total > best_total:
                best, best_total = threshold, total
            threshold = point.score
        if point.window is None:
            total += point.earns
        elif point.earns > parts[point.window]:
            total += point.earns - parts[point.window]
            parts[point.window] = point.earns
    return threshold if total > best_total else best


def _at(points: Iterable[_Point], threshold: float, costs: Profile) -> tuple[float, int, int, int, int]:
    """(NAB's score, windows, windows found, false rows, false episodes) at one threshold."""
    parts: dict[str, float] = {}
    last: dict[str, float] = {}
    cost, rows, episodes, found = 0.0, 0, 0, set()
    for point in points:
        if point.window is not None:
            parts.setdefault(point.window, -costs.fn)
        if point.score < threshold:
            continue
        if point.window is not None:
            found.add(point.window)
            parts[point.window] = max(parts[point.window], point.earns)
        else:
            cost, rows = cost + point.earns, rows + 1
            episodes += point.at - last.get(point.file, float("-inf")) >= EPISODE_S
            last[point.file] = point.at
    windows = len(parts)
    total = cost + sum(parts.values()) + windows * costs.fn
    score = 100 * total / (windows * (costs.tp + costs.fn)) if windows else 0.0
    return score, windows, len(found), rows, episodes


def score_files(
    scored: Mapping[str, Sequence[Row]],
    windows: Mapping[str, Sequence[Sequence[str]]],
    profile: Profile | None = None,
    threshold: float | None = None,
) -> NabResult:
    """NAB's result over files of scored rows; `threshold` None takes the optimizer's.

    Raises KeyError where a file has no windows listed or a window's end is no row of it.
    """
    costs = profile or Profile()
    by_name = {name: _points(name, rows, windows[name], costs) for name, rows in sorted(scored.items())}
    points = [point for each in by_name.values() for point in each]
    limit = _best_threshold(points, costs) if threshold is None else threshold
    by_file: dict[str, dict[str, float]] = {}
    months = 0.0
    for name, each in by_name.items():
        score, n, found, rows, episodes = _at(each, limit, costs)
        months += (each[-1].at - each[0].at) / MONTH_S if each else 0.0
        by_file[name] = {
            "score": score, "windows": n, "found": found, "false_rows": rows, "false_episodes": episodes,
        }  # fmt: skip
    score, n, found, rows, episodes = _at(points, limit, costs)
    return NabResult(score, limit, n, found, rows, episodes / months if months else 0.0, by_file)


def read_series(path: Path) -> list[tuple[str, float]]:
    """(timestamp as written, value) of a CSV with the header timestamp,value; .gz is unpacked.

    Raises EvaluationError where it can't be read so."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        rows = [(row["timestamp"], float(row["value"])) for row in csv.DictReader(io.StringIO(text))]
    except KeyError as error:
        raise EvaluationError(f"{path}: no column {error}; it needs timestamp,value") from error
    except (OSError, EOFError, TypeError, ValueError) as error:
        raise EvaluationError(f"{path}: cannot be read: {error}") from error
    if bad := next((i for i, (_, value) in enumerate(rows, 2) if not isfinite(value)), None):
        raise EvaluationError(f"{path}: line {bad}: the value is not finite")
    return rows


def read_windows(path: Path) -> dict[str, list[list[str]]]:
    """The label file: series -> windows, keyed by the file's name without its folder."""
    labels: dict[str, Any] = json.loads(path.read_text())
    return {Path(name).name: windows for name, windows in labels.items()}


def evaluate_nab(
    directory: Path,
    detect: Callable[[Path], Sequence[Row]],
    profile: Profile | None = None,
) -> NabResult:
    """NAB's result on `directory`: realTweets/*.csv[.gz] beside realTweets_windows.json."""
    windows = read_windows(directory / "realTweets_windows.json")
    scored = {
        path.name.removesuffix(".gz"): detect(path) for path in sorted((directory / "realTweets").iterdir())
    }
    return score_files(scored, windows, profile)


def measures(directory: Path, detect: Callable[[Path], Sequence[Row]]) -> dict[str, Any]:
    """The same as plain values, with `held_out_score`: each series at the threshold of all the others."""
    windows = read_windows(directory / "realTweets_windows.json")
    scored = {
        path.name.removesuffix(".gz"): detect(path) for path in sorted((directory / "realTweets").iterdir())
    }
    result = score_files(scored, windows)
    held = [
        (alone.windows, alone.score)
        for name, rows in scored.items()
        for rest in [score_files({k: v for k, v in scored.items() if k != name}, windows)]
        for alone in [score_files({name: rows}, windows, threshold=rest.threshold)]
    ]
    total = sum(n for n, _ in held)
    found: dict[str, Any] = msgspec.structs.asdict(result)
    return {**found, "held_out_score": sum(n * score for n, score in held) / total if total else None}
