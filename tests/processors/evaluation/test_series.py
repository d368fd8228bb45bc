"""The detector of series: quiet on noise and on what comes daily, loud on what no day had, never ahead."""

from __future__ import annotations

import datetime as dt
import random
from math import exp, pi, sin
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.evaluation.errors import EvaluationError
from processors.evaluation.series import SeriesDetector, score_rows, score_series

START = dt.datetime(2015, 2, 26)


def counts(days: int, seed: int = 1, level: float = 40.0) -> list[float]:
    """Counts per 5 min with a daily rhythm, clumps, and heavy tails."""
    rng = random.Random(seed)
    values, drift = [], 0.0
    for i in range(days * 288):
        drift = 0.98 * drift + rng.gauss(0, 0.06)
        rhythm = 0.8 * sin(2 * pi * i / 288)
        heavy = rng.expovariate(4) if rng.random() < 0.02 else 0.0
        values.append(float(round(level * exp(rhythm + drift + heavy) * rng.uniform(0.7, 1.3))))
    return values


def rows(values: list[float]) -> list[tuple[str, float]]:
    return [((START + dt.timedelta(minutes=5 * i)).isoformat(sep=" "), v) for i, v in enumerate(values)]


def alarms(values: list[float], limit: float = 0.54) -> list[int]:
    return [i for i, (_, _, score) in enumerate(score_rows(rows(values))) if score >= limit]


def test_a_noisy_daily_rhythm_is_nearly_silent() -> None:
    months = 4 * 30 / 30
    assert sum(len(alarms(counts(30, seed))) for seed in range(4)) / months <= 1.5


@pytest.mark.parametrize("at", [8 * 288 + 100, 15 * 288 + 30])
def test_a_burst_that_no_day_had_is_found_at_once_and_said_once(at: int) -> None:
    values = counts(20, seed=5)
    for i in range(at, at + 24):
        values[i] += 40 * 25
    found = [i for i in alarms(values) if at <= i < at + 288]
    assert found and found[0] - at <= 6
    assert len(found) <= 4


def test_it_starts_silent_and_bears_empty_and_constant_series() -> None:
    assert score_rows([]) == []
    assert alarms([0.0] * 2000) == []
    assert alarms([7.0] * 2000) == []
    assert alarms([1.0] * 100 + [1e6] + [1.0] * 400) == []  # before two days nothing is known


def test_a_file_is_scored_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    lines = [f"{t},{v}" for t, v in rows(counts(3))]
    path.write_text("timestamp,value\n" + "\n".join(lines))
    scored = score_series(path)
    assert len(scored) == len(lines) and scored[0][:2] == rows(counts(3))[0]


@pytest.mark.parametrize(
    "text", ["time,count\n1,2\n", "timestamp,value\n2015-01-01,x\n", "timestamp,value\nsoon,1\n",
             "timestamp,value\n2015-01-01,nan\n"]
)  # fmt: skip
def test_a_file_that_is_no_series_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_text(text)
    with pytest.raises(EvaluationError):
        score_series(path)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(0, 1e9), min_size=1, max_size=60))
def test_scores_lie_in_0_to_1_and_never_look_ahead(seed: int, wild: list[float]) -> None:
    values = counts(3, seed) + wild
    scores = [score for _, _, score in score_rows(rows(values))]
    assert all(0 <= score <= 1 for score in scores)
    detector = SeriesDetector()
    start = START.replace(tzinfo=dt.UTC).timestamp()
    cut = [detector.update(start + 300 * i, value) for i, value in enumerate(values[: 3 * 288])]
    assert cut == scores[: 3 * 288]
