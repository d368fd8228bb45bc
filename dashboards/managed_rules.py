"""The rules of `alert_rules` as Grafana keeps them itself, and whom it tells: for who has no Alertmanager.

Where Prometheus already evaluates `rules.yml` and tells an Alertmanager, these are not needed
(`rapport dashboards push --no-rules`).
"""

from __future__ import annotations

import functools
import re
from typing import Any, Final

from dashboards import build
from dashboards.alert_rules import RULES, Rule
from dashboards.parts import DATASOURCE_UID

GROUP: Final = "rapport"
#: Seconds between two evaluations.
INTERVAL_S: Final = 60
CONTACT_UID: Final = "rapport-operations"
CONTACT_NAME: Final = "Rapport operations"
#: Dashboards in which an alert's panel is looked for, in this order.
_DASHBOARDS: Final = ("rapport-pipeline", "rapport-detection")
#: Panels of the rules on whether a process answers at all: `up` is Prometheus's own, and no panel's.
_PANELS: Final = {
    "RapportWorkerMissing": "Workers",
    "RapportNotifierMissing": "Transitions read by the notifier",
}


def group(folder_uid: str, receiver: str | None) -> dict[str, Any]:
    """The rule group as Grafana's provisioning API takes it.

    Args:
        folder_uid: where it lies.
        receiver: name of the contact point that is told; None: Grafana's notification policies decide.
    """
    return {
        "title": GROUP,
        "folderUid": folder_uid,
        "interval": INTERVAL_S,
        # Grafana would tell people of one that always rings, and cannot tell that it has stopped itself.
        "rules": [_rule(rule, folder_uid, receiver) for rule in RULES if rule.severity != "none"],
    }


def _rule(rule: Rule, folder_uid: str, receiver: str | None) -> dict[str, Any]:
    told = rule.as_prometheus()
    made = {
        "uid": _uid(rule.name),
        "orgID": 1,  # demanded by Grafana's document; Grafana takes that of the token
        "folderUID": folder_uid,
        "ruleGroup": GROUP,
        "title": rule.name,
        "condition": "B",
        "data": [_query(rule.expr), _CONDITION],
        # The expressions have no result while all is well; no worker at all is a rule of its own (`absent`).
        "noDataState": "OK",
        "execErrState": "Error",
        "for": rule.wait.replace("0m", "0s") if rule.wait == "0m" else rule.wait,
        "labels": told["labels"],
        "annotations": {name: _words(text) for name, text in told["annotations"].items()} | _panel_of(rule),
        "isPaused": False,
    }
    return made | ({"notification_settings": {"receiver": receiver}} if receiver else {})


def _panel_of(rule: Rule) -> dict[str, str]:
    """The panel that opens from an alert: the first that shows what the rule asks for first. Both are needed:
    Grafana refuses a dashboard without a panel."""
    asked = re.search(r"rapport_\w+", rule.expr)
    for uid in _DASHBOARDS:
        for panel in _boards()[uid]["panels"]:
            shown = " ".join(target.get("expr", "") for target in panel.get("targets", ()))
            if panel["title"] == _PANELS.get(rule.name) or (asked and asked[0] in re.findall(r"\w+", shown)):
                return {"__dashboardUid__": uid, "__panelId__": str(panel["id"])}
    raise LookupError(f"{rule.name}: no panel shows what it asks for")


@functools.cache
def _boards() -> dict[str, dict[str, Any]]:
    return build.dashboards()


def _uid(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()[:40]


def _words(text: str) -> str:
    """Prometheus calls the value `$value`; Grafana calls that of query A `$values.A.Value`."""
    return text.replace("$value", "$values.A.Value")


def _query(expr: str) -> dict[str, Any]:
    return {
        "refId": "A",
        "queryType": "",
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": DATASOURCE_UID,
        "model": {
            "refId": "A",
            "datasource": {"type": "prometheus", "uid": DATASOURCE_UID},
            "editorMode": "code",
            "expr": expr,
            "instant": True,
            "range": False,
            "intervalMs": 1_000,
            "maxDataPoints": 43_200,
        },
    }


#: As in Prometheus: whatever value the expression has, it is an alert.
_CONDITION: Final = {
    "refId": "B",
    "queryType": "",
    "relativeTimeRange": {"from": 0, "to": 0},
    "datasourceUid": "__expr__",
    "model": {
        "refId": "B",
        "type": "math",
        "expression": "is_number($A)",
        "datasource": {"type": "__expr__", "uid": "__expr__"},
        "intervalMs": 1_000,
        "maxDataPoints": 43_200,
    },
}


def contact_point(address: str) -> dict[str, Any]:
    """The contact point as Grafana's provisioning API takes it.

    Args:
        address: an http(s) address (a webhook is posted there), or mail addresses, separated by commas.

    Raises:
        ValueError: it is neither.
    """
    parts = [part.strip() for part in address.split(",") if part.strip()]
    made: dict[str, Any] = {"uid": CONTACT_UID, "name": CONTACT_NAME, "disableResolveMessage": False}
    if len(parts) == 1 and re.match(r"https?://[^\s/]+", parts[0]):
        return made | {"type": "webhook", "settings": {"url": parts[0], "httpMethod": "POST"}}
    if parts and all(re.fullmatch(r"[^@\s]+@[^@\s]+", part) for part in parts):
        return made | {"type": "email", "settings": {"addresses": ";".join(parts), "singleEmail": True}}
    raise ValueError("neither an http(s) address nor mail addresses")
