"""Rows of the pipeline dashboard: outputs, processes, API and gateway."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.frame import E
from dashboards.parts import BLUE, Q, graph, number
from dashboards.rates import W, in_an_hour, or_none, quantile, quantiles, rate


def panels() -> list[Builder[models.Panel]]:
    """Its panels."""
    ours = f"and on (instance, job) rapport_partitions_owned{{{W}}}"
    return [
        graph(
            "HTTP API: requests",
            "Requests to `rapport serve` per second by status; many 401 and 429: somebody guesses.",
            Q(rate("rapport_http_requests_total", "status", of=E), "{{status}}"),
            unit="reqps",
            width=9,
        ),
        graph(
            "HTTP API: time",
            "Time to answer a request by route, 95th percentile.",
            Q(
                quantile(0.95, "rapport_http_request_seconds", "route", of=E),
                "{{route}}",
            ),
            unit="s",
            width=9,
        ),
        graph(
            "HTTP API: streams",
            "Boards that follow alerts now; at 100 the next ones are told to ask again and again instead.",
            Q(f"max by (instance) (rapport_http_streams{{{E}}})", "{{instance}}"),
            unit="short",
            width=6,
        ),
        graph(
            "Gateway: events",
            "Events that came to `rapport gateway` per second, by outcome. Accepted: Kafka has acknowledged; "
            "rejected were told to their sender, or lie in engagement.rejected.v1 (webhooks).",
            Q(or_none(rate("rapport_gateway_events_total", "outcome", of=E), "outcome"), "{{outcome}}"),
            unit="eps",
            width=6,
        ),
        graph(
            "Gateway: requests",
            "Requests to the gateway per second by status, and by why they were refused. Many `token` or "
            "`signature`: somebody guesses; `lag`, `queue`, `memory`: it holds senders back.",
            Q(or_none(rate("rapport_gateway_requests_total", "status", of=E), "status"), "{{status}}"),
            Q(or_none(rate("rapport_gateway_refused_total", "why", of=E), "why"), "refused: {{why}}"),
            unit="reqps",
            width=6,
        ),
        graph(
            "Gateway: time",
            "Time to answer a request by route, 95th percentile; and of it, until Kafka had acknowledged.",
            Q(
                or_none(quantile(0.95, "rapport_gateway_request_seconds", "route", of=E), "route"),
                "{{route}}",
            ),
            Q(quantile(0.95, "rapport_gateway_ack_seconds", of=E), "Kafka"),
            unit="s",
            width=6,
        ),
        graph(
            "Gateway: line to Kafka",
            "1 while Kafka answers the gateway, 0 while senders are told 503; connections that are open.",
            Q(f"min by (instance) (rapport_gateway_kafka_up{{{E}}})", "Kafka, {{instance}}"),
            Q(f"sum by (instance) (rapport_gateway_connections{{{E}}})", "connections, {{instance}}"),
            unit="short",
            width=6,
        ),
        graph(
            "Gateway: held in memory",
            "Bytes of bodies being read, and of records that wait for Kafka; at the limit 429 is answered.",
            Q(or_none(f"sum by (what) (rapport_gateway_held_bytes{{{E}}})", "what"), "{{what}}"),
            unit="bytes",
            width=6,
        ),
        graph(
            "Gateway: workers behind",
            "Seconds that the workers are behind, from offsets; beyond RAPPORT_GATEWAY_LAG_S senders of "
            "events are told 429.",
            Q(f"max(rapport_gateway_worker_lag_seconds{{{E}}})", "behind"),
            unit="s",
            width=6,
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
            "Rebalances of the consumer group that a worker saw within the hour before.",
            Q(in_an_hour("rapport_rebalances_total", "instance"), "{{instance}}"),
            unit="short",
            width=6,
        ),
        graph(
            "Claimed again",
            "Partitions claimed again within the hour before, because the fence stood elsewhere: Redis lost "
            "something.",
            Q(in_an_hour("rapport_reclaims_total", "instance"), "{{instance}}"),
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
            "Partnerships",
            "Partnerships that the workers know of; each reads the whole book.",
            f"max(rapport_partnerships{{{W}}})",
            width=4,
        ),
        number(
            "Without gauges",
            "Partnerships beyond RAPPORT_METRICS_PARTNERSHIPS: not in Prometheus, but in the API.",
            f"sum(rapport_partnerships_without_gauges{{{W}}})",
            steps=((None, "green"), (1, "orange")),
            width=4,
        ),
        number(
            "Version",
            "Versions of the program among the workers; more than one while an update rolls out.",
            f"count(count by (version, method_version) (rapport_build_info{{{W}}}))",
            steps=((None, BLUE), (2, "orange")),
            width=4,
        ),
    ]
