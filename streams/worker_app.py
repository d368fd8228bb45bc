"""The Faust app of a worker: what of its many settings differs from stock, and why."""

from __future__ import annotations

import os
import socket
from typing import Any

import faust

from streams.connecting import faust_credentials
from streams.errors import RapportError
from streams.settings import Settings
from streams.transport import BatchTransport


class WorkerError(RapportError):
    """The worker cannot run, or can run no longer."""


def make_app(settings: Settings) -> Any:
    """The Faust app, with our transport."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        settings.group,
        broker=[f"kafka://{server}" for server in settings.bootstrap],
        broker_credentials=faust_credentials(settings),
        store="memory://",
        value_serializer="raw",
        datadir=str(settings.data_dir / f"{socket.gethostname()}-{os.getpid()}"),
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=settings.fetch_max_bytes,
        broker_max_poll_records=None,  # an undrained partition would hold back its broker for 0.1 s
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=max(0.3, settings.session_timeout_s / 10),
        broker_rebalance_timeout=settings.rebalance_timeout_s,
        broker_request_timeout=max(90.0, settings.session_timeout_s + 1),
        broker_commit_interval=1.0,
        broker_commit_livelock_soft_timeout=1e9,  # it cries wolf after a quiet stretch
        stream_wait_empty=False,  # the fence decides, not acks: a rebalance need not wait for them
        producer_threaded=False,
        web_host=settings.http_host,
        web_bind=settings.http_host,
        web_port=settings.http_port,
    )
    app.transport = BatchTransport([app.conf.broker[0]], app)
    return app


def check_port(settings: Settings) -> None:
    """Raise a plain error now, rather than a stack trace when the group is joined."""
    try:
        with socket.create_server((settings.http_host, settings.http_port)):
            pass
    except OSError as error:
        place = f"{settings.http_host}:{settings.http_port}"
        raise WorkerError(
            f"cannot listen on {place} for /ready and /metrics: {os.strerror(error.errno or 0).lower()}",
            hint="set RAPPORT_HTTP_PORT; each worker on one machine needs a port of its own",
        ) from error
