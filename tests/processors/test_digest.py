"""The digest: what moved, was done and is open, and what is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.digest import MOST, make_digest
from schemas import Alert, Reading, SignalReading
from schemas.acts import Act, Mark

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def reading(name: str, health: float | None) -> Reading:
    return Reading(
        partnership_id=name, influencer_id="ann", brand_id="acme", at=NOW, health=SignalReading(value=health),
        signals={"all_in": SignalReading(measurable=False, why="no contract")},
    )  # fmt: skip


def alert(number: int, state: str = "firing", severity: str = "warning") -> Alert:
    return Alert.model_validate(
        {
            "alert_id": f"a{number}", "transition_id": "t", "fingerprint": "f", "partnership_id": "p",
            "influencer_id": "ann", "brand_id": "acme", "signal": "connection", "rule": "drop",
            "state": state,
            "severity": severity, "started_at": NOW - timedelta(days=number), "at": NOW, "reason": "drop",
            "summary": "Connection fell.",
        }
    )  # fmt: skip


def digest(
    readings: Any = (), sparks: Any = None, alerts: Any = (), acts: Any = (), **more: Any
) -> dict[str, Any]:
    told = {"clock": NOW, "now": NOW, "length": WEEK, **more}
    return make_digest(readings, sparks or {}, alerts, acts, more.pop("acks", {}), {}, **told)


def spark(*points: tuple[float, float | None]) -> list[tuple[int, float | None]]:
    return [(int((NOW - timedelta(days=days)).timestamp()), value) for days, value in points]


@pytest.mark.parametrize(
    ("line", "before", "why"),
    [
        ((), None, "no history"),
        (spark((8, 70.0), (7.1, 80.0), (1, 60.0)), 80.0, None),
        (spark((7.4, 70.0), (1, 60.0)), 70.0, None),  # of then one value in six hours is kept
        (spark((3, 75.0), (1, 60.0)), 75.0, "older health is not kept"),
        (spark((9, 70.0), (1, 60.0)), None, "no reading at that time"),
        (spark((7.1, None), (1, None)), None, "no history"),
    ],
)
def test_health_then_and_now(line: Any, before: float | None, why: str | None) -> None:
    made = digest([reading("p", 50.0)], {"p": line})
    health = made["moved"][0]["health"]
    assert health["before"] == before and (why or "") in (health["why"] or "")
    assert health["change"] == (None if before is None else 50.0 - before)
    assert made["missing_count"] == (why is not None)
    assert made["moved"][0]["signals"][0]["why"] == "no contract"


def test_the_worst_comes_first_and_the_still_counts_for_neither() -> None:
    line = spark((7, 60.0))
    values = {"fell": 40.0, "rose": 80.0, "still": 60.5, "none": None}
    made = digest([reading(n, v) for n, v in values.items()], dict.fromkeys(values, line))
    assert [row["partnership_id"] for row in made["moved"]] == ["fell", "none", "still", "rose"]
    assert (made["fell"], made["rose"], made["partnerships"]) == (1, 1, 4)


def test_open_alerts_by_urgency_and_who_is_on_them() -> None:
    alerts = [alert(1, "pending"), alert(2), alert(3, severity="critical"), alert(9, "resolved")]
    acks = {"a2": Mark(alert_id="a2", by="ann", at=NOW)}
    made = make_digest([], {}, alerts, [], acks, {}, clock=NOW, now=NOW, length=WEEK)
    assert [item["alert_id"] for item in made["open"]] == ["a3", "a2", "a1"]
    assert made["open"][1]["acknowledged_by"] == "ann"
    assert (made["started_count"], made["resolved_count"]) == (3, 1)


def test_only_acts_of_the_stretch() -> None:
    acts = [
        Act(act_id=str(days), at=NOW - timedelta(days=days), by="ann", verb="ack", subject="a")
        for days in (1, 8)
    ]
    made = digest(acts=acts)
    assert made["done_count"] == 1 and made["done_by_verb"] == {"ack": 1}


@given(st.integers(0, 3 * MOST))
def test_it_is_bounded_and_says_how_many_there_are(count: int) -> None:
    made = digest([reading(f"p{n}", 50.0) for n in range(count)], None, [alert(n) for n in range(count)])
    assert len(made["moved"]) == len(made["open"]) == min(count, MOST)
    assert made["partnerships"] == made["open_count"] == count
