"""What `rapport doctor` looks at: broker, topics, Redis, layout, clocks, versions, partitioner.

Every check is bounded in time and never raises: what it could not find out is a finding. Kafka's protocol
does not tell the broker's time, so only Redis' clock is compared.
"""

from __future__ import annotations

import asyncio
import re
from importlib import metadata

from streams.doctor.check import Check, Status
from streams.doctor.kafka import look_at_kafka
from streams.doctor.store import look_at_redis
from streams.settings import Settings

__all__ = ["Check", "Status", "run_checks"]

_PINNED = ("aiokafka", "faust-streaming")
_DISTRIBUTION = "rapport-monitor"


async def run_checks(settings: Settings) -> list[Check]:
    """All findings, in the order in which they are best read.

    A server that is not there is told after about 4 s; all of it takes 30 s at the worst.
    """
    (partitions, kafka), store = await asyncio.gather(look_at_kafka(settings), look_at_redis(settings))
    return [_versions(), *kafka, *store.checks, *store.layout(partitions)]


def _versions() -> Check:
    """Whether the versions that the engine relies on the insides of are the ones we were tested with."""
    name = "versions"
    try:
        required = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return Check(name, "warn", f"{_DISTRIBUTION} is not installed as a package", "run `make install`")
    matches = [re.match(r"([\w-]+)(?:\[[^\]]*\])?==([^;\s]+)", line) for line in required]
    pins = {found[1]: found[2] for found in matches if found}
    wrong = []
    for package in _PINNED:
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:
            installed = "missing"
        if installed != pins.get(package):
            wrong.append(f"{package} is {installed}, tested with {pins.get(package)}")
    if wrong:
        return Check(name, "fail", "; ".join(wrong), "install with `-c constraints.txt`")
    return Check(name, "ok", ", ".join(f"{package} {pins[package]}" for package in _PINNED))
