"""Rows of the partnership's dashboard that come from the HTTP API: parts, intervals, alerts, insights."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.api_panels import SEVERITIES, STATES, columns, rows
from dashboards.infinity import Query

_ONE: Final = "/api/v1/tables/partnerships/${partnership:percentencode}"
_VALUE: Final = columns(
    Value="value:number", from_="low:number", to="high:number", Reference="reference:number",
    Moved="moved:number", n="n:number", Window="window", Measurable="measurable:boolean", Why_not="why",
)  # fmt: skip
_WIDTHS: Final = {"Value": 80, "from": 80, "to": 80, "Reference": 90, "Moved": 80, "n": 70, "Window": 70}


def readings() -> list[Builder[models.Panel]]:
    """Signals, their parts, and what they rest on."""
    return [
        rows(
            "Signals with interval and reference",
            "Each signal now: value, 95 % interval, the frozen reference of alerts, the "
            "effective sample n, and why it cannot be measured where it cannot.",
            Query(f"{_ONE}/signals", "items", columns(Signal="signal") + _VALUE),
            width=15,
            scores=("Value",),
            widths=_WIDTHS,
        ),
        rows(
            "Now",
            "State, health, and how fresh the influencer's source is.",
            Query(
                "/api/v1/tables/partnerships",
                "items",
                columns(
                    State="state", Health="health:number", Tier="tier", Platform="platform",
                    Source_age="source_age_s:number", As_of="at:timestamp",
                ),
                (("partnership", "${partnership}"),),
            ),
            width=9,
            scores=("Health",),
            words={"State": STATES},
            units={"Source age": "s"},
        ),
        rows(
            "Paid versus all in",
            "What all in is made of: organic and sponsored mentions, disclosure, exclusivity, saturation, "
            "paid posts beside organic ones, mentions after the contract.",
            _parts("all_in", without=("Reference", "Moved")),
            width=12,
            widths=_WIDTHS,
        ),
        rows(
            "Audience fit by attribute",
            "Fit per attribute of the target (country, language, topics, age, segment), and how much of the "
            "audience is known.",
            _parts("audience_fit"),
            width=12,
            widths=_WIDTHS,
        ),
        rows(
            "Parts of all signals",
            "Every part of every signal, down to the last; filter by the funnel in a column's head.",
            Query(f"{_ONE}/parts", "items", columns(Signal="signal", Part="part") + _VALUE),
            height=12,
            widths=_WIDTHS,
        ),
    ]  # fmt: skip


def audience() -> list[Builder[models.Panel]]:
    """What the audience says, and the partnership's alerts."""
    return [
        rows(
            "What the audience says",
            "Rising terms (five people or more), open questions, wishes to buy, objections, and comments "
            "that could become content made together. Texts are the audience's own words.",
            Query(
                f"{_ONE}/insights",
                "items",
                columns(
                    About="about", Text="text", People="people:number", Before_a_day="before_a_day:number",
                    Replies="replies:number", Answered="answered:boolean",
                ),
            ),
            width=12,
            height=11,
            widths={"About": 120, "People": 80, "Before a day": 110, "Replies": 80, "Answered": 90},
        ),
        rows(
            "Alerts of this partnership",
            "All alerts that are kept, the newest first, with their reasons.",
            Query(
                "/api/v1/alerts",
                "items",
                columns(
                    At="at:timestamp", State="state", Severity="severity", Signal="signal", Reason="reason",
                    Before="baseline:number", Now="value:number", Summary="summary", Advice="advice",
                    Taken_by="acknowledged.by",
                ),
                (("partnership", "${partnership}"), ("state", "all"), ("limit", "100")),
            ),
            width=12,
            height=11,
            sort="At",
            words={"State": STATES, "Severity": SEVERITIES},
            widths={"At": 170, "State": 90, "Severity": 90, "Summary": 360},
        ),
    ]  # fmt: skip


def _parts(signal: str, without: tuple[str, ...] = ()) -> Query:
    """Its parts; `without`: columns that its parts do not have."""
    kept = tuple(column for column in _VALUE if column.text not in without)
    return Query(f"{_ONE}/parts", "items", columns(Part="part") + kept, (("signal", signal),))
