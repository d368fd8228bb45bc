"""A directory judged as a whole: the live path, the baseline, the controls, several at once."""

from __future__ import annotations

import json

import pytest

from processors.evaluation.baseline import baseline, robust
from processors.evaluation.controls import Doubled, Late, Shuffled
from processors.evaluation.drive import drive
from processors.evaluation.feed import COUNTED, Feed, Stream
from processors.evaluation.inputs import load
from processors.evaluation.judge import document, judge
from processors.evaluation.pool import judge_all
from processors.generator import generate
from processors.generator.scenario import parse_scenario
from tests.processors.core import START

HOUR = 3_600


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two influencers, one of them attacked by bots that are seen at once."""
    path = tmp_path_factory.mktemp("world") / "one"
    scenario = {
        "days": 45,
        "max_events": 6_000,
        "influencers": [{"handle": "ann", "tier": "micro"}, {"handle": "bob", "tier": "micro"}],
        "incidents": [{"type": "comment_bots", "influencer": "ann", "day": 33}],
    }
    generate(parse_scenario(scenario)).write(path)
    return path


def test_a_directory_is_judged_from_end_to_end(world):
    seen = []
    result = judge(world, on_progress=seen.append)
    assert sum(seen) == result.events == result.totals["read"] == result.totals["counted"]
    found = document([result], samples=10)
    json.dumps(found, allow_nan=False)
    assert found["counts"]["influencers"] == 2 and found["counts"]["incidents"] == 1
    assert found["by_type"]["comment_bots"]["n"] == found["baseline"]["by_type"]["comment_bots"]["n"] == 1
    assert {line["verdict"] for line in result.lines} <= {
        "true",
        "repeat",
        "also",
        "false",
        "unscored",
        "missed",
    }
    assert document([judge(world)], samples=10) == found


def test_directories_are_judged_side_by_side_as_one_by_one(world, tmp_path):
    other = tmp_path / "two"
    other.mkdir()
    for file in world.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    done = []
    side = judge_all([world, other], jobs=2, on_progress=done.append)
    assert [result.name for result in side] == ["one", "two"]
    assert done[-1] == sum(result.events for result in side)
    assert side[0] == judge_all([world], jobs=1)[0]


def test_events_that_come_twice_change_nothing(world):
    case = load(world)
    plain, twice = Feed(world / "events.ndjson"), Doubled(world / "events.ndjson")
    one, two = drive(case, plain), drive(case, twice)
    assert one.alerts == two.alerts and one.scores == two.scores
    assert two.totals["duplicate"] == one.totals["counted"]


def test_late_events_keep_their_own_times_and_come_within_six_hours(world):
    plain = {record.offset: record for record in Feed(world / "events.ndjson").records()}
    late = list(Late(world / "events.ndjson").records())
    stamps = [record.timestamp for record in late]
    assert stamps == sorted(stamps) and len(late) == len(plain)
    assert all(0 <= r.timestamp - plain[r.offset].timestamp <= 6 * HOUR * 1_000 for r in late)
    assert all(r.value == plain[r.offset].value for r in late)


def test_shuffled_events_have_the_same_times_and_the_same_ids(world):
    def rows(feed):
        return [json.loads(record.value) for record in feed.records()]

    plain, bent = rows(Feed(world / "events.ndjson")), rows(Shuffled(world / "events.ndjson"))
    for key in ("event_id", "occurred_at"):
        assert sorted(row[key] for row in plain) == sorted(row[key] for row in bent)
    assert [row["event_id"] for row in plain] != [row["event_id"] for row in bent]
    times = [row["occurred_at"] for row in bent]
    assert times == sorted(times)


def stream(rates, days=60):
    """Likes an hour: `rates` of the day's number."""
    first = START // HOUR
    counts = {}
    for hour in range(days * 24):
        row = [0] * len(COUNTED)
        row[COUNTED.index("like")] = rates(hour // 24, hour % 24)
        counts[first + hour] = row
    return Stream(counts=counts)


def rings(rates, days=60):
    made = stream(rates, days)
    return [
        (a.signal, (a.at - START) / 86_400) for a in baseline(made, "ann", START - 1, START + days * 86_400)
    ]


def test_the_baseline_is_silent_on_what_it_knows_and_before_it_knows():
    assert rings(lambda day, hour: 10 + hour % 3) == []
    assert rings(lambda day, hour: 500 if day == 5 else 10) == []
    assert rings(lambda day, hour: 10, days=20) == []


def test_the_baseline_sees_a_burst_within_the_hour_and_a_loss_within_days():
    burst = rings(lambda day, hour: 300 if (day, hour) == (40, 5) else 10)
    assert burst[0][0] == "authenticity" and 40 < burst[0][1] <= 40.3
    lost = [
        at
        for signal, at in rings(lambda day, hour: 1 if day >= 40 else 10)
        if signal == "interaction_quality"
    ]
    assert lost and 40 < lost[0] < 46


def test_the_robust_spread_is_never_nothing():
    assert robust([5, 5, 5, 5, 90]) == (5, 5**0.5)
    assert robust([0, 0, 0]) == (0, 1)
