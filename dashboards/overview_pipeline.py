"""Rows of the overview that show whether the system is well: flow, lag and latency, state, processes."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.parts import ANY_IS_BAD, BLUE, Q, graph, number

Row = tuple[str, Sequence[Builder[models.Panel]]]

W = 'instance=~"$worker"'


def rate(metric: str, by: str = "", matchers: str = "") -> str:
    """Rate a second of a counter, summed over what is not named in `by`."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{matchers}{W}}}[$__rate_interval]))"


def quantiles(histogram: str, by: str = "") -> list[Q]:
    """Median and 99th percentile of a histogram, per value of the label `by`."""
    legend = f"{{{{{by}}}}} " if by else ""
    labels = f"le, {by}" if by else "le"
    return [
        Q(f"histogram_quantile({q}, {rate(histogram + '_bucket', labels)})", f"{legend}{name}")
        for q, name in ((0.5, "p50"), (0.99, "p99"))
    ]


def rows() -> list[Row]:
    """The rows: title and panels."""
    return [
        ("Pipeline: flow", _flow()),
        ("Pipeline: lag and latency", _lag()),
        ("State and guarantees", _state()),
        ("Outputs and processes", _processes()),
    ]


def _flow() -> list[Builder[models.Panel]]:
    read = rate("rapport_events_read_total")
    rejected = rate("rapport_events_total", matchers='outcome="rejected",')
    return [
        number("Rate in", "Records read per second, over the chosen workers.", read, unit="eps"),
        number(
            "Rejected",
            "Share of the records read that were rejected. They lie in the rejected topic with "
            "field and reason: `rapport rejected list`.",
            f"({rejected} or vector(0)) / ({read} > 0)",
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
            "99th percentile of the time from a record's arrival to its effect being readable in Redis.",
            quantiles("rapport_event_visible_seconds")[1].expr,
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
                "sum by (source) (rate(rapport_source_frames_total[$__rate_interval]))",
                "{{source}}: payloads",
            ),
            Q(
                "sum by (source, result) (rate(rapport_source_results_total[$__rate_interval]))",
                "{{source}}: {{result}}",
            ),
            unit="eps",
            width=12,
        ),
        graph(
            "Sources: behind",
            "Time between now and up to when a source was read and acknowledged, and connections that broke "
            "per hour. A source that is minutes behind has lost its server, or Kafka does not acknowledge.",
            Q("time() - max by (source) (rapport_source_cursor_timestamp_seconds)", "{{source}}: behind"),
            Q(
                "3600 * sum by (source) (rate(rapport_source_failures_total[$__rate_interval]))",
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


def _state() -> list[Builder[models.Panel]]:
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
            Q("sum by (form) (rate(rapport_notify_template_errors_total[$__rate_interval]))", "{{form}}"),
            unit="ops",
        ),
    ]


def _processes() -> list[Builder[models.Panel]]:
    ours = f"and on (instance, job) rapport_partitions_owned{{{W}}}"
    return [
        graph(
            "HTTP API: requests",
            "Requests to `rapport serve` per second by status; many 401 and 429: somebody guesses.",
            Q("sum by (status) (rate(rapport_http_requests_total[$__rate_interval]))", "{{status}}"),
            unit="reqps",
            width=12,
        ),
        graph(
            "HTTP API: time",
            "Time to answer a request by route, 95th percentile.",
            Q(
                "histogram_quantile(0.95, "
                "sum by (le, route) (rate(rapport_http_request_seconds_bucket[$__rate_interval])))",
                "{{route}}",
            ),
            unit="s",
            width=12,
        ),
        graph(
            "Produced",
            "Records produced per second by topic.",
            Q(rate("rapport_produced_records_total", "topic"), "{{topic}}"),
            unit="recps",
            width=6,
        ),
        graph(
            "Produce time",
            "Time until a batch of outputs was acknowledged, by topic.",
            *quantiles("rapport_produce_seconds", "topic"),
            unit="s",
            width=6,
        ),
        graph(
            "Produce retries",
            "Batches of outputs that were sent again, and records too large for the broker, per second.",
            Q(rate("rapport_produce_retries_total", "topic"), "{{topic}}"),
            Q(rate("rapport_produce_dropped_total", "topic"), "too large for {{topic}}"),
            unit="ops",
            width=6,
        ),
        graph(
            "Rebalances",
            "Rebalances of the consumer group that a worker saw, per hour.",
            Q(
                f"3600 * sum by (instance) (rate(rapport_rebalances_total{{{W}}}[$__rate_interval]))",
                "{{instance}}",
            ),
            unit="short",
            width=6,
        ),
        graph(
            "Claimed again",
            "Partitions claimed again per hour, because the fence stood elsewhere: Redis lost something.",
            Q(
                f"3600 * sum by (instance) (rate(rapport_reclaims_total{{{W}}}[$__rate_interval]))",
                "{{instance}}",
            ),
            unit="short",
            width=6,
        ),
        graph(
            "Lost and forgotten",
            "Records deleted from the log before they were counted; event ids forgotten before time.",
            Q(rate("rapport_lost_records_total", "partition"), "lost from partition {{partition}}"),
            Q(rate("rapport_forgotten_ids_total", "partition"), "forgotten in partition {{partition}}"),
            unit="ops",
            width=6,
        ),
        graph(
            "Partitions by worker",
            "Partitions that each worker owns. Their sum is the topic's partition count.",
            Q(f"max by (instance) (rapport_partitions_owned{{{W}}})", "{{instance}}"),
            unit="short",
            width=6,
            stack=True,
        ),
        graph(
            "Influencers in memory",
            "Influencers whose state a worker holds in memory (bounded).",
            Q(f"max by (instance) (rapport_influencers_in_memory{{{W}}})", "{{instance}}"),
            unit="short",
            width=6,
        ),
        graph(
            "Memory",
            "Resident memory of each worker.",
            Q(f"process_resident_memory_bytes {ours}", "{{instance}}"),
            unit="bytes",
            width=6,
        ),
        graph(
            "CPU",
            "Processor time that each worker uses; 1 is one core full, more a worker cannot use.",
            Q(f"rate(process_cpu_seconds_total[$__rate_interval]) {ours}", "{{instance}}"),
            unit="percentunit",
            width=6,
            steps=((None, "green"), (0.9, "orange")),
        ),
        number(
            "Version",
            "Versions of the program among the workers; more than one while an update rolls out.",
            f"count(count by (version, method_version) (rapport_build_info{{{W}}}))",
            steps=((None, BLUE), (2, "orange")),
            width=6,
        ),
    ]
