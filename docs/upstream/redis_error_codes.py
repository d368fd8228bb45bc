"""Needs a Redis of its own, which it fills: python docs/upstream/redis_error_codes.py redis://HOST:PORT"""

import asyncio
import sys

import redis.asyncio as redis


async def main(url: str) -> None:
    client = redis.Redis.from_url(url)
    await client.config_set("maxmemory", 1)
    try:
        await client.set("a", "b")
    except redis.ResponseError as error:
        print(f"the server said OOM; str(error) begins with it: {str(error).startswith('OOM')}: {error}")
    await client.config_set("maxmemory", 0)
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
