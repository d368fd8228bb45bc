"""Needs nothing but uvloop. The peer resets an idle connection; what does the next command raise?"""

import asyncio
import socket
import struct
import threading

import redis.asyncio as redis
import uvloop


def serve(listener: socket.socket, resets: threading.Event) -> None:
    connection, _ = listener.accept()
    while b"PING" not in connection.recv(4_096):
        connection.sendall(b"+OK\r\n+OK\r\n")
    connection.sendall(b"+PONG\r\n")
    resets.wait()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()  # a reset, not an end


async def main(name: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    resets = threading.Event()
    threading.Thread(target=serve, args=(listener, resets), daemon=True).start()
    client = redis.Redis(port=listener.getsockname()[1], retry=None, protocol=2, driver_info=None)
    await client.ping()
    resets.set()
    await asyncio.sleep(0.2)
    listener.close()
    try:
        await client.ping()
    except Exception as error:
        print(f"{name}: {type(error).__module__}.{type(error).__name__}: {str(error)[:80]}")
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(main("asyncio"))
    uvloop.run(main("uvloop"))
