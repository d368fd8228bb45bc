"""Needs a Redis Cluster: python docs/upstream/redis_cluster_unlink.py redis://HOST:PORT

In a cluster pipeline unlink() is a coroutine, unlike every other command: not awaited, it queues nothing.
"""

import asyncio
import sys
import warnings

from redis.asyncio.cluster import RedisCluster


async def main(url: str) -> None:
    client = RedisCluster.from_url(url)
    await client.set("{a}key", 1)
    pipe = client.pipeline(transaction=False)
    pipe.set("{a}other", 1)
    pipe.unlink("{a}key")
    print("answers of two commands:", await pipe.execute())
    print("the key is still there:", await client.exists("{a}key") == 1)
    await client.delete("{a}key", "{a}other")
    await client.aclose()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asyncio.run(main(sys.argv[1]))
