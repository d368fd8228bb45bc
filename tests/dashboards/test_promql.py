"""Every query of every panel on a real Prometheus that scrapes the worker's metrics: each returns data."""

import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from dashboards import build, overview_board, provision

ROOT = Path(__file__).parents[2]
EXPRESSIONS = {
    (f"{panel['title']}/{panel['id']}{target['refId']}"): target
    for board in build.dashboards().values()
    for panel in board["panels"]
    for target in panel.get("targets", [])
}
ALL = {"brand": ".*", "tier": ".*", "partnership": ".*", "worker": ".*"}


def filled_in(expr: str, **chosen: str) -> str:
    """As Grafana does it, at a range of 30 s scraped every 0.5 s."""
    values = {"__rate_interval": "5s", "__range": "30s", **ALL, **chosen}
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], expr)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def needs(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        message = f"{program} is not installed (Debian: apt-get install prometheus)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


class Prometheus:
    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=10, trust_env=False)

    def get(self, path: str, **params: str | float) -> list[dict]:
        answer = self.http.get(path, params=params)
        body = answer.json()
        assert body["status"] == "success", body
        return body["data"]["result"]

    def instant(self, expr: str) -> list[dict]:
        return self.get("/query", query=expr)

    def range(self, expr: str) -> list[dict]:
        now = time.time()
        return self.get("/query_range", query=expr, start=now - 30, end=now, step=1)

    def wait_for(self, expr: str, process: subprocess.Popen, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert process.poll() is None, f"Prometheus ended with {process.returncode}"
            try:
                if self.instant(expr):
                    return
            except (httpx.TransportError, ValueError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"no data for {expr} after {seconds} s")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    program = needs("prometheus")
    place = tmp_path_factory.mktemp("prometheus")
    exporter = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("metrics_exporter.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        target = f"127.0.0.1:{int(exporter.stdout.readline())}"
        config = {
            "global": {"scrape_interval": "500ms"},
            "scrape_configs": [{"job_name": "rapport-worker", "static_configs": [{"targets": [target]}]}],
        }
        (place / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        with (place / "log").open("w") as log:
            process = subprocess.Popen(
                [
                    program,
                    f"--config.file={place}/prometheus.yml",
                    f"--storage.tsdb.path={place}/data",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=log,
            )
        client = Prometheus(port)
        try:
            # Three scrapes at least, so that a rate over 5 s has what it needs.
            client.wait_for('count_over_time(up{job="rapport-worker"}[30s]) >= 4', process)
            client.wait_for("sum(rate(rapport_events_read_total[5s])) > 0", process)
            yield client
        finally:
            client.http.close()
            process.terminate()
            process.wait(20)
    finally:
        exporter.stdin.close()
        exporter.wait(20)
        exporter.stdout.close()


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_query_returns_data(prometheus, name):
    target = EXPRESSIONS[name]
    expr = filled_in(target["expr"])
    if target["instant"]:
        values = [float(series["value"][1]) for series in prometheus.instant(expr)]
    else:
        values = [float(series["values"][-1][1]) for series in prometheus.range(expr)]
    assert values, expr
    assert all(math.isfinite(value) for value in values), (expr, values)


def test_variables_offer_what_the_metrics_hold(prometheus):
    def offered(expr: str, label: str) -> set[str]:
        return {series["metric"][label] for series in prometheus.instant(expr)}

    variables = {item["name"]: item for item in build.dashboards()["rapport-overview"]["templating"]["list"]}
    seen = {}
    for name in ("brand", "tier", "partnership", "worker"):
        inner = re.fullmatch(r"label_values\((.*), (\w+)\)", variables[name]["query"]["query"])
        seen[name] = offered(filled_in(inner[1]), inner[2])
    assert seen["brand"] == {"acme", "bolt"} and seen["tier"] == {"micro", "macro"}
    assert seen["partnership"] == {"acme--ann", "acme--bob", "bolt--cy"}
    assert len(seen["worker"]) == 1


@pytest.mark.parametrize(
    "chosen, expected",
    [
        ({}, {"acme--ann", "acme--bob", "bolt--cy"}),
        ({"brand": "acme"}, {"acme--ann", "acme--bob"}),
        ({"brand": "(acme|bolt)", "tier": "micro"}, {"acme--ann", "bolt--cy"}),
        ({"partnership": "acme--bob"}, {"acme--bob"}),
    ],
)
def test_board_and_signals_show_only_what_is_chosen(prometheus, chosen, expected):
    board = next(
        panel for panel in build.dashboards()["rapport-overview"]["panels"] if panel["title"] == "Board"
    )
    assert len(board["targets"]) == 2 + len(overview_board.SIGNALS)
    for target in board["targets"]:
        found = {
            series["metric"]["partnership"]
            for series in prometheus.instant(filled_in(target["expr"], **chosen))
        }
        assert found == expected, target["expr"]


def test_numbers_say_what_the_metrics_hold(prometheus):
    def value(title: str, kind: str = "stat") -> float:
        panel = next(
            panel
            for panel in build.dashboards()["rapport-overview"]["panels"]
            if panel["title"] == title and panel["type"] == kind
        )
        (series,) = prometheus.instant(filled_in(panel["targets"][0]["expr"]))
        return float(series["value"][1])

    assert value("Partnerships") == 3
    assert value("Weakest") == 42
    assert value("Middle") == 65
    assert value("Weak") == 1
    assert value("Alerts firing") == 2
    assert value("Workers") == 1
    assert value("Lag") == 1.5
    assert value("Rejected") == pytest.approx(0.03, abs=0.005)
    assert value("Redis bytes an event", "timeseries") == pytest.approx(100, rel=0.05)
    assert 0.1 <= value("Event to visible") <= 0.25


def test_scrape_configuration_of_the_compose_file_is_valid(tmp_path):
    program = needs("promtool")
    path = tmp_path / "prometheus.yml"
    path.write_text(provision.prometheus_file())
    done = subprocess.run([program, "check", "config", str(path)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
