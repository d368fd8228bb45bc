"""Every query of every panel on a real Prometheus that scrapes the worker's metrics: each returns data."""

import copy
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from dashboards import build, provision
from dashboards.check import CheckFailed, check
from dashboards.views import board as views_board

ROOT = Path(__file__).parents[2]
EXPRESSIONS = {
    f"{uid}/{panel['title']}/{panel['id']}{target['refId']}": target
    for uid, board in build.dashboards().items()
    for panel in board["panels"]
    for target in panel.get("targets", [])
    if target["datasource"]["uid"] == "${datasource}"
}
NUMBERS = [
    f"{uid}/{panel['title']}/{panel['id']}{target['refId']}"
    for uid, board in build.dashboards().items()
    for panel in board["panels"]
    if panel["type"] == "stat"
    for target in panel["targets"]
    if target["datasource"]["uid"] == "${datasource}"
]
ALL = dict.fromkeys(("environment", "brand", "tier", "platform", "influencer", "worker"), ".*")
ANNOTATIONS = {
    f"{uid}/{item['name']}": item["expr"]
    for uid, board in build.dashboards().items()
    for item in board["annotations"]["list"]
    if "expr" in item
}


def chosen_on(uid: str) -> dict[str, str]:
    """The dashboard of one partnership chooses one, the others all."""
    return {"partnership": "acme--bob" if uid == "rapport-partnership" else ".*"}


def filled_in(expr: str, **chosen: str) -> str:
    """As Grafana does it, at a range of 30 s scraped every 0.5 s."""
    values = {
        "__rate_interval": "5s",
        "__range": "30s",
        "window": "30s",
        "partnership": ".*",
        **ALL,
        **chosen,
    }
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


#: Times that there are none of while nothing happens.
UNTOLD = {"rapport-detection/Time to detection", "rapport-pipeline/Event to visible"}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    with scraping(
        tmp_path_factory.mktemp("prometheus"), "sum(rate(rapport_events_read_total[5s])) > 0"
    ) as it:
        yield it


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """Everything runs, and nothing happens."""
    with scraping(tmp_path_factory.mktemp("quiet"), "rapport_partitions_owned", "--quiet") as it:
        yield it


@contextmanager
def scraping(place, until, *options):
    program = needs("prometheus")
    exporter = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("metrics_exporter.py")), *options],
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
            "scrape_configs": [
                {
                    "job_name": "rapport-worker",
                    "static_configs": [{"targets": [target], "labels": {"environment": "test"}}],
                }
            ],
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
            client.wait_for(until, process)
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
    expr = filled_in(target["expr"], **chosen_on(name.split("/")[0]))
    if target["instant"]:
        values = [float(series["value"][1]) for series in prometheus.instant(expr)]
    else:
        values = [float(series["values"][-1][1]) for series in prometheus.range(expr)]
    assert values, expr
    assert all(math.isfinite(value) for value in values), (expr, values)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_told_also_while_nothing_happens(quiet, name):
    uid, title, _ = name.split("/")
    found = quiet.instant(filled_in(EXPRESSIONS[name]["expr"], **chosen_on(uid)))
    values = [float(series["value"][1]) for series in found]
    assert all(math.isfinite(value) for value in values), values
    assert bool(values) != (f"{uid}/{title}" in UNTOLD)


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_annotation_can_be_asked(prometheus, name):
    expr = filled_in(ANNOTATIONS[name], **chosen_on(name.split("/")[0]))
    found = prometheus.range(expr)
    # No version is new within the last minute of this Prometheus: that there is none is the answer.
    assert found or "unless" in expr


def test_a_version_that_was_not_there_is_a_deployment(prometheus):
    expr = filled_in(ANNOTATIONS["rapport-board/Deployments"]).replace("offset 1m", "offset 1h")
    ((series),) = prometheus.instant(expr)
    assert series["metric"] == {"version": "0.1.0", "method_version": "1"}


def test_variables_offer_what_the_metrics_hold(prometheus):
    def offered(expr: str, label: str) -> set[str]:
        return {series["metric"][label] for series in prometheus.instant(expr)}

    variables = {
        item["name"]: item
        for board in build.dashboards().values()
        for item in board["templating"]["list"]
        if item["type"] == "query" and (item["name"] != "partnership" or item["multi"])
    }
    seen = {}
    for name in variables:
        inner = re.fullmatch(r"label_values\((.*), (\w+)\)", variables[name]["query"]["query"])
        seen[name] = offered(filled_in(inner[1]), inner[2])
    assert seen["brand"] == {"acme", "bolt"} and seen["tier"] == {"nano", "micro", "macro"}
    assert seen["partnership"] == {"acme--ann", "acme--bob", "bolt--cy", "bolt--di"}
    assert seen["influencer"] == {"ann", "bob", "cy", "di"} and seen["platform"] == {"bluesky", "mastodon"}
    assert len(seen["worker"]) == 1 and seen["environment"] == {"test"}


@pytest.mark.parametrize(
    "chosen, expected",
    [
        ({}, {"acme--ann", "acme--bob", "bolt--cy"}),
        ({"brand": "acme"}, {"acme--ann", "acme--bob"}),
        ({"brand": "(acme|bolt)", "tier": "micro"}, {"acme--ann", "bolt--cy"}),
        ({"partnership": "acme--bob"}, {"acme--bob"}),
        ({"platform": "bluesky"}, {"acme--ann", "bolt--cy"}),
        ({"influencer": "cy"}, {"bolt--cy"}),
    ],
)
def test_board_and_signals_show_only_what_is_chosen(prometheus, chosen, expected):
    board = next(
        panel for panel in build.dashboards()["rapport-board"]["panels"] if panel["title"] == "Board"
    )
    assert len(board["targets"]) == 3 + len(views_board.SIGNALS)
    state, *others = board["targets"]
    known = {s["metric"]["partnership"] for s in prometheus.instant(filled_in(state["expr"], **chosen))}
    # Who has no health yet is on the board too.
    assert known - expected == ({"bolt--di"} if chosen in ({}, {"platform": "bluesky"}) else set())
    for target in others:
        found = {
            series["metric"]["partnership"]
            for series in prometheus.instant(filled_in(target["expr"], **chosen))
        }
        assert found == expected, target["expr"]


def test_numbers_say_what_the_metrics_hold(prometheus):
    def value(title: str, kind: str = "stat") -> float:
        panel = next(
            panel
            for board in build.dashboards().values()
            for panel in board["panels"]
            if panel["title"] == title and panel["type"] == kind
        )
        (series,) = prometheus.instant(filled_in(panel["targets"][0]["expr"]))
        return float(series["value"][1])

    assert value("Partnerships") == 4
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
    (tmp_path / "rules.yml").write_text(provision.rules_file())
    done = subprocess.run([program, "check", "config", str(path)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_check_runs_every_query_and_tells_what_is_wrong(prometheus):
    boards = copy.deepcopy(build.dashboards())
    address = str(prometheus.http.base_url).removesuffix("/api/v1/")
    report = check(boards, address)
    assert report.problems == [] and report.run == report.queries == len(EXPRESSIONS)
    target = next(p for p in boards["rapport-pipeline"]["panels"] if p["type"] != "row")["targets"][0]
    target["expr"] = "sum(rate(rapport_nothing_total[1m])"
    report = check(boards, address)
    assert len(report.problems) == 1 and "parse error" in report.problems[0]


def test_the_check_takes_a_quantile_of_nothing_for_no_data(quiet):
    report = check(build.dashboards(), str(quiet.http.base_url).removesuffix("/api/v1/"))
    assert report.problems == [] and "rapport-pipeline: Slice time A" in report.empty
    assert "rapport-detection: Not confirmed A" not in report.empty


def test_the_check_says_when_no_prometheus_answers():
    with pytest.raises(CheckFailed, match="no Prometheus answers"):
        check(build.dashboards(), f"http://127.0.0.1:{free_port()}")
