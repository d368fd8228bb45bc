"""`rapport evaluate` as people type it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from processors.evaluation.report import markdown
from streams.cli import run
from tests.processors.evaluation.test_inputs import EVENT, LINE, directory


def test_it_writes_numbers_verdicts_and_a_report(tmp_path, capsys):
    (tmp_path / "one").mkdir()
    case = directory(tmp_path / "one")
    files = {name: tmp_path / "out" / name for name in ("n.json", "alerts.ndjson", "report.md")}
    arguments = [
        "--json",
        files["n.json"],
        "--alerts",
        files["alerts.ndjson"],
        "--report",
        files["report.md"],
    ]
    assert run(["evaluate", str(case), *map(str, arguments)]) == 0
    printed = capsys.readouterr()
    assert "recall" in printed.out and "pod" in printed.out
    assert "partnerships.json: is missing" in printed.err.replace("\n", "")
    found = json.loads(files["n.json"].read_text())
    assert found["recall"] == 0 and found["by_type"]["pod"]["n"] == 1 and "recall" in found["baseline"]
    (missed,) = map(json.loads, files["alerts.ndjson"].read_text().splitlines())
    assert missed["verdict"] == "missed" and missed["incident"] == "a"
    report = files["report.md"].read_text()
    assert "| pod | 1 | 0 % |" in report and str(tmp_path) not in report


def test_numbers_alone_on_stdout(tmp_path, capsys):
    assert run(["evaluate", str(directory(tmp_path)), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["recall"] == 0


def test_held_out_seeds_stand_apart_in_the_report(tmp_path):
    for name in ("dev", "held"):
        (tmp_path / name).mkdir()
        directory(tmp_path / name)
    report = tmp_path / "report.md"
    sets = tmp_path / "sets.json"
    sets.write_text('{"nab": {"score": 51.25}}')
    arguments = [tmp_path / "dev", "--held-out", tmp_path / "held", "--report", report, "--open-sets", sets]
    assert run(["evaluate", *map(str, arguments)]) == 0
    text = report.read_text()
    assert text.index("## Development seeds") < text.index("## Held-out seeds") < text.index("## Open sets")
    assert "| score | 51.250 |" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no such directory"),
        (["accounts"], "needs one file"),
        (["series"], "needs at least one file"),
        (["series", "nowhere.csv"], "no such file"),
        (["accounts", "a", "--alerts", "x"], "only with directories"),
        (["nowhere", "--held-out", "x"], "go with --report"),
    ],
)
def test_wrong_use_is_told(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["evaluate", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_wrong_truth_is_one_line_each(tmp_path, capsys):
    directory(tmp_path, truth=(LINE | {"onset": 5}, LINE | {"influencer_id": None}))
    assert run(["evaluate", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "truth.ndjson: line 1: onset: " in told and "truth.ndjson: line 2: influencer_id: " in told


def test_profiles_with_labels(tmp_path, capsys):
    rows = [
        {**EVENT, "event_id": f"p{n}", "kind": "profile", "label": n < 5,
         "actor": {"id": f"a{n}", "bot": n < 5, "posts": 0 if n < 5 else 90, "followers": 50}}
        for n in range(20)
    ]  # fmt: skip
    file = tmp_path / "profiles.ndjson"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["evaluate", "accounts", str(file), "--json", str(tmp_path / "out.json")]) == 0
    assert "auc" in capsys.readouterr().out
    assert {"n", "auc", "average_precision", "share_mae_per_100"} <= set(
        json.loads((tmp_path / "out.json").read_text())
    )


def test_a_series_gets_a_score_per_row(tmp_path, capsys):
    start = dt.datetime(2026, 1, 1)
    lines = [f"{start + dt.timedelta(minutes=5 * n)},{10 + n % 4}" for n in range(400)]
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("\n".join(["timestamp,value", *lines]) + "\n")
    one, two = str(tmp_path / "a.csv"), str(tmp_path / "b.csv")
    assert run(["evaluate", "series", one]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "timestamp,value,anomaly_score" and len(rows) == 401
    assert run(["evaluate", "series", one, two]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("file,timestamp") and len(rows) == 801
    assert Path(rows[-1].split(",")[0]) == tmp_path / "b.csv"


def test_the_report_of_nothing_has_dashes():
    from processors.evaluation.judge import document

    text = markdown(document([], samples=5), None, {}, dt.date(2026, 11, 23))
    assert "| recall | – |" in text
