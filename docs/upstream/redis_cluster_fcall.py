"""Needs a Redis Cluster: python docs/upstream/redis_cluster_fcall.py redis://HOST:PORT

How many bytes go out for one FCALL of 1 MB? COMMAND GETKEYS takes the whole call first, to learn its keys.
"""

import asyncio
import sys

from redis.asyncio.cluster import RedisCluster

LIBRARY = "#!lua name=upstream\nredis.register_function('upstream_len', function(k, a) return #a[1] end)"


async def main(url: str) -> None:
    client = RedisCluster.from_url(url)
    await client.function_load(LIBRARY, replace=True)
    before = await received(client)
    assert await client.fcall("upstream_len", 1, "{a}key", "x" * 1_000_000) == 1_000_000
    after = await received(client)
    print(f"sent for one FCALL of 1,000,000 bytes: {after - before:,} bytes")
    await client.function_delete("upstream")
    await client.aclose()


async def received(client: RedisCluster) -> int:
    told = await client.info("stats", target_nodes=RedisCluster.PRIMARIES)
    return sum(node["total_net_input_bytes"] for node in told.values())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
