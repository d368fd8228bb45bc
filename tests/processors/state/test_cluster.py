"""A Redis Cluster: addresses, and what slots that move and nodes that forget ask of the store."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

import pytest
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError

from processors.state.address import cluster_of
from processors.state.connect import open_redis
from processors.state.layout import PartitionKeys
from processors.state.redis_store import LIBRARY_VERSION, RedisStore, library_versions
from processors.state.store import Answer, StoreError, Write
from tests.cluster import RedisCluster
from tests.servers import REPO


@pytest.mark.parametrize(
    ("address", "plain", "nodes"),
    [
        ("redis://a:1/0", "redis://a:1/0", None),
        ("redis://a:1/0?cluster=no", "redis://a:1/0", None),
        ("redis://a:1?cluster=yes", "redis://a:1", []),
        (
            "rediss://u:p%40w@a:1/0?ssl_ca_certs=/x/ca.pem&cluster=b:2,[::1]:3",
            "rediss://u:p%40w@a:1/0?ssl_ca_certs=/x/ca.pem",
            [("b", 2), ("::1", 3)],
        ),
    ],
)
def test_an_address_says_whether_it_is_a_cluster(address: str, plain: str, nodes: object) -> None:
    assert cluster_of(address) == (plain, nodes)


@pytest.mark.parametrize("address", ["redis://a?cluster=b", "redis://a?cluster=b:x", "unix:///s?cluster=yes"])
def test_an_address_that_cannot_be_read_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="cluster"):
        cluster_of(address)


def fresh(number: int = 0) -> PartitionKeys:
    return PartitionKeys(f"t{secrets.token_hex(5)}", "events", number)


@pytest.mark.servers
async def test_the_library_is_on_every_primary_and_comes_back_where_it_is_missing(
    redis_cluster: RedisCluster,
) -> None:
    store = RedisStore(redis_cluster.url, timeout=5.0)
    try:
        await store.load_library()
        assert await library_versions(store._redis) == [LIBRARY_VERSION] * 3
        keys = fresh()
        redis_cluster.owner_of(keys.fence).ask("FUNCTION", "FLUSH")  # as on a node that joined just now
        assert (await store.claim(keys)).epoch == 1
        assert await library_versions(store._redis) == [LIBRARY_VERSION] * 3
    finally:
        await store.close()


@pytest.mark.servers
async def test_a_slot_moves_to_another_node_under_a_writer(redis_cluster: RedisCluster) -> None:
    """ASK while it moves, MOVED afterwards: each write arrives once."""
    store = RedisStore(redis_cluster.url, timeout=5.0)
    try:
        await store.load_library()
        keys = fresh()
        source = redis_cluster.owner_of(keys.fence)
        target = next(node for node in redis_cluster.nodes if node is not source)
        claim = await store.claim(keys)
        moving = asyncio.create_task(
            asyncio.to_thread(redis_cluster.move, source.ask("CLUSTER", "KEYSLOT", keys.fence), target)
        )
        count = 0
        while not moving.done() or count < 20:
            write = Write(claim.epoch, claim.seq + count, count or -1, count + 1)
            write.add("APPEND", keys.comments("a"), [b"x"])
            assert (await store.apply(keys, write))[0] in (Answer.OK, Answer.SAME)
            count += 1
        await moving
        assert redis_cluster.owner_of(keys.fence) is target
        assert await store.read_strings([keys.comments("a")]) == [b"x" * count]
    finally:
        await store.close()


@pytest.mark.servers
async def test_partitions_on_all_nodes_are_read_together(redis_cluster: RedisCluster) -> None:
    store = RedisStore(redis_cluster.url, timeout=5.0)
    try:
        await store.load_library()
        keys = [fresh(number) for number in range(12)]
        for number, key in enumerate(keys):
            await store.put_string(key.part, b"%d" % number)
        assert len({redis_cluster.owner_of(key.fence).port for key in keys}) > 1
        assert await store.read_strings([key.part for key in keys]) == [b"%d" % n for n in range(12)]
    finally:
        await store.close()


@pytest.mark.servers
async def test_a_fenced_write_is_sent_once(redis_cluster: RedisCluster) -> None:
    """redis-py sends a whole call within COMMAND GETKEYS first, to learn its keys; ours are read off it."""
    store = RedisStore(redis_cluster.url)
    try:
        await store.load_library()
        before = _asked(redis_cluster)
        await store.claim(fresh())
        assert _asked(redis_cluster) == before
    finally:
        await store.close()


def _asked(cluster: RedisCluster) -> int:
    stats = [node.ask("INFO", "commandstats") for node in cluster.nodes]
    return sum(told.get("cmdstat_command|getkeys", {}).get("calls", 0) for told in stats)


@pytest.mark.servers
async def test_the_rights_in_the_docs_suffice(redis_cluster: RedisCluster) -> None:
    text = (REPO / "docs" / "security.md").read_text()
    rule = re.search(r"^user rapport on >PASSWORD (.*)$", text, re.MULTILINE)
    more = re.search(r"With a \[cluster\].*? add `(.*?)`", text)
    assert rule is not None and more is not None
    name, keys = f"u{secrets.token_hex(4)}", fresh()
    allowed = rule[1].replace("{rapport", f"{{{keys.namespace}").split() + more[1].split()
    for node in redis_cluster.nodes:
        node.ask("ACL", "SETUSER", name, "on", ">secret", *allowed)
    store = RedisStore(redis_cluster.url.replace("//", f"//{name}:secret@"), timeout=5.0)
    try:
        await store.load_library()
        claim = await store.claim(keys)
        assert (await store.apply(keys, Write(claim.epoch, 0, -1, 4)))[0] is Answer.OK
        assert (await store.read_hashes([keys.fence]))[0][b"next"] == b"4"
    finally:
        await store.close()
    refused = {
        e["object"] for node in redis_cluster.nodes for e in node.ask("ACL LOG") if e["username"] == name
    }
    assert not refused


@pytest.mark.servers
async def test_who_takes_a_node_for_all_there_is_is_told(redis_cluster: RedisCluster) -> None:
    store = RedisStore(redis_cluster.url.partition("?")[0], timeout=5.0)
    try:
        with pytest.raises(StoreError, match="cluster=yes"):
            for _ in range(40):
                await store.claim(fresh())
    finally:
        await store.close()


@pytest.mark.servers
async def test_a_server_that_is_no_cluster_and_a_cluster_that_is_away_are_told() -> None:
    store = RedisStore("redis://127.0.0.1:1?cluster=127.0.0.1:2", timeout=1.0, attempts=2)
    try:
        with pytest.raises(StoreError, match="cannot be connected") as caught:
            await store.ping()
        assert caught.value.retryable
    finally:
        await store.close()


async def test_a_connection_that_another_task_closes_is_lost_and_opened_anew(
    redis_cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py closes a lost node's connections while a call is about to write to one of them."""
    client = open_redis(redis_cluster.url)
    await client.set("lost", 1)
    send = AbstractConnection._send_packed_command

    async def closed(connection: Any, command: Any) -> None:
        connection._writer.close()
        connection._writer = None
        await send(connection, command)

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "_send_packed_command", closed)
        with pytest.raises(LostError):
            await client.get("lost")
        with pytest.raises(LostError):
            await client.pipeline(transaction=False).get("lost").execute()
    assert await client.get("lost") == b"1"
    await client.aclose()
