"""What a gateway works with, one for each process: opened together, closed in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import redis.asyncio as redis

from processors.state.connect import open_redis
from streams import metrics
from streams.gateway.answers import Refusal
from streams.gateway.config import read_config
from streams.gateway.desk import Desk
from streams.gateway.hooks import Hook
from streams.gateway.ids import Ids, SharedIds
from streams.gateway.limits import Budget, EventRate
from streams.gateway.line import Line
from streams.gateway.outlet import Outlet
from streams.gateway.recall import Recall
from streams.gateway.tokens import Verifier
from streams.gateway.watch import Watch
from streams.people_store import ActStore, open_client
from streams.serve.limits import Limiter
from streams.settings import Settings
from streams.sources.live import KafkaSink
from streams.undisturbed import end

log = logging.getLogger("rapport.gateway")
#: Failed tries to say who one is, by address and minute.
_FAILURES: Final = 60
#: Longest wait for Redis where an answer only makes things better, s.
_HASTE_S: Final = 1.0


class Gateway:
    """The parts, wired up. Raises InputError, SettingsError when a webhook cannot be used."""

    def __init__(self, settings: Settings, client: redis.Redis, hasty: redis.Redis) -> None:
        """`client`: with retries, for what must be answered; `hasty`: with a short timeout and none."""
        self.settings = settings
        self.budget = Budget(settings.gateway_memory_bytes)
        self.outlet = Outlet(settings.gateway_memory_bytes, settings.gateway_ack_s)
        self.line = Line(settings, self.outlet)
        shared = SharedIds(hasty, settings.namespace, settings.gateway_ids, time.time)
        self.ids = Ids(shared, settings.gateway_ids)
        self.desk = Desk(settings, self.outlet, self.ids)
        self.verifier = Verifier(ActStore(settings, client))
        self.limiter = Limiter(settings.gateway_rate, time.monotonic)
        self.failures = Limiter(_FAILURES, time.monotonic)
        self.rate = EventRate(settings.gateway_rate_events, time.monotonic)
        self.watch = Watch(settings)
        self.forgetting = KafkaSink(settings, client)
        self.hooks = {
            hook.name: Hook(hook, Recall(client, settings.namespace, hook.source or hook.name))
            for hook in read_config(settings.gateway_config)
        }
        for hook in self.hooks.values():  # a rate sees the first refusal only if it knows of none before
            metrics.SOURCE_RESULTS.labels(hook.source.name, "token").inc(0)
        self.draining = False

    def check_lag(self) -> None:
        """Raises Refusal (429) while the workers are too far behind. For senders that can wait: what a
        platform's webhook does not get rid of within hours is lost, and Kafka can hold it for days."""
        most, behind = self.settings.gateway_lag_s, self.line.lag.seconds
        if most and behind is not None and behind > most:
            raise Refusal(
                429, f"the workers are {behind:.0f} s behind", why="lag", retry_s=min(60.0, behind / 10),
                hint="wait, then send the same again; RAPPORT_GATEWAY_LAG_S is the limit",
            )  # fmt: skip

    def readiness(self) -> dict[str, Any]:
        """What /health/ready tells. Without Redis it goes on, so that is no reason not to be ready."""
        kafka = self.outlet.reachable and self.line.problem is None
        return {
            "ready": kafka and not self.draining,
            "kafka": "ok" if kafka else "away",
            "redis": "ok" if self.ids.reachable else "away",
            "draining": self.draining,
            "workers_behind_s": self.line.lag.seconds,
            "waiting_bytes": self.outlet.waiting_bytes,
        }

    def show(self) -> None:
        """Sets the gauges."""
        metrics.GATEWAY_HELD.labels("bodies").set(self.budget.held)
        metrics.GATEWAY_HELD.labels("queue").set(self.outlet.waiting_bytes)

    async def close(self) -> None:
        """After the last answer: what Redis is still to know, then the line to Kafka."""
        await self.ids.flush()
        await self.watch.close()
        await self.outlet.close()
        await self.forgetting.aclose()
        await self.line.close()


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway on lines of its own; ready a moment later, or when Kafka is back.

    Raises InputError, SettingsError when a webhook cannot be used.
    """
    client = open_client(settings)
    timeout = min(_HASTE_S, settings.redis_timeout_s)
    hasty = open_redis(settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None)
    try:
        gateway = Gateway(settings, client, hasty)
        tasks = [
            asyncio.create_task(gateway.line.run(), name="gateway line"),
            asyncio.create_task(gateway.ids.run(), name="gateway ids"),
        ]
        try:
            yield gateway
        finally:
            await asyncio.gather(*(end(task) for task in tasks))
            await gateway.close()
    finally:
        for line in (client, hasty):
            with contextlib.suppress(Exception):  # it may be away
                await line.aclose()
