"""Doctor finds what is wrong with broker, topics, Redis and partitioner, and is done within seconds."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from importlib import metadata
from typing import Any

import pytest
import redis.asyncio as redis
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from processors.state.layout import LAYOUT_VERSION, hash_key_key, layout_key, partition_of
from processors.state.redis_store import RedisStore
from schemas.topics import EVENTS, PARTNERSHIPS
from streams.doctor import Check, _versions, run_checks
from streams.settings import Settings
from streams.topics import ensure_topics, list_states, open_admin
from tests.conftest import Pair
from tests.servers import RedisServer

pytestmark = pytest.mark.servers


async def findings(settings: Settings) -> dict[str, Check]:
    checks = await run_checks(settings)
    found = {check.name.replace(settings.topic_prefix or "\0", ""): check for check in checks}
    assert len(found) == len(checks), "a name is used twice"
    assert all(check.what and (check.advice or check.status != "fail") for check in checks)
    return found


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Any]:
    async with redis.Redis.from_url(settings.redis_url, decode_responses=True) as client:
        yield client
        await client.function_flush("SYNC")


async def test_a_sound_installation_has_nothing_that_fails(
    pair: Pair, settings: Settings, client: Any
) -> None:
    await ensure_topics(settings)
    await client.hset(
        layout_key(settings.namespace),
        mapping={
            "version": str(LAYOUT_VERSION),
            "topic": settings.topic(EVENTS),
            "partitions": str(settings.partitions),
        },
    )
    found = await findings(settings.model_copy(update={"hash_key": "s3cret"}))
    found.pop("versions")  # depends on how the package is installed: tested on its own
    told = {name: check.status for name, check in found.items() if check.status != "ok"}
    expected = {"redis persistence": "warn"}
    if pair.kind == "embedded":
        expected["broker features"] = "warn"
    assert told == expected
    assert f"4 partitions of {settings.topic(EVENTS)}" in found["layout"].what
    assert found["redis version"].what.startswith("Redis 7" if pair.kind == "apache" else "Valkey")


async def test_missing_topics_are_named_and_not_made(settings: Settings) -> None:
    found = await findings(settings)
    assert found["topics"].status == "fail"
    assert found["topics"].advice == "run `rapport topics create`"
    async with open_admin(settings) as admin:
        assert not any(name.startswith(settings.topic_prefix) for name in await list_states(admin))


async def test_topics_of_the_wrong_shape_are_found(settings: Settings) -> None:
    async with open_admin(settings) as admin:
        await admin.create_topics([NewTopic(settings.topic(PARTNERSHIPS), 3, 1)])
    await ensure_topics(settings)
    found = await findings(settings.model_copy(update={"partitions": 9}))
    assert found[f"topic {PARTNERSHIPS}"].status == "fail"
    assert found[f"topic {EVENTS}"].status == "warn"
    assert found[f"topic {EVENTS}"].advice == "set RAPPORT_PARTITIONS=4"


async def test_records_on_foreign_partitions_are_found(settings: Settings) -> None:
    await ensure_topics(settings)
    topic, home = settings.topic(EVENTS), partition_of("ann", 4)
    async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap) as producer:
        for _ in range(5):
            await producer.send_and_wait(topic, b"{}", key=b"ann")
        assert (await findings(settings))["partitioner"].status == "ok"
        wrong = await producer.send_and_wait(topic, b"{}", key=b"ann", partition=(home + 1) % 4)
        await producer.send_and_wait(topic, b"{}", key=None, partition=0)
    check = (await findings(settings))["partitioner"]
    assert check.status == "fail"
    assert check.what.startswith(f"1 of the newest 7 records of {topic}")
    assert "1 have no key" in check.what
    assert f"offset {wrong.offset} on {(home + 1) % 4}, belongs on {home}" in check.what
    assert "murmur2_random" in str(check.advice)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"partitions": "16"}, "laid out for 16 partitions"),
        ({"topic": "other.events"}, "of the topic other.events"),
        ({"version": "99"}, "version 99"),
    ],
)
async def test_state_that_is_laid_out_otherwise_is_found(
    change: dict[str, str], said: str, settings: Settings, client: Any
) -> None:
    await ensure_topics(settings)
    sound = {"version": str(LAYOUT_VERSION), "topic": settings.topic(EVENTS), "partitions": "4"}
    await client.hset(layout_key(settings.namespace), mapping=sound | change)
    check = (await findings(settings))["layout"]
    assert check.status == "fail" and said in check.what


async def test_the_function_library_is_found_once_a_worker_has_loaded_it(
    settings: Settings, client: Any
) -> None:
    before = (await findings(settings))["redis functions"]
    assert before.status == "ok" and "not there yet" in before.what
    store = RedisStore(settings.redis_url)
    try:
        await store.load_library()
    finally:
        await store.close()
    after = (await findings(settings))["redis functions"]
    assert after.status == "ok" and "is version" in after.what


async def test_another_version_of_the_library_is_found(settings: Settings, client: Any) -> None:
    await client.function_load(
        "#!lua name=rapport\n"
        "redis.register_function{function_name='rapport_version',flags={'no-writes'},"
        "callback=function() return 987 end}",
        replace=True,
    )
    check = (await findings(settings))["redis functions"]
    assert check.status == "warn" and "version 987" in check.what


async def test_the_hash_key_is_never_shown(settings: Settings, client: Any) -> None:
    await client.set(hash_key_key(settings.namespace), "very-secret")
    unset = await findings(settings)
    assert unset["hash key"].status == "warn" and "lies in Redis" in unset["hash key"].what
    kept = await findings(settings.model_copy(update={"hash_key": "very-secret"}))
    assert "very-secret" not in repr([*unset.values(), *kept.values()])


async def test_a_redis_that_may_throw_state_away_is_found(
    apache_pair: Pair, settings_for: Callable[..., Settings], redis_server: Callable[..., RedisServer]
) -> None:
    server = redis_server(appendonly=True)
    settings = settings_for(apache_pair, redis_url=server.url)
    async with redis.Redis.from_url(server.url) as client:
        await client.config_set("maxmemory-policy", "allkeys-lru")
        found = await findings(settings)
        assert found["redis memory"].status == "fail" and "allkeys-lru" in found["redis memory"].what
        assert found["redis persistence"].status == "ok"
        await client.execute_command("REPLICAOF", "127.0.0.1", "1")
        assert (await findings(settings))["redis"].status == "fail"


async def test_a_redis_that_refuses_or_hangs_is_told_without_its_password(
    embedded_pair: Pair, settings_for: Callable[..., Settings], redis_server: Callable[..., RedisServer]
) -> None:
    server = redis_server()
    url = server.url.replace("//", "//:wr0ng@")
    async with redis.Redis.from_url(server.url) as client:
        await client.config_set("requirepass", "s3cret")
    settings = settings_for(embedded_pair, redis_url=url)
    refused = await findings(settings)
    assert refused["redis"].status == "fail" and "refuses us" in refused["redis"].what
    assert "wr0ng" not in repr(refused)
    server.freeze()
    try:
        began = time.monotonic()
        frozen = await findings(settings)
        assert time.monotonic() - began < 12
    finally:
        server.thaw()
    assert frozen["redis"].status == "fail" and "does not answer" in frozen["redis"].what


async def test_broker_and_redis_missing_are_told_within_seconds() -> None:
    settings = Settings(broker="127.0.0.1:1", redis_url="redis://:wr0ng@127.0.0.1:2/0")
    began = time.monotonic()
    found = await findings(settings)
    assert time.monotonic() - began < 8
    assert found["broker"].status == found["redis"].status == "fail"
    assert set(found) == {"versions", "broker", "redis"}
    assert "wr0ng" not in repr(found)


async def test_redis_missing_leaves_the_rest_looked_at(
    embedded_pair: Pair, settings_for: Callable[..., Settings]
) -> None:
    settings = settings_for(embedded_pair, redis_url="redis://127.0.0.1:2/0")
    await ensure_topics(settings)
    found = await findings(settings)
    assert found["redis"].status == "fail"
    assert found["broker"].status == found["partitioner"].status == "ok"


@pytest.mark.parametrize(("installed", "status"), [("0.14.0", "ok"), ("0.99.0", "fail")])
def test_other_versions_than_the_pinned_ones_are_found(
    installed: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = [
        "aiokafka[lz4,zstd]==0.14.0",
        "faust-streaming==0.15.3",
        "rich>=14",
        'uvloop>=0.21; sys_platform != "win32"',
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: pins)
    versions = {"aiokafka": installed, "faust-streaming": "0.15.3"}
    monkeypatch.setattr(metadata, "version", versions.__getitem__)
    check = _versions()
    assert check.status == status
    if status == "fail":
        assert check.what == "aiokafka is 0.99.0, tested with 0.14.0"
