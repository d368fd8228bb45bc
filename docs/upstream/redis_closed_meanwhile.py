"""Needs nothing. Another task closes a connection between a command's start and its write: what is raised?"""

import asyncio

from redis.asyncio import Connection


async def main() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = Connection(port=port, socket_timeout=5, protocol=2, driver_info=None)
    await connection.connect()
    task = asyncio.create_task(connection.send_command("PING", check_health=False))
    await asyncio.sleep(0)
    await connection.disconnect(nowait=True)
    try:
        await task
    except Exception as error:
        print(f"{type(error).__module__}.{type(error).__name__}: {error}")
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
