"""An actor who left a trace wherever one can be left is forgotten: afterwards nothing of them is found in the
bytes of Redis, nor in the compacted topics."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from processors.actors import ActorHasher
from processors.generator.render import stamp
from processors.state.layout import PartitionKeys, partition_of
from schemas.topics import CONTROL, EVENTS, PARTNERSHIPS, READINGS
from streams.consume import latest
from streams.errors import InputError
from streams.forget import forget
from streams.people import People, Who
from streams.people_store import open_client
from streams.sending import send, send_partnerships
from streams.settings import Settings
from streams.sources.memory import RedisMemory
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.workers import WorkerProcess, read_totals, until

pytestmark = pytest.mark.servers
GONE, STAYS, ANN, EMPLOYEE = "x:account-gone", "x:account-stays", "x:ann-the-influencer", "x:employee-gone"
WORDS = "Is the zorblax ride through the quibbling hills open again, does anybody know?"
KEY = "a-key-of-this-test-only-0123456789"


def acts(who: str, start: float, text: str) -> Iterator[dict[str, Any]]:
    profile = {"followers": 300, "following": 90, "posts": 80, "has_bio": True, "has_avatar": True,
               "country": "GB", "lang": "en"}  # fmt: skip
    target = {"id": "post", "type": "post", "author_id": ANN}
    for n, (kind, more) in enumerate({
        "like": {"target": target}, "follow": {}, "share": {"target": target}, "profile": {},
        "comment": {"target": target, "text": text, "object_id": f"c-{who}"},
    }.items()):  # fmt: skip
        yield {
            "event_id": f"{who}/{kind}", "source": "x", "kind": kind, "occurred_at": stamp(start + n),
            "influencer_id": ANN, "actor": {"id": who, **profile}, **more,
        }  # fmt: skip


def raw(client: redis.Redis, namespace: str) -> dict[bytes, bytes]:
    """Every key of the installation with all of its bytes."""
    found = {}
    for pattern in (f"{{{namespace}}}*", f"{{{namespace}:*"):
        for key in client.scan_iter(pattern):
            kind = client.type(key)
            if kind == b"hash":
                parts = [part for item in client.hgetall(key).items() for part in item]
            elif kind == b"stream":
                parts = [value for _, fields in client.xrange(key) for value in fields.values()]
            else:
                assert kind == b"string", (key, kind)
                parts = [client.get(key)]
            found[key] = b"\n".join(parts)
    return found


def needles(who: str, *texts: bytes) -> list[bytes]:
    """All ways in which an actor is written: id, keyed hash and its lower half, as text and as bytes."""
    hash_ = ActorHasher(KEY.encode()).hash(who)
    low = (hash_ & 0xFFFFFFFF).to_bytes(4, "little")
    return [
        who.encode(), f"{hash_:016x}".encode(), f"{hash_ & 0xFFFFFFFF:08x}".encode(), low, low[::-1],
        hash_.to_bytes(8, "little"), hash_.to_bytes(8, "big"), *texts,
    ]  # fmt: skip


def holding(found: dict[bytes, bytes], words: list[bytes]) -> list[bytes]:
    return sorted(key for key, value in found.items() if any(word in value or word in key for word in words))


async def test_nothing_is_left_of_who_asked_to_be_forgotten(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("streams.forget._LOOK_S", 0.5)
    settings = settings_for(embedded_pair, partitions=2, hash_key=SecretStr(KEY))
    await ensure_topics(settings)
    book = {"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": ANN,
            "employees": [{"account_id": EMPLOYEE, "name": "Eve Zwicky"}]}  # fmt: skip
    await send_partnerships(settings, [book])
    start = time.time() // 3_600 * 3_600 - 7_200
    events = [{"event_id": "p", "source": "x", "kind": "post", "occurred_at": stamp(start),
               "influencer_id": ANN, "actor": {"id": ANN}, "object_id": "post"},
              *acts(GONE, start + 60, WORDS), *acts(STAYS, start + 120, "What a lovely ride, thanks so much"),
              *acts(EMPLOYEE, start + 180, "Hello there")]  # fmt: skip
    records = [(start + n, ANN.encode(), json.dumps(event).encode()) for n, event in enumerate(events)]
    client = redis.Redis.from_url(settings.redis_url)
    with WorkerProcess(settings, tmp_path / "worker.log", idle_speed=3_600) as worker:
        await send(settings, records)
        await until(lambda: read_totals(settings), lambda t: t.counted >= len(events), within=40,
                    child=worker.child)  # fmt: skip
        await plant(settings, client)
        before = raw(client, settings.namespace)
        gone, text = needles(GONE), [b"zorblax", b"quibbling"]
        assert len(holding(before, gone)) >= 4
        assert holding(before, text)
        assert any(
            b"Eve Zwicky" in (r.value or b"")
            for r in (await latest(settings, settings.topic(PARTNERSHIPS))).values()
        )
        held = await forget(settings, [GONE, EMPLOYEE], Who("eve"), dry_run=True)
        assert not held.other_keys
        other = settings.model_copy(update={"hash_key": SecretStr("rotated")})
        rotated = await forget(other, [GONE], Who("eve"), dry_run=True)
        assert list(rotated.other_keys) == [ActorHasher(KEY.encode()).fingerprint]
        kinds = {place.kind for place in held.actors[0].found}
        assert {"influencer", "alerts", "source", "shadow"} <= kinds
        assert set(held.topics.employee_of) == {"acme--ann"}
        assert raw(client, settings.namespace).keys() == before.keys()

        report = await forget(settings, [GONE, EMPLOYEE], Who("eve"), "ticket 1841", wait_s=90)
        assert report.remaining == 0, (report.document(), worker.child.logged()[-2_000:])
        after = raw(client, settings.namespace)
        audit = f"{{{settings.namespace}}}audit".encode()
        assert holding(after, [*gone, *text, *needles(EMPLOYEE)]) == [audit]
        assert GONE.encode() not in after[audit]  # by keyed hash only
        assert holding(after, needles(STAYS))
    for name in (PARTNERSHIPS, READINGS, CONTROL):
        kept = (await latest(settings, settings.topic(name))).values()
        told = b"\n".join((record.key or b"") + (record.value or b"") for record in kept)
        for word in (GONE, EMPLOYEE, "Eve Zwicky", "zorblax"):
            assert word.encode() not in told, name
    opened = open_client(settings)
    lines = [line for _, line in await People(settings, opened).audit(verb="forget")]
    await opened.aclose()
    assert len(lines) == 2
    assert {line.note for line in lines} == {"ticket 1841"}
    client.close()


async def plant(settings: Settings, client: redis.Redis) -> None:
    """What only comes about under circumstances: an alert that names the actor, a compared one, and what a
    source noted to resolve deletions."""
    keys = PartitionKeys(settings.namespace, settings.topic(EVENTS), partition_of(ANN, settings.partitions))
    low = f"{ActorHasher(KEY.encode()).hash(GONE) & 0xFFFFFFFF:08x}"
    alert = {
        "alert_id": "a",
        "evidence": {"event_ids": [f"{GONE}/like", "p"], "actor_ids": [low, "00000000"]},
    }
    client.hset(keys.alerts, "fingerprint", json.dumps(alert))
    client.xadd(keys.shadow, {"alert": json.dumps(alert)})
    opened = open_client(settings)
    memory = RedisMemory(opened, settings.namespace, "x")
    memory.put("x/like/1", json.dumps([{"event_id": "e", "actor": GONE}]).encode())
    await memory.flush()
    await opened.aclose()


async def test_an_account_that_is_watched_is_not_forgotten_by_mistake(
    embedded_pair: Pair, settings_for: Callable[..., Settings]
) -> None:
    settings = settings_for(embedded_pair, hash_key=SecretStr(KEY))
    await ensure_topics(settings)
    await send_partnerships(
        settings, [{"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": ANN}]
    )
    with pytest.raises(InputError, match="partnership acme--ann is about this account"):
        await forget(settings, [ANN], Who("eve"))
    assert not await latest(settings, settings.topic(CONTROL))


async def test_readings_of_an_influencer_nobody_watches_get_tombstones(
    embedded_pair: Pair, settings_for: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(embedded_pair, hash_key=SecretStr(KEY))
    await ensure_topics(settings)
    value = json.dumps({"partnership_id": f"none--{ANN}", "influencer_id": ANN}).encode()
    await send(settings, [(time.time(), f"none--{ANN}".encode(), value)], topic=READINGS)
    monkeypatch.setenv("OLD_KEY", "the key before")
    report = await forget(settings, [ANN], Who("eve"), old_keys=["OLD_KEY"])
    assert len(report.actors) == 2  # under both keys
    newest = await latest(settings, settings.topic(READINGS))
    assert newest[f"none--{ANN}".encode()].value is None
    requests = await latest(settings, settings.topic(CONTROL))
    names = {
        f"forget:{ActorHasher(key).hash(ANN):016x}".encode() for key in (KEY.encode(), b"the key before")
    }
    assert set(requests) == names
    with pytest.raises(InputError, match="no NO_SUCH_KEY"):
        await forget(settings, [ANN], Who("eve"), old_keys=["NO_SUCH_KEY"])
