"""All dashboards, and their export as files. A new one is a module with `UID` and `build()`, listed here.

`python -m dashboards.build [DIR]` writes the files; without DIR those that are checked in.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dashboards import provision
from dashboards.views import board, detection, partnership, pipeline, relationships

_ALL = (board, partnership, relationships, detection, pipeline)
#: The files that are checked in and that docker-compose mounts.
CHECKED_IN = Path(__file__).parent / "provisioning"


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards' JSON by uid."""
    return {module.UID: module.build() for module in _ALL}


def files(
    *,
    prometheus_url: str = provision.PROMETHEUS_URL,
    api_url: str = provision.API_URL,
    dashboards_path: str = provision.DASHBOARDS_PATH,
) -> dict[str, str]:
    """Contents of all provisioning files by relative path.

    Args:
        prometheus_url: where Grafana reaches Prometheus.
        api_url: where Grafana reaches `rapport serve`.
        dashboards_path: where Grafana will find the directory `grafana/json`.
    """
    texts = {
        "grafana/datasources/rapport.yaml": provision.datasource_file(prometheus_url, api_url),
        "grafana/dashboards/rapport.yaml": provision.provider_file(dashboards_path),
        "prometheus/prometheus.yml": provision.prometheus_file(),
        "prometheus/rules.yml": provision.rules_file(),
        "prometheus/alertmanager.yml": provision.alertmanager_file(),
    }
    for uid, dashboard in dashboards().items():
        texts[f"grafana/json/{uid}.json"] = json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"
    return texts


def export(
    directory: Path,
    *,
    prometheus_url: str = provision.PROMETHEUS_URL,
    api_url: str = provision.API_URL,
    dashboards_path: str = provision.DASHBOARDS_PATH,
) -> list[Path]:
    """Writes the files for file provisioning below `directory` (made when missing) and returns their paths.

    Files with other names are left as they are.

    Raises:
        OSError: the directory cannot be written.
    """
    paths = []
    written = files(prometheus_url=prometheus_url, api_url=api_url, dashboards_path=dashboards_path)
    for name, text in written.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in export(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKED_IN):
        print(written)
