"""The numbers."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.evaluation.matching import match
from processors.evaluation.measures import bootstrap, quantile, spearman, summary, weekly_sd
from processors.evaluation.tally import MONTH_S, tally
from tests.processors.evaluation.test_matching import DAY, HOUR, alert, truth


def tallied(alerts, lines, months=4.0, name="ann"):
    return tally("x", name, "micro", months, match(alerts, lines), array("d", [10 * DAY, 10 * DAY + 5]), {})


def test_the_keys_that_outside_judges_read():
    found = summary([tallied([alert(10 * DAY + HOUR)], [truth()])], samples=20)
    assert {
        "recall", "precision", "f1", "false_alerts_per_influencer_month", "delay_h", "wrong_signal",
        "negatives_alerted", "by_type", "by_tier", "ci95",
    } <= set(found)  # fmt: skip
    assert set(found["delay_h"]) == {"median", "p90"}
    assert found["by_type"]["burst"] | {"delay_share": 0} == {
        "n": 1,
        "recall": 1,
        "delay_h": 1,
        "delay_share": 0,
    }
    assert found["ci95"]["recall"] == [1, 1] and found["ci95"]["delay_h"]["median"] == [1, 1]


def test_rates_over_influencers():
    rows = [
        tallied(
            [alert(10 * DAY + HOUR), alert(11 * DAY, "connection")], [truth()]
        ),  # found, and a wrong signal
        tallied([], [truth()]),  # missed
        tallied([alert(2 * DAY), alert(2 * DAY + HOUR)], []),  # one false alert, twice
        tallied([alert(11 * DAY)], [truth(kind="negative:news", signals=())]),
    ]
    found = summary(rows)
    assert found["recall"] == 0.5 and found["precision"] == 0.25
    assert found["false_alerts_per_influencer_month"] == 3 / 16
    assert found["false_alerts"] == {"clean": 1 / 4, "negatives": 1 / 4, "incidents": 1 / 8}
    assert found["wrong_signal"] == 0.5 and found["negatives_alerted"] == 1
    assert found["delay_events"]["median"] == 2
    assert found["by_negative"] == {"news": {"n": 1, "alerted": 1}}


def test_nothing_to_speak_of_is_none():
    found = summary([tallied([], [])], samples=5)
    assert found["recall"] is None and found["precision"] is None and found["f1"] is None
    assert found["false_alerts_per_influencer_month"] == 0
    assert summary([], samples=5)["false_alerts_per_influencer_month"] is None


def test_actors_that_an_alert_names_are_compared_with_those_who_took_part():
    line = truth().__class__(
        **{**{f: getattr(truth(), f) for f in truth().__struct_fields__}, "actors": ("a", "b")}
    )
    named = alert(10 * DAY).__class__(10 * DAY, "ann", "authenticity", actors=("ha", "hc"))
    row = tally("x", "ann", "nano", 1.0, match([named], [line]), array("d"), {"a": "ha", "b": "hb"})
    assert summary([row])["actors"] == {"precision": 0.5, "recall": 0.5}


def test_intervals_hold_the_value_and_are_the_same_each_time():
    rows = [tallied([alert(10 * DAY + HOUR)] if n % 3 else [], [truth()], name=str(n)) for n in range(30)]
    low, high = bootstrap(rows, 200)["recall"]
    assert 0.4 < low < 2 / 3 < high < 0.9
    assert bootstrap(rows, 200) == bootstrap(rows, 200)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_between_the_extremes(values, q):
    assert min(values) <= quantile(values, q) <= max(values) or quantile(values, q) == pytest.approx(
        values[0]
    )


def test_rank_correlation():
    assert spearman([(1, 10), (2, 20), (3, 90)]) == pytest.approx(1)
    assert spearman([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1)
    assert spearman([(1, 1), (1, 2), (2, 2)]) == pytest.approx(0.5)
    assert spearman([(1, 1), (1, 2), (1, 3)]) is None
    assert spearman([(1, 1)]) is None


def test_weekly_spread_needs_four_weeks():
    assert weekly_sd([[1, 3, 1, 3], [5, 5]])["median"] == pytest.approx(1.1547, abs=1e-4)
    assert weekly_sd([[1, 2]]) == {"mean": None, "median": None}


def test_a_month_has_thirty_days():
    assert MONTH_S == 30 * DAY
