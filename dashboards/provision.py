"""Files from which Grafana and Prometheus set themselves up: data source, dashboards provider, scrape rules.

Grafana reads them at start (docker-compose mounts `dashboards/provisioning`, which `python -m
dashboards.build` writes and a test compares). What comes from files cannot be saved over the API: `push`
leaves it alone.
"""

from __future__ import annotations

from typing import Any

import yaml

from dashboards import alert_rules, infinity
from dashboards.parts import DATASOURCE_NAME, DATASOURCE_UID

#: How often Prometheus asks a worker. Grafana's `$__rate_interval` is four of these at least.
SCRAPE_INTERVAL = "5s"
#: Services of docker-compose.yml that have metrics, and on which port.
PROCESSES = {"worker": 6066, "notifier": 6067, "serve": 6068, "gateway": 6069}
PROMETHEUS_URL = "http://prometheus:9090"
ALERTMANAGER = "alertmanager:9093"
API_URL = "http://serve:6068"
#: Where Grafana, reading the provisioning files, finds the API's token: in its own environment.
API_TOKEN = "$__env{RAPPORT_GRAFANA_API_TOKEN}"  # noqa: S105 - a name
#: Value of the label `environment` that the shipped scrape configuration sets.
ENVIRONMENT = "compose"
#: Where the compose file mounts the dashboards within Grafana's container.
DASHBOARDS_PATH = "/etc/rapport/dashboards"
FOLDER_TITLE = "Rapport"
FOLDER_UID = "rapport"
_HEAD = "# Written by `rapport dashboards export`; edit dashboards/provision.py instead.\n"


def datasource(url: str = PROMETHEUS_URL) -> dict[str, Any]:
    """The Prometheus data source, in the fields that file provisioning and the HTTP API share."""
    return {
        "uid": DATASOURCE_UID,
        "name": DATASOURCE_NAME,
        "type": "prometheus",
        "access": "proxy",
        "url": url,
        # POST: queries over many partnerships outgrow what a URL may hold.
        "jsonData": {"httpMethod": "POST", "timeInterval": SCRAPE_INTERVAL, "prometheusType": "Prometheus"},
    }


def datasource_file(url: str = PROMETHEUS_URL, api_url: str = API_URL) -> str:
    """YAML of Grafana's `provisioning/datasources`. The API's token is named there, never written."""
    fixed = {"editable": False}
    sources = [
        datasource(url) | {"isDefault": True} | fixed,
        infinity.datasource(api_url) | {"secureJsonData": {"bearerToken": API_TOKEN}} | fixed,
    ]
    return _yaml({"apiVersion": 1, "datasources": sources})


def provider_file(path: str = DASHBOARDS_PATH) -> str:
    """YAML of Grafana's `provisioning/dashboards`; `path` is where Grafana finds the dashboards' JSON."""
    provider = {
        "name": "rapport",
        "type": "file",
        "folder": FOLDER_TITLE,
        "folderUid": FOLDER_UID,
        "allowUiUpdates": False,
        "disableDeletion": False,
        "updateIntervalSeconds": 30,
        "options": {"path": path, "foldersFromFilesStructure": False},
    }
    return _yaml({"apiVersion": 1, "providers": [provider]})


def prometheus_file() -> str:
    """YAML of Prometheus: asks every process that the services' names resolve to, so scaled ones too."""
    scrapes = [
        {
            "job_name": f"rapport-{host}",
            "metrics_path": "/metrics",
            "relabel_configs": [{"target_label": "environment", "replacement": ENVIRONMENT}],
            "dns_sd_configs": [{"names": [host], "type": "A", "port": port, "refresh_interval": "10s"}],
        }
        for host, port in PROCESSES.items()
    ]
    return _yaml(
        {
            "global": {"scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": "15s"},
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [ALERTMANAGER]}]}]},
            "scrape_configs": scrapes,
        }
    )


def alertmanager_file() -> str:
    """YAML of the Alertmanager beside it: groups, and has nobody to tell until receivers are added."""
    return _yaml(
        {
            "route": {"receiver": "nobody", "group_by": ["alertname"], "repeat_interval": "12h"},
            "inhibit_rules": [
                {  # what is far behind is behind
                    "source_matchers": ['alertname="RapportFarBehind"'],
                    "target_matchers": ['alertname="RapportBehind"'],
                }
            ],
            "receivers": [{"name": "nobody"}],
        }
    )


def rules_file() -> str:
    """YAML of the Prometheus rules on Rapport itself."""
    return _yaml(alert_rules.groups())


def _yaml(value: dict[str, Any]) -> str:
    return _HEAD + yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
