"""Everything that a gateway answered with 2xx is in the topic, whoever was killed meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair, missing
from tests.faults.posting import BATCH, Senders, batch, in_topic
from tests.gateways import GatewayProcess, make_token
from tests.servers import ApachePair, RedisServer, ServerMissingError
from tests.streams.gateway.world import event
from tests.workers import WorkerProcess, read_totals, until

pytestmark = pytest.mark.servers
KILLS = 3

#: A sender of its own process, killed in the middle of its work: it notes a batch only after its 2xx.
SENDER = """
import json, sys, urllib.request
address, token, path, number = *sys.argv[1:4], int(sys.argv[4])
while True:
    lines = sys.stdin.readline()
    if not lines: break
    request = urllib.request.Request(address + "/v1/events", lines.encode(), {
        "Authorization": "Bearer " + token, "Content-Type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=20))
    with open(path, "a") as file:
        for one in answer["results"]:
            if one["status"] != "rejected": file.write(one["event_id"] + "\\n")
"""


def test_what_was_answered_is_there_when_gateways_are_killed(
    pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(pair, gateway_ack_s=5.0)
    asyncio.run(ensure_topics(settings))
    token = make_token(settings)
    gateway = GatewayProcess(settings, tmp_path)
    chance = random.Random(7)
    senders = Senders(gateway, token)
    with gateway.running(), senders.sending():
        for _ in range(KILLS):
            senders.get_on()
            time.sleep(chance.uniform(0.0, 0.3))
            gateway.kill()
            gateway.start()
        senders.get_on()
    senders.check(asyncio.run(in_topic(settings)), KILLS)


def test_what_was_answered_is_there_when_its_sender_is_killed(
    pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(pair)
    asyncio.run(ensure_topics(settings))
    token, noted = make_token(settings), tmp_path / "answered"
    with GatewayProcess(settings, tmp_path) as gateway:
        for life in range(3):
            command = [sys.executable, "-c", SENDER, gateway.address, token, str(noted), str(life)]
            sender = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
            assert sender.stdin is not None
            end, number = time.monotonic() + 0.6, 0
            while time.monotonic() < end:
                sender.stdin.write(json.dumps(batch(f"{life}/{number}")) + "\n")
                sender.stdin.flush()
                number += 1
            sender.kill()
            sender.wait(10)
            with contextlib.suppress(BrokenPipeError):
                sender.stdin.close()
    answered = set(noted.read_text().splitlines())
    found = asyncio.run(in_topic(settings))
    assert len(answered) > 3 * BATCH
    assert {name for name in answered if name.count("/") == 3} - found.keys() == set()


@pytest.fixture(scope="module")
def own_pair() -> Iterator[ApachePair]:
    try:
        pair = ApachePair().__enter__()
    except ServerMissingError as error:
        missing(str(error))
    yield pair
    pair.__exit__()


def test_kafka_away_and_back(
    own_pair: ApachePair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(own_pair, gateway_ack_s=1.0)
    asyncio.run(ensure_topics(settings))
    token = make_token(settings)
    answered: set[str] = set()
    with (
        GatewayProcess(settings, tmp_path) as gateway,
        httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=10) as client,
    ):

        def post(name: str) -> httpx.Response:
            answer = client.post(gateway.address + "/v1/events", json=batch(name))
            if answer.is_success:
                answered.update(one["event_id"] for one in answer.json()["results"])
            return answer

        assert post("before").status_code == 200
        own_pair.kafka.kill()
        first = post("away")
        assert (first.status_code, first.headers["content-type"]) == (503, "application/problem+json")
        assert int(first.headers["retry-after"]) >= 1
        began = time.monotonic()
        assert [post(f"away{number}").status_code for number in range(5)] == [503] * 5
        assert time.monotonic() - began < 3.0  # told at once, no one waits for the deadline each time
        assert client.get(gateway.address + "/health/ready").status_code == 503
        assert client.get(gateway.address + "/health/live").status_code == 200
        late = GatewayProcess(settings, tmp_path)
        with late.running(ready=False):
            assert client.post(late.address + "/v1/events", json=event(1)).status_code == 503
            own_pair.kafka.start()
            gateway.wait_ready(30)
            late.wait_ready(30)
            assert client.post(late.address + "/v1/events", json=event(1)).status_code == 200
        for name in ("away", "after"):
            assert post(name).status_code == 200
    found = asyncio.run(in_topic(settings))
    assert answered - found.keys() == set()
    # The broker is asked for idempotence: the batch that was under way stands there once, and what came
    # again after the 503 may stand there once more.
    assert sum(found.values()) - len(found) <= 2 * BATCH


def test_without_redis_known_senders_go_on_and_repeats_are_told_from_memory(
    embedded_pair: Pair, settings_for: Callable[..., Settings], redis_server: Callable[..., RedisServer],
    tmp_path: Path,
) -> None:  # fmt: skip
    redis = redis_server()
    settings = settings_for(embedded_pair, redis_url=redis.url, redis_timeout_s=0.5)
    asyncio.run(ensure_topics(settings))
    headers = {"Authorization": f"Bearer {make_token(settings)}"}
    with GatewayProcess(settings, tmp_path) as gateway, httpx.Client(timeout=20) as client:

        def post(number: int, held: dict[str, str] = headers) -> httpx.Response:
            return client.post(gateway.address + "/v1/events", json=event(number), headers=held)

        assert post(1).status_code == 200
        redis.freeze()
        try:
            answers = [post(2), post(2)]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert answers[1].json()["duplicate"] == 1
            end = time.monotonic() + 10
            while client.get(gateway.address + "/health/ready").json()["redis"] == "ok":
                assert time.monotonic() < end, "nobody noticed that Redis is away"
                time.sleep(0.05)
            assert client.get(gateway.address + "/health/ready").status_code == 200
            # Of a token that it has not seen the gateway cannot say whether it stands.
            assert post(3, {"Authorization": f"Bearer rgw_{'0' * 12}_{'A' * 43}"}).status_code == 503
        finally:
            redis.thaw()
        assert post(1).json()["duplicate"] == 1


async def test_events_and_a_webhook_come_out_scored(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(embedded_pair)
    await ensure_topics(settings)
    token = await asyncio.to_thread(make_token, settings)
    notice = {
        "type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS",
        "notifications": [
            {"notificationId": number, "organizationalEntity": "urn:li:organization:7", "action": "LIKE",
             "sourcePost": "urn:li:share:1", "generatedActivity": f"urn:li:reaction:{number}",
             "lastModifiedAt": int(time.time() * 1_000)}
            for number in range(10)
        ],
    }  # fmt: skip
    gateway = GatewayProcess(settings, tmp_path)
    with WorkerProcess(settings, tmp_path / "worker.log") as worker:
        await asyncio.to_thread(gateway.start)
        try:
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=20) as client:
                pushed = (notice, "webhooks/linkedin")
                for what, path in ((batch("x"), "events"), pushed, pushed):
                    answer = await client.post(f"{gateway.address}/v1/{path}", json=what)
                    assert answer.status_code == 200
                assert answer.json()["duplicate"] == 10
                totals = await until(
                    lambda: read_totals(settings),
                    lambda found: found.read == BATCH + 10,
                    within=60,
                    child=worker.child,
                )
                assert (totals.counted, totals.duplicate, totals.rejected) == (BATCH + 10, 0, 0)

                async def behind() -> float | None:
                    return (await client.get(gateway.address + "/health/ready")).json()["workers_behind_s"]

                assert (
                    await until(behind, lambda seconds: seconds == 0.0, within=20, child=worker.child) == 0.0
                )
        finally:
            await asyncio.to_thread(gateway.stop)
