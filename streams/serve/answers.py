"""How routes answer: JSON with an ETag, CSV, and cursors that stay good while things come and go."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Depends, Path, Query, Request, Response

from streams.alert_view import csv_cell
from streams.errors import InputError
from streams.serve.auth import Served, served

State = Annotated[Served, Depends(served)]
PartnershipId = Annotated[str, Path(min_length=1, max_length=256)]
Name = Annotated[str | None, Query(max_length=256)]
Cursor = Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")]
Form = Annotated[Literal["json", "csv"], Query(alias="format")]
#: For OpenAPI: a route that also answers CSV.
CSV: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {}}}}


def answer(request: Request, body: Mapping[str, Any]) -> Response:
    """The body as JSON with its ETag; 304 when the caller has it already."""
    return sent(request, msgspec.json.encode(body))


def sent(request: Request, data: bytes, media: str = "application/json", **headers: str) -> Response:
    """What is encoded already, with its ETag; 304 when the caller has it already."""
    tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, **headers}
    given = request.headers.get("if-none-match", "")
    if given.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in given.split(",")[:20]]:
        return Response(None, 304, headers)
    return Response(data, 200, headers, media)


def table(request: Request, name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV file (RFC 4180); text that a spreadsheet would run is made harmless."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    told = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return sent(request, buffer.getvalue().encode(), "text/csv; charset=utf-8", **told)


def cursor_of(place: Sequence[object]) -> str:
    """A place in a list, as text."""
    return base64.urlsafe_b64encode(json.dumps(list(place)).encode()).decode().rstrip("=")


def read_cursor(text: str, *kinds: Any) -> list[Any]:
    """The place that a cursor names: values of these kinds (`float | None` takes none). Raises InputError."""
    try:
        place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        place = None
    if (
        not isinstance(place, list)
        or len(place) != len(kinds)
        or not all(isinstance(value, kind) for value, kind in zip(place, kinds, strict=True))
    ):
        raise InputError("cursor: take it from `next` of the page before, as it is")
    return place
