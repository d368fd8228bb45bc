"""Gauges of partnerships: bounded, gone with their partition or partnership, no 0 for what is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.boundary import Shown
from streams import metrics
from streams.gauges import Gauges, begin_at_zero, begin_partition, begin_receiver, count_transitions

OF_PARTNERSHIPS = (metrics.HEALTH, metrics.SIGNAL, metrics.PARTNERSHIP_FIRING)
ANN = Shown("acme", "ann", "micro", "bluesky", 81.0, {"connection": 70.0, "all_in": None}, 1)
ALL = dict.fromkeys("abcdefgh", ANN)


@pytest.fixture(autouse=True)
def _clean():
    yield
    for metric in (*OF_PARTNERSHIPS, metrics.ALERTS_FIRING, metrics.TRANSITIONS, metrics.ALERT_DELAY):
        metric.clear()
    metrics.PARTNERSHIPS_HIDDEN.set(0)


def values(metric) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in metric.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def shown() -> set[str]:
    return {labels[0] for metric in OF_PARTNERSHIPS for labels in values(metric)}


def test_a_partnership_has_health_firing_and_the_signals_that_are_measurable():
    Gauges(10).show(3, {"a": ANN}, 2, ALL)
    labels = ("a", "acme", "ann", "micro", "bluesky")
    assert values(metrics.HEALTH) == {labels: 81.0}
    assert values(metrics.PARTNERSHIP_FIRING) == {labels: 1.0}
    assert values(metrics.SIGNAL) == {("a", "connection"): 70.0}
    assert values(metrics.ALERTS_FIRING) == {("3",): 2.0}


def test_what_is_measurable_no_more_has_no_series_but_is_still_known():
    gauges = Gauges(10)
    gauges.show(0, {"a": ANN}, 0, ALL)
    gauges.show(0, {"a": replace(ANN, health=None, signals={"connection": None})}, 0, ALL)
    assert values(metrics.HEALTH) == {} and values(metrics.SIGNAL) == {}
    assert len(values(metrics.PARTNERSHIP_FIRING)) == 1


def test_another_tier_leaves_no_series_of_the_old_one():
    gauges = Gauges(10)
    gauges.show(0, {"a": ANN}, 0, ALL)
    gauges.show(0, {"a": replace(ANN, tier="mid")}, 0, ALL)
    assert [labels[3] for labels in values(metrics.HEALTH)] == ["mid"]


def test_beyond_the_limit_none_is_added_and_their_number_is_told():
    gauges = Gauges(2)
    gauges.show(0, {"a": ANN, "b": ANN, "c": ANN}, 0, ALL)
    gauges.show(1, {"d": ANN, "a": ANN}, 0, ALL)
    assert shown() == {"a", "b"} and metrics.PARTNERSHIPS_HIDDEN._value.get() == 2
    gauges.drop(0)
    gauges.show(1, {"d": ANN}, 0, ALL)
    assert shown() == {"d"} and metrics.PARTNERSHIPS_HIDDEN._value.get() == 0


def test_a_partnership_that_has_ended_leaves():
    gauges = Gauges(1)
    gauges.show(0, {"a": ANN, "b": ANN}, 0, ALL)
    gauges.show(0, {"c": ANN}, 0, {"c": ANN})
    assert shown() == {"c"} and metrics.PARTNERSHIPS_HIDDEN._value.get() == 0


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.integers(0, 2), st.sets(st.sampled_from(sorted(ALL)), max_size=4)),
            st.integers(0, 2),
        ),
        max_size=12,
    ),
    limit=st.integers(0, 4),
)
def test_never_more_than_the_limit_and_nothing_stays_when_all_partitions_go(steps, limit):
    gauges = Gauges(limit)
    for step in steps:
        if isinstance(step, int):
            gauges.drop(step)
        else:
            gauges.show(step[0], {f"{step[0]}{name}": ANN for name in step[1]}, 0, _Everything())
        assert len(shown()) <= limit
    for partition in range(3):
        gauges.drop(partition)
    assert shown() == set() and metrics.PARTNERSHIPS_HIDDEN._value.get() == 0


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


def test_transitions_are_counted_by_reason_and_the_delay_of_those_that_fire():
    pending = {
        "signal": "connection", "state": "pending", "reason": "drop", "previous_state": "inactive",
        "started_at": "2026-11-01T00:00:00Z", "at": "2026-11-01T00:00:00Z",
    }  # fmt: skip
    fired = pending | {"state": "firing", "previous_state": "pending", "at": "2026-11-01T00:15:00Z"}
    worse = fired | {"previous_state": "firing", "reason": "severity", "at": "2026-11-01T03:00:00Z"}
    count_transitions([pending, fired, worse])
    counted = {labels: n for labels, n in values(metrics.TRANSITIONS).items() if n == 1}
    assert set(counted) == {
        ("connection", "pending", "drop"), ("connection", "firing", "drop"),
        ("connection", "firing", "severity"),
    }  # fmt: skip
    samples = {s.name: s.value for family in metrics.ALERT_DELAY.collect() for s in family.samples}
    assert samples["rapport_alert_delay_seconds_count"] == 1
    assert samples["rapport_alert_delay_seconds_sum"] == 900


def test_counters_that_mostly_stay_at_zero_begin_there():
    begin_at_zero(["somewhere"])
    begin_partition(977)
    begin_receiver("nobody")
    assert ("schema",) in values(metrics.REJECTED) and ("MOVED",) in values(metrics.FENCE)
    assert values(metrics.EVENTS_READ)["977",] == values(metrics.EVENTS)["977", "rejected"] == 0.0
    assert values(metrics.NOTIFICATIONS)["nobody", "failed"] == 0.0
    assert values(metrics.TRANSITIONS)["all_in", "resolved", "not_confirmed"] == 0.0
    assert values(metrics.TRANSITIONS)["authenticity", "firing", "bought_followers"] == 0.0
    assert values(metrics.LOST)["977",] == 0.0 and values(metrics.PRODUCE_RETRIES)["somewhere",] == 0.0
