"""State to a file and back; an older layout brought to the present; what does not fit is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from processors.readings import packed
from processors.state.entries import Entry, entries, read_header
from processors.state.layout import LAYOUT_VERSION, PartitionKeys
from streams import state_files
from streams.errors import InputError, RapportError
from streams.reader import Reader
from streams.settings import Settings
from streams.state_files import Store, bring_in, export, open_store, upgrade
from tests.cluster import RedisCluster
from tests.conftest import Pair
from tests.servers import REPO, RedisServer
from tests.workers import environment, until

pytestmark = pytest.mark.servers
#: Written by a worker of layout 1 (readings as plain JSON), from 2,500 generated events on 2 partitions.
OLDER = REPO / "tests" / "data" / "layout-1.state"
_EVENTS = 2_500


@pytest.fixture(autouse=True)
def _short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs but where a test says so."""
    monkeypatch.setattr(state_files, "_WATCH_S", 0.1)


@pytest.fixture(params=["embedded", "cluster"])
async def target(
    request: pytest.FixtureRequest, embedded_pair: Pair, settings_for: Callable[..., Settings]
) -> AsyncIterator[Settings]:
    """A namespace of the test's own, empty again afterwards, for state of the unprefixed topic."""
    settings = settings_for(embedded_pair, topic_prefix="", partitions=2)
    if request.param == "cluster":
        cluster: RedisCluster = request.getfixturevalue("redis_cluster")
        settings = settings.model_copy(update={"redis_url": cluster.url})
    yield settings
    async with open_store(settings) as store:
        await store.keys.wipe()


async def content(settings: Settings) -> dict[tuple[str, int, bytes], Any]:
    """All that lies there, without epochs."""
    async with open_store(settings) as store:
        found = {}
        async for key, place in store.keys.places():
            entry = await store.keys.entry(key, place)
            assert entry is not None
            value = entry.value
            if entry.name == b"fence":
                value = {name: item for name, item in value.items() if name != b"epoch"}
            found[entry.topic, entry.partition, entry.name] = (entry.kind, value)
    return found


async def put_older(settings: Settings) -> None:
    """The older state as it lay in Redis."""
    async with open_store(settings) as store:
        await store.keys.add(entries(OLDER))


async def test_an_older_layout_is_migrated_in_place_and_by_import_alike(target: Settings) -> None:
    await put_older(target)
    plain = await content(target)
    assert any(value[:1] == b"{" for value in plain["engagement.events.v1", 1, b"readings"][1].values())
    assert (await upgrade(target, dry_run=True))[1] > 0
    assert await content(target) == plain
    before, changed = await upgrade(target)
    assert (before, changed) == (1, 10)  # readings of three keys, remembered comments of seven influencers
    in_place = await content(target)
    assert await upgrade(target) == (LAYOUT_VERSION, 0)
    await bring_in(target, OLDER, replace=True, topic_partitions=2)
    assert await content(target) == in_place
    for kind in (b"readings", b"readings:none"):
        was, now = (found["engagement.events.v1", 1, kind][1] for found in (plain, in_place))
        assert {name: packed(value) for name, value in was.items()} == now
    async with Reader(target) as reader:
        assert (await reader.totals()).counted == _EVENTS
        assert len(await reader.readings(unpartnered=True)) + len(await reader.readings()) > 5
        known = [await reader.influencer(name) for name in ("gen:sol.cooks", "gen:max.baut")]
        assert all(facts is not None and sum(facts.lifetime.values()) > 100 for facts in known)


async def test_what_was_exported_is_there_after_the_import_key_by_key(
    target: Settings, tmp_path: Path
) -> None:
    await bring_in(target, OLDER)
    async with open_store(target) as store:  # kinds that the older state does not have
        for kind, value in (
            ("set", [b"a", b"b"]), ("list", [b"z", b"a", b"z"]), ("zset", [(b"m", 1.5)]),
            ("stream", [(b"5-1", [b"act", b"{}"]), (b"6-0", [b"act", b"{}"])]),
        ):  # fmt: skip
            await store.keys.add([Entry("", -1, kind.encode(), kind, value, 500)])
    before = await content(target)
    file = tmp_path / "all.state"
    moved = await export(target, file)
    assert moved.entries == len(before) and file.stat().st_mode & 0o077 == 0
    assert read_header(file)["layout"] == LAYOUT_VERSION
    await bring_in(target, file, replace=True, topic_partitions=2)
    assert await content(target) == before
    async with open_store(target) as store:
        epochs = [int(fence[b"epoch"]) for fence in await store.fences("engagement.events.v1", 2)]
        assert min(epochs) > 1, "who still holds a partition must be refused"


async def test_one_partition_is_put_back_and_the_other_left_alone(target: Settings, tmp_path: Path) -> None:
    await bring_in(target, OLDER)
    before = await content(target)
    file = tmp_path / "one.state"
    await export(target, file, partition=1)
    keys = [PartitionKeys(target.namespace, "engagement.events.v1", number) for number in (0, 1)]
    async with open_store(target) as store:
        await store.keys.wipe(keys[1])
        assert await content(target) != before
    await bring_in(target, file, topic_partitions=2)
    assert await content(target) == before


async def test_what_does_not_fit_is_refused_and_changes_nothing(target: Settings, tmp_path: Path) -> None:
    await bring_in(target, OLDER)
    before = await content(target)
    whole = OLDER.read_bytes()
    for name, body in (
        ("cut", whole[:-5]),
        ("none", b"hello"),
        ("bent", whole[:5_000] + b"x" + whole[5_001:]),
    ):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(InputError, match="cannot be imported"):
            await bring_in(target, tmp_path / name, replace=True)
    with pytest.raises(InputError, match=r"2 partitions, engagement\.events\.v1 has 8"):
        await bring_in(target, OLDER, replace=True, topic_partitions=8)
    with pytest.raises(InputError, match="here it is") as caught:
        await bring_in(target.model_copy(update={"topic_prefix": "staging."}), OLDER, replace=True)
    assert "staging." in str(caught.value)
    with pytest.raises(RapportError, match="has state already"):
        await bring_in(target, OLDER)
    with pytest.raises(InputError, match="there already"):
        await export(target, OLDER)
    with pytest.raises(InputError, match="no partition 7"):
        await export(target, tmp_path / "x", partition=7)
    assert await content(target) == before


async def test_a_newer_layout_is_refused_by_import_and_by_readers(
    target: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bring_in(target, OLDER)
    async with open_store(target) as store:
        await store.mark({"version": str(LAYOUT_VERSION + 1)})
    await export(target, tmp_path / "newer")
    with pytest.raises(InputError, match="this program knows"):
        await bring_in(target, tmp_path / "newer", replace=True)
    async with Reader(target) as reader:
        with pytest.raises(RapportError, match="newer program"):
            await reader.totals()
    with pytest.raises(RapportError, match="this program knows"):
        await upgrade(target)


async def _owning(store: Store) -> None:
    """As a worker does that has nothing to write: its fence's number rises every 2 s."""
    fence = PartitionKeys(store.settings.namespace, "engagement.events.v1", 1).fence
    while True:
        await store.keys.ask(store._redis.hincrby(fence, "seq", 1))
        await asyncio.sleep(2.0)


async def test_nothing_is_changed_under_a_worker(target: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    await put_older(target)
    async with open_store(target) as store:
        worker = asyncio.create_task(_owning(store))
        try:
            for act in (bring_in(target, OLDER, replace=True), upgrade(target)):
                with pytest.raises(RapportError, match="a worker owns partition 1"):
                    await act
        finally:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        assert (await store.layout())["version"] == "1"


async def test_an_import_that_was_cut_off_is_told_and_done_again(
    target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> Any:
        yield Entry("", -1, b"hash_key", "string", b"x")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        await bring_in(target, OLDER, change=torn)
    async with Reader(target) as reader:
        with pytest.raises(RapportError, match="import of state"):
            await reader.totals()
    await bring_in(target, OLDER, replace=True)
    async with Reader(target) as reader:
        assert (await reader.totals()).counted == _EVENTS


async def test_the_commands_say_what_they_did(target: Settings, tmp_path: Path) -> None:
    await put_older(target)

    def rapport(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", "state", *words, "--json"], env=environment(target),
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    told = await asyncio.to_thread(rapport, "migrate")
    assert (told["before"], told["after"], told["keys_changed"]) == (1, LAYOUT_VERSION, 10)
    told = await asyncio.to_thread(rapport, "export", str(tmp_path / "file"))
    assert told["entries"] == read_count(tmp_path / "file") and told["partitions"] == 2


def read_count(path: Path) -> int:
    return sum(1 for _ in entries(path))


@pytest.mark.parametrize("how", ["rdb", "aof"])
async def test_a_copy_of_redis_own_files_brings_all_back(
    redis_server: Callable[..., RedisServer], settings_for: Callable[..., Settings], embedded_pair: Pair,
    tmp_path: Path, how: str,
) -> None:  # fmt: skip
    """The steps of docs/state.md: the copy is taken while the server runs."""
    server = redis_server(appendonly=how == "aof")
    settings = settings_for(embedded_pair, redis_url=server.url, topic_prefix="", partitions=2)
    await bring_in(settings, OLDER)
    before = await content(settings)
    async with open_store(settings) as store:
        if how == "rdb":
            saved = await store.keys.ask(store._redis.lastsave())
            await asyncio.sleep(1.1)
            await store.keys.ask(store._redis.bgsave())
            await until(lambda: store.keys.ask(store._redis.lastsave()), lambda at: at != saved, within=20)
        else:
            await asyncio.sleep(1.5)  # appendfsync everysec
    name = "dump.rdb" if how == "rdb" else "appendonlydir"
    kept = tmp_path / "restored"
    kept.mkdir()
    copy = shutil.copy2 if how == "rdb" else shutil.copytree
    copy(server.directory / name, kept / name)
    server.kill()
    with RedisServer(kept, appendonly=how == "aof") as restored:
        assert await content(settings.model_copy(update={"redis_url": restored.url})) == before
