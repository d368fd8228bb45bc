"""Partnerships in a file: a JSON or YAML list, or NDJSON. All that is wrong is told at once."""

from __future__ import annotations

import datetime as dt
import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from processors.rules import faults
from schemas import ContractWindow, Employee, Explainer, Partnership, TargetAudience
from streams.errors import InputError

_MOST_BYTES = 256 * 1024 * 1024
_MOST_LINES = 50
#: Readings of influencers without a partnership stand under such ids.
_RESERVED = "none--"
_INNER: dict[str, type[BaseModel]] = {
    "contracts": ContractWindow,
    "target_audience": TargetAudience,
    "employees": Employee,
    "explainers": Explainer,
}


def load_partnerships(path: Path, *, notes: list[str] | None = None) -> list[Partnership]:
    """The file's partnerships, in order.

    Args:
        path: .json, .yaml, .ndjson; anything else is read as JSON.
        notes: takes a line for each field that is none: allowed by the contract, but most likely misspelt.

    Raises:
        InputError: with one line for each thing that is wrong, naming the partnership and the field.
    """
    found = _parse(path)
    if isinstance(found, dict):
        found = found["partnerships"] if set(found) == {"partnerships"} else [found]
    if not isinstance(found, list):
        raise InputError(f"{path}: should be a list of partnerships")
    partnerships: list[Partnership] = []
    problems: list[str] = []
    for number, item in enumerate(found, 1):
        name = item.get("partnership_id") if isinstance(item, dict) else None
        where = f"{path}: partnership {number}" + (f" ({name})" if isinstance(name, str) else "")
        made, wrong = check(item)
        if made is not None:
            partnerships.append(made)
        problems += [f"{where}: {line}" for line in wrong]
        if notes is not None and isinstance(item, dict):
            notes += [f"{where}: {line}" for line in unknown(item)]
    problems += _twice(path, partnerships)
    if problems:
        more = len(problems) - _MOST_LINES
        raise InputError("\n".join(problems[:_MOST_LINES] + ([f"… and {more} more"] if more > 0 else [])))
    return partnerships


def check(item: Any) -> tuple[Partnership | None, list[str]]:
    """A partnership as people wrote it, if it is one, and all that is wrong with it as "field: message"."""
    made: Partnership | None = None
    try:
        # Through JSON, since that is what will be on the topic: YAML knows more types than the contract.
        made = Partnership.model_validate_json(json.dumps(item, default=_plain))
        wrong = faults(made.rules)
    except ValidationError as error:
        wrong = [_told(one) for one in error.errors(include_url=False)]
    except (TypeError, ValueError) as error:
        wrong = [str(error)]
    name = item.get("partnership_id") if isinstance(item, dict) else None
    if isinstance(name, str) and name.startswith(_RESERVED):
        wrong.append(f"partnership_id: may not begin with {_RESERVED}")
    return made, wrong


def unknown(item: dict[Any, Any]) -> list[str]:
    """A line, "field: what", for each field that is none: allowed by the contract, most likely misspelt."""
    return list(_unknown(item, Partnership))


def _parse(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES >> 20} MiB")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        if path.suffix in (".ndjson", ".jsonl"):
            return _lines(path, text)
        if path.suffix in (".yaml", ".yml"):
            return yaml.safe_load(text)
        return json.loads(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None


def _lines(path: Path, text: str) -> list[Any]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path}: line {number} is not JSON: {error}") from None
    return found


def _told(error: ErrorDetails) -> str:
    """Field, what is wrong with it, and what to do where that is not plain."""
    field, value = ".".join(map(str, error["loc"])) or "as a whole", error["input"]
    unquoted = error["type"] == "string_type" and isinstance(value, bool | int | float)
    # YAML reads NO (Norway) and 0012 as something else than text.
    return f"{field}: {error['msg']}" + (f", this reads as {value}: put it in quotes" if unquoted else "")


def _unknown(item: dict[Any, Any], model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, value in item.items():
        if name not in model.model_fields:
            close = difflib.get_close_matches(str(name), model.model_fields, 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            yield f"{prefix}{name}: no such field, it has no effect{meant}"
        elif not prefix and (inner := _INNER.get(name)) is not None:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    yield from _unknown(part, inner, f"{name}.")


def _twice(path: Path, partnerships: list[Partnership]) -> list[str]:
    seen: set[str] = set()
    lines = []
    for partnership in partnerships:
        if partnership.partnership_id in seen:
            lines.append(f"{path}: partnership_id {partnership.partnership_id!r} is there more than once")
        seen.add(partnership.partnership_id)
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")
