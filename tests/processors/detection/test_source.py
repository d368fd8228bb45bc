"""A source that is silent as a whole: when it counts as that, and the one alert that tells it."""

from __future__ import annotations

import json
from typing import Any

from processors.detection.source import source_alerts
from processors.panes import HOUR
from processors.snapshot import Part, Snapshot, merge
from schemas import Alert
from tests.processors.core import KEYS, START, Core, event, records

H0 = START // HOUR


def heard(hour: int, *newest: int, lag: int = 0) -> list[Part]:
    """Parts of partitions at an hour; `newest`: of source x, in hours; the last partition lags."""
    last = len(newest) - 1
    return [
        Part(H0 + hour - (lag if n == last else 0), (), {"x": (H0 + at) * HOUR})
        for n, at in enumerate(newest)
    ]


def lively(hours: int = 48, every: int = 1) -> Snapshot:
    made: Snapshot | None = None
    for hour in range(hours):
        made = merge(heard(hour, hour - hour % every), made)
    assert made is not None
    return made


def test_silence_is_measured_by_the_source_s_own_past() -> None:
    before = lively()
    assert not merge(heard(50, 47), before).sources["x"].silent
    assert merge(heard(52, 47), before).sources["x"].silent == (H0 + 47) * HOUR
    sparse = lively(150, every=5)  # its longest silence is 4 h
    newest = 149 - 149 % 5
    assert not merge(heard(newest + 14, newest), sparse).sources["x"].silent
    assert merge(heard(newest + 16, newest), sparse).sources["x"].silent
    assert not merge(heard(24, 9), lively(10)).sources["x"].silent  # too little is known of it


def test_a_partition_that_lags_is_waited_for() -> None:
    before = lively()
    assert not merge(heard(60, 47, 46, lag=11), before).sources["x"].silent
    assert merge(heard(60, 47, 46), before).sources["x"].silent


def test_one_alert_is_told_and_resolved() -> None:
    silent = merge(heard(60, 47), lively())
    (fired,) = source_alerts(silent, {})
    Alert.model_validate(fired)
    assert (fired["state"], fired["subject"], fired["partnership_id"]) == ("firing", "x", None)
    told: dict[str, dict[str, Any]] = {fired["fingerprint"]: fired}
    assert source_alerts(merge(heard(61, 47), silent), told) == []
    assert source_alerts(silent, {}) == [fired]  # done again it is the same
    (ended,) = source_alerts(merge(heard(62, 62), silent), told)
    Alert.model_validate(ended)
    assert (ended["state"], ended["alert_id"]) == ("resolved", fired["alert_id"])
    assert source_alerts(silent, {fired["fingerprint"]: ended})[0]["state"] == "firing"
    gone = merge([Part(H0 + 60 + 15 * 24, (), {"y": (H0 + 60 + 15 * 24) * HOUR})], silent)
    assert [a["reason"] for a in source_alerts(gone, told)] == ["no_data_for_long"]


def test_partition_0_tells_it_in_its_fenced_write_once() -> None:
    core = Core()
    core.run(records([(START + 10, event("e1", "like", START + 10))]))
    assert core.partition.part().sources == {"bluesky": START + 10}
    silent = merge(heard(60, 47), lively())
    core.partition.evaluator.snapshot = silent
    at = (H0 + 60) * HOUR + 5.0
    core.run(records([(at, event("e2", "like", at))], 1))
    core.run(records([(at + 60, event("e3", "like", at + 60))], 2))  # it bears the clock out
    core.run(records([(at + 7_200, event("e4", "like", at + 7_200))], 3))
    sent = [json.loads(body) for _, body in core.store.streams[KEYS.outbox]]
    alerts = [alert for alert in sent if alert["signal"] == "source"]
    assert [alert["state"] for alert in alerts] == ["firing"]
    assert alerts[0]["fingerprint"].encode() in core.store.hashes[KEYS.alerts]
