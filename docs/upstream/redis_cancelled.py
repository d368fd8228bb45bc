"""Needs a redis-server on the path. A task that waits for Redis is cancelled: does it end?"""

import asyncio
import socket
import subprocess

import redis.asyncio as redis


async def main(port: int) -> None:
    client = redis.Redis(port=port, socket_timeout=5)
    while True:
        try:
            await client.ping()
            break
        except redis.ConnectionError:
            await asyncio.sleep(0.1)
    went_on = 0
    for steps in range(1, 11):
        task = asyncio.create_task(client.ping())
        for _ in range(steps):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        await asyncio.wait([task])
        went_on += cancelled and not task.cancelled()
    print(f"{went_on} of 10 cancellations were lost")
    await client.aclose()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    words = ["redis-server", "--port", str(number), "--save", ""]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        asyncio.run(main(number))
    finally:
        server.kill()
        server.wait()
