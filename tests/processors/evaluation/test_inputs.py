"""What a directory may look like, and what is said of one that does not."""

from __future__ import annotations

import json

import pytest

from processors.evaluation.errors import EvaluationError
from processors.evaluation.feed import Feed, scan
from processors.evaluation.inputs import load
from processors.evaluation.judge import judge

LINE = {"incident": "a", "influencer_id": "ann", "type": "pod", "signals": ["authenticity"],
        "onset": "2026-11-02T00:00:00Z", "end": "2026-11-03T00:00:00Z", "allowed_delay_s": 60}  # fmt: skip
EVENT = {"event_id": "e", "source": "x", "kind": "like", "influencer_id": "ann", "actor": {"id": "fan"},
         "occurred_at": "2026-11-02T10:00:00Z"}  # fmt: skip


def directory(path, events=(EVENT,), truth=(LINE,), **files):
    for name, rows in (("events", events), ("truth", truth)):
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        (path / f"{name}.ndjson").write_text(text)
    for name, content in files.items():
        (path / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def failure(path):
    with pytest.raises(EvaluationError) as caught:
        load(path)
    return str(caught.value)


def test_missing_files_are_named(tmp_path):
    assert "no such directory" in failure(tmp_path / "nowhere")
    message = failure(tmp_path)
    assert "events.ndjson: is missing" in message and "truth.ndjson: is missing" in message


def test_events_and_truth_are_enough(tmp_path):
    case = load(directory(tmp_path))
    assert [line.incident for line in case.truth] == ["a"] and case.partnerships == []
    assert any("partnerships.json: is missing" in note for note in case.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"onset": "yesterday"}, "onset: "),
        ({"allowed_delay_s": "long"}, "allowed_delay_s: "),
        ({"allowed_delay_s": -1}, "allowed_delay_s: must not be negative"),
        ({"end": "2026-11-01T00:00:00Z"}, "end: lies before onset"),
        ({"signals": []}, "signals: "),
        ({"influencer_id": 7}, "influencer_id: "),
    ],
)
def test_a_wrong_line_of_the_truth_is_told_with_file_line_and_field(tmp_path, change, said):
    message = failure(directory(tmp_path, truth=(LINE | {"incident": "b"}, LINE | change)))
    assert "truth.ndjson: line 2: " in message and said in message


def test_an_incident_twice_and_no_json_are_told_together(tmp_path):
    message = failure(directory(tmp_path, truth=(LINE, LINE, "{")))
    assert "line 2: incident: 'a' is there more than once" in message and "line 3: " in message


def test_a_wrong_partnership_is_told_with_its_field(tmp_path):
    message = failure(directory(tmp_path, partnerships=[{"partnership_id": "a--b"}]))
    assert "partnerships.json: partnership 1: brand_id: " in message
    assert "should be a list" in failure(directory(tmp_path, partnerships={}))


def test_a_meta_file_that_cannot_be_used_is_left_aside(tmp_path):
    assert any("meta.json: left aside" in n for n in load(directory(tmp_path, meta={"tiers": 5})).notes)
    assert load(directory(tmp_path, meta={"tiers": {"ann": "nano"}, "x": 1})).meta.tiers == {"ann": "nano"}


def test_truth_about_an_influencer_without_events_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match=r"truth\.ndjson: influencer_id: 'eve' is in no event"):
        judge(directory(tmp_path, truth=(LINE | {"influencer_id": "eve"},)))


def test_a_file_without_events_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="holds no events in 1 lines"):
        judge(directory(tmp_path, events=("nonsense",)))


def test_lines_that_are_no_event_are_left_out_counted_and_told(tmp_path):
    bad = EVENT | {"event_id": "f", "kind": "stare"}
    result = judge(directory(tmp_path, events=(EVENT, "{broken", bad, json.dumps(EVENT | {"event_id": "g"}))))
    assert result.totals["counted"] == 2 and result.totals["rejected"] == 2
    assert "events.ndjson: line 2: " in result.problems[0]
    assert "events.ndjson: line 3: kind: " in result.problems[1]


def test_an_event_is_stamped_with_its_arrival_or_the_newest_time_so_far(tmp_path):
    rows = [
        EVENT | {"occurred_at": "2026-11-02T10:00:00Z"},
        EVENT | {"occurred_at": "2026-11-02T04:00:00Z"},
        EVENT | {"occurred_at": "2026-11-02T05:00:00Z", "received_at": "2026-11-02T12:00:00Z"},
        EVENT | {"occurred_at": "2026-11-02T11:00:00.123456Z"},
    ]
    feed = Feed(directory(tmp_path, events=rows) / "events.ndjson")
    hours = [record.timestamp / 3_600_000 % 24 for record in feed.records()]
    assert hours == [10, 10, 12, 12]
    assert len(feed.streams["ann"].times) == 4
    assert scan(feed.path) == (4, {"ann"})
