"""`rapport dashboards check`: the dashboards pass, and each kind of fault is told where it is."""

import copy
import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from dashboards import build
from dashboards.check import CheckFailed, check, fill, queries, read
from dashboards.check_api import ApiFailed, targets
from streams.children import free_port

UID = "rapport-board"


@pytest.fixture
def boards():
    return copy.deepcopy(build.dashboards())


def panel(boards, kind="table"):
    return next(item for item in boards[UID]["panels"] if item["type"] == kind)


def test_our_dashboards_pass(boards):
    report = check(boards)
    assert report.problems == [] and report.dashboards == 5
    assert report.panels > 80 and report.queries == len(list(queries(boards))) > 100 and report.run == 0
    assert list(report.lines())[-1].endswith("0 wrong, 0 without data")


def test_exported_files_pass(tmp_path, boards):
    build.export(tmp_path)
    assert check(read(tmp_path)).as_json() == check(boards).as_json()


@pytest.mark.parametrize(
    "missing", ["title", "description", "pluginVersion", "options", "fieldConfig", "targets"]
)
def test_an_incomplete_panel_is_told(boards, missing):
    del panel(boards)[missing]
    (problem,) = check(boards).problems
    assert problem.startswith("rapport-board: panel") and problem.endswith(f"no {missing}")


def test_what_cannot_be_told_apart_is_told(boards):
    boards["other"] = copy.deepcopy(boards[UID])
    panel(boards)["id"] = 1
    targets = panel(boards)["targets"]
    targets[1]["refId"] = targets[0]["refId"]
    assert check(boards).problems == [
        "rapport-board: panel 'Board': its id is there twice",
        "rapport-board: panel 'Board': two queries of one name",
        "other: uid 'rapport-board' is there twice",
    ]


def test_a_variable_that_nobody_declares_is_told(boards):
    panel(boards)["targets"][0]["expr"] = 'up{job="$job"}'
    assert check(boards).problems == ["rapport-board: panel 'Board': no variable job"]


def test_variables_of_annotations_and_of_other_variables_count_too(boards):
    listed = boards["rapport-partnership"]["templating"]["list"]
    listed.remove(next(item for item in listed if item["name"] == "tier"))
    problems = check(boards).problems
    assert "rapport-partnership: annotation 'Alerts firing': no variable tier" in problems
    assert "rapport-partnership: variable 'influencer': no variable tier" in problems


def test_what_is_not_grafanas_schema_is_told(boards):
    boards[UID]["panels"][0]["gridPos"] = "here"
    boards["rapport-pipeline"]["uid"] = "no uid at all"
    first, second = check(boards).problems
    assert first.startswith("rapport-board: not as Grafana's schema has it")
    assert second == "rapport-pipeline: uid 'no uid at all' is none"


def test_files_that_are_none_are_told(tmp_path):
    with pytest.raises(CheckFailed, match="no dashboard"):
        read(tmp_path)
    (tmp_path / "a.json").write_text("{oops")
    with pytest.raises(CheckFailed, match=r"a\.json: cannot be read as JSON"):
        read(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps([1]))
    with pytest.raises(CheckFailed, match="is no dashboard"):
        read(tmp_path)


def test_queries_are_filled_in_as_grafana_does():
    assert fill('x{a=~"$a",b="$b"}[$__rate_interval]', b="c") == 'x{a=~".*",b="c"}[1m]'
    assert fill('x{b="$b"}[${window}]') == 'x{b=~".*"}[1h]'
    assert fill("x{a=~'${a:regex}'}") == "x{a=~'.*'}"


@contextmanager
def api(answer):
    """A server that answers each path with what `answer` gives: (status, body)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            assert self.headers["Authorization"] == "Bearer rap_test"
            status, body = answer(self.path)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_what_the_api_lacks_is_told_where(boards):
    wanted = dict(targets(boards))
    columns = {column["selector"].split(".")[0] for target in wanted.values() for column in target["columns"]}
    item = dict.fromkeys(columns) | {"partnership_id": "acme--a/b"}
    asked = []

    def answer(path):
        asked.append(path)
        if path.startswith("/api/v1/silences"):
            return 422, {"detail": "limit: is too large"}
        if path.startswith("/api/v1/tables/relationships"):
            return 200, {"nodes": [], "edges": "none", "influencers": [item], "people": [{}]}
        return 200, {"items": [item], "limit": 1}

    with api(answer) as url:
        report = check(boards, api=(url, "rap_test"))
    assert report.asked == len(wanted) and any("/partnerships/acme--a%2Fb/signals" in path for path in asked)
    told = "\n".join(report.problems)
    assert "rapport-relationships: Who knows whom edges: 'edges' is neither a list nor an object" in told
    assert "rapport-relationships: Lost if they leave A: no item has 'account_id'" in told
    assert "rapport-detection: Silences A:" in told and "limit: is too large" in told
    assert report.empty == ["rapport-relationships: Who knows whom nodes"]
    assert f"{len(wanted)} of the API" in list(report.lines())[-1]


@pytest.mark.parametrize(
    "answer, told",
    [((401, {"detail": "no"}), "refuses RAPPORT_GRAFANA_API_TOKEN: no"), ((200, []), "is not Rapport's API"),
     ((200, b"<html>"), "is not Rapport's API")],
)  # fmt: skip
def test_an_api_that_is_none_is_told(boards, answer, told):
    with api(lambda path: answer) as url, pytest.raises(ApiFailed, match=told):
        check(boards, api=(url, "rap_test"))


def test_no_api_at_all_is_told(boards):
    with pytest.raises(ApiFailed, match=r"no API answers at .*; is `rapport serve` running"):
        check(boards, api=(f"http://127.0.0.1:{free_port()}", "rap_test"))
