"""Serves `streams.metrics` with moving values on a free loopback port, printed first; ends when stdin closes.

A process of its own, so that other tests' metrics are not touched. Everything a worker shows gets a value:
two brands, three partnerships, two partitions; counters and histograms move all the time, so rates are not 0.
With `--quiet` nothing happens: as a worker and a notifier are before the first event.
"""

import sys
import threading

from prometheus_client import start_http_server

from streams import metrics as m
from streams.gauges import begin_at_zero, begin_partition, begin_receiver

PARTNERSHIPS = {
    ("acme--ann", "acme", "ann", "micro", "bluesky"): 81.0,
    ("acme--bob", "acme", "bob", "macro", "mastodon"): 42.0,
    ("bolt--cy", "bolt", "cy", "micro", "bluesky"): 65.0,
}
#: Has no health yet.
NEW = ("bolt--di", "bolt", "di", "nano", "bluesky")
SIGNALS = ("interaction_quality", "connection", "audience_fit", "authenticity", "all_in", "relationship")


def still() -> None:
    for labels, value in PARTNERSHIPS.items():
        m.HEALTH.labels(*labels).set(value)
        m.PARTNERSHIP_FIRING.labels(*labels).set(2 if value < 50 else 0)
        for offset, signal in enumerate(SIGNALS):
            m.SIGNAL.labels(labels[0], signal).set(value - offset)
    m.PARTNERSHIP_FIRING.labels(*NEW).set(0)
    m.PARTNERSHIPS_HIDDEN.set(0)
    m.BUILD.labels("0.1.0", "1").set(1)
    m.PARTITIONS.set(2)
    m.INFLUENCERS.set(500)
    m.WATCHDOG.set(0)
    m.NOTIFICATION_QUEUE.labels("mail").set(3)
    m.NOTIFICATION_OLDEST.labels("mail").set(12)
    begin_at_zero(["engagement.enriched.v1"])
    begin_receiver("mail")
    for partition in ("0", "1"):
        begin_partition(int(partition))
        m.LAG_RECORDS.labels(partition).set(120)
        m.LAG_SECONDS.labels(partition).set(1.5)
        m.WATERMARK.labels(partition).set_to_current_time()
        m.ALERTS_FIRING.labels(partition).set(1)
        m.OUTBOX.labels(partition).set(0)


def step() -> None:
    for partition in ("0", "1"):
        m.EVENTS_READ.labels(partition).inc(100)
        for outcome, count in (("counted", 90), ("duplicate", 5), ("rejected", 3), ("expired", 2)):
            m.EVENTS.labels(partition, outcome).inc(count)
        m.LATE.labels(partition).inc()
    m.REJECTED.labels("schema").inc(6)
    m.SLICE_SECONDS.observe(0.015)
    m.VISIBLE_SECONDS.observe(0.2)
    m.REDIS_SECONDS.labels("fence").observe(0.002)
    m.REDIS_RETRIES.labels("fence").inc()
    m.REDIS_BYTES.inc(20_000)
    m.FENCE.labels("OK").inc()
    m.REBALANCES.inc()
    m.PRODUCE_DROPPED.labels("engagement.enriched.v1").inc()
    m.RECLAIMS.inc()
    for partition in ("0", "1"):
        m.LOST.labels(partition).inc()
        m.FORGOTTEN.labels(partition).inc()
    m.PRODUCE_SECONDS.labels("engagement.enriched.v1").observe(0.004)
    m.PRODUCED.labels("engagement.enriched.v1").inc(180)
    m.PRODUCE_RETRIES.labels("engagement.enriched.v1").inc()
    m.READINGS.labels("true").inc()
    for state, reason in (("pending", "drop"), ("firing", "drop"), ("resolved", "not_confirmed")):
        for signal in ("connection", "relationship"):
            m.TRANSITIONS.labels(signal, state, reason).inc()
    m.ALERT_DELAY.labels("connection").observe(900)
    m.SOURCE_FRAMES.labels("bluesky").inc(40)
    m.SOURCE_RESULTS.labels("bluesky", "event").inc(30)
    m.SOURCE_FAILURES.labels("bluesky").inc()
    m.SOURCE_CURSOR.labels("bluesky").set_to_current_time()
    m.GATEWAY_EVENTS.labels("events", "accepted").inc(500)
    m.GATEWAY_REQUESTS.labels("/v1/events", "200").inc()
    m.GATEWAY_REFUSED.labels("lag").inc()
    m.GATEWAY_SECONDS.labels("/v1/events").observe(0.02)
    m.GATEWAY_ACK_SECONDS.observe(0.005)
    m.GATEWAY_HELD.labels("queue").set(1_000)
    m.GATEWAY_CONNECTIONS.set(4)
    m.GATEWAY_LAG.set(0.5)
    m.GATEWAY_KAFKA.set(1)
    m.OUTBOX_RETRIES.inc()
    m.NOTIFIER_TAKEN.labels("firing").inc()
    m.NOTIFICATIONS.labels("mail", "delivered").inc()
    m.NOTIFICATIONS_DECIDED.labels("mail", "first_notification").inc()
    m.NOTIFICATION_RETRIES.labels("mail").inc()
    m.NOTIFICATION_SECONDS.labels("mail").observe(0.2)
    m.TEMPLATE_ERRORS.labels("chat").inc()
    m.HTTP_REQUESTS.labels("/api/v1/alerts", "GET", "200").inc()
    m.HTTP_STREAMS.set(3)
    m.HTTP_SECONDS.labels("/api/v1/alerts").observe(0.004)


def main() -> None:
    still()
    server, thread = start_http_server(0, addr="127.0.0.1")
    print(server.server_port, flush=True)
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    while not closed.wait(0.1):
        if "--quiet" not in sys.argv:
            step()
    server.shutdown()
    server.server_close()
    thread.join()


if __name__ == "__main__":
    main()
