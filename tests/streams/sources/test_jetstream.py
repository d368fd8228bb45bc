"""The Jetstream client against a server that misbehaves: nothing is lost, and nothing is counted twice."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import redis.asyncio as redis

from processors.book import Book
from processors.panes import COUNT, KIND_INDEX
from streams.errors import InputError, StoreUnavailableError
from streams.sources.bluesky import COLLECTIONS
from streams.sources.jetstream import REWIND_US, Jetstream
from streams.sources.memory import FileMemory, Memory, RedisMemory
from tests.processors.core import Core, partnership, records
from tests.streams.sources.jetserver import JetServer

ANN, BASE_US = "did:plc:annannannannannannannann", 1_790_000_000_000_000
WATCHED = frozenset([f"bluesky:{ANN}"])
STEP_US = 100_000
NOW = BASE_US / 1e6 + 7_200


class Kept:
    """A sink that keeps what it is given; `failing` sends fail first."""

    def __init__(self, failing: int = 0) -> None:
        self.events: list[dict[str, Any]] = []
        self.forgotten: list[str] = []
        self.failing = failing

    async def send(self, events: Sequence[dict[str, Any]], at: float) -> None:
        if self.failing:
            self.failing -= 1
            raise StoreUnavailableError("not now")
        self.events += events

    async def forget(self, account: str) -> None:
        self.forgotten.append(account)

    def ids(self) -> set[str]:
        return {event["event_id"] for event in self.events}


def frame(
    number: int, operation: str = "create", rkey: str | None = None, subject: str = ANN
) -> dict[str, Any]:
    """A like by a fan of its own, or its deletion; ten a second."""
    at = BASE_US + number * STEP_US
    commit: dict[str, Any] = {"rev": "r", "operation": operation, "collection": "app.bsky.feed.like",
                              "rkey": rkey or f"like{number}"}  # fmt: skip
    if operation == "create":
        commit["record"] = {
            "$type": "app.bsky.feed.like", "createdAt": "2026-09-21T14:13:20.000Z",
            "subject": {"cid": "c", "uri": f"at://{subject}/app.bsky.feed.post/post1"},
        }  # fmt: skip
    who = int((rkey or f"like{number}").removeprefix("like"))
    return {"did": f"did:plc:fan{who}", "time_us": at, "kind": "commit", "commit": commit}


def network(likes: int, deleted: int = 0, others: int = 0) -> list[dict[str, Any]]:
    """Likes on ann among likes on others, then deletions of the first `deleted`."""
    frames = [frame(n, subject=ANN if n < likes else f"did:plc:other{n}") for n in range(likes + others)]
    Random(7).shuffle(frames)
    for place, one in enumerate(frames):
        one["time_us"] = BASE_US + place * STEP_US
    return frames + [frame(likes + others + n, "delete", f"like{n}") for n in range(deleted)]


async def follow(
    server: JetServer, memory: Memory, kept: Kept, until: Callable[[Jetstream], bool], seconds: float = 20.0
) -> Jetstream:
    """Run a client until it has seen enough, then end it as Ctrl-C does."""
    waits: list[float] = []

    async def watched() -> frozenset[str]:
        return WATCHED

    async def sleep(wait: float) -> None:
        waits.append(wait)
        await asyncio.sleep(0)

    client = Jetstream(server.url, memory, kept, watched, now=lambda: NOW, sleep=sleep, jitter=Random(1))
    task = asyncio.create_task(client.run())
    async with asyncio.timeout(seconds):
        while not until(client):
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(0 < wait <= 60 for wait in waits)
    return client


def likes_counted(kept: Kept) -> int:
    core = Core(Book([partnership(f"bluesky:{ANN}", partnership_id="p")]), watched=tuple(WATCHED))
    core.run(records((NOW, event) for event in kept.events))
    days = core.influencer(f"bluesky:{ANN}").days.by_index.values()
    return sum(pane[COUNT + KIND_INDEX["like"]] for pane in days)


async def test_only_what_concerns_the_watched_is_kept(tmp_path: Path) -> None:
    kept = Kept()
    async with JetServer(network(20, others=200)) as server:
        client = await follow(server, FileMemory(tmp_path / "c"), kept, lambda c: c.stats.frames >= 220)
    assert len(kept.ids()) == 20 == client.stats.events
    assert server.collections == list(COLLECTIONS)


async def test_drops_duplicates_and_disorder_lose_nothing(tmp_path: Path) -> None:
    kept, frames = Kept(), network(400, deleted=100, others=400)
    async with JetServer(frames, drop_every=230, twice=0.2, disorder=25) as server:
        # What is lost shows as a timeout: all 400 were made, and 100 of them deleted.
        client = await follow(server, FileMemory(tmp_path / "c"), kept, lambda c: len(kept.ids()) == 500)
    assert client.stats.connects > 2
    assert await asyncio.to_thread(likes_counted, kept) == 300


async def test_it_goes_on_where_it_was_acknowledged(tmp_path: Path) -> None:
    frames, memory = network(300, others=1_000), tmp_path / "cursor.json"
    async with JetServer(frames[:700]) as server:
        first = Kept()
        await follow(server, FileMemory(memory), first, lambda c: c.stats.frames >= 700)
        server.frames = frames
        second = Kept()
        await follow(server, FileMemory(memory), second, lambda c: c.stats.cursor == frames[-1]["time_us"])
    assert server.cursors == [None, frames[699]["time_us"] - REWIND_US]
    assert len(first.ids() | second.ids()) == 300


async def test_what_was_not_acknowledged_is_sent_again(tmp_path: Path) -> None:
    kept = Kept(failing=2)
    async with JetServer(network(50)) as server:
        client = await follow(server, FileMemory(tmp_path / "c"), kept, lambda c: c.stats.frames >= 50)
    assert client.stats.failures == 2 and len(kept.ids()) == 50


async def test_a_deletion_that_comes_before_its_creation(tmp_path: Path) -> None:
    made, gone = frame(1), frame(2, "delete", "like1")
    kept = Kept()
    async with JetServer([gone, made]) as server:
        await follow(server, FileMemory(tmp_path / "c"), kept, lambda c: c.stats.frames >= 2)
    assert [event["op"] for event in kept.events] == ["create", "undo"]
    assert await asyncio.to_thread(likes_counted, kept) == 0


async def test_redis_resolves_deletions_after_a_restart(redis_server: Callable[..., Any]) -> None:
    url = redis_server().url
    frames = network(30, deleted=30)
    client = redis.from_url(url, socket_timeout=5)
    try:
        async with JetServer(frames[:30]) as server:
            first, second = Kept(), Kept()
            memory = RedisMemory(client, "test", "bluesky")
            await follow(server, memory, first, lambda c: c.stats.frames >= 30)
            server.frames = frames[30:]
            memory = RedisMemory(client, "test", "bluesky")
            done = await follow(server, memory, second, lambda c: c.stats.frames >= 30)
        assert done.stats.unresolved == 0
        assert [event["op"] for event in second.events] == ["undo"] * 30
        keys = [key async for key in client.scan_iter("{test}source:bluesky:i:*")]
        assert keys and all([0 < await client.ttl(key) <= 30 * 86_400 for key in keys])
        assert not any(b"fan" in key for key in keys)
    finally:
        await client.aclose()


async def test_only_accounts_that_were_kept_are_to_be_forgotten(tmp_path: Path) -> None:
    def account(did: str, at: int) -> dict[str, Any]:
        told = {"active": False, "status": "deleted", "did": did, "seq": at}
        return {"did": did, "time_us": BASE_US + at, "kind": "account", "account": told}

    kept = Kept()
    async with JetServer(
        [frame(1), account("did:plc:fan1", 20_000), account("did:plc:fan2", 30_000)]
    ) as server:
        await follow(server, FileMemory(tmp_path / "c"), kept, lambda c: c.stats.frames >= 3)
    assert kept.forgotten == ["bluesky:did:plc:fan1"]


async def test_rubbish_and_the_future_do_not_move_the_cursor(tmp_path: Path) -> None:
    late = frame(1) | {"time_us": BASE_US * 2}
    kept = Kept()
    async with JetServer([frame(0), late, {"time_us": 5, "did": None, "kind": "commit"}]) as server:
        client = await follow(server, FileMemory(tmp_path / "c"), kept, lambda c: c.stats.frames >= 3)
    assert client.stats.cursor == int(NOW * 1e6)
    assert client.stats.rejected == 1


async def test_a_burst_is_kept_up_with(tmp_path: Path) -> None:
    kept, frames = Kept(), network(500, others=5_500)
    async with JetServer(frames) as server:
        began = time.perf_counter()
        await follow(server, FileMemory(tmp_path / "c"), kept, lambda c: c.stats.frames >= 6_000)
        rate = 6_000 / (time.perf_counter() - began)
    assert len(kept.ids()) == 500
    assert rate > 2_000, f"{rate:,.0f} frames a second; the whole network makes about 500"


@pytest.mark.parametrize("url", ["", "http://127.0.0.1", "ws:///subscribe", "wss://host/subscribe?cursor=1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InputError, match="no address"):
        Jetstream(url, None, None, None, now=time.time)  # type: ignore[arg-type]


async def test_a_file_that_holds_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "c").write_text(json.dumps({"cursor": "x"}))
    with pytest.raises(InputError, match="holds no cursor"):
        await FileMemory(tmp_path / "c").cursor()
    memory = FileMemory(tmp_path / "d")
    await memory.save(5)
    await memory.save(3)
    assert await memory.cursor() == 5
