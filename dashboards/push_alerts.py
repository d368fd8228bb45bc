"""Contact point and Grafana-managed alert rules, brought into a Grafana by its provisioning API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dashboards import managed_rules
from dashboards.changes import Change, differences
from dashboards.errors import GrafanaFailed
from dashboards.grafana import Grafana

#: What Grafana shows in place of a secret.
_REDACTED: Final = "[REDACTED]"
_FILE: Final = "file"


def contact_point(grafana: Grafana, address: str, *, dry_run: bool) -> Change:
    """Makes or mends the contact point that the rules tell."""
    try:
        wanted = managed_rules.contact_point(address)
    except ValueError as error:
        # Without the value: a webhook's address is often its secret.
        raise GrafanaFailed(f"RAPPORT_GRAFANA_CONTACT is {error}") from None
    uid, name = str(wanted["uid"]), str(wanted["name"])
    found = grafana.call(
        "reading contact points", lambda api: api.alertingprovisioning.get_contactpoints(name)
    )
    present = next((item for item in found or [] if item.get("uid") == uid), None)
    if present is None:
        if not dry_run:
            grafana.call(
                "making the contact point", lambda api: api.alertingprovisioning.create_contactpoint(wanted)
            )
        return Change("contact_point", uid, name, "create")
    different = differences(_comparable(wanted, present), present)
    if not different:
        return Change("contact_point", uid, name, "unchanged")
    if present.get("provenance") == _FILE:
        return Change("contact_point", uid, name, "provisioned", different)
    if not dry_run:
        grafana.call(
            "changing the contact point",
            lambda api: api.alertingprovisioning.update_contactpoint(uid, wanted),
        )
    return Change("contact_point", uid, name, "update", different)


def _comparable(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """What Grafana keeps to itself cannot be compared: it is taken to be ours."""
    settings = present.get("settings") or {}
    shown = {key: value for key, value in wanted["settings"].items() if settings.get(key) != _REDACTED}
    return dict(wanted) | {"settings": shown}


def rules(grafana: Grafana, folder_uid: str, receiver: str | None, *, dry_run: bool) -> Change:
    """Makes or mends the group of rules, as a whole; rules that somebody added to the group go."""
    wanted = managed_rules.group(folder_uid, receiver)
    name = managed_rules.GROUP
    present = grafana.find(
        "reading the alert rules", lambda api: api.alertingprovisioning.get_rule_group(folder_uid, name)
    )
    if present is not None and present.get("rules"):
        different = differences(_without_org(wanted), present)
        if not different:
            return Change("rules", name, "alert rules", "unchanged")
        if any(rule.get("provenance") == _FILE for rule in present["rules"]):
            return Change("rules", name, "alert rules", "provisioned", different)
    else:
        present, different = None, ()
    if not dry_run:
        grafana.call(
            "saving the alert rules",
            lambda api: api.alertingprovisioning.update_rule_group(folder_uid, name, wanted),
        )
    return Change("rules", name, "alert rules", "create" if present is None else "update", different)


def _without_org(wanted: Mapping[str, Any]) -> dict[str, Any]:
    kept = [{key: value for key, value in rule.items() if key != "orgID"} for rule in wanted["rules"]]
    return dict(wanted) | {"rules": kept}
