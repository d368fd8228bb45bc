"""Rows of the pipeline dashboard: outputs, processes, API and gateway."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.frame import E
from dashboards.parts import BLUE, Q, graph, number
from dashboards.rates import W, quantile, quantiles, rate


def panels() -> list[Builder[models.Panel]]:
    """Its panels."""
    ours = f"and on (instance, job) rapport_partitions_owned{{{W}}}"
    return [
        graph(
            "HTTP API: requests",
            "Requests to `rapport serve` per second by status; many 401 and 429: somebody guesses.",
            Q(rate("rapport_http_requests_total", "status", of=E), "{{status}}"),
            unit="reqps",
            width=12,
        ),
        graph(
            "HTTP API: time",
            "Time to answer a request by route, 95th percentile.",
            Q(
                quantile(0.95, "rapport_http_request_seconds", "route", of=E),
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
            Q(f"process_resident_memory_bytes{{{W}}} {ours}", "{{instance}}"),
            unit="bytes",
            width=6,
        ),
        graph(
            "CPU",
            "Processor time that each worker uses; 1 is one core full, more a worker cannot use.",
            Q(f"rate(process_cpu_seconds_total{{{W}}}[$__rate_interval]) {ours}", "{{instance}}"),
            unit="percentunit",
            width=6,
            steps=((None, "green"), (0.9, "orange")),
        ),
        number(
            "Partnerships without gauges",
            "Partnerships beyond RAPPORT_METRICS_PARTNERSHIPS: not in Prometheus, but in the API.",
            f"sum(rapport_partnerships_without_gauges{{{W}}})",
            steps=((None, "green"), (1, "orange")),
            width=6,
        ),
        number(
            "Version",
            "Versions of the program among the workers; more than one while an update rolls out.",
            f"count(count by (version, method_version) (rapport_build_info{{{W}}}))",
            steps=((None, BLUE), (2, "orange")),
            width=6,
        ),
    ]
