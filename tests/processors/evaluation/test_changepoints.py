"""Change points are found where they are, measures agree with what can be worked out by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.evaluation.changepoints import (
    MOST,
    changepoints,
    covering,
    evaluate_changepoints,
    f_measure,
)


def noise(n: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0, 1) for _ in range(n)]


def test_levels_slopes_and_spreads_are_found() -> None:
    level = [v + (5 if i >= 60 else 0) for i, v in enumerate(noise(100))]
    slope = [v + 0.5 * max(0, i - 60) for i, v in enumerate(noise(120))]
    spread = [v * (6 if i >= 80 else 1) for i, v in enumerate(noise(160))]
    for values, place in ((level, 60), (slope, 60), (spread, 80)):
        found = changepoints([values])
        assert len(found) == 1 and abs(found[0] - place) <= 5


def test_noise_trends_and_wandering_have_none() -> None:
    assert sum(len(changepoints([noise(150, seed)])) for seed in range(10)) <= 1
    assert changepoints([[3.0 * i + v for i, v in enumerate(noise(100))]]) == []
    assert changepoints([[5.0] * 50]) == []
    assert changepoints([[1.0, 9.0]]) == []


def test_two_dimensions_are_cut_together() -> None:
    a = [v + (3 if i >= 40 else 0) for i, v in enumerate(noise(90, 3))]
    b = [v + (3 if i >= 40 else 0) for i, v in enumerate(noise(90, 4))]
    assert changepoints([a, b])[0] == pytest.approx(40, abs=3)
    with pytest.raises(ValueError, match="dimension"):
        changepoints([])


def test_f1_as_the_collection_has_it() -> None:
    assert f_measure({"a": [], "b": []}, []) == 1.0
    assert f_measure({"a": [50]}, [53]) == 1.0
    assert f_measure({"a": [50]}, [56]) == pytest.approx(0.5)  # only the 0 of both
    # Precision 3/3 (either annotator will do), recall mean of 2/2 and 2/2.
    assert f_measure({"a": [20], "b": [60]}, [20, 60]) == 1.0
    assert f_measure({"a": [20], "b": []}, []) == pytest.approx(2 * 1 * 0.75 / 1.75)


def test_covering_as_the_collection_has_it() -> None:
    assert covering({"a": []}, [], 100) == 1.0
    assert covering({"a": [50]}, [50], 100) == 1.0
    assert covering({"a": [50]}, [], 100) == 0.5
    assert covering({"a": [], "b": [50]}, [], 100) == 0.75


def test_the_layout_on_disk(tmp_path: Path) -> None:
    values = [v + (6 if i >= 30 else 0) for i, v in enumerate(noise(60))]
    raw = [*values[:10], None, *values[11:]]
    (tmp_path / "x.json").write_text(json.dumps({"name": "x", "n_obs": 60, "series": [{"raw": raw}]}))
    (tmp_path / "annotations.json").write_text(json.dumps({"x": {"1": [30], "2": [30]}}))
    result = evaluate_changepoints(tmp_path)
    assert (result["n"], result["f1"]) == (1, 1.0) and result["covering"] > 0.9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.sets(st.integers(0, 59)))
def test_what_is_found_lies_inside_and_measures_lie_in_0_to_1(values: list[float], truth: set[int]) -> None:
    found = changepoints([values]) if values else []
    assert found == sorted(set(found)) and len(found) <= MOST
    assert all(0 < place < len(values) for place in found)
    assert 0 < f_measure({"a": truth}, found) <= 1
    assert 0 < covering({"a": truth}, found, 60) <= 1
