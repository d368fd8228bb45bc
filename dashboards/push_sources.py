"""Data sources, brought into a Grafana over its API; secrets go in and never come out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from dashboards import infinity
from dashboards.changes import Change, differences
from dashboards.errors import GrafanaFailed, GrafanaUnreachable
from dashboards.grafana import Conflict, Grafana

#: Fields of a data source that the API takes; kept on a change, so that nobody's sign-in is lost.
_FIELDS: Final = frozenset(
    {"access", "basicAuth", "basicAuthUser", "database", "isDefault", "name", "type", "uid", "url", "user"}
    | {"withCredentials"}
)


def datasource(
    grafana: Grafana, wanted: Mapping[str, Any], *, dry_run: bool, secrets: Mapping[str, str] | None = None
) -> Change:
    """Makes or mends a data source. `secrets` go along with each writing; Grafana keeps them to itself."""
    uid, name = str(wanted["uid"]), str(wanted["name"])
    hidden = {"secureJsonData": dict(secrets)} if secrets else {}
    present = _read(grafana, uid)
    if present is None:
        if not dry_run:
            _make(grafana, dict(wanted) | hidden)
        return Change("datasource", uid, name, "create")
    different = differences(wanted, present)
    if not different:
        return Change("datasource", uid, name, "unchanged")
    if present.get("readOnly"):
        return Change("datasource", uid, name, "provisioned", different)
    if not dry_run:
        kept = {key: value for key, value in present.items() if key in _FIELDS}
        options = {"jsonData": (present.get("jsonData") or {}) | wanted["jsonData"]}
        body = kept | dict(wanted) | options | hidden
        grafana.call(
            "changing the data source", lambda api: api.datasource.update_datasource_by_uid(uid, body)
        )
    return Change("datasource", uid, name, "update", different)


def api(grafana: Grafana, url: str, token: str | None, *, dry_run: bool) -> Change:
    """Makes or mends the data source of Rapport's HTTP API; a Grafana without its plugin does without."""
    wanted = infinity.datasource(url)
    secrets = None
    if token:
        # A mark of the token, so that another one is seen: 48 bits of a hash of 256 random bits tell nothing.
        mark = hashlib.sha256(token.encode()).hexdigest()[:12]
        wanted["jsonData"] = wanted["jsonData"] | {"rapportTokenMark": mark}
        secrets = {"bearerToken": token}
    try:
        change = datasource(grafana, wanted, dry_run=dry_run, secrets=secrets)
    except Conflict:
        raise
    except (GrafanaFailed, GrafanaUnreachable) as error:  # which of both, Grafana's versions differ
        note = f"is the plugin {infinity.PLUGIN} installed? Rows marked (API) stay empty. {error}"
        return Change("datasource", infinity.UID, infinity.NAME, "skipped", note=note)
    if change.action == "create" and not token:
        return replace(change, note="it has no token yet: set RAPPORT_GRAFANA_API_TOKEN and push again")
    return change


def _read(grafana: Grafana, uid: str) -> dict[str, Any] | None:
    return grafana.find("reading the data source", lambda api: api.datasource.get_datasource_by_uid(uid))


def _make(grafana: Grafana, body: dict[str, Any]) -> None:
    try:
        grafana.call("making the data source", lambda api: api.datasource.create_datasource(body))
    except Conflict as error:
        # Ours, whose answer was lost before a retry? Then it is there now.
        if _read(grafana, body["uid"]) is None:
            raise Conflict(
                f"Grafana at {grafana.url} has another data source named {body['name']!r}; rename that one"
            ) from error
