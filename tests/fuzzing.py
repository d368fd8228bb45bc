"""What fuzzing an HTTP API by its own document needs beside schemathesis."""

from __future__ import annotations

from typing import Any

import httpx
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
)  # fmt: skip


def request_of(client: httpx.Client | httpx.AsyncClient, case: Any, address: str) -> httpx.Request:
    """By httpx: schemathesis's own transport wants a `urllib3` that apprise's dependencies replace."""
    told = case.as_transport_kwargs(base_url=address)
    body = {"json": told["json"]} if "json" in told else {"content": _bytes(told.get("data"))}
    headers = {
        name: value.encode("latin-1", "replace") if isinstance(value, str) else value
        for name, value in dict(told["headers"]).items()
    }
    return client.build_request(
        told["method"], told["url"], params=told.get("params"), headers=headers, **body
    )


def _bytes(data: Any) -> bytes | None:
    if data is None or isinstance(data, bytes):
        return data
    return data.encode("utf-8", "surrogatepass") if isinstance(data, str) else str(data).encode()
