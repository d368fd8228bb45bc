"""Dashboard *Pipeline*: is the system well? Rate, errors, duration, lag; state and guarantees; processes.

The rows from state on lie in `pipeline_state` and `pipeline_processes`.
"""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards import frame
from dashboards.frame import E
from dashboards.parts import ANY_IS_BAD, BLUE, Q, graph, number
from dashboards.rates import W, in_an_hour, or_none, quantiles, rate, share
from dashboards.views import pipeline_processes, pipeline_state

UID = "rapport-pipeline"
TITLE = "Rapport: pipeline"


def build() -> dict[str, Any]:
    """The dashboard's JSON."""
    return frame.dashboard(
        UID,
        TITLE,
        "Whether events flow, once and in time, and whether state, outputs and processes are well.",
        [frame.worker()],
        [
            ("Flow", _flow()),
            ("Lag and latency", _lag()),
            ("State and guarantees", pipeline_state.panels()),
            ("Outputs and processes", pipeline_processes.panels()),
        ],
        time_from="now-1h",
    )


def _flow() -> list[Builder[models.Panel]]:
    read = rate("rapport_events_read_total")
    rejected = rate("rapport_events_total", matchers='outcome="rejected",')
    return [
        number("Rate in", "Records read per second, over the chosen workers.", read, unit="eps"),
        number(
            "Rejected",
            "Share of the records read that were rejected. They lie in the rejected topic with "
            "field and reason: `rapport rejected list`. 0 also while nothing comes.",
            share(f"{rejected} or vector(0)", read),
            unit="percentunit",
            decimals=2,
            steps=((None, "green"), (0.01, "orange"), (0.05, "red")),
        ),
        number(
            "Lag",
            "Age of the oldest record that is not yet behind the fence, the worst partition.",
            f"max(rapport_lag_seconds{{{W}}})",
            unit="s",
            decimals=1,
            steps=((None, "green"), (10, "orange"), (60, "red")),
        ),
        number(
            "Event to visible",
            "99th percentile of the time from a record's arrival to its effect being readable in Redis; "
            "– while nothing comes.",
            quantiles("rapport_event_visible_seconds")[1].expr + " >= 0",
            unit="s",
            decimals=2,
            steps=((None, "green"), (1, "orange"), (5, "red")),
        ),
        number(
            "Stalled partitions",
            "Partitions with lag that got no batch for too long (watchdog). The worker "
            "says it is not ready, and exits if it lasts.",
            f"sum(rapport_watchdog_stalled_partitions{{{W}}})",
            steps=ANY_IS_BAD,
        ),
        number(
            "Workers",
            "Workers that Prometheus can reach.",
            f"count(rapport_partitions_owned{{{W}}})",
            steps=((None, "red"), (1, BLUE)),
        ),
        graph(
            "Outcomes",
            "What became of the records: each is exactly one of counted, duplicate, rejected, expired, "
            "so the top of the pile is the rate in.",
            Q(rate("rapport_events_total", "outcome"), "{{outcome}}"),
            unit="eps",
            stack=True,
        ),
        graph(
            "Rate in by partition",
            "Records read per second. A partition far above the others has a hot key.",
            Q(rate("rapport_events_read_total", "partition"), "partition {{partition}}"),
            unit="eps",
        ),
        graph(
            "Rejected by reason",
            "Rejected records per second by reason; the reason `key` means that a producer "
            "uses another partitioner (`rapport doctor` explains).",
            Q(rate("rapport_events_rejected_total", "reason"), "{{reason}}"),
            unit="eps",
            stack=True,
        ),
        graph(
            "Sources: payloads and results",
            "Payloads that clients of sources took per second, and what came of them. Unresolved are "
            "deletions of what was never seen, mostly nobody's who is watched; rejected should be none.",
            Q(
                or_none(rate("rapport_source_frames_total", "source", of=E), "source"),
                "{{source}}: payloads",
            ),
            Q(
                or_none(rate("rapport_source_results_total", "source, result", of=E), "source"),
                "{{source}}: {{result}}",
            ),
            unit="eps",
            width=12,
        ),
        graph(
            "Sources: behind",
            "Time between now and up to when a source was read and acknowledged, and connections that broke "
            "within the hour before. A source that is minutes behind has lost its server, or Kafka does not "
            "acknowledge.",
            Q(
                or_none(
                    f"time() - max by (source) (rapport_source_cursor_timestamp_seconds{{{E}}})", "source"
                ),
                "{{source}}: behind",
            ),
            Q(
                or_none(in_an_hour("rapport_source_failures_total", "source", of=E), "source"),
                "{{source}}: failures an hour",
            ),
            unit="s",
            width=12,
        ),
    ]


def _lag() -> list[Builder[models.Panel]]:
    return [
        graph(
            "Lag in records",
            "Records between the fence and the end of the log, by partition.",
            Q(f"max by (partition) (rapport_lag_records{{{W}}})", "partition {{partition}}"),
            unit="short",
        ),
        graph(
            "Lag in seconds",
            "Age of the oldest record that is not yet behind the fence, by partition.",
            Q(f"max by (partition) (rapport_lag_seconds{{{W}}})", "partition {{partition}}"),
            unit="s",
            steps=((None, "green"), (10, "orange"), (60, "red")),
        ),
        graph(
            "Event to visible",
            "Time from a record's arrival in the worker to its effect being readable in Redis.",
            *quantiles("rapport_event_visible_seconds"),
            unit="s",
        ),
        graph(
            "Slice time",
            "Time to fold one slice of records. Above 1 s the worker risks its place in the group.",
            *quantiles("rapport_slice_seconds"),
            unit="s",
        ),
        graph(
            "Late events",
            "Events per second that came after their watermark. They go where they belong and "
            "correct the reading, but raise no alert.",
            Q(rate("rapport_events_late_total", "partition"), "partition {{partition}}"),
            unit="eps",
        ),
        graph(
            "Watermark behind the clock",
            "How far event time is behind the clock on the wall, by partition. "
            "Large in replays and in the demo's past, negative when a demo runs ahead.",
            Q(
                f"time() - max by (partition) (rapport_watermark_timestamp_seconds{{{W}}})",
                "partition {{partition}}",
            ),
            unit="s",
            low=None,
        ),
    ]
