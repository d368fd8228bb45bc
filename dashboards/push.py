"""Brings folder, data source and dashboards into a Grafana over its API; a second time changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dashboards import build, provision
from dashboards.errors import GrafanaFailed
from dashboards.grafana import Conflict, Grafana

Action = Literal["create", "update", "unchanged", "provisioned"]
#: Fields of a data source that the API takes; kept on a change, so that nobody's sign-in is lost.
_DATASOURCE_FIELDS = frozenset(
    {"access", "basicAuth", "basicAuthUser", "database", "isDefault", "name", "type", "uid", "url", "user"}
    | {"withCredentials"}
)
_MAX_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Change:
    """What was done (or, dry, would be done) to one thing in Grafana.

    Attributes:
        kind: folder, datasource or dashboard.
        action: `provisioned` means that it differs, but comes from a file, so only that file can change it.
        differences: paths of what differs, e.g. `panels[3].title`; at most 20.
    """

    kind: Literal["folder", "datasource", "dashboard"]
    uid: str
    title: str
    action: Action
    differences: tuple[str, ...] = ()


def push(
    url: str,
    token: str | None,
    *,
    folder: str = provision.FOLDER_TITLE,
    dry_run: bool = False,
    prometheus_url: str | None = provision.PROMETHEUS_URL,
    timeout_s: float = 10.0,
    pause_s: float = 0.5,
) -> list[Change]:
    """Makes or mends the folder, the Prometheus data source, and every dashboard.

    Args:
        url: Grafana's address.
        token: service account token with the role Admin (data sources need it).
        folder: title of the folder.
        dry_run: only look, and tell what would be done.
        prometheus_url: where Grafana reaches Prometheus; None leaves data sources alone.
        timeout_s: seconds for one call.
        pause_s: seconds before a second try of a failed call; doubles from there.

    Returns:
        One change for each thing, unchanged ones too, in the order in which they were done.

    Raises:
        DashboardsError: see `dashboards.errors`.
    """
    grafana = Grafana(url, token, timeout_s=timeout_s, pause_s=pause_s)
    try:
        grafana.health()
        changes = [_folder(grafana, folder, dry_run)]
        if prometheus_url is not None:
            changes.append(_datasource(grafana, provision.datasource(prometheus_url), dry_run))
        changes += [_dashboard(grafana, wanted, dry_run) for wanted in build.dashboards().values()]
        return changes
    finally:
        grafana.close()


def _folder(grafana: Grafana, title: str, dry_run: bool) -> Change:
    uid = provision.FOLDER_UID
    present = grafana.find("reading the folder", lambda api: api.folder.get_folder(uid))
    if present is None:
        if not dry_run:
            try:
                grafana.call("making the folder", lambda api: api.folder.create_folder(title, uid=uid))
            except Conflict:
                # Ours, whose answer was lost before a retry? Then it is there now.
                if grafana.find("reading the folder", lambda api: api.folder.get_folder(uid)) is None:
                    raise
        return Change("folder", uid, title, "create")
    if present.get("title") == title:
        return Change("folder", uid, title, "unchanged")
    if not dry_run:
        grafana.call(
            "renaming the folder", lambda api: api.folder.update_folder(uid, title=title, overwrite=True)
        )
    return Change("folder", uid, title, "update", ("title",))


def _datasource(grafana: Grafana, wanted: Mapping[str, Any], dry_run: bool) -> Change:
    uid, name = str(wanted["uid"]), str(wanted["name"])
    present = grafana.find("reading the data source", lambda api: api.datasource.get_datasource_by_uid(uid))
    if present is None:
        if not dry_run:
            try:
                grafana.call(
                    "making the data source", lambda api: api.datasource.create_datasource(dict(wanted))
                )
            except Conflict as error:
                again = grafana.find(
                    "reading the data source", lambda api: api.datasource.get_datasource_by_uid(uid)
                )
                if again is None:
                    raise GrafanaFailed(
                        f"Grafana at {grafana.url} has another data source named {name!r}; rename that one"
                    ) from error
        return Change("datasource", uid, name, "create")
    different = differences(wanted, present)
    if not different:
        return Change("datasource", uid, name, "unchanged")
    if present.get("readOnly"):
        return Change("datasource", uid, name, "provisioned", different)
    if not dry_run:
        kept = {key: value for key, value in present.items() if key in _DATASOURCE_FIELDS}
        body = kept | dict(wanted) | {"jsonData": (present.get("jsonData") or {}) | wanted["jsonData"]}
        grafana.call(
            "changing the data source", lambda api: api.datasource.update_datasource_by_uid(uid, body)
        )
    return Change("datasource", uid, name, "update", different)


def _dashboard(grafana: Grafana, wanted: Mapping[str, Any], dry_run: bool) -> Change:
    uid, title = str(wanted["uid"]), str(wanted["title"])
    present = grafana.find("reading the dashboard", lambda api: api.dashboard.get_dashboard(uid))
    action: Action = "create"
    different: tuple[str, ...] = ()
    if present is not None:
        meta = present.get("meta") or {}
        different = differences(wanted, present.get("dashboard") or {})
        if meta.get("folderUid") != provision.FOLDER_UID:
            different = (*different, "folder")
        if not different:
            return Change("dashboard", uid, title, "unchanged")
        if meta.get("provisioned"):
            return Change("dashboard", uid, title, "provisioned", different)
        action = "update"
    if not dry_run:
        body = {
            "dashboard": dict(wanted),
            "folderUid": provision.FOLDER_UID,
            "overwrite": True,
            "message": "rapport dashboards push",
        }
        grafana.call(f"saving {title!r}", lambda api: api.dashboard.update_dashboard(body))
    return Change("dashboard", uid, title, action, different)


def differences(wanted: object, present: object, path: str = "") -> tuple[str, ...]:
    """Paths at which `present` is not what is wanted.

    Keys that only `present` has do not count, since Grafana adds its own (id, version, defaults) on saving;
    lists must be of one length. So what somebody changed or removed by hand is seen, and every addition to a
    list (a panel, a query, a variable).
    """
    found: list[str] = []
    if isinstance(wanted, Mapping) and isinstance(present, Mapping):
        for key, value in wanted.items():
            here = f"{path}.{key}" if path else str(key)
            if key in present:
                found += differences(value, present[key], here)
            elif value not in (None, "", [], {}, False):  # Grafana drops what is empty
                found.append(here)
    elif isinstance(wanted, list) and isinstance(present, list) and len(wanted) == len(present):
        for index, (ours, theirs) in enumerate(zip(wanted, present, strict=True)):
            found += differences(ours, theirs, f"{path}[{index}]")
    elif wanted != present:
        found.append(path)
    return tuple(found[:_MAX_DIFFERENCES])
