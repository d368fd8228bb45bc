"""Looks at the broker, its topics, and where the newest records lie."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import EVENTS, TOPICS
from streams.doctor.check import CONNECT_S, Check, bounded
from streams.doctor.partitioner import sample_newest
from streams.errors import BrokerUnavailableError
from streams.settings import Settings
from streams.topics import TopicState, can_idempotent, cleanup_policies, list_states, open_admin, problems_of


async def look_at_kafka(settings: Settings) -> tuple[int | None, list[Check]]:
    """(partitions of the events topic or None, findings)."""
    try:
        async with open_admin(settings, CONNECT_S) as admin:
            checks = [Check("broker", "ok", f"Kafka at {settings.broker} answers")]
            checks += await bounded("broker features", _features(admin))
            there: dict[str, TopicState] = {}
            checks += await bounded("topics", _topics(settings, admin, there))
    except BrokerUnavailableError as error:
        return None, [Check("broker", "fail", str(error), error.hint)]
    events = there.get(settings.topic(EVENTS))
    if events is None:
        return None, checks
    checks += await bounded("partitioner", _partitioner(settings, events.name, events.partitions))
    return events.partitions, checks


async def _features(admin: AIOKafkaAdminClient) -> list[Check]:
    if await can_idempotent(admin):
        return [Check("broker features", "ok", "the broker can do idempotent producers")]
    return [
        Check(
            "broker features", "warn", "the broker cannot do idempotent producers (Tansu cannot)",
            "fine for trying out; a record that is sent again may lie on an output topic twice, "
            "with the same id",
        )
    ]  # fmt: skip


async def _topics(
    settings: Settings, admin: AIOKafkaAdminClient, there: dict[str, TopicState]
) -> list[Check]:
    """Also fills `there`, all topics of the broker by name."""
    there |= await list_states(admin)
    events = there.get(settings.topic(EVENTS))
    count = events.partitions if events else settings.partitions
    names = {name: settings.topic(name) for name in TOPICS}
    policies = await cleanup_policies(admin, [name for name in names.values() if name in there])
    missing = [name for name in names.values() if name not in there]
    checks = []
    if missing:
        checks.append(
            Check("topics", "fail", f"missing: {', '.join(missing)}", "run `rapport topics create`")
        )
    for name, full in names.items():
        if full in there:
            checks.append(_topic(settings, name, there[full], policies.get(full), count))
    return checks


def _topic(settings: Settings, name: str, state: TopicState, policy: str | None, count: int) -> Check:
    spec = TOPICS[name]
    problems = problems_of(spec, settings, state, policy, events_count=count)
    label = f"topic {state.name}"
    if not problems:
        plural = "" if state.partitions == 1 else "s"
        what = f"{state.partitions} partition{plural}, {policy or 'policy unknown'}"
        return Check(label, "ok", what)
    broken = state.leaderless or (spec.one_partition and state.partitions != 1)
    lossy = policy is not None and ("compact" in policy) != spec.compacted
    if lossy:
        advice = f"set cleanup.policy of {state.name} to {'compact' if spec.compacted else 'delete'}"
    elif spec.one_partition and state.partitions != 1:
        advice = f"delete {state.name}, run `rapport topics create`, and send its records again"
    elif state.leaderless:
        advice = "see that all brokers are up"
    elif name == EVENTS:
        advice = f"set RAPPORT_PARTITIONS={state.partitions}"
    else:
        advice = None
    return Check(label, "fail" if broken or lossy else "warn", "; ".join(problems), advice)


async def _partitioner(settings: Settings, topic: str, partitions: int) -> list[Check]:
    sample = await sample_newest(settings, topic, partitions)
    if not sample.records:
        return [Check("partitioner", "ok", f"{topic} is empty, there is nothing to check yet")]
    if not sample.misplaced and not sample.keyless:
        return [
            Check("partitioner", "ok", f"the newest {sample.records} records lie where their keys belong")
        ]
    told = (
        f"{sample.misplaced} of the newest {sample.records} records of {topic} lie on a partition that their "
    )
    told += f"key does not belong to, {sample.keyless} have no key"
    if sample.example is not None:
        told += f" (e.g. offset {sample.example.offset} on {sample.example.partition}, "
        told += f"belongs on {sample.example.belongs_on})"
    return [
        Check(
            "partitioner", "fail", told,
            "they are rejected: send with the influencer id as key and Kafka's default partitioner; "
            "librdkafka clients (confluent-kafka, node-rdkafka, …) need partitioner=murmur2_random",
        )
    ]  # fmt: skip
