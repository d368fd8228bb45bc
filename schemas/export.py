"""The contracts in words that other languages read: JSON Schema per topic, one AsyncAPI document for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from schemas.topics import ALERTS, CONTROL, EVENTS, PARTNERSHIPS, TOPICS, TopicSpec

#: Version of the contracts as a whole; the major number is that of the topics.
CONTRACT_VERSION: Final = "1.0.0"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI_FILE: Final = "asyncapi.json"
_BINDING: Final = "0.5.0"
#: What Rapport reads; the other topics it writes.
_READ: Final = frozenset({EVENTS, PARTNERSHIPS, CONTROL})

_CE: Final = {
    "ce_specversion": {"type": "string", "const": "1.0", "description": "Version of CloudEvents."},
    "ce_type": {"type": "string", "description": "What kind of record this is."},
    "ce_id": {"type": "string", "description": "Stable id: a record written again carries the same one."},
    "ce_source": {"type": "string", "description": "Who wrote the record."},
}
_CE_ALERTS: Final = {
    "ce_time": {"type": "string", "format": "date-time", "description": "The alert's `at`."},
    "ce_dataschema": {"type": "string", "description": "`$id` of the JSON Schema of the value."},
}


def schema_id(topic: str) -> str:
    """`$id` of a topic's JSON Schema."""
    return f"urn:rapport:schema:{topic}"


def json_schema(spec: TopicSpec) -> dict[str, Any]:
    """JSON Schema (2020-12) of the records of one topic."""
    schema = spec.model.model_json_schema(mode="validation")
    return {"$schema": DIALECT, "$id": schema_id(spec.name), **schema}


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0.0: channels, operations and messages of all topics."""
    specs = list(TOPICS.values())
    _, definitions = models_json_schema(
        [(spec.model, "validation") for spec in specs], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rapport",
            "version": CONTRACT_VERSION,
            "description": "Topics of the streaming engagement monitor for brand-influencer partnerships.",
        },
        "defaultContentType": "application/json",
        "channels": {spec.name: _channel(spec) for spec in specs},
        "operations": {_operation_id(spec): _operation(spec) for spec in specs},
        "components": {
            "messages": {spec.model.__name__: _message(spec) for spec in specs},
            "schemas": definitions["$defs"],
        },
    }


def export(directory: Path) -> list[Path]:
    """Write all documents to `directory` (made if missing); the files, in order of their names.

    The same models give the same bytes. Raises OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    documents = {f"{name}.json": json_schema(spec) for name, spec in TOPICS.items()}
    documents[ASYNCAPI_FILE] = asyncapi()
    paths = []
    for name, document in sorted(documents.items()):
        path = directory / name
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def _operation_id(spec: TopicSpec) -> str:
    return f"{'receive' if spec.name in _READ else 'send'}{spec.model.__name__}"


def _channel(spec: TopicSpec) -> dict[str, Any]:
    config: dict[str, Any] = {"cleanup.policy": ["compact" if spec.compacted else "delete"]}
    if not spec.compacted:
        config["retention.ms"] = -1 if spec.retention is None else int(spec.retention.total_seconds() * 1000)
    if spec.retention_bytes is not None:
        config["retention.bytes"] = spec.retention_bytes
    binding: dict[str, Any] = {"topic": spec.name, "topicConfiguration": config, "bindingVersion": _BINDING}
    if spec.one_partition:
        binding["partitions"] = 1
    return {
        "address": spec.name,
        "description": f"{spec.description} Record key: {spec.key}.",
        "messages": {spec.model.__name__: {"$ref": f"#/components/messages/{spec.model.__name__}"}},
        "bindings": {"kafka": binding},
    }


def _operation(spec: TopicSpec) -> dict[str, Any]:
    name = spec.model.__name__
    return {
        "action": "receive" if spec.name in _READ else "send",
        "channel": {"$ref": f"#/channels/{spec.name}"},
        "summary": spec.description,
        "messages": [{"$ref": f"#/channels/{spec.name}/messages/{name}"}],
    }


def _message(spec: TopicSpec) -> dict[str, Any]:
    name = spec.model.__name__
    headers: dict[str, Any] = {
        "type": "object",
        "description": "CloudEvents in binary mode.",
        "properties": {**_CE, **(_CE_ALERTS if spec.name == ALERTS else {})},
    }
    if spec.name not in _READ:  # only what we write is sure to have them
        headers["required"] = sorted(headers["properties"])
    return {
        "name": name,
        "title": name,
        "contentType": "application/json",
        "headers": headers,
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": spec.key}, "bindingVersion": _BINDING}
        },
    }
