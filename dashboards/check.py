"""Checks dashboards as they are sent or exported: complete, unmistakable, and each query understood.

Queries are run on a Prometheus when one is given: only that parses PromQL as the panels' own will.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any, Final

import niquests
from grafana_foundation_sdk.models.dashboard import Dashboard
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from dashboards import build, check_api
from dashboards.errors import DashboardsError
from dashboards.variables import NAMED, filled

_TIMEOUT_S: Final = 15.0
_TRIES: Final = 3
#: What Grafana itself fills in.
_BUILT_IN: Final = frozenset({"__rate_interval", "__interval", "__range", "__url_time_range", "__value"})


class CheckFailed(DashboardsError):  # noqa: N818 - named by what is the matter
    """Files that cannot be read, or a Prometheus that does not answer."""


@dataclass(slots=True)
class Report:
    """What came of a check.

    Attributes:
        queries: how many PromQL queries there are; `run`: how many of them were run. `asked`: how many
            queries of the HTTP API were run.
        problems: what is wrong, one line each; the check failed when there are any.
        empty: queries that ran, but had no data.
    """

    dashboards: int = 0
    panels: int = 0
    queries: int = 0
    run: int = 0
    asked: int = 0
    problems: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ok": not self.problems, "dashboards": self.dashboards, "panels": self.panels,
            "queries": self.queries, "run": self.run, "asked": self.asked, "problems": self.problems,
            "empty": self.empty,
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from (f"wrong    {problem}" for problem in self.problems)
        yield from (f"no data  {name}" for name in self.empty)
        ran = f"{self.run} of them run" if self.run else "none run (--prometheus URL runs them)"
        asked = f", {self.asked} of the API" if self.asked else ""
        yield (
            f"{self.dashboards} dashboards, {self.panels} panels, {self.queries} queries, {ran}{asked}: "
            f"{len(self.problems)} wrong, {len(self.empty)} without data"
        )


def read(directory: Path | None) -> dict[str, dict[str, Any]]:
    """The dashboards by uid (or file name): of this program, or those exported below `directory`.

    Raises:
        CheckFailed: no dashboard is there, or one is no JSON object.
    """
    if directory is None:
        return build.dashboards()
    found = {}
    for path in sorted(directory.rglob("*.json")):
        try:
            found[path.name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckFailed(f"{path}: cannot be read as JSON: {error}") from error
        if not isinstance(found[path.name], dict):
            raise CheckFailed(f"{path}: is no dashboard")
    if not found:
        raise CheckFailed(
            f"{directory}: no dashboard (*.json) lies there; `rapport dashboards export` writes them"
        )
    return found


def check(
    dashboards: Mapping[str, Mapping[str, Any]], prometheus: str | None = None,
    api: tuple[str, str] | None = None,
) -> Report:  # fmt: skip
    """Checks all of them, and runs their queries.

    Args:
        prometheus: address of one that runs the PromQL.
        api: address and token of the HTTP API for the others.

    Raises:
        DashboardsError: that Prometheus, or that API, does not answer.
    """
    report = Report(dashboards=len(dashboards))
    seen: set[str] = set()
    for name, board in dashboards.items():
        uid = str(board.get("uid") or "")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid):
            report.problems.append(f"{name}: uid {uid!r} is none")
        elif uid in seen:
            report.problems.append(f"{name}: uid {uid!r} is there twice")
        seen.add(uid)
        try:
            Dashboard.from_json(dict(board))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            report.problems.append(f"{name}: not as Grafana's schema has it: {error!r}")
            continue
        _panels(name, board, report)
    for name, target in queries(dashboards):
        report.queries += 1
        if prometheus is not None:
            _run(name, target, prometheus, report)
    if api is not None:
        check_api.run(dashboards, *api, report)
    return report


def _panels(name: str, board: Mapping[str, Any], report: Report) -> None:
    declared = board.get("templating", {}).get("list", [])
    variables = {item["name"] for item in declared} | _BUILT_IN
    beside = [("annotation", item) for item in board.get("annotations", {}).get("list", [])]
    for kind, item in (*beside, *(("variable", item) for item in declared)):
        asked = [item.get(part) for part in ("expr", "target", "query", "datasource")]
        if unknown := set(NAMED.findall(json.dumps(asked))) - variables:
            names = ", ".join(sorted(unknown))
            report.problems.append(f"{name}: {kind} {item.get('name')!r}: no variable {names}")
    ids: set[int] = set()
    for panel in board.get("panels", []):
        where = f"{name}: panel {panel.get('title')!r}"
        if panel.get("id") in ids:
            report.problems.append(f"{where}: its id is there twice")
        ids.add(panel.get("id"))
        if panel.get("type") == "row":
            continue
        report.panels += 1
        for wanted in ("title", "description", "pluginVersion", "options", "fieldConfig", "targets"):
            if not panel.get(wanted):
                report.problems.append(f"{where}: no {wanted}")
        refs = [target.get("refId") for target in panel.get("targets", [])]
        if len(set(refs)) < len(refs):
            report.problems.append(f"{where}: two queries of one name")
        unknown = set(NAMED.findall(json.dumps(panel.get("targets", [])))) - variables
        if unknown:
            report.problems.append(f"{where}: no variable {', '.join(sorted(unknown))}")


def queries(dashboards: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All PromQL targets, each with a name that tells where it is."""
    for name, board in dashboards.items():
        for panel in board.get("panels", []):
            for target in panel.get("targets", []):
                if "expr" in target:
                    yield f"{name}: {panel.get('title')} {target.get('refId')}", target


def fill(expr: str, **chosen: str) -> str:
    """The PromQL as Grafana sends it with everything chosen; `chosen`: values of variables that differ."""
    return filled(expr, **chosen).replace('=".*"', '=~".*"')


def _run(name: str, target: Mapping[str, Any], address: str, report: Report) -> None:
    now = time.time()
    asked = {"query": fill(target["expr"])}
    if target.get("instant"):
        answer = _ask(f"{address.rstrip('/')}/api/v1/query", asked)
    else:
        span = {"start": str(now - 3_600), "end": str(now), "step": "15"}
        answer = _ask(f"{address.rstrip('/')}/api/v1/query_range", asked | span)
    report.run += 1
    if answer.get("status") != "success":
        report.problems.append(f"{name}: {answer.get('error')}")
    elif not any(map(_told, answer.get("data", {}).get("result", []))):
        report.empty.append(name)


def _told(series: Mapping[str, Any]) -> bool:
    """Whether there is a number: the quantile of nothing is NaN, which Grafana shows as nothing."""
    values = series.get("values") or [series["value"]]
    return not all(isnan(float(text)) for _, text in values)


def _ask(url: str, asked: Mapping[str, str]) -> dict[str, Any]:
    tries = Retrying(
        stop=stop_after_attempt(_TRIES),
        wait=wait_exponential(multiplier=0.2, max=2.0),
        retry=retry_if_exception_type(niquests.exceptions.RequestException),
    )
    try:
        answer = tries(niquests.post, url, data=dict(asked), timeout=_TIMEOUT_S)
        body = answer.json()
    except RetryError as error:
        raise CheckFailed(f"no Prometheus answers at {url} ({_TRIES} tries)") from error
    except (ValueError, niquests.exceptions.RequestException) as error:
        raise CheckFailed(f"what answers at {url} is no Prometheus") from error
    if not isinstance(body, dict) or "status" not in body:
        raise CheckFailed(f"what answers at {url} is no Prometheus")
    return body
