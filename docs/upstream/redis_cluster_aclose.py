"""Needs a Redis Cluster. A cluster client is closed after a node was lost: are its connections?

python docs/upstream/redis_cluster_aclose.py redis://HOST:PORT
"""

import asyncio
import gc
import sys
import warnings

from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError


async def main(url: str) -> None:
    client = RedisCluster.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=0.5)
    for number in range(50):
        await client.set(f"key{number}", 1)  # connections to every node
    lost = client.get_node_from_key("key1")
    other = next(node for node in client.get_primaries() if node is not lost)
    # A pause stands for a node that hangs: the command times out, and the client wants to look anew.
    await client.execute_command("CLIENT PAUSE", 2_000, "ALL", target_nodes=lost)
    try:
        await client.get("key1")
    except RedisError as error:
        print("as it should:", type(error).__name__)
    await client.aclose()
    still = sum(connection.is_connected for connection in other._connections)
    print("connections to another node that aclose() left open:", still)


if __name__ == "__main__":
    warnings.simplefilter("always", ResourceWarning)
    asyncio.run(main(sys.argv[1]))
    gc.collect()
