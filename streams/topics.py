"""The topics on the broker: wait for it, make those that are missing, check those that are there.

Never asks the broker about a topic by name: brokers make a topic that somebody merely asks about (Tansu
always, Apache Kafka while `auto.create.topics.enable` is on), with a partition count of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.transaction import InitProducerIdRequest
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_before_delay,
    wait_exponential,
)

from schemas.topics import EVENTS, TOPICS, TopicSpec
from streams.connecting import kafka
from streams.errors import BrokerUnavailableError, RapportError
from streams.settings import Settings
from streams.undisturbed import undisturbed

log = logging.getLogger(__name__)

#: Longest wait for a broker that does not answer, seconds.
READY_S = 15.0
#: Longest wait for one answer of a broker that does, seconds.
ANSWER_S = 10.0
_TOPIC_EXISTS = 36
_SECURITY_HINT = "see RAPPORT_KAFKA_SECURITY and the other RAPPORT_KAFKA_ settings (docs/security.md)"
_HINT = "is it running, and is RAPPORT_BROKER (or --broker) right? `rapport doctor` looks closer"


class TopicError(RapportError):
    """The broker refused to make a topic, or a topic there cannot be worked with."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is on the broker. `leaderless`: partitions that nobody serves at the moment."""

    name: str
    partitions: int
    leaderless: int


@dataclass(frozen=True, slots=True)
class TopicResult:
    """What `ensure_topics` found or made.

    Attributes:
        name: Full name, with the installation's prefix.
        partitions: Their count on the broker.
        created: Whether this call made it.
        problems: Plain sentences on what is wrong with a topic that was there; empty when all is well.
    """

    name: str
    partitions: int
    created: bool
    problems: tuple[str, ...] = ()


async def broker_ready(settings: Settings, timeout: float = READY_S) -> None:  # noqa: ASYNC109 - tries again within
    """Returns when the broker answers.

    Raises:
        BrokerUnavailableError: It did not within `timeout` seconds.
    """
    async with open_admin(settings, timeout):
        pass


async def ensure_topics(settings: Settings, *, ready_s: float = READY_S) -> list[TopicResult]:
    """Makes the topics that are missing and checks the others, in the order of `schemas.topics.TOPICS`.

    New topics get `settings.partitions` (one where the contract says so); beside an events topic that is
    there already, they get its count, because state is laid out by it.

    Raises:
        BrokerUnavailableError: No answer within `ready_s` seconds.
        TopicError: The broker refused to make one of them.
    """
    async with open_admin(settings, ready_s) as admin:
        with _plain_errors(settings):
            there = await list_states(admin)
            events = there.get(settings.topic(EVENTS))
            count = events.partitions if events else settings.partitions
            missing = [spec for spec in TOPICS.values() if settings.topic(spec.name) not in there]
            made = await _create(admin, settings, missing, count)
            if missing:
                there = await _served(admin, [settings.topic(spec.name) for spec in missing])
            policies = await cleanup_policies(admin, [settings.topic(name) for name in TOPICS])
    return [
        TopicResult(
            name := settings.topic(spec.name), there[name].partitions, name in made,
            problems_of(spec, settings, there[name], policies.get(name), events_count=count),
        )
        for spec in TOPICS.values()
    ]  # fmt: skip


def problems_of(
    spec: TopicSpec, settings: Settings, state: TopicState, policy: str | None, *, events_count: int
) -> tuple[str, ...]:
    """Plain sentences on what is wrong with a topic. `policy`: its cleanup.policy, None when not known."""
    found = []
    name = state.name
    if spec.one_partition and state.partitions != 1:
        found.append(
            f"{name} has {state.partitions} partitions; it must have one, it is read whole and in order"
        )
    elif spec.name == EVENTS and state.partitions != settings.partitions:
        found.append(
            f"{name} has {state.partitions} partitions, RAPPORT_PARTITIONS says {settings.partitions}; "
            f"the {state.partitions} of the topic count"
        )
    elif not spec.one_partition and state.partitions != events_count:
        found.append(f"{name} has {state.partitions} partitions, the events topic {events_count}")
    if policy is not None and spec.compacted and "compact" not in policy:
        found.append(
            f"{name} has cleanup.policy={policy}; it must be compact, else it is forgotten with time"
        )
    if policy is not None and not spec.compacted and "compact" in policy:
        found.append(
            f"{name} has cleanup.policy={policy}; it must be delete, else only the newest of each key stays"
        )
    if state.leaderless:
        found.append(f"{name} has {state.leaderless} partitions without a leader")
    return tuple(found)


@contextlib.asynccontextmanager
async def open_admin(settings: Settings, ready_s: float = READY_S) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client that is connected; tries again with growing pauses until `ready_s` seconds have passed.

    Raises:
        BrokerUnavailableError: No answer by then.
    """
    attempts = AsyncRetrying(
        stop=stop_before_delay(ready_s), wait=wait_exponential(multiplier=0.2, max=1.0), reraise=True,
        retry=retry_if_exception_type((KafkaError, OSError, TimeoutError)),
        before_sleep=lambda state: _say_waiting(settings, state),
    )  # fmt: skip
    try:
        admin: AIOKafkaAdminClient = await attempts(_connect, settings, ready_s)
    except (KafkaError, OSError, TimeoutError) as error:
        message = f"Kafka at {settings.broker} did not answer within {ready_s:g} s"
        refused = await _refusal(settings)
        raise BrokerUnavailableError(message + refused, hint=_SECURITY_HINT if refused else _HINT) from error
    try:
        yield admin
    finally:
        await undisturbed(admin.close(), ANSWER_S)


async def list_states(admin: AIOKafkaAdminClient) -> dict[str, TopicState]:
    """All topics of the broker by name."""
    found = {}
    for item in await admin.describe_topics():
        parts = item["partitions"]
        leaderless = sum(1 for part in parts if part["error_code"] or part["leader"] < 0)
        found[item["topic"]] = TopicState(item["topic"], len(parts), leaderless)
    return found


async def cleanup_policies(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, str]:
    """cleanup.policy of these topics, as far as the broker tells it."""
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    found = {}
    for answer in answers:
        for code, _message, _type, name, entries in (resource[:5] for resource in answer.resources):
            for key, value, *_ in entries if code == 0 else ():
                if key == "cleanup.policy" and value:
                    found[name] = value
    return found


async def can_idempotent(admin: AIOKafkaAdminClient) -> bool:
    """Whether the broker can do idempotent producers. Asked for real: Tansu says it can, and then cannot."""
    client = admin._client  # the admin client has no call of its own for this
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)
    try:
        async with asyncio.timeout(ANSWER_S):
            while True:
                answer = await client.send(client.get_random_node(), request)
                if not for_code(answer.error_code).retriable:
                    return bool(answer.error_code == 0)
                await asyncio.sleep(0.1)  # the first request of a new cluster finds it not ready
    except (KafkaError, TimeoutError):
        return False


async def _refusal(settings: Settings) -> str:
    """Why a broker with TLS or passwords turns us away; aiokafka says that to its log only."""
    options = kafka(settings)
    if settings.kafka_security == "plaintext":
        return ""
    host, _, port = options.pop("bootstrap_servers")[0].rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_S):
            connection = await create_conn(host, int(port), **options)
    except (KafkaError, OSError, TimeoutError) as error:
        return f": {error or type(error).__name__}"
    connection.close()
    return ""


async def _connect(settings: Settings, ready_s: float) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(
        **kafka(settings),
        client_id="rapport-admin",
        request_timeout_ms=int(ANSWER_S * 1_000),
    )
    try:
        with _quiet_client():
            async with asyncio.timeout(min(ANSWER_S, ready_s)):
                await admin.start()
    except BaseException:
        await admin.close()
        raise
    return admin


async def _create(
    admin: AIOKafkaAdminClient, settings: Settings, specs: Sequence[TopicSpec], count: int
) -> set[str]:
    """Names of those that were made; one that somebody else made meanwhile is none of them."""
    if not specs:
        return set()
    answer = await admin.create_topics([_new_topic(settings, spec, count) for spec in specs])
    made = set()
    for name, code, *text in answer.topic_errors:
        if code == 0:
            made.add(name)
        elif code != _TOPIC_EXISTS:
            why = (text[0] if text else None) or for_code(code).__name__
            raise TopicError(
                f"Kafka at {settings.broker} refuses to make {name}: {why}",
                hint="RAPPORT_REPLICATION_FACTOR must not exceed the number of brokers; our user needs the "
                "right to create topics",
            )
    return made


def _new_topic(settings: Settings, spec: TopicSpec, count: int) -> NewTopic:
    configs = {"cleanup.policy": "compact" if spec.compacted else "delete"}
    if not spec.compacted:
        age = spec.retention
        configs["retention.ms"] = str(-1 if age is None else int(age.total_seconds() * 1_000))
        if spec.retention_bytes is not None:
            configs["retention.bytes"] = str(spec.retention_bytes)
    return NewTopic(
        settings.topic(spec.name), 1 if spec.one_partition else count, settings.replication_factor,
        topic_configs=configs,
    )  # fmt: skip


async def _served(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, TopicState]:
    """All topics, once every partition of these has a leader: brokers answer before they are done."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            there = await list_states(admin)
            if all(name in there and not there[name].leaderless for name in names):
                return there
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def _plain_errors(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        message = f"Kafka at {settings.broker} does not answer as it should: {why}"
        raise BrokerUnavailableError(message, hint=_HINT) from error


@contextlib.contextmanager
def _quiet_client() -> Iterator[None]:
    """While we try to connect: aiokafka logs an error for each failed try, and we say it once ourselves."""

    def mute(record: logging.LogRecord) -> bool:
        return False

    loggers = [logging.getLogger(name) for name in ("aiokafka", "aiokafka.client", "aiokafka.conn")]
    for logger in loggers:
        logger.addFilter(mute)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(mute)


def _say_waiting(settings: Settings, state: RetryCallState) -> None:
    if state.attempt_number == 1:
        log.warning("Kafka at %s does not answer yet; trying again", settings.broker)
