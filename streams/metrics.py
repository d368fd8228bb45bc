"""Prometheus metrics. Labels are bounded: partition, reason, answer, signal; never an actor.

Only the gauges of partnerships name partnerships and influencers, and RAPPORT_METRICS_PARTNERSHIPS bounds how
many there are (docs/grafana.md says what they cost).

Times are in seconds, sizes in bytes, as Prometheus wants them.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_MS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

EVENTS_READ = Counter(
    "rapport_events_read_total", "Records read, each also counted in one outcome", ["partition"]
)
EVENTS = Counter(
    "rapport_events_total",
    "Records by outcome: counted, duplicate, rejected, expired",
    ["partition", "outcome"],
)
REJECTED = Counter("rapport_events_rejected_total", "Rejected records by reason", ["reason"])
LATE = Counter("rapport_events_late_total", "Events that came after their watermark", ["partition"])
SLICE_SECONDS = Histogram("rapport_slice_seconds", "Time to fold one slice of records", buckets=_MS)
VISIBLE_SECONDS = Histogram(
    "rapport_event_visible_seconds",
    "From a record's arrival in the worker to its effect being readable in Redis",
    buckets=_S,
)
LAG_RECORDS = Gauge("rapport_lag_records", "Records between the fence and the end of the log", ["partition"])
LAG_SECONDS = Gauge("rapport_lag_seconds", "Age of the oldest record not yet behind the fence", ["partition"])
WATERMARK = Gauge("rapport_watermark_timestamp_seconds", "Event clock of the partition", ["partition"])
HTTP_REQUESTS = Counter(
    "rapport_http_requests_total", "Requests to the HTTP API", ["route", "method", "status"]
)
HTTP_STREAMS = Gauge("rapport_http_streams", "Streams of server-sent events that are open")
HTTP_SECONDS = Histogram("rapport_http_request_seconds", "Time to answer a request", ["route"], buckets=_MS)
REDIS_SECONDS = Histogram("rapport_redis_seconds", "Time of a Redis call", ["call"], buckets=_MS)
REDIS_BYTES = Counter("rapport_redis_bytes_total", "Bytes written to Redis by fenced writes")
REDIS_RETRIES = Counter("rapport_redis_retries_total", "Redis calls tried again", ["call"])
FENCE = Counter("rapport_fence_answers_total", "Answers of the fence: OK, SAME, MOVED, OLD", ["answer"])
RECLAIMS = Counter("rapport_reclaims_total", "Partitions claimed again because the fence stood elsewhere")
FORGOTTEN = Counter(
    "rapport_forgotten_ids_total",
    "Event ids forgotten before their time, because too many came",
    ["partition"],
)
LOST = Counter(
    "rapport_lost_records_total", "Records deleted from the log before they were counted", ["partition"]
)
REBALANCES = Counter("rapport_rebalances_total", "Rebalances of the consumer group seen")
PARTITIONS = Gauge("rapport_partitions_owned", "Partitions that this worker owns")
PRODUCE_SECONDS = Histogram(
    "rapport_produce_seconds", "Time until a batch of outputs was acknowledged", ["topic"], buckets=_MS
)
PRODUCED = Counter("rapport_produced_records_total", "Records produced", ["topic"])
PRODUCE_RETRIES = Counter("rapport_produce_retries_total", "Batches of outputs sent again", ["topic"])
PRODUCE_DROPPED = Counter("rapport_produce_dropped_total", "Records too large for the broker", ["topic"])
READINGS = Counter("rapport_readings_total", "Readings made", ["complete"])
TRANSITIONS = Counter(
    "rapport_alert_transitions_total", "Alert transitions, by why", ["signal", "state", "reason"]
)
ALERT_DELAY = Histogram(
    "rapport_alert_delay_seconds",
    "Event time from when a rule was first broken until its alert fired",
    ["signal"],
    buckets=(300, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 172_800, 345_600, 604_800),
)
ALERTS_FIRING = Gauge("rapport_alerts_firing", "Alerts that fire now", ["partition"])
OUTBOX = Gauge("rapport_outbox_pending", "Alert transitions not yet on the topic", ["partition"])
OUTBOX_RETRIES = Counter("rapport_outbox_retries_total", "Relays of alert transitions tried again")
NOTIFIER_TAKEN = Counter(
    "rapport_notifier_transitions_total", "Alert transitions read by the notifier", ["state"]
)
NOTIFICATIONS = Counter(
    "rapport_notifications_total",
    "Notifications by what became of them: delivered, failed, off (given up: the receiver is switched off)",
    ["receiver", "outcome"],
)
NOTIFICATIONS_DECIDED = Counter(
    "rapport_notifications_decided_total", "Notifications decided on, by why", ["receiver", "why"]
)
NOTIFICATION_RETRIES = Counter(
    "rapport_notification_retries_total", "Deliveries that failed and are tried again", ["receiver"]
)
NOTIFICATION_SECONDS = Histogram(
    "rapport_notification_seconds", "Time of one try of a delivery", ["receiver"], buckets=_S
)
NOTIFICATION_QUEUE = Gauge("rapport_notification_queue", "Notifications that wait for delivery", ["receiver"])
NOTIFICATION_OLDEST = Gauge(
    "rapport_notification_oldest_seconds", "Age of the oldest notification not delivered", ["receiver"]
)
NOTIFICATIONS_FAILED = Gauge(
    "rapport_notifications_failed_listed", "Notifications given up, that can be sent again"
)
NOTIFIER_WAITING = Gauge(
    "rapport_notifier_groups_waiting", "Groups whose time has come, but whose receiver's queue is full"
)
RECEIVERS_OFF = Gauge("rapport_receivers_off", "Receivers that are switched off")
ALERTS_WRONG = Gauge(
    "rapport_alerts_wrong_ratio", "Share of the alerts told of that somebody marked as wrong"
)
WATCHDOG = Gauge("rapport_watchdog_stalled_partitions", "Partitions with lag that got no batch for too long")
INFLUENCERS = Gauge("rapport_influencers_in_memory", "Influencers whose state is held in memory")
HEALTH = Gauge(
    "rapport_partnership_health",
    "Partnership health 0-100 (bounded number of partnerships)",
    ["partnership", "brand", "influencer", "tier", "platform"],
)
SIGNAL = Gauge(
    "rapport_partnership_signal", "Signal 0-100 (bounded number of partnerships)", ["partnership", "signal"]
)
PARTNERSHIP_FIRING = Gauge(
    "rapport_partnership_alerts_firing",
    "Alerts of a partnership that fire now; also of those without a health (bounded number of partnerships)",
    ["partnership", "brand", "influencer", "tier", "platform"],
)
PARTNERSHIPS = Gauge("rapport_partnerships", "Partnerships in the book, which every worker reads whole")
PARTNERSHIPS_HIDDEN = Gauge(
    "rapport_partnerships_without_gauges",
    "Partnerships beyond RAPPORT_METRICS_PARTNERSHIPS, which have no gauges of their own",
)
SOURCE_FRAMES = Counter("rapport_source_frames_total", "Payloads that a source's client took", ["source"])
SOURCE_RESULTS = Counter(
    "rapport_source_results_total",
    "What came of payloads: event, rejected, unresolved (deletions), forgotten (accounts), "
    "token (refused by the platform), busy (its limit is used up)",
    ["source", "result"],
)
SOURCE_FAILURES = Counter(
    "rapport_source_failures_total",
    "Connections of a source's client that broke, or could not be made",
    ["source"],
)
SOURCE_CURSOR = Gauge(
    "rapport_source_cursor_timestamp_seconds", "Up to when a source was read and acknowledged", ["source"]
)
GATEWAY_REQUESTS = Counter(
    "rapport_gateway_requests_total", "Requests to the gateway by route and status", ["route", "status"]
)
GATEWAY_EVENTS = Counter(
    "rapport_gateway_events_total",
    "Events that came to the gateway by outcome: accepted (in Kafka), duplicate, rejected, left_out",
    ["route", "outcome"],
)
GATEWAY_REFUSED = Counter(
    "rapport_gateway_refused_total",
    "Requests that the gateway refused, by why: request, size, slow, connections, token, signature, rate, "
    "memory, queue, lag, kafka, redis, fault",
    ["why"],
)
GATEWAY_SECONDS = Histogram(
    "rapport_gateway_request_seconds", "Time to answer a request to the gateway", ["route"], buckets=_MS
)
GATEWAY_ACK_SECONDS = Histogram(
    "rapport_gateway_ack_seconds", "Time until Kafka had acknowledged the events of a request", buckets=_MS
)
GATEWAY_HELD = Gauge(
    "rapport_gateway_held_bytes", "Bytes of bodies, and of records that wait for Kafka", ["what"]
)
GATEWAY_CONNECTIONS = Gauge("rapport_gateway_connections", "Connections to the gateway")
GATEWAY_LAG = Gauge(
    "rapport_gateway_worker_lag_seconds", "Seconds that the workers are behind, as the gateway sees it"
)
GATEWAY_KAFKA = Gauge("rapport_gateway_kafka_up", "1 while Kafka answers the gateway")
BUILD = Gauge("rapport_build_info", "Version of the program and of the method", ["version", "method_version"])
TEMPLATE_ERRORS = Counter(
    "rapport_notify_template_errors_total",
    "Templates of messages that failed, and the default was sent",
    ["form"],
)
