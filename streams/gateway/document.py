"""What the OpenAPI document says about bodies and answers, which the routes read and write as bytes."""

from __future__ import annotations

from typing import Any, Final, get_args

from schemas import EngagementEvent
from schemas.rejected import RejectReason
from streams.gateway.answers import MEDIA as PROBLEM

_REF: Final = "#/components/schemas/"
_TOO: Final = {
    "headers": {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds"}}
}
_COUNT: Final = {"type": "integer", "minimum": 0}
_ERROR: Final = {
    "type": "object", "required": ["field", "message"],
    "properties": {
        "field": {"type": "string", "description": "Dotted path; empty: the event as a whole"},
        "message": {"type": "string"}, "input": {"type": ["string", "null"]},
    },
}  # fmt: skip
_VERDICT: Final = {
    "type": "object", "required": ["index", "status"],
    "properties": {
        "index": _COUNT | {"description": "Place in the request, from 0"},
        "status": {"enum": ["accepted", "duplicate", "rejected"]},
        "event_id": {"type": "string"},
        "reason": {"enum": [*get_args(RejectReason), "forbidden", "atomic"]},
        "errors": {"type": "array", "items": {"$ref": _REF + "FieldFault"}},
    },
}  # fmt: skip
_COUNTS: Final = dict.fromkeys(("accepted", "duplicate", "rejected"), _COUNT)
_TAKEN: Final = {
    "type": "object", "required": ["accepted", "duplicate", "rejected", "results"],
    "properties": _COUNTS | {"results": {"type": "array", "items": {"$ref": _REF + "Verdict"}}},
}  # fmt: skip
_PUSHED: Final = {
    "type": "object", "required": ["accepted", "duplicate", "rejected", "left_out"],
    "properties": _COUNTS | {"left_out": _COUNT},
}  # fmt: skip
_PROBLEM: Final = {
    "type": "object", "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "detail": {"type": "string"}, "hint": {"type": "string"}, **_COUNTS,
        "results": {"type": "array", "items": {"$ref": _REF + "Verdict"}},
    },
}  # fmt: skip
_MEANINGS: Final = {
    400: "Not JSON, not gzip, or a header given twice", 401: "No valid token or signature",
    403: "The token may not do this", 404: "There is none", 405: "Another method",
    408: "The body did not arrive in time", 411: "No body", 413: "Too large, or too many events",
    415: "Another content type or encoding", 422: "Every event was rejected: see `results`",
    429: "Too much, or the workers are too far behind", 503: "Kafka (or for tokens Redis) does not answer",
}  # fmt: skip


def _problems(*codes: int) -> dict[str, Any]:
    return {
        str(code): {
            "description": _MEANINGS[code], "content": {PROBLEM: {"schema": {"$ref": _REF + "Problem"}}},
            **(_TOO if code in (429, 503) else {}),
        }
        for code in codes
    }  # fmt: skip


def _ok(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description, "content": {"application/json": {"schema": {"$ref": _REF + schema}}},
    }  # fmt: skip


def _flag(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description,
            "schema": {"type": "boolean", "default": False}}  # fmt: skip


_ENCODING: Final = {
    "name": "Content-Encoding", "in": "header", "description": "gzip, or left out",
    "schema": {"enum": ["gzip", "identity"]},
}  # fmt: skip
_NDJSON: Final = {"schema": {"type": "string", "description": "An event a line"}}

EVENTS_DOC: Final[dict[str, Any]] = {
    "security": [{"token": []}],
    "parameters": [
        _flag("atomic", "Take in all of the events or none"),
        _flag("brief", "List only what was not accepted"),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {"$ref": _REF + "EngagementEvent"},
                        {"type": "array", "minItems": 1, "items": {"$ref": _REF + "EngagementEvent"}},
                    ]
                }
            },
            "application/x-ndjson": _NDJSON,
        },
    },
    "responses": {
        "200": _ok("Every event is in Kafka, by this request or one before", "Taken"),
        "207": _ok("Some were rejected: see `results`; the others are in Kafka", "Taken"),
        **_problems(400, 401, 403, 408, 411, 413, 415, 422, 429, 503),
    },
}
WEBHOOK_DOC: Final[dict[str, Any]] = {
    "security": [{"token": []}, {}],
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {}}
            for kind in ("application/json", "application/activity+json", "application/atom+xml",
                         "application/x-ndjson")
        },
    },
    "responses": {
        "200": _ok("Read; what was refused lies in engagement.rejected.v1", "Pushed"),
        **_problems(400, 401, 403, 404, 408, 411, 413, 415, 422, 429, 503),
    },
}  # fmt: skip
HANDSHAKE_DOC: Final[dict[str, Any]] = {
    "security": [{}],
    "responses": {
        "200": {
            "description": "The challenge",
            "content": {"text/plain": {"schema": {"type": "string"}}, "application/json": {"schema": {}}},
        },
        **_problems(403, 404, 405, 422, 429),
    },
}
HEALTH_DOC: Final[dict[str, Any]] = {
    "security": [{}],
    "responses": {
        "200": {"description": "Yes", "content": {"application/json": {"schema": {"type": "object"}}}},
        "503": {"description": "No", "content": {"application/json": {"schema": {"type": "object"}}}},
    },
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document as FastAPI made it, with our schemas, and without its own for errors that we word."""
    schema = EngagementEvent.model_json_schema(ref_template=_REF + "{model}")
    parts = schema.pop("$defs", {})
    components = document.setdefault("components", {})
    components["schemas"] = parts | {
        "EngagementEvent": schema, "Verdict": _VERDICT, "FieldFault": _ERROR, "Taken": _TAKEN,
        "Pushed": _PUSHED, "Problem": _PROBLEM,
    }  # fmt: skip
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer",
                  "description": "`rapport gateway tokens create` makes one"}
    }  # fmt: skip
    for path in document["paths"].values():
        for operation in path.values():
            told = operation["responses"]
            if "422" in told and PROBLEM not in told["422"].get("content", {}):
                told |= _problems(422)
    return document
