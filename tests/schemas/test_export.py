"""The published documents: in step with the models, valid, whole, and only ever growing."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schemas.evolution import breaking_changes
from schemas.export import asyncapi, export, json_schema, schema_id
from schemas.topics import ALERTS, EVENTS, TOPICS

REPO = Path(__file__).parents[2]
PUBLISHED = REPO / "schemas" / "json"
EXAMPLES = Path(__file__).parent / "examples"


def example(topic: str) -> dict:
    return json.loads((EXAMPLES / f"{topic}.json").read_text())


def validator(topic: str) -> Draft202012Validator:
    return Draft202012Validator(
        json_schema(TOPICS[topic]), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def test_checked_in_documents_are_those_of_the_models(tmp_path):
    fresh = {path.name: path.read_bytes() for path in export(tmp_path / "new" / "directory")}
    published = {path.name: path.read_bytes() for path in PUBLISHED.iterdir()}
    assert fresh == published, "run: rapport schemas export schemas/json"
    assert all(data.endswith(b"}\n") for data in fresh.values())


@pytest.mark.parametrize("topic", TOPICS)
def test_json_schema_is_valid_and_takes_what_the_model_writes(topic):
    schema = json_schema(TOPICS[topic])
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == schema_id(topic)
    raw = example(topic)
    written = TOPICS[topic].model.model_validate(raw).model_dump(mode="json", by_alias=True)
    for record in (raw, written, {**raw, "of_tomorrow": 1}):
        assert [error.message for error in validator(topic).iter_errors(record)] == []


@pytest.mark.parametrize("changes", [
    {"kind": "nope"}, {"event_id": ""}, {"event_id": "x" * 257}, {"actor": None}, {"actor": {"id": 3}},
    {"actor": {"id": "a", "followers": -1}}, {"occurred_at": 5}, {"tags": "a"}, {"schema_version": 2},
    {"kind": "counter"}, {"kind": "counter", "metric": "likes", "count": None},
])  # fmt: skip
def test_json_schema_refuses_what_the_model_refuses(changes):
    assert list(validator(EVENTS).iter_errors({**example(EVENTS), **changes}))


def test_json_schema_takes_a_counter_without_actor():
    counter = {**example(EVENTS), "actor": None, "kind": "counter", "metric": "likes", "count": 3}
    assert list(validator(EVENTS).iter_errors(counter)) == []


def _references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _look_up(document: dict, pointer: str):
    assert pointer.startswith("#/")
    for step in pointer[2:].split("/"):
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


def test_asyncapi_is_whole():
    # Also checked once by hand against AsyncAPI's own JSON Schema 3.0.0 (npm @asyncapi/specs 6.11.1).
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    references = list(_references(document))
    assert len(references) > 30
    assert all(isinstance(_look_up(document, pointer), dict) for pointer in references)
    assert {channel["address"] for channel in document["channels"].values()} == set(TOPICS)
    used = [
        _look_up(document, operation["channel"]["$ref"])["address"]
        for operation in document["operations"].values()
    ]
    assert sorted(used) == sorted(TOPICS)
    actions = {name: operation["action"] for name, operation in document["operations"].items()}
    assert actions["receiveEngagementEvent"] == "receive"
    assert actions["sendAlert"] == "send"


def test_asyncapi_tells_headers_keys_and_topics():
    document = asyncapi()
    headers = document["components"]["messages"]["Alert"]["headers"]
    assert headers["required"] == sorted([
        "ce_specversion", "ce_type", "ce_id", "ce_source", "ce_time", "ce_dataschema"
    ])  # fmt: skip
    assert "required" not in document["components"]["messages"]["EngagementEvent"]["headers"]
    for topic, channel in document["channels"].items():
        kafka = channel["bindings"]["kafka"]
        assert kafka["topic"] == topic
        assert kafka["topicConfiguration"]["cleanup.policy"] == [
            "compact" if TOPICS[topic].compacted else "delete"
        ]
        assert kafka.get("partitions") == (1 if TOPICS[topic].one_partition else None)
        (message,) = (_look_up(document, one["$ref"]) for one in channel["messages"].values())
        assert message["bindings"]["kafka"]["key"]["description"] == TOPICS[topic].key
    alerts = document["channels"][ALERTS]["bindings"]["kafka"]["topicConfiguration"]
    assert alerts["retention.ms"] == -1, "event-time stamps: age must not delete a replayed alert"
    assert alerts["retention.bytes"] > 0


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=REPO, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("topic", TOPICS)
def test_schema_has_only_grown_since_it_was_first_published(topic):
    if shutil.which("git") is None or not (REPO / ".git").exists():
        pytest.skip("no git history here")
    name = f"schemas/json/{topic}.json"
    # Against all versions, not the last one: what breaks any of them needs a new topic, `.v2`.
    for commit in _git("log", "--format=%H", "--diff-filter=AM", "--", name).split():
        published = json.loads(_git("show", f"{commit}:{name}"))
        assert breaking_changes(published, json_schema(TOPICS[topic])) == [], f"against {commit[:8]}"
