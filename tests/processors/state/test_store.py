"""The fence: the same answers from memory, Redis, Valkey and a Redis Cluster; and when things go wrong."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.state.layout import PartitionKeys
from processors.state.memory_store import MemoryStore
from processors.state.redis_store import RedisStore
from processors.state.store import MAX_ARGS, MAX_STRING, Answer, StoreError, Write
from tests.faults.proxy import Proxy
from tests.servers import RedisServer

pytestmark = pytest.mark.servers
_ops = st.lists(
    st.one_of(
        st.tuples(st.just("HSET"), st.sampled_from("ab"), st.lists(st.sampled_from("xyz"), min_size=1)),
        st.tuples(st.just("HDEL"), st.sampled_from("ab"), st.lists(st.sampled_from("xyz"), min_size=1)),
        st.tuples(st.just("APPEND"), st.sampled_from("cd"), st.binary(max_size=20)),
        st.tuples(st.just("SET"), st.sampled_from("cd"), st.binary(max_size=20)),
        st.tuples(st.just("UNLINK"), st.sampled_from("abcd"), st.none()),
        st.tuples(st.just("XADD"), st.just("outbox"), st.binary(max_size=20)),
    ),
    max_size=6,
)
#: A claim by one of two workers, or a write by it: how far, whether from a wrong place, whether sent twice.
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(0, 1)),
        st.tuples(st.just("write"), st.integers(0, 1), st.integers(0, 9), st.booleans(), st.booleans(), _ops),
        st.tuples(st.just("relay"), st.integers(1, 3)),
    ),
    max_size=12,
)


def fresh() -> PartitionKeys:
    return PartitionKeys(f"t{secrets.token_hex(5)}", "events", 0)


def write_of(at: list[int], move: int, wrong: bool, ops: Any, keys: PartitionKeys) -> Write:
    epoch, seq, offset = at
    write = Write(epoch, seq, offset + (7 if wrong else 0), max(offset, 0) + move)
    for op, name, args in ops:
        key = keys.outbox if name == "outbox" else keys.influencer(name)
        if op == "HSET":
            write.add(op, key, [part for field in args for part in (field, f"{field}{move}")])
        elif op == "XADD":
            write.add(op, key, ["*", "alert", args])
        else:
            write.add(op, key, args if op == "HDEL" else [] if args is None else [args])
    return write


async def play(store: Any, keys: PartitionKeys, steps: Any) -> list[Any]:
    """What two workers are answered, and what then stands."""
    said: list[Any] = []
    workers = [[0, 0, -1], [0, 0, -1]]
    for what, *rest in steps:
        if what == "claim":
            claim = await store.claim(keys)
            workers[rest[0]] = [claim.epoch, claim.seq, -1 if claim.next is None else claim.next]
            said.append((claim.epoch, claim.seq, claim.next, claim.fields))
        elif what == "relay":
            entries = (await store.read_outbox(keys, rest[0]))[:1]
            if entries:
                await store.delete_outbox(keys, [entry for entry, _ in entries])
        else:
            worker, move, wrong, twice, ops = rest
            write = write_of(workers[worker], move, wrong, ops, keys)
            for _ in range(1 + twice):
                answer, cur = await store.apply(keys, write)
                said.append((answer, cur))
            if answer in (Answer.OK, Answer.SAME):
                workers[worker] = [write.epoch, write.seq + 1, write.next]
    names = [keys.influencer(name) for name in "ab"]
    said.append(await store.read_hashes([*names, keys.fence]))
    said.append(await store.read_strings([keys.influencer(name) for name in "cd"]))
    said.append([body for _, body in await store.read_outbox(keys, 100)])
    return said


@pytest.fixture(params=["embedded", "apache", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """Address of Valkey, Redis, and a cluster in turn."""
    if request.param == "cluster":
        return request.getfixturevalue("redis_cluster").url
    return request.getfixturevalue(f"{request.param}_pair").redis_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(url, timeout=5.0)
    await store.load_library()
    yield store
    await store.close()


def test_memory_and_redis_answer_alike(url: str) -> None:
    """Random claims and writes of two workers: the same answers, and the same state after."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_steps)
    def run(steps: Any) -> None:
        keys = fresh()
        expected = runner.run(play(MemoryStore(), keys, steps))
        assert runner.run(play(store, keys, steps)) == expected

    with asyncio.Runner() as runner:
        store = RedisStore(url, timeout=5.0)
        runner.run(store.load_library())
        try:
            run()
        finally:
            runner.run(store.close())


async def test_a_write_whose_answer_was_lost_is_not_applied_again(store: RedisStore) -> None:
    keys = fresh()
    claim = await store.claim(keys)
    write = Write(claim.epoch, claim.seq, -1, 10)
    write.add("APPEND", keys.comments("a"), [b"once"])
    assert await store.apply(keys, write) == (Answer.OK, 10)
    assert await store.apply(keys, write) == (Answer.SAME, 10)
    assert await store.read_strings([keys.comments("a")]) == [b"once"]


async def test_a_write_that_moves_nothing_is_recognised_by_its_number(store: RedisStore) -> None:
    """Timers and sweeps write with next == prev: the fence alone could not tell the second from the first."""
    keys = fresh()
    claim = await store.claim(keys)
    for seq in range(3):
        sweep = Write(claim.epoch, claim.seq + seq, -1 if seq == 0 else 0, 0)
        sweep.add("APPEND", keys.comments("a"), [b"x"])
        assert (await store.apply(keys, sweep))[0] is Answer.OK
        assert (await store.apply(keys, sweep))[0] is Answer.SAME
    assert await store.read_strings([keys.comments("a")]) == [b"xxx"]


async def test_a_zombie_is_refused_and_changes_nothing(store: RedisStore) -> None:
    keys = fresh()
    old = await store.claim(keys)
    new = await store.claim(keys)
    assert new.epoch == old.epoch + 1
    zombie = Write(old.epoch, old.seq, -1, 5)
    zombie.add("SET", keys.comments("a"), [b"zombie"])
    assert await store.apply(keys, zombie) == (Answer.OLD, -1)
    assert await store.read_strings([keys.comments("a")]) == [b""]
    assert (await store.apply(keys, Write(new.epoch, new.seq, -1, 5)))[0] is Answer.OK


async def test_a_slice_that_is_missing_is_refused(store: RedisStore) -> None:
    keys = fresh()
    claim = await store.claim(keys)
    assert (await store.apply(keys, Write(claim.epoch, 0, -1, 5)))[0] is Answer.OK
    assert await store.apply(keys, Write(claim.epoch, 1, 6, 9)) == (Answer.MOVED, 5)


async def test_a_big_write_is_cut_and_arrives_whole(store: RedisStore) -> None:
    """Lua can unpack some 8,000 values at once; a write of 50,000 fields must not meet that limit."""
    keys = fresh()
    claim = await store.claim(keys)
    write = Write(claim.epoch, claim.seq, -1, 1)
    fields = {f"f{number}".encode(): b"v" for number in range(25 * MAX_ARGS)}
    write.add("HSET", keys.influencer("a"), [part for item in fields.items() for part in item])
    gone = list(fields)[: 5 * MAX_ARGS]
    write.add("HDEL", keys.influencer("a"), gone)
    for number in range(9_000):
        write.add("SET", keys.comments(str(number)), [b"%d" % number])
    assert await store.apply(keys, write) == (Answer.OK, 1)
    (found,) = await store.read_hashes([keys.influencer("a")])
    assert found.keys() == fields.keys() - set(gone)
    names = [keys.comments(str(number)) for number in range(9_000)]
    assert await store.read_strings(names) == [b"%d" % number for number in range(9_000)]


@pytest.mark.parametrize("how", ["FLUSHALL", "FUNCTION FLUSH", "restart"])
async def test_a_redis_that_forgot_answers_moved_and_is_taught_the_library_again(
    redis_server: Callable[..., RedisServer], how: str
) -> None:
    server = redis_server()
    store = RedisStore(server.url, timeout=2.0)
    try:
        await store.load_library()
        keys = fresh()
        claim = await store.claim(keys)
        assert (await store.apply(keys, Write(claim.epoch, 0, -1, 4)))[0] is Answer.OK
        if how == "restart":
            server.restart(empty=True)
        else:
            await store._redis.execute_command(*how.split())
        forgot = how != "FUNCTION FLUSH"
        wanted = (Answer.MOVED, -1) if forgot else (Answer.OK, 8)
        assert await store.apply(keys, Write(claim.epoch, 1, 4, 8)) == wanted
        again = await store.claim(keys)
        assert (again.epoch, again.next) == ((1, None) if forgot else (2, 8))
    finally:
        await store.close()


async def test_a_redis_that_is_away_is_said_so_within_the_timeout(
    redis_server: Callable[..., RedisServer],
) -> None:
    server = redis_server()
    store = RedisStore(server.url, timeout=0.5)
    try:
        await store.load_library()
        server.freeze()
        with pytest.raises(StoreError, match="Redis did not do claim") as caught:
            async with asyncio.timeout(5.0):
                await store.claim(fresh())
        assert caught.value.retryable
        server.thaw()
        assert (await store.claim(fresh())).epoch == 1
    finally:
        server.thaw()
        await store.close()


async def test_a_redis_that_is_full_or_a_replica_is_tried_again_later(
    redis_server: Callable[..., RedisServer],
) -> None:
    """After a failover the old primary is a replica for a while; a full one is given memory."""
    server, primary = redis_server(), redis_server()
    store = RedisStore(server.url, timeout=2.0, attempts=2)
    try:
        await store.load_library()
        keys = fresh()
        claim = await store.claim(keys)
        write = Write(claim.epoch, claim.seq, -1, 1)
        write.add("SET", keys.comments("a"), [b"once"])
        for harm, cure in (
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
            (("REPLICAOF", "127.0.0.1", str(primary.port)), ("REPLICAOF", "NO", "ONE")),
        ):
            await store._redis.execute_command(*harm)
            with pytest.raises(StoreError, match="Redis did not do apply") as caught:
                await store.apply(keys, write)
            assert caught.value.retryable, caught.value
            await store._redis.execute_command(*cure)
        await store.load_library()  # what it had went when it became a replica of an empty one
        claim = await store.claim(keys)
        write.epoch = claim.epoch
        assert await store.apply(keys, write) == (Answer.OK, 1)
    finally:
        await store.close()


async def test_what_redis_refuses_for_good_is_not_tried_again(store: RedisStore) -> None:
    keys = fresh()
    claim = await store.claim(keys)
    write = Write(claim.epoch, claim.seq, -1, 1)
    write.add("HSET", keys.influencer("a"), ["field", "value"])
    write.add("APPEND", keys.influencer("a"), [b"not a string"])
    with pytest.raises(StoreError, match="refused apply") as caught:
        await store.apply(keys, write)
    assert not caught.value.retryable


async def _fill(store: RedisStore | MemoryStore, key: str) -> None:
    """Make a string as long as one may be."""
    if isinstance(store, MemoryStore):
        store.strings[key] = bytes(1_000)
    else:
        await store._redis.setrange(key, MAX_STRING - 1, b"x")


async def test_a_write_that_would_make_a_string_too_long_writes_nothing(store: RedisStore) -> None:
    for each in (store, MemoryStore(max_string=1_000)):
        keys = fresh()
        await _fill(each, keys.event_ids(5))
        claim = await each.claim(keys)
        write = Write(claim.epoch, claim.seq, -1, 1)
        write.add("HSET", keys.influencer("a"), ["field", "value"])
        write.add("XADD", keys.outbox, ["*", "alert", b"alert"])
        write.add("APPEND", keys.event_ids(5), [b"x"])
        with pytest.raises(StoreError, match="nothing was written: a string") as caught:
            await each.apply(keys, write)
        assert not caught.value.retryable
        assert await each.read_hashes([keys.influencer("a")]) == [{}]
        assert await each.read_outbox(keys, 5) == []
        assert (await each.claim(keys)).next is None
        anew = Write(claim.epoch + 1, claim.seq, -1, 1)
        anew.add("SET", keys.event_ids(5), [b"y"])
        anew.add("APPEND", keys.event_ids(5), [b"z"])
        anew.add("UNLINK", keys.event_ids(5), [])
        assert (await each.apply(keys, anew))[0] is Answer.OK


async def test_what_is_only_compared_is_bounded(store: RedisStore) -> None:
    for each in (store, MemoryStore()):
        keys = fresh()
        claim = await each.claim(keys)
        write = Write(claim.epoch, claim.seq, -1, 1)
        for number in range(400):
            write.add("XADD", keys.shadow, ["MAXLEN", "~", 100, "*", "alert", b"%d" % number])
        assert (await each.apply(keys, write))[0] is Answer.OK
        if isinstance(each, MemoryStore):
            kept = [body for _, body in each.streams[keys.shadow]]
        else:
            kept = [fields[b"alert"] for _, fields in await each._redis.xrange(keys.shadow)]  # type: ignore[index, union-attr]
        assert 100 <= len(kept) <= 300
        assert kept[-1] == b"399"


def test_a_connection_that_was_reset_is_opened_anew_on_uvloop_too(
    redis_server: Callable[..., RedisServer],
) -> None:
    """uvloop tells of it by a RuntimeError, when it is written to."""
    server = redis_server()

    async def run() -> None:
        with Proxy(server.port) as proxy:
            store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", timeout=1.0)
            for _ in range(20):  # whether the reset is seen before the write is a matter of moments
                await store.ping()
                proxy.cut()
                await asyncio.sleep(0)
                await store.ping()
            await store.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.timeout(60)
async def test_nobody_reads_half_of_a_layout(url: str, store: RedisStore) -> None:
    """Commands that read state ask for the layout while the first worker is still starting."""
    fields = {"version": "2", "topic": "events", "partitions": "8"}
    reader = RedisStore(url, timeout=5.0)
    seen: set[int] = set()

    async def watch(key: str) -> None:
        while (count := len(await reader.layout(key, {}))) < len(fields):
            seen.add(count)

    for _ in range(50):
        key = f"t{secrets.token_hex(5)}:layout"
        watching = asyncio.create_task(watch(key))
        await reader.ping()  # so that it has begun to look
        assert len(await store.layout(key, fields)) == len(fields)
        await watching
    await reader.close()
    assert seen == {0}
