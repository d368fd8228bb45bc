"""NAB's scoring, held against cases that can be worked out by hand."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path

import pytest

from processors.evaluation.nab import Profile, Row, evaluate_nab, read_series, scaled_sigmoid, score_files

START = dt.datetime(2015, 2, 26, 21, 42, 53)
WINDOW = (300, 399)


def stamp(row: int) -> str:
    return (START + dt.timedelta(minutes=5 * row)).strftime("%Y-%m-%d %H:%M:%S")


def rows(*detected: int, count: int = 1000) -> list[Row]:
    return [(stamp(i), 1.0, 1.0 if i in detected else 0.0) for i in range(count)]


WINDOWS = {"a.csv": [[stamp(WINDOW[0]) + ".000000", stamp(WINDOW[1]) + ".000000"]]}


def test_a_detection_on_a_windows_first_row_is_perfect() -> None:
    result = score_files({"a.csv": rows(300)}, WINDOWS)
    assert (result.score, result.found, result.windows, result.false_episodes) == (100.0, 1, 1, 0.0)


def test_silence_is_0_and_nothing_is_worse_than_not_to_speak() -> None:
    assert score_files({"a.csv": rows()}, WINDOWS).score == 0.0
    assert (
        score_files({"a.csv": rows(200, 250, 260, 270)}, WINDOWS).score == 0.0
    )  # the threshold goes above 1


def test_only_the_earliest_detection_of_a_window_counts() -> None:
    once = score_files({"a.csv": rows(340)}, WINDOWS)
    assert score_files({"a.csv": rows(340, 350, 390)}, WINDOWS).score == once.score
    assert 85 < once.score < 98


def test_false_rows_cost_by_their_distance_and_probation_is_free() -> None:
    free = score_files({"a.csv": rows(300, 20, 149)}, WINDOWS)
    assert free.score == 100.0
    before = score_files({"a.csv": rows(300, 200)}, WINDOWS)
    assert before.score == pytest.approx(100 - 100 * 0.11 / 2)
    just_after = score_files({"a.csv": rows(300, 405)}, WINDOWS)
    cost = -0.11 * scaled_sigmoid((405 - 399) / (399 - 300))
    assert just_after.score == pytest.approx(100 - 100 * cost / 2) and just_after.score > before.score
    assert score_files({"a.csv": rows(300, 900)}, WINDOWS).score == pytest.approx(before.score)


def test_false_rows_within_the_hour_are_one_episode() -> None:
    result = score_files({"a.csv": rows(300, 600, 601, 605, 700)}, WINDOWS, Profile(fp=0.01))
    months = 849 * 300 / (30 * 86_400)
    assert result.false_rows == 4
    assert result.false_episodes == pytest.approx(2 / months)


def test_one_threshold_over_all_files() -> None:
    quiet = [(t, v, s / 2) for t, v, s in rows(310)]
    noisy = [(t, v, 0.5 if i in range(600, 700) else s) for i, (t, v, s) in enumerate(rows(310))]
    both = {"a.csv": WINDOWS["a.csv"], "b.csv": WINDOWS["a.csv"]}
    result = score_files({"a.csv": quiet, "b.csv": noisy}, both)
    assert result.threshold == 1.0 and result.found == 1  # a's window would cost b's hundred false rows
    assert score_files({"a.csv": quiet}, WINDOWS).threshold == 0.5


def test_the_layout_on_disk(tmp_path: Path) -> None:
    (tmp_path / "realTweets").mkdir()
    text = "timestamp,value\n" + "".join(f"{stamp(i)},{i}\n" for i in range(1000))
    (tmp_path / "realTweets" / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "realTweets_windows.json").write_text(json.dumps({"realTweets/a.csv": WINDOWS["a.csv"]}))

    def detect(path: Path) -> list[Row]:
        return [(t, v, float(v == 300)) for t, v in read_series(path)]

    assert evaluate_nab(tmp_path, detect).score == 100.0


def test_a_window_that_is_no_row_fails_loudly() -> None:
    with pytest.raises(KeyError):
        score_files({"a.csv": rows()}, {"a.csv": [["2015-01-01 00:00:00", "2015-01-02 00:00:00"]]})
