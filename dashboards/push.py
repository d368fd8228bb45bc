"""Brings folder, data sources, dashboards, contact point and alert rules into a Grafana over its API.

Idempotent: a second time nothing changes. What was provisioned from files is told and left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards import build, provision, push_alerts, push_sources
from dashboards.changes import Action, Change, differences
from dashboards.grafana import Conflict, Credential, Grafana
from dashboards.managed_rules import CONTACT_NAME


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is pushed.

    Attributes:
        folder: title of the folder.
        prometheus_url: where Grafana reaches Prometheus; None leaves that data source alone.
        api_url: where Grafana reaches `rapport serve`; None leaves that data source alone.
        api_token: token of the API for that data source; None keeps the one that is there.
        contact: whom the alert rules tell: an http(s) address or mail addresses; None: Grafana's policies.
        rules: whether the alert rules are pushed.
    """

    folder: str = provision.FOLDER_TITLE
    prometheus_url: str | None = provision.PROMETHEUS_URL
    api_url: str | None = provision.API_URL
    api_token: str | None = None
    contact: str | None = None
    rules: bool = True


def push(
    url: str,
    credential: Credential,
    wanted: Wanted | None = None,
    *,
    dry_run: bool = False,
    timeout_s: float = 10.0,
    pause_s: float = 0.5,
) -> list[Change]:
    """Makes or mends everything.

    Args:
        url: Grafana's address.
        credential: service account token with the role Admin (data sources need it), or (user, password).
        wanted: what; the defaults when None.
        dry_run: only look, and tell what would be done.
        timeout_s: seconds for one call.
        pause_s: seconds before a second try of a failed call; doubles from there.

    Returns:
        One change for each thing, unchanged ones too, in the order in which they were done.

    Raises:
        DashboardsError: see `dashboards.errors`.
    """
    what = wanted or Wanted()
    grafana = Grafana(url, credential, timeout_s=timeout_s, pause_s=pause_s)
    try:
        grafana.health()
        changes = [_folder(grafana, what.folder, dry_run)]
        if what.prometheus_url is not None:
            source = provision.datasource(what.prometheus_url)
            changes.append(push_sources.datasource(grafana, source, dry_run=dry_run))
        if what.api_url is not None:
            changes.append(push_sources.api(grafana, what.api_url, what.api_token, dry_run=dry_run))
        changes += [_dashboard(grafana, board, dry_run) for board in build.dashboards().values()]
        if what.contact:
            changes.append(push_alerts.contact_point(grafana, what.contact, dry_run=dry_run))
        if what.rules:
            told = CONTACT_NAME if what.contact else None
            changes.append(push_alerts.rules(grafana, provision.FOLDER_UID, told, dry_run=dry_run))
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
