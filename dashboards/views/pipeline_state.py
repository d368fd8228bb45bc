"""Rows of the pipeline dashboard: state in Redis and its guarantees."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.frame import E
from dashboards.parts import Q, graph
from dashboards.rates import W, or_none, quantiles, rate


def panels() -> list[Builder[models.Panel]]:
    """Its panels."""
    return [
        graph(
            "Redis call time",
            "Time of Redis calls by call.",
            *quantiles("rapport_redis_seconds", "call"),
            unit="s",
        ),
        graph(
            "Redis writes",
            "Bytes written by fenced writes per second.",
            Q(rate("rapport_redis_bytes_total"), "bytes/s"),
            unit="Bps",
        ),
        graph(
            "Redis bytes an event",
            "Bytes written to Redis per record read; the aim is at most 150.",
            Q(
                f"{rate('rapport_redis_bytes_total')} / ({rate('rapport_events_read_total')} > 0)",
                "bytes an event",
            ),
            unit="bytes",
            steps=((None, "green"), (150, "orange")),
        ),
        graph(
            "Fence answers",
            "OK: written. SAME: our own write whose reply was lost. MOVED and OLD: another worker "
            "has the partition; a few around a rebalance are as it should be, a steady flow is not.",
            Q(rate("rapport_fence_answers_total", "answer"), "{{answer}}"),
            unit="ops",
        ),
        graph(
            "Redis retries",
            "Redis calls that were tried again; any steady flow means that Redis is away or slow.",
            Q(rate("rapport_redis_retries_total", "call"), "{{call}}"),
            unit="ops",
        ),
        graph(
            "Outbox",
            "Alert transitions that are stored, but not yet on the topic; and relays tried again a second.",
            Q(f"max by (partition) (rapport_outbox_pending{{{W}}})", "pending, partition {{partition}}"),
            Q(rate("rapport_outbox_retries_total"), "retries/s"),
            unit="short",
            steps=((None, "green"), (100, "red")),
        ),
        graph(
            "Templates of messages that failed",
            "The default words were sent in their place; the notifier's log says why.",
            Q(or_none(rate("rapport_notify_template_errors_total", "form", of=E), "form"), "{{form}}"),
            unit="ops",
        ),
    ]
