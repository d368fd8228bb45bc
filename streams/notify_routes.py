"""From `notify.yaml` to what the notifier works with; without a file, the log is the one receiver."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from processors.notify.engine import Engine
from processors.notify.inhibit import Inhibitors
from processors.notify.state import Path
from schemas import Notification
from schemas.receivers import Rate
from schemas.routing import Routing, route_of
from streams.receivers.base import Receiver, open_receivers
from streams.receivers.routingfile import doubts, read_routing

if TYPE_CHECKING:
    from streams.settings import Settings

log = logging.getLogger(__name__)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}


class LogReceiver:
    """Writes one line for each notification: what there is when no file names receivers."""

    name = "log"

    async def deliver(self, n: Notification) -> None:
        """Never fails."""
        for alert in n.alerts:
            log.warning("%s (%s): %s", alert.state, n.why, alert.summary,
                        extra={"notification_id": n.notification_id})  # fmt: skip

    async def aclose(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is told about what, and how fast."""

    receivers: Mapping[str, Receiver]
    rates: Mapping[str, Rate]
    engine: Callable[[int], Engine]


def plan_of(settings: Settings) -> Plan:
    """The file that the settings name, or the log alone.

    Raises:
        InputError: the file cannot be read, or something in it is wrong; each mistake with its line.
        SettingsError: a secret that it names is missing.
    """
    if settings.notify_config is None:
        log.warning("RAPPORT_NOTIFY_CONFIG names no notify.yaml: alerts go to this log, and to nobody else")
        receiver = LogReceiver()
        only = [Path("log", receiver.name)]
        return Plan({receiver.name: receiver}, {}, lambda number: Engine(
            lambda labels: only, {receiver.name}, partition=number
        ))  # fmt: skip
    routing = read_routing(settings.notify_config)
    for doubt in doubts(routing):
        log.warning("%s: %s", settings.notify_config.name, doubt)
    receivers = open_receivers(routing, settings)
    routes = routes_of(routing)
    return Plan(
        receivers,
        {config.name: config.rate_limit for config in routing.receivers},
        lambda number: Engine(
            routes, receivers.keys(), partition=number,
            inhibitors=Inhibitors(routing.inhibit.rules, builtin=routing.inhibit.builtin),
        ),
    )  # fmt: skip


def routes_of(routing: Routing) -> Callable[[Mapping[str, str]], tuple[Path, ...]]:
    """The paths that an alert with some labels takes."""
    configs = {config.name: config for config in routing.receivers}

    @lru_cache(maxsize=10_000)
    def paths(items: tuple[tuple[str, str], ...]) -> tuple[Path, ...]:
        return tuple(
            Path(
                route.key, name, None if "..." in route.group_by else route.group_by, route.group_wait,
                route.group_interval, route.repeat_interval, configs[name].send_resolved,
                configs[name].once_per_influencer,
            )
            for route in route_of(routing, dict(items)) for name in route.receivers
        )  # fmt: skip

    return lambda labels: paths(tuple(labels.items()))


def schedule_of(text: str) -> tuple[float, ...]:
    """Seconds from a schedule like "0s 5s 5m" (`Settings.notify_retries`); never falling."""
    found: list[float] = []
    for word in text.split():
        number = word.rstrip("hms")
        found.append(max(float(number) * _UNITS.get(word[len(number) :], 1.0), found[-1] if found else 0.0))
    return tuple(found)
