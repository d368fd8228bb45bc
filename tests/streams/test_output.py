"""How commands speak, and how they are stopped."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from streams.commands.output import run


def test_ctrl_c_in_the_middle_of_a_callback_leaves_no_stack_trace(caplog: pytest.LogCaptureFixture) -> None:
    async def waits() -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def answer() -> None:
            os.kill(os.getpid(), signal.SIGINT)
            future.set_result(None)  # which the handler has cancelled by now

        loop.call_soon(answer)
        await future

    with pytest.raises(KeyboardInterrupt):
        run(waits())
    assert not caplog.records


def test_what_else_goes_wrong_in_a_callback_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(0)

    run(breaks())
    assert "ZeroDivisionError" in caplog.text
