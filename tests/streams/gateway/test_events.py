"""POST /v1/events on a real broker and store: what is answered, and what lies in the topic."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError, OutOfOrderSequenceNumber

from processors.state.layout import partition_of
from schemas import Partnership
from schemas.topics import EVENTS
from streams.sending import send_partnerships
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.streams.gateway.world import World, event, world

pytestmark = pytest.mark.servers
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
async def w(embedded_pair: Pair, settings_for: Callable[..., Settings]) -> AsyncIterator[World]:
    settings = settings_for(embedded_pair)
    await ensure_topics(settings)
    async with world(settings) as made:
        yield made


async def test_one_event_is_in_the_topic_when_it_is_answered(w: World) -> None:
    answer = await w.post(event(1, text="Größe 😀", later="unknown"))
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 1, "duplicate": 0, "rejected": 0,
        "results": [{"index": 0, "status": "accepted", "event_id": "shop/1"}],
    }  # fmt: skip
    (record,) = await w.topic()
    assert json.loads(record.value or b"") == event(1, text="Größe 😀", later="unknown") | {
        "occurred_at": json.loads(record.value or b"")["occurred_at"]
    }
    assert record.key == b"shop:ann" and record.partition == partition_of("shop:ann", 4)
    assert dict(record.headers) == {
        "ce_specversion": b"1.0", "ce_type": f"rapport.{EVENTS}".encode(), "ce_id": b"shop/1",
        "ce_source": f"rapport/{w.settings.namespace}/gateway".encode(),
    }  # fmt: skip


async def test_good_events_of_a_batch_are_taken_in_though_others_are_bad(w: World) -> None:
    batch = [event(1), event(2, kind="applause"), event(1), event(3)]
    answer = await w.post(batch)
    assert answer.status_code == 207
    told = [(one["status"], one.get("reason")) for one in answer.json()["results"]]
    assert told == [("accepted", None), ("rejected", "schema"), ("duplicate", None), ("accepted", None)]
    assert sorted(await w.ids()) == ["shop/1", "shop/3"]
    brief = (await w.post([event(4), event(3)], path="/v1/events?brief=true")).json()
    assert brief["accepted"] == 1 and [one["index"] for one in brief["results"]] == [1]


async def test_an_atomic_batch_is_taken_in_whole_or_not_at_all(w: World) -> None:
    answer = await w.post([event(1), event(2, kind="applause")], path="/v1/events?atomic=true")
    assert answer.status_code == 422
    assert [one["reason"] for one in answer.json()["results"]] == ["atomic", "schema"]
    assert await w.topic() == []
    assert (await w.post([event(1), event(2)], path="/v1/events?atomic=true")).status_code == 200


async def test_lines_and_gzip(w: World) -> None:
    lines = "\n".join(json.dumps(event(number)) for number in range(300)).encode()
    held = await w.token()
    answer = await w.post(gzip.compress(lines), held | NDJSON | {"Content-Encoding": "gzip"})
    assert answer.status_code == 200 and answer.json()["accepted"] == 300
    assert sorted(await w.ids()) == sorted(f"shop/{number}" for number in range(300))


async def test_an_influencers_events_stay_in_order_over_batches_and_senders(w: World) -> None:
    held = await w.token()
    names = ("shop:ann", "shop:bob", "shop:cy")
    for start in range(0, 900, 150):  # 900 of 9 KB: several Kafka batches for each partition
        await w.post([
            event(number, influencer_id=names[number % 3], text="x" * 9_000)
            for number in range(start, start + 150)
        ], held)  # fmt: skip
    for name in names:
        mine = [
            json.loads(one.value or b"")["event_id"] for one in await w.topic() if one.key == name.encode()
        ]
        assert mine == [f"shop/{number}" for number in range(900) if names[number % 3] == name]


async def test_what_came_before_is_a_duplicate_also_for_the_next_process(w: World) -> None:
    await w.post([event(1), event(2)])
    assert (await w.post(event(1))).json()["duplicate"] == 1
    await w.gateway.ids.flush()
    async with world(w.settings) as another:
        answer = await another.post([event(2), event(3)])
        assert answer.status_code == 200
        assert [one["status"] for one in answer.json()["results"]] == ["duplicate", "accepted"]
    assert sorted(await w.ids()) == ["shop/1", "shop/2", "shop/3"]


async def test_an_event_brought_twice_at_once_is_sent_once(w: World) -> None:
    held = await w.token()
    answers = await asyncio.gather(*(w.post([event(1), event(2)], held) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["accepted"] for answer in answers) == 2
    assert sorted(await w.ids()) == ["shop/1", "shop/2"]


async def test_a_token_sends_only_what_it_is_bound_to(w: World) -> None:
    await send_partnerships(w.settings, [
        Partnership.model_validate(
            {"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": "shop:ann"}
        )
    ])  # fmt: skip
    bounds: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({"sources": ["shop"]}, {"source": "bluesky"}, "source"),
        ({"influencers": ["shop:ann"]}, {"influencer_id": "shop:bob"}, "influencer_id"),
        ({"brands": ["acme"]}, {"influencer_id": "shop:bob"}, "influencer_id"),
    ]
    for number, (bound, other, field) in enumerate(bounds):
        held = await w.token(**bound)
        assert (await w.post(event(number), held)).status_code == 200
        refused = await w.post(event(f"{number}x", **other), held)
        assert refused.status_code == 403
        assert refused.json()["results"][0]["errors"][0]["field"] == field
        mixed = await w.post([event(f"{number}y"), event(f"{number}z", **other)], held)
        assert mixed.status_code == 207
    assert len(await w.topic()) == 6


async def test_who_may_not_send_is_told_so(w: World) -> None:
    hooks_only = await w.token(scopes=["webhooks:write"])
    good = (await w.token())["Authorization"]
    cases: list[tuple[dict[str, str], int]] = [
        ({}, 401), ({"Authorization": "Bearer nothing"}, 401), ({"Authorization": good[:-1] + "!"}, 401),
        ({"Authorization": good.replace("Bearer", "Basic")}, 401), (hooks_only, 403),
        ({"Authorization": good[:-2] + ("AA" if good[-2:] != "AA" else "BB")}, 401),
    ]  # fmt: skip
    for headers, status in cases:
        answer = await w.post(event(1), headers)
        assert answer.status_code == status, headers
        assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await w.topic() == []


async def test_who_guesses_tokens_is_slowed_down(w: World) -> None:
    answers = [
        await w.post(event(1), {"Authorization": f"Bearer rgw_{n:012x}_{'A' * 43}"}) for n in range(15)
    ]
    assert answers[0].status_code == 401 and answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert (await w.post(event(1))).status_code == 200  # a good token from the same address goes on


async def test_a_token_that_was_revoked_or_has_run_out_is_not_taken(w: World) -> None:
    from streams.gateway.tokens import SendTokens
    from streams.people import Who

    tokens = SendTokens(w.gateway.verifier._store)
    secret, _ = await tokens.create("leaver", Who("tests"))
    held = {"Authorization": f"Bearer {secret}"}
    assert (await w.post(event(1), held)).status_code == 200
    await tokens.revoke("leaver", Who("tests"))
    w.gateway.verifier._held.clear()  # ten seconds later
    assert (await w.post(event(2), held)).status_code == 401
    kept = await w.gateway.verifier._store._redis.hgetall(f"{{{w.settings.namespace}}}gateway_tokens")
    assert secret.rsplit("_", 1)[1].encode() not in b"".join(kept.values())


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({}, b"{}", 415),
        ({"Content-Type": "application/json; charset=utf-16"}, b"{}", 415),
        (NDJSON | {"Content-Encoding": "br"}, b"{}", 415),
        (NDJSON | {"Content-Encoding": "gzip"}, b"{}", 400),
        (NDJSON, b"x" * 20_000, 413),
        (NDJSON | {"Content-Encoding": "gzip"}, gzip.compress(bytes(100_000)), 413),
        (NDJSON, b"{}\n" * 60, 413),
        ({"Content-Type": "application/json"}, b"[", 400),
        ({"Content-Type": "application/json"}, b'{"a":1}{"b":2}', 422),
    ],
)
async def test_bodies_that_are_refused(
    embedded_pair: Pair, settings_for: Callable[..., Settings],
    headers: dict[str, str], body: bytes, status: int,
) -> None:  # fmt: skip
    settings = settings_for(
        embedded_pair, gateway_body_bytes=16_384, gateway_inflated_bytes=65_536, gateway_batch_events=50
    )
    await ensure_topics(settings)
    async with world(settings) as w:
        answer = await w.post(body, await w.token() | headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["detail"][0] not in ": "  # what names no field begins with the message
        assert w.gateway.budget.held == 0


async def test_headers_given_twice_are_refused(w: World) -> None:
    held = list((await w.token()).items())
    for name, value in (("Content-Type", "application/json"), ("Authorization", held[0][1])):
        headers = [*held, ("Content-Type", "application/json"), (name, value)]
        answer = await w.client.post("/v1/events", content=b"{}", headers=headers)
        assert (answer.status_code, name in answer.json()["detail"]) == (400, True)


async def test_senders_are_held_back_while_the_workers_are_far_behind(w: World) -> None:
    held = await w.token()
    w.gateway.line.lag.seconds = 2_000.0
    answer = await w.post(event(1), held)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
    hook = await w.post({"type": "x", "notifications": []}, held, path="/v1/webhooks/linkedin")
    assert hook.status_code == 200  # a platform gives up after hours, Kafka holds it for days
    w.gateway.line.lag.seconds = 1.0
    assert (await w.post(event(1), held)).status_code == 200


async def test_a_full_queue_holds_senders_back(w: World) -> None:
    held = await w.token()
    w.gateway.outlet.waiting_bytes = w.gateway.outlet.most_bytes
    assert (await w.post(event(1), held)).status_code == 429
    w.gateway.outlet.waiting_bytes = 0
    assert (await w.post(event(1), held)).status_code == 200


async def test_health_metrics_and_document(w: World) -> None:
    await w.post([event(1), event(1)])
    assert (await w.client.get("/health/live")).json() == {"status": "ok"}
    ready = (await w.client.get("/health/ready")).json()
    assert ready["ready"] and ready["kafka"] == ready["redis"] == "ok"
    page = (await w.client.get("/metrics")).text
    assert 'rapport_gateway_events_total{outcome="accepted",route="events"}' in page
    assert "rapport_partitions_owned" not in page  # or dashboards would take it for a worker
    document = (await w.client.get("/openapi.json")).json()
    assert set(document["paths"]) == {
        "/v1/events", "/v1/webhooks/{name}", "/health/live", "/health/ready",
    }  # fmt: skip
    told = document["paths"]["/v1/events"]["post"]["responses"]
    assert set(told) == {"200", "207", *map(str, (400, 401, 403, 408, 411, 413, 415, 422, 429, 503))}
    missing = await w.client.get("/v1/nothing")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
    assert "content-security-policy" in missing.headers


async def test_a_producer_that_is_of_no_use_any_more_is_made_anew(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await w.token()
    before = w.gateway.outlet._producer
    assert before is not None

    async def refuse(*_: object, **__: object) -> None:
        raise OutOfOrderSequenceNumber

    monkeypatch.setattr(before, "send_batch", refuse)  # forced: no broker does this when it is told to
    answer = await w.post([event(1), event(2)], held)
    assert answer.status_code == 200 and answer.json()["accepted"] == 2
    assert w.gateway.outlet._producer is not before
    assert sorted(await w.ids()) == ["shop/1", "shop/2"]


async def test_an_event_that_the_broker_finds_too_large_is_rejected_alone(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer: Any = w.gateway.outlet._producer
    send = producer.send_batch

    async def picky(builder: Any, topic: str, *, partition: int) -> Any:
        if builder.size() > 20_000:  # as a broker with a small message.max.bytes
            raise MessageSizeTooLargeError
        return await send(builder, topic, partition=partition)

    monkeypatch.setattr(producer, "send_batch", picky)
    batch = [event(number, text="x" * (9_000 if number != 5 else 9_999)) for number in range(12)]
    batch[5]["urls"] = ["y" * 12_000]
    answer = await w.post(batch)
    assert answer.status_code == 207
    assert [one["index"] for one in answer.json()["results"] if one["status"] == "rejected"] == [5]
    assert answer.json()["results"][5]["reason"] == "too_large"
    assert sorted(await w.ids()) == sorted(f"shop/{number}" for number in range(12) if number != 5)
    assert (await w.post(batch[0])).json()["duplicate"] == 1
    assert w.gateway.outlet.waiting_bytes == 0
