"""How every process reaches Redis: one server, or a cluster, by one address (`processors.state.address`).

All keys of a partition share a hash tag, so whatever must move together lies on one node of a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import redis.asyncio as redis
from redis import exceptions as errors
from redis.asyncio.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from processors.state.address import cluster_of
from processors.state.connection import as_reset, mended

_LOST = (errors.ConnectionError, errors.TimeoutError, errors.ClusterDownError)


def open_redis(url: str, **options: Any) -> redis.Redis:
    """A client for the server or the cluster at this address; options as of redis.asyncio.Redis.

    A cluster's client answers the same calls; what touches several keys in one command must keep to one hash
    tag. Nothing is asked before the first call. Raises ValueError when the address cannot be read.
    """
    plain, nodes = cluster_of(url)
    if nodes is None:
        client = redis.Redis.from_url(plain, **options)
        pool = client.connection_pool
        pool.connection_class = mended(pool.connection_class)
        return client
    options.pop("retry_on_error", None)
    if "retry" in options:
        options["retry"] = options["retry"] or Retry(NoBackoff(), 0)
    begin = [ClusterNode(host, port) for host, port in nodes]
    cluster = _Cluster.from_url(plain, startup_nodes=begin, **options)
    of_nodes = cluster.connection_kwargs
    of_nodes["connection_class"] = mended(of_nodes["connection_class"])
    return cast("redis.Redis", cluster)


def primaries(client: Any) -> Mapping[str, Any]:
    """Address -> node of a cluster's primaries, as `target_nodes` of its calls; empty for one server."""
    return {node.name: node for node in client.get_primaries()} if isinstance(client, RedisCluster) else {}


class _Cluster(RedisCluster):
    """redis-py's client, but that a cluster that cannot be reached is an error of the connection, as with a
    single server, and that keys of functions are read off the call."""

    async def initialize(self, *args: Any, **kwargs: Any) -> _Cluster:
        try:
            return cast("_Cluster", await super().initialize(*args, **kwargs))
        except errors.RedisClusterException as error:
            raise _as_connection_error(error) from error

    async def aclose(self) -> None:
        """By itself it leaves connections open when it closes between a lost node and its next call."""
        await super().aclose()
        for which in ("nodes_cache", "startup_nodes"):
            await self.nodes_manager.aclose(which)

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().execute_command(*args, **kwargs)
        except errors.SlotNotCoveredError as error:  # for a moment, while slots move
            raise errors.ConnectionError(str(error)) from error
        except (RuntimeError, AttributeError) as error:
            raise as_reset(error) from error

    async def _determine_slot(self, command: str, *args: Any) -> int:
        """Else each fenced write goes out three times, first within COMMAND GETKEYS."""
        if command in ("FCALL", "FCALL_RO") and int(args[1]):
            return self.keyslot(args[2])
        return await super()._determine_slot(command, *args)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> ClusterPipeline:
        if transaction:  # its commands would be queued by another thread, whose loop the connections outlive
            raise NotImplementedError("a cluster's transaction: use a script")
        return _Pipeline(self, transaction)  # type: ignore[abstract]


class _Pipeline(ClusterPipeline):
    async def execute(self, raise_on_error: bool = True, allow_redirections: bool = True) -> list[Any]:
        """Where a node is gone, the next call asks anew who has its slots; by itself it would not."""
        try:
            return await super().execute(raise_on_error, allow_redirections)
        except _LOST:
            await self.cluster_client.aclose()
            raise
        except (RuntimeError, AttributeError) as error:
            raise as_reset(error) from error


def _as_connection_error(error: errors.RedisClusterException) -> errors.RedisError:
    """Who refuses us is told as such: trying again does not help."""
    cause = error.__cause__
    if isinstance(cause, errors.AuthenticationError):
        return cause
    return errors.ConnectionError(str(error))
