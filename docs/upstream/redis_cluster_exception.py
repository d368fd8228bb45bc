"""Needs nothing. A cluster that cannot be reached: is that a RedisError?"""

import asyncio

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import RedisError


async def main() -> None:
    client = RedisCluster.from_url("redis://127.0.0.1:1")
    try:
        await client.ping()
    except RedisError:
        print("a RedisError, as with a single server")
    except Exception as error:
        print(f"{type(error).__name__}, which is no RedisError: {error}")
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(main())
