"""Looks at Redis: version, memory policy, persistence, function library, clock, layout, hash key."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from processors.state.connect import open_redis, primaries
from processors.state.layout import LAYOUT_VERSION, hash_key_key, layout_key, refusal_of
from processors.state.redis_store import LIBRARY_VERSION, library_versions
from schemas.topics import EVENTS
from streams.doctor.check import CONNECT_S, Check, bounded, why
from streams.settings import Settings
from streams.settings_doc import mask_address

#: Clocks may differ so much before it is told, seconds; events may be 5 min ahead of their record.
_CLOCK_WARN_S, _CLOCK_FAIL_S = 2.0, 60.0
_OLDEST = (7, 0)


@dataclass(slots=True)
class StoreFindings:
    """What was found in Redis. `layout_fields`: the installation's layout hash; None when not read."""

    settings: Settings
    checks: list[Check]
    layout_fields: dict[str, str] | None = None

    def layout(self, partitions: int | None) -> list[Check]:
        """Whether state is laid out as the events topic is (`partitions`: its count, None when not known)."""
        fields = self.layout_fields
        if fields is None:
            return []
        if not fields:
            return [Check("layout", "ok", f"no state under {self.settings.namespace!r} yet")]
        topic = self.settings.topic(EVENTS)
        version, laid_topic, count = (fields.get(name) for name in ("version", "topic", "partitions"))
        if version != str(LAYOUT_VERSION):
            what, _, advice = refusal_of(str(version)).partition(": ")
            return [Check("layout", "fail", what, advice)]
        if laid_topic != topic:
            what = f"state under {self.settings.namespace!r} is of the topic {laid_topic}, not of {topic}"
            return [Check("layout", "fail", what, "use another RAPPORT_NAMESPACE for another topic")]
        if partitions is not None and count != str(partitions):
            what = f"state is laid out for {count} partitions, {topic} has {partitions}"
            advice = (
                "keys lie elsewhere now: `rapport reshard` changes both; or use another RAPPORT_NAMESPACE, "
                "and the state is rebuilt from the topic"
            )
            return [Check("layout", "fail", what, advice)]
        return [Check("layout", "ok", f"version {version}, {count} partitions of {topic}")]


async def look_at_redis(settings: Settings) -> StoreFindings:
    """All findings on Redis but the layout, which needs the topic's partition count."""
    client: Any = open_redis(
        settings.redis_url, socket_timeout=CONNECT_S, socket_connect_timeout=CONNECT_S, retry=None,
        decode_responses=True,
    )  # fmt: skip
    where = mask_address(settings.redis_url)
    found = StoreFindings(settings, [])
    try:
        async with asyncio.timeout(CONNECT_S):
            infos = await _infos(where, client)
        for name, info in infos.items():
            found.checks += _of_info(name, info)
        found.checks += await bounded("redis cluster", _cluster(settings, client, infos))
        found.checks += await bounded("redis functions", _functions(client))
        found.checks += await bounded("redis clock", _clock(client))
        found.checks += await bounded("hash key", _hash_key(settings, client))
        found.layout_fields = await client.hgetall(layout_key(settings.namespace))
    except (AuthenticationError, NoPermissionError) as error:
        what = f"Redis at {where} refuses us: {error}"
        found.checks.append(Check("redis", "fail", what, "user and password belong into RAPPORT_REDIS_URL"))
    except (RedisError, OSError, TimeoutError) as error:
        what = f"Redis at {where} does not answer: {why(error)}"
        advice = "is it running, and is RAPPORT_REDIS_URL (or --redis) right?"
        found.checks.append(Check("redis", "fail", what, advice))
    finally:
        await client.aclose()
    return found


def _of_info(where: str, info: dict[str, Any]) -> list[Check]:
    return [_answers(where, info), _version(info), _policy(info), _persistence(info)]


async def _infos(where: str, client: Any) -> dict[str, dict[str, Any]]:
    """INFO of the server, or of each primary of a cluster, by address."""
    await client.initialize()
    nodes = primaries(client)
    if not nodes:
        return {where: await client.info()}
    return {name: await client.info(target_nodes=node) for name, node in nodes.items()}


def _answers(where: str, info: dict[str, Any]) -> Check:
    if info.get("loading"):
        return Check(
            "redis", "fail", f"Redis at {where} still reads its data from disk", "wait, then run it again"
        )
    if info.get("role") != "master":
        return Check(
            "redis", "fail", f"Redis at {where} is a replica", "RAPPORT_REDIS_URL must name the primary"
        )
    return Check("redis", "ok", f"Redis at {where} answers")


def _version(info: dict[str, Any]) -> Check:
    """Valkey tells the Redis version that it is compatible with beside its own."""
    version = str(info.get("redis_version", "0"))
    own = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < _OLDEST:
        return Check("redis version", "fail", f"{own} is too old", "functions need Redis 7.0 or Valkey")
    return Check("redis version", "ok", own)


def _policy(info: dict[str, Any]) -> Check:
    name, policy, limit = "redis memory", str(info.get("maxmemory_policy")), int(info.get("maxmemory", 0))
    used = f"{int(info.get('used_memory', 0)) / 2**20:,.0f} MiB used"
    if policy != "noeviction":
        what = f"maxmemory-policy is {policy}: Redis may throw state away when memory gets short ({used})"
        return Check(name, "fail", what, "CONFIG SET maxmemory-policy noeviction, and in redis.conf")
    if limit and int(info.get("used_memory", 0)) > 0.8 * limit:
        what = f"noeviction, {used} of {limit / 2**20:,.0f} MiB"
        return Check(
            name, "warn", what, "raise maxmemory; when it is full, writes are refused and the worker waits"
        )
    return Check(name, "ok", f"noeviction, {used}")


def _persistence(info: dict[str, Any]) -> Check:
    name = "redis persistence"
    if not info.get("aof_enabled"):
        what = "no append-only file: a restart of Redis loses the state, and it is rebuilt from the topic"
        return Check(name, "warn", what, "for production set appendonly yes")
    if info.get("aof_last_write_status") != "ok":
        return Check(name, "fail", "Redis cannot write its append-only file", "look at its disk")
    return Check(name, "ok", "append-only file is on")


async def _cluster(settings: Settings, client: Any, infos: dict[str, dict[str, Any]]) -> list[Check]:
    name = "redis cluster"
    if not any(info.get("cluster_enabled") for info in infos.values()):
        return []
    if not primaries(client):
        return [Check(name, "fail", "this Redis is a cluster, and RAPPORT_REDIS_URL does not say so",
                      "add ?cluster=yes to the address")]  # fmt: skip
    told = await client.execute_command("CLUSTER INFO", target_nodes=client.get_random_node())
    if told.get("cluster_state") != "ok":
        return [Check(name, "fail", f"the cluster is {told.get('cluster_state')}: not every slot has a node",
                      "bring its nodes back; workers wait for it")]  # fmt: skip
    alone = sorted(node for node, info in infos.items() if not info.get("connected_slaves"))
    if alone:
        what = f"{len(infos)} primaries; without a replica: {', '.join(alone)}"
        return [Check(name, "warn", what, "give each primary a replica that takes over when it dies")]
    return [Check(name, "ok", f"{len(infos)} primaries, each with a replica")]


async def _functions(client: Any) -> list[Check]:
    name = "redis functions"
    try:
        versions = set(await library_versions(client))
    except ResponseError as error:
        if "not found" not in str(error).lower():
            raise
        return [Check(name, "ok", "the library 'rapport' is not there yet; a worker loads it when it starts")]
    told = " and ".join(map(str, sorted(versions)))
    if versions != {LIBRARY_VERSION}:
        what = f"the library 'rapport' is version {told}, this program brings {LIBRARY_VERSION}"
        return [
            Check(
                name, "warn", what, "a worker replaces it when it starts; do not mix versions of the program"
            )
        ]
    return [Check(name, "ok", f"the library 'rapport' is version {told}")]


async def _clock(client: Any) -> list[Check]:
    """The answer was made between asking and hearing: what lies outside of that is a real difference."""
    before = time.time()
    nodes = primaries(client)
    one = {"target_nodes": next(iter(nodes.values()))} if nodes else {}
    seconds, micros = await client.time(**one)
    after = time.time()
    theirs = seconds + micros / 1e6
    off = max(before - theirs, theirs - after, 0.0)
    what = f"the clocks of this machine and Redis differ by {off:.1f} s"
    if off > _CLOCK_WARN_S:
        return [
            Check("redis clock", "fail" if off > _CLOCK_FAIL_S else "warn", what, "set the clocks by NTP")
        ]
    return [Check("redis clock", "ok", what)]


async def _hash_key(settings: Settings, client: Any) -> list[Check]:
    name = "hash key"
    if settings.hash_key is not None:
        return [Check(name, "ok", "RAPPORT_HASH_KEY is set")]
    there = await client.exists(hash_key_key(settings.namespace))
    what = "RAPPORT_HASH_KEY is not set; actor ids are hashed with a random key "
    what += "that lies in Redis" if there else "that the first worker makes and keeps in Redis"
    advice = "set it, so that hashes stay the same when Redis is lost, and the key does not lie beside them"
    return [Check(name, "warn", what, advice)]
