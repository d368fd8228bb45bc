"""The demo tells where its board is once somebody can open it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streams.children import Child, free_port
from streams.demo_house import tell_when_it_answers


async def test_the_boards_address_is_told_when_it_answers(tmp_path: Path) -> None:
    port, said = free_port(), []
    server = f"s = socket.create_server(('127.0.0.1', {port}))"
    code = f"import socket, time; time.sleep(0.4); {server}; time.sleep(60)"
    child = Child("server", [sys.executable, "-c", code], tmp_path / "log")
    try:
        address = f"http://127.0.0.1:{port}/#token=x"
        telling = asyncio.create_task(tell_when_it_answers(address, child, said.append))
        await asyncio.sleep(0.1)
        assert said == []
        async with asyncio.timeout(20):
            await telling
        assert said == [f"the board in the browser: {address}"]
    finally:
        child.stop()


async def test_nothing_is_told_of_a_server_that_has_ended(tmp_path: Path) -> None:
    said: list[str] = []
    child = Child("server", [sys.executable, "-c", ""], tmp_path / "log")
    address = f"http://127.0.0.1:{free_port()}/#token=x"
    async with asyncio.timeout(20):
        await tell_when_it_answers(address, child, said.append)
    assert said == []
    child.stop()
