"""Runs the queries of the HTTP API as Grafana's Infinity plugin would: asked, answered, each column there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

import niquests

from dashboards.errors import DashboardsError
from dashboards.infinity import PLUGIN
from dashboards.variables import filled

_TIMEOUT_S: Final = 15.0
_PARTNERSHIPS: Final = "/api/v1/tables/partnerships"


class ApiFailed(DashboardsError):  # noqa: N818 - named by what is the matter
    """No API answers there, or it refuses the token."""


class Told(Protocol):
    """Where findings go: `dashboards.check.Report`."""

    asked: int
    problems: list[str]
    empty: list[str]


def targets(dashboards: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All queries of the API, each with a name that tells where it is."""
    for name, board in dashboards.items():
        for panel in board.get("panels", []):
            for target in panel.get("targets", []):
                if (target.get("datasource") or {}).get("type") == PLUGIN:
                    yield f"{name}: {panel.get('title')} {target.get('refId')}", target


def run(dashboards: Mapping[str, Mapping[str, Any]], address: str, token: str, report: Told) -> None:
    """Asks everything, with all brands chosen and the weakest partnership.

    Raises:
        ApiFailed: no API answers at `address`, or it does not take the token.
    """
    with niquests.Session() as http:
        http.headers["Authorization"] = f"Bearer {token}"
        base = address.rstrip("/")
        first = _ask(http, base + _PARTNERSHIPS, {"limit": "1"})
        if not isinstance(first, dict) or not isinstance(first.get("items"), list):
            raise ApiFailed(f"what answers at {base} is not Rapport's API")
        weakest = next((str(item.get("partnership_id")) for item in first["items"]), "none")
        for name, target in targets(dashboards):
            report.asked += 1
            try:
                _one(http, base, name, target, weakest, report)
            except ApiFailed as error:
                report.problems.append(f"{name}: {error}")


def _one(
    http: niquests.Session, base: str, name: str, target: Mapping[str, Any], partnership: str, report: Told
) -> None:
    path = filled(target["url"], partnership=quote(partnership, safe=""))
    params = {
        item["key"]: filled(item["value"], partnership=partnership)
        for item in target["url_options"]["params"]
    }
    body = _ask(http, base + path, params)
    for part in target["root_selector"].split(".") if target["root_selector"] else ():
        body = body.get(part) if isinstance(body, dict) else None
    if not isinstance(body, list | dict):
        report.problems.append(f"{name}: {target['root_selector']!r} is neither a list nor an object")
        return
    items = body if isinstance(body, list) else [body]
    if not items:
        report.empty.append(name)
    for column in target["columns"] if items else ():
        if not any(_has(item, column["selector"]) for item in items):
            report.problems.append(f"{name}: no item has {column['selector']!r}")


def _has(item: Any, selector: str) -> bool:
    for part in selector.split("."):
        if item is None:
            return True  # null where an object may be: nothing is known, but the field is there
        if not isinstance(item, dict) or part not in item:
            return False
        item = item[part]
    return True


def _ask(http: niquests.Session, url: str, params: Mapping[str, str]) -> Any:
    try:
        answer = http.get(url, params=dict(params), timeout=_TIMEOUT_S)
        body = answer.json()
    except niquests.exceptions.JSONDecodeError as error:
        raise ApiFailed(f"what answers at {url} is not Rapport's API") from error
    except niquests.exceptions.RequestException as error:
        raise ApiFailed(f"no API answers at {url}; is `rapport serve` running there?") from error
    if answer.status_code in (401, 403):
        why = body.get("detail") if isinstance(body, dict) else ""
        raise ApiFailed(f"{url} refuses RAPPORT_GRAFANA_API_TOKEN: {why}")
    if answer.status_code != 200:
        raise ApiFailed(f"{url} answered {answer.status_code}: {str(body)[:200]}")
    return body
