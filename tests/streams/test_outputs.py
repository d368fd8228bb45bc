"""Producing in batches: what Kafka did not take is sent again, and held no longer than that."""

from __future__ import annotations

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

from streams import outputs
from streams.outputs import BatchSender, Out


class Headers(list[tuple[str, bytes]]):
    """Headers that can be referred to weakly: bytes cannot."""


class Builder:
    def append(self, **_: Any) -> object:
        return object()

    def close(self) -> None: ...


class Producer:
    """A producer at the seam where failures have to be forced: the first tries fail."""

    def __init__(self, failures: int) -> None:
        self.left, self.sent, self.asked = failures, 0, 0
        self._sender = SimpleNamespace(sender_task=SimpleNamespace(done=lambda: False))

    def create_batch(self) -> Builder:
        return Builder()

    async def send_batch(self, *_: Any, **__: Any) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent += 1
        if self.left:
            self.left -= 1
            future.set_exception(KafkaTimeoutError())
        else:
            future.set_result(None)
        return future

    async def partitions_for(self, _: str) -> set[int]:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise UnknownTopicOrPartitionError()
        return {0, 1}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_BACKOFF_S", (0.001,))


async def test_what_was_refused_is_sent_again_and_then_let_go() -> None:
    """The collector comes by seldom: what failed must not wait for it with its megabytes."""
    producer: Any = Producer(failures=3)
    headers = Headers()
    held = weakref.ref(headers)
    records: list[Out] = [(b"k", b"v", 0, headers)]
    gc.disable()
    try:
        assert await BatchSender(producer).send("topic", 0, records) == 1
        assert producer.sent == 4
        del records, headers
        await asyncio.sleep(0)
        assert held() is None, "a ring of future, error and frame holds what was sent"
    finally:
        gc.enable()


async def test_a_broker_that_does_not_know_the_topic_is_waited_for() -> None:
    producer: Any = Producer(failures=2)
    assert await BatchSender(producer).send_by_key("topic", [(b"k", b"v", 0, [])]) == 1
    assert producer.asked == 3
