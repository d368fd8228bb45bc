"""Topics are made as the contract says, those there are checked, a missing broker is told plainly."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable

import pytest
from aiokafka.admin import NewTopic

from schemas.topics import ENRICHED, EVENTS, PARTNERSHIPS, READINGS, TOPICS
from streams import embedded
from streams.children import free_port
from streams.embedded import EmbeddedBroker, EmbeddedError
from streams.errors import BrokerUnavailableError
from streams.settings import Settings
from streams.topics import (
    TopicError,
    TopicResult,
    broker_ready,
    can_idempotent,
    cleanup_policies,
    ensure_topics,
    list_states,
    open_admin,
)
from tests.conftest import Pair, missing

pytestmark = pytest.mark.servers


async def make(settings: Settings, name: str, partitions: int, policy: str = "delete") -> None:
    async with open_admin(settings) as admin:
        topic = NewTopic(settings.topic(name), partitions, 1, topic_configs={"cleanup.policy": policy})
        await admin.create_topics([topic])
        while settings.topic(name) not in await list_states(admin):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.05)


def by_name(settings: Settings, results: list[TopicResult]) -> dict[str, TopicResult]:
    return {result.name.removeprefix(settings.topic_prefix): result for result in results}


async def test_all_are_made_as_the_contract_says(settings: Settings) -> None:
    results = await ensure_topics(settings)
    assert [result.name for result in results] == [settings.topic(name) for name in TOPICS]
    assert all(result.created and not result.problems for result in results)
    async with open_admin(settings) as admin:
        states = await list_states(admin)
        policies = await cleanup_policies(admin, [settings.topic(name) for name in TOPICS])
    for name, spec in TOPICS.items():
        full = settings.topic(name)
        assert states[full].partitions == (1 if spec.one_partition else settings.partitions)
        assert states[full].leaderless == 0
        assert policies[full] == ("compact" if spec.compacted else "delete")


async def test_a_second_call_makes_nothing(settings: Settings) -> None:
    first = await ensure_topics(settings)
    second = await ensure_topics(settings)
    assert [(r.name, r.partitions, r.created, r.problems) for r in second] == [
        (r.name, r.partitions, False, ()) for r in first
    ]


async def test_several_at_once_agree(settings: Settings) -> None:
    answers = await asyncio.gather(*(ensure_topics(settings) for _ in range(4)))
    for results in zip(*answers, strict=True):
        assert len({(r.name, r.partitions, r.problems) for r in results}) == 1
        assert sum(r.created for r in results) == 1


async def test_the_count_of_an_events_topic_that_is_there_rules(settings: Settings) -> None:
    await make(settings, EVENTS, 3)
    results = by_name(settings, await ensure_topics(settings))
    assert results[EVENTS].partitions == results[ENRICHED].partitions == results[READINGS].partitions == 3
    assert "RAPPORT_PARTITIONS says 4" in results[EVENTS].problems[0]
    assert results[ENRICHED].problems == ()


async def test_what_is_wrong_with_topics_that_are_there_is_told(settings: Settings) -> None:
    await make(settings, PARTNERSHIPS, 2)
    await make(settings, ENRICHED, 2, policy="compact")
    results = by_name(settings, await ensure_topics(settings))
    partitions, policy = results[PARTNERSHIPS].problems
    assert "must have one" in partitions and "must be compact" in policy
    partitions, policy = results[ENRICHED].problems
    assert "the events topic 4" in partitions and "must be delete" in policy


async def test_looking_at_topics_makes_none(settings: Settings) -> None:
    async with open_admin(settings) as admin:
        before = set(await list_states(admin))
        await cleanup_policies(admin, [settings.topic(EVENTS)])
        assert set(await list_states(admin)) == before


async def test_whether_producers_can_be_idempotent_is_tried_for_real(pair: Pair, settings: Settings) -> None:
    async with open_admin(settings) as admin:
        assert await can_idempotent(admin) is (pair.kind == "apache")


async def test_a_refusal_is_one_plain_sentence(
    apache_pair: Pair, settings_for: Callable[..., Settings]
) -> None:
    with pytest.raises(TopicError, match=r"refuses to make .*replication factor of 3") as caught:
        await ensure_topics(settings_for(apache_pair, replication_factor=3))
    assert "RAPPORT_REPLICATION_FACTOR" in str(caught.value.hint)


async def test_a_missing_broker_is_told_within_seconds(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(broker="127.0.0.1:1")
    began = time.monotonic()
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(BrokerUnavailableError, match=r"did not answer within 1.5 s"),
    ):
        await broker_ready(settings, 1.5)
    assert time.monotonic() - began < 4
    assert [(r.name, r.exc_info) for r in caplog.records] == [("streams.topics", None)]
    assert "does not answer yet" in caplog.text


async def test_a_broker_that_accepts_but_never_answers_is_told_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody reads
        settings = Settings(broker=f"127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(BrokerUnavailableError):
            await broker_ready(settings, 1.0)
        assert time.monotonic() - began < 4


async def test_a_broker_that_comes_up_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(embedded, "free_port", lambda: port)
    waiting = asyncio.create_task(broker_ready(Settings(broker=f"127.0.0.1:{port}"), 10))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    try:
        broker = EmbeddedBroker().start()
    except EmbeddedError as error:
        missing(str(error))
    try:
        await waiting
    finally:
        broker.stop()
