"""Needs a Redis Cluster: python docs/upstream/redis_cluster_transaction.py redis://HOST:PORT"""

import asyncio
import sys

from redis.asyncio.cluster import RedisCluster


async def main(url: str) -> None:
    client = RedisCluster.from_url(url)
    pipe = client.pipeline(transaction=True)
    pipe.hset("{a}hash", "field", 1)
    pipe.set("{a}key", 1)
    print("the transaction:", await pipe.execute())
    try:
        await client.aclose()
    except Exception as error:
        print(f"closing: {type(error).__name__}: {error}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
