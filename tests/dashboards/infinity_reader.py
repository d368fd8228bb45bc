"""Reads the API as Infinity's backend parser does, with plain paths as selectors, and strictly.

What a query names must be in the API's own document, and in its answers of the kind that the column says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx

from dashboards.infinity import PLUGIN

KINDS = {"string": (str,), "number": (int, float), "boolean": (bool,), "timestamp": (str,)}


def targets(dashboards: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All queries of the API, by where they are."""
    for uid, board in dashboards.items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == PLUGIN:
                    yield f"{uid}/{panel['title']}/{target['refId']}", target


def read(http: httpx.Client, target: Mapping[str, Any], chosen: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of a query; `chosen`: values of the dashboard's variables."""
    url = filled(target["url"], chosen)
    params = [(item["key"], filled(item["value"], chosen)) for item in target["url_options"]["params"]]
    answer = http.request(target["url_options"]["method"], url, params=params)
    assert answer.status_code == 200, f"{answer.request.url}: {answer.text}"
    root = at(answer.json(), target["root_selector"])
    assert isinstance(root, list | dict), f"{target['root_selector']!r} of {url} is neither list nor object"
    items = root if isinstance(root, list) else [root]
    return [
        {column["text"]: value(at(item, column["selector"]), column) for column in target["columns"]}
        for item in items
    ]


def value(found: Any, column: Mapping[str, Any]) -> Any:
    """The cell; None stays None."""
    if found is None:
        return None
    kinds = KINDS[column["type"]]
    assert isinstance(found, kinds) and isinstance(found, bool) == (bool in kinds), (column, found)
    return datetime.fromisoformat(found) if column["type"] == "timestamp" else found


def at(node: Any, path: str) -> Any:
    """What lies at a path of names; None where it ends early."""
    for name in path.split(".") if path else ():
        node = node.get(name) if isinstance(node, dict) else None
    return node


def filled(text: str, chosen: Mapping[str, str]) -> str:
    """With the variables' values in place."""
    return re.sub(r"\$\{?(\w+)(?::[\w:]+)?\}?", lambda match: chosen[match[1]], text)


def undocumented(document: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    """Parameters and columns of a query that the API's OpenAPI document does not have."""
    path = re.sub(r"\$\{[^}]*\}", "x", target["url"])
    operation = next(
        (
            methods["get"]
            for template, methods in document["paths"].items()
            if "get" in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ),
        None,
    )
    if operation is None:
        return [f"path {path}"]
    known = {item["name"] for item in operation.get("parameters", ())}
    missing = [
        f"parameter {item['key']}" for item in target["url_options"]["params"] if item["key"] not in known
    ]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    roots = _below(document, [schema], target["root_selector"])
    items = [one for root in roots for one in _resolved(document, root)]
    items = [one.get("items", one) for one in items]
    missing += [
        f"column {column['selector']}"
        for column in target["columns"]
        if not _below(document, items, column["selector"])
    ]
    return missing


def _below(document: Mapping[str, Any], schemas: list[Any], path: str) -> list[Any]:
    """The schemas at a path of names, through references, alternatives and maps."""
    for name in path.split(".") if path else ():
        found = []
        for schema in schemas:
            for one in _resolved(document, schema):
                if name in one.get("properties", {}):
                    found.append(one["properties"][name])
                elif isinstance(one.get("additionalProperties"), dict):
                    found.append(one["additionalProperties"])
        schemas = found
    return schemas


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "$ref" in schema:
        return _resolved(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return [one for part in alternatives for one in _resolved(document, part)]
    return [schema]
