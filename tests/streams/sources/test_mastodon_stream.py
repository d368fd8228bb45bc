"""The Mastodon client against a server of frames: tokens, breaks, deletions, and what Kafka did not take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from streams import metrics
from streams.cli import app
from streams.errors import InputError
from streams.sources import Options
from streams.sources.mastodon_stream import MastodonStream, TokenRefusedError
from streams.sources.memory import FileMemory
from tests.streams.sources.cases import BY_NAME, RECEIVED
from tests.streams.sources.test_jetstream import Kept

CASE = BY_NAME["mastodon"]
TOKEN = "token-of-ann"
OPTIONS = Options(**CASE.options)


@asynccontextmanager
async def server(*connections: Sequence[bytes], good: int = 1_000) -> AsyncIterator[tuple[str, list[str]]]:
    """Sends each connection its frames and drops it; the last is held open. (address, requests). The token
    ends after `good` requests."""
    asked: list[str] = []
    left = list(connections)

    def check(_: ServerConnection, request: Request) -> Response | None:
        asked.append(request.path)
        if request.headers.get("Authorization") == f"Bearer {TOKEN}" and len(asked) <= good:
            return None
        return Response(HTTPStatus.UNAUTHORIZED, "Unauthorized", request.headers.__class__())

    async def talk(socket: ServerConnection) -> None:
        for frame in left.pop(0) if left else ():
            await socket.send(frame.decode())
        if left:
            socket.transport.abort()
        else:
            await socket.wait_closed()

    async with serve(talk, "127.0.0.1", 0, process_request=check) as made:
        port = next(iter(made.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/api/v1/streaming", asked


def client(url: str, memory: Path, kept: Kept, token: str = TOKEN) -> MastodonStream:
    async def watched() -> frozenset[str]:
        return frozenset([CASE.influencer])

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    return MastodonStream(
        url, token, OPTIONS, FileMemory(memory), kept, watched, now=RECEIVED.timestamp, sleep=sleep,
        jitter=Random(1),
    )  # fmt: skip


async def follow(stream: MastodonStream, until: Callable[[], bool]) -> None:
    task = asyncio.create_task(stream.run())
    async with asyncio.timeout(15):
        while not until():
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_all_frames_become_what_the_source_makes_of_them(tmp_path: Path) -> None:
    kept, frames = Kept(), CASE.payloads()
    wanted = {event["event_id"] for event in CASE.events(watched=frozenset([CASE.influencer]))}
    async with server(frames) as (url, asked):
        stream = client(url, tmp_path / "c", kept)
        await follow(stream, lambda: stream.stats.frames >= len(frames))
    assert kept.ids() == wanted
    assert stream.stats.unresolved == 1 and stream.stats.rejected == 0
    assert asked == ["/api/v1/streaming?stream=user"]  # the token is in no address


async def test_after_a_break_deletions_find_what_was_seen_before(
    tmp_path: Path,
) -> None:
    kept, frames = Kept(), CASE.payloads()
    async with server(frames[:6], frames[6:]) as (url, asked):
        stream = client(url, tmp_path / "c", kept)
        await follow(stream, lambda: stream.stats.frames >= len(frames))
    assert len(asked) == stream.stats.connects == 2 and stream.stats.failures == 1
    assert sum(event["op"] == "undo" for event in kept.events) == 2


async def test_what_was_not_acknowledged_is_sent_again_as_the_server_will_not(tmp_path: Path) -> None:
    kept, frames = Kept(failing=2), CASE.payloads()
    async with server(frames, ()) as (url, _):
        stream = client(url, tmp_path / "c", kept)
        await follow(stream, lambda: stream.stats.frames >= len(frames))
    assert kept.ids() == {event["event_id"] for event in CASE.events(watched=frozenset([CASE.influencer]))}


async def test_a_token_that_is_refused_ends_it_with_what_to_do(tmp_path: Path) -> None:
    told = metrics.SOURCE_RESULTS.labels("mastodon", "token")
    before: Any = told._value.get()
    async with server(()) as (url, _):
        with pytest.raises(TokenRefusedError, match="refuses the token") as error:
            await client(url, tmp_path / "c", Kept(), "old").run()
    assert "RAPPORT_MASTODON_TOKEN" in (error.value.hint or "") and "old" not in str(error.value)
    assert told._value.get() == before + 1


async def test_a_token_that_ends_later_is_counted_each_time_it_is_tried(tmp_path: Path) -> None:
    told = metrics.SOURCE_RESULTS.labels("mastodon", "token")
    before: Any = told._value.get()
    async with server(CASE.payloads()[:1], (), good=1) as (url, asked):
        stream = client(url, tmp_path / "c", Kept())
        await follow(stream, lambda: len(asked) >= 4)
    assert told._value.get() >= before + 2
    assert stream.stats.connects == 1


def test_what_the_command_asks_for() -> None:
    url = "ws://127.0.0.1:9/api/v1/streaming"
    for words in (["mastodon", "--url", url], ["nobody", "--url", url]):
        assert CliRunner().invoke(app, ["sources", "follow", *words]).exit_code == 2
    with pytest.raises(InputError, match="no address"):
        MastodonStream("https://x", "", OPTIONS, None, None, None, now=None)  # type: ignore[arg-type]
