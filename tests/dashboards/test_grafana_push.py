"""`push` against a server made from Grafana's own OpenAPI document, which checks requests and answers."""

import http.server
import os
import socket
import threading

import pytest
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaBadInputError, GrafanaClientError

from dashboards import build, provision
from dashboards.alert_rules import RULES
from dashboards.changes import Change, differences
from dashboards.errors import DashboardsError, GrafanaFailed, GrafanaRefused, GrafanaUnreachable
from dashboards.push import Wanted, push
from tests.dashboards.grafana_server import DOCUMENT, Grafana

TOKEN = "glsa_test"  # not a secret: the test server's own
API_TOKEN = "rpt_test"
FOLDER = "/folders/{folder_uid}"
SOURCE = "/datasources/uid/{uid}"
BOARD = "/dashboards/uid/{uid}"
UID = "rapport-board"
GROUP = "/v1/provisioning/folder/{FolderUID}/rule-groups/{Group}"


@pytest.fixture
def grafana():
    if not DOCUMENT.is_file():
        pytest.skip("Grafana's OpenAPI document is not there (../shared/data/grafana-openapi/openapi3.json)")
    with Grafana(TOKEN) as server:
        yield server
        assert server.violations == []
        assert server.faults == [], "planted, but never met"


def quickly(
    server: Grafana, token: str | tuple[str, str] | None = TOKEN, *, dry_run=False, timeout_s=2.0, **wanted
) -> list[Change]:
    what = Wanted(**{"api_token": API_TOKEN, **wanted})
    return push(server.url, token, what, dry_run=dry_run, timeout_s=timeout_s, pause_s=0.01)


def actions(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.kind, change.action) for change in changes]


def notable(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.action != "unchanged"]


def all_are(action: str) -> list[tuple[str, str]]:
    boards = [("dashboard", action)] * len(build.dashboards())
    return [("folder", action), ("datasource", action), ("datasource", action), *boards, ("rules", action)]


def test_push_makes_folder_data_source_and_dashboards(grafana):
    assert actions(quickly(grafana)) == all_are("create")
    assert grafana.folders["rapport"]["title"] == "Rapport"
    source = grafana.datasources[provision.DATASOURCE_UID]
    assert source["url"] == provision.PROMETHEUS_URL and source["jsonData"]["httpMethod"] == "POST"
    stored = grafana.dashboards[UID]
    assert stored["meta"]["folderUid"] == "rapport"
    assert {key: value for key, value in stored["dashboard"].items() if key not in ("id", "version")} == (
        build.dashboards()[UID]
    )


def test_the_server_itself_refuses_what_the_document_does_not_know():
    if not DOCUMENT.is_file():
        pytest.skip("Grafana's OpenAPI document is not there (../shared/data/grafana-openapi/openapi3.json)")
    with Grafana(TOKEN) as server:
        api = GrafanaApi.from_url(server.url + "/", credential=TOKEN)
        with pytest.raises(GrafanaClientError):
            api.health.check()  # asks /frontend/settings
        with pytest.raises(GrafanaBadInputError):
            api.datasource.create_datasource({"uid": "x", "name": "x", "adress": "http://127.0.0.1"})
        with pytest.raises(GrafanaBadInputError):
            api.folder.create_folder(5, uid="x")
        api.client.s.close()
        assert [text.split()[1] for text in server.violations] == [
            "/frontend/settings",
            "/datasources:",
            "/folders:",
        ]


def test_second_push_changes_nothing(grafana):
    quickly(grafana)
    before = grafana.written()
    assert actions(quickly(grafana)) == all_are("unchanged")
    assert grafana.written() == before


def test_dry_run_tells_and_writes_nothing(grafana):
    assert actions(quickly(grafana, dry_run=True)) == all_are("create")
    assert grafana.written() == []
    quickly(grafana)
    written = grafana.written()
    grafana.dashboards[UID]["dashboard"]["title"] = "Mine"
    grafana.folders["rapport"]["title"] = "Other"
    grafana.datasources[provision.DATASOURCE_UID]["url"] = "http://other:9090"
    changes = notable(quickly(grafana, dry_run=True))
    assert actions(changes) == [("folder", "update"), ("datasource", "update"), ("dashboard", "update")]
    assert [change.differences for change in changes] == [("title",), ("url",), ("title",)]
    assert grafana.written() == written


def test_what_was_changed_by_hand_is_mended(grafana):
    quickly(grafana)
    grafana.folders["rapport"]["title"] = "Other"
    board = grafana.dashboards[UID]["dashboard"]
    board["panels"][1]["title"] = "Mine"
    del board["panels"][2]["description"]
    board["tags"].append("mine")
    grafana.dashboards[UID]["meta"]["folderUid"] = "elsewhere"
    changes = notable(quickly(grafana))
    assert actions(changes) == [("folder", "update"), ("dashboard", "update")]
    assert set(changes[1].differences) == {"panels[1].title", "panels[2].description", "tags", "folder"}
    assert actions(quickly(grafana)) == all_are("unchanged")
    assert grafana.dashboards[UID]["dashboard"]["version"] == 2


def test_changing_the_data_source_keeps_what_an_operator_added(grafana):
    quickly(grafana)
    source = grafana.datasources[provision.DATASOURCE_UID]
    source |= {"basicAuth": True, "basicAuthUser": "ops", "isDefault": True}
    source["jsonData"]["customQueryParameters"] = "x=1"
    changes = quickly(grafana, prometheus_url="http://prom:9999")
    assert changes[1].action == "update" and changes[1].differences == ("url",)
    stored = grafana.datasources[provision.DATASOURCE_UID]
    assert stored["url"] == "http://prom:9999"
    assert (stored["basicAuth"], stored["basicAuthUser"], stored["isDefault"]) == (True, "ops", True)
    assert stored["jsonData"]["customQueryParameters"] == "x=1"


def test_data_sources_can_be_left_alone(grafana):
    changes = quickly(grafana, prometheus_url=None, api_url=None)
    assert {change.kind for change in changes} == {"folder", "dashboard", "rules"}
    assert grafana.datasources == {}


def test_the_api_is_a_data_source_whose_token_goes_in_and_never_comes_out(grafana):
    changes = quickly(grafana, api_url="http://api:6068")
    source = grafana.datasources["rapport-api"]
    assert source["type"] == "yesoreyeram-infinity-datasource" and source["url"] == "http://api:6068"
    assert source["jsonData"]["auth_method"] == "bearerToken"
    assert source["jsonData"]["allowedHosts"] == ["http://api:6068"]
    assert grafana.secrets["rapport-api"] == {"bearerToken": API_TOKEN}
    assert API_TOKEN not in str(changes) + str(grafana.datasources) + str(grafana.dashboards)
    # Without one at hand the token that is there stays; another one is seen and sent.
    assert notable(quickly(grafana, api_url="http://api:6068", api_token=None)) == []
    (change,) = notable(quickly(grafana, api_url="http://api:6068", api_token="rpt_other"))
    assert (change.uid, change.differences) == ("rapport-api", ("jsonData.rapportTokenMark",))
    assert grafana.secrets["rapport-api"] == {"bearerToken": "rpt_other"}


def test_without_a_token_it_is_told_how_to_give_one(grafana):
    (source,) = [change for change in quickly(grafana, api_token=None) if change.uid == "rapport-api"]
    assert source.action == "create" and "RAPPORT_GRAFANA_API_TOKEN" in source.note


def test_a_grafana_without_the_plugin_gets_all_else(grafana):
    grafana.plugins.discard("yesoreyeram-infinity-datasource")
    changes = quickly(grafana)
    (skipped,) = [change for change in changes if change.action == "skipped"]
    assert skipped.uid == "rapport-api" and "yesoreyeram-infinity-datasource installed" in skipped.note
    assert set(grafana.dashboards) == set(build.dashboards()) and grafana.groups
    asked = [
        panel["datasource"]["uid"] for board in build.dashboards().values() for panel in board["panels"]
        if panel["type"] != "row"
    ]  # fmt: skip
    assert "${datasource}" in asked


def test_rules_tell_the_contact_point(grafana):
    changes = quickly(grafana, contact="https://hooks.example/secret-path")
    assert actions(changes)[-2:] == [("contact_point", "create"), ("rules", "create")]
    assert "secret-path" not in str(changes)
    group = grafana.groups["rapport", "rapport"]
    assert [rule["title"] for rule in group["rules"]] == [
        rule.name for rule in RULES if rule.severity != "none"
    ]
    assert all(r["notification_settings"] == {"receiver": "Rapport operations"} for r in group["rules"])
    assert len({rule["uid"] for rule in group["rules"]}) == len(group["rules"])
    assert grafana.contacts["rapport-operations"]["type"] == "webhook"
    written = grafana.written()
    assert notable(quickly(grafana, contact="https://hooks.example/secret-path")) == []
    assert grafana.written() == written
    changed = notable(quickly(grafana, contact="ann@example.org, bob@example.org"))
    assert actions(changed) == [("contact_point", "update")]
    assert (
        grafana.contacts["rapport-operations"]["settings"]["addresses"] == "ann@example.org;bob@example.org"
    )


def test_rules_without_a_contact_point_leave_it_to_grafanas_policies(grafana):
    quickly(grafana)
    assert all("notification_settings" not in r for r in grafana.groups["rapport", "rapport"]["rules"])
    assert grafana.contacts == {}


def test_rules_can_be_left_alone(grafana):
    assert "rules" not in {change.kind for change in quickly(grafana, rules=False)} and grafana.groups == {}


def test_a_rule_changed_by_hand_is_mended_and_one_from_a_file_told(grafana):
    quickly(grafana)
    rules = grafana.groups["rapport", "rapport"]["rules"]
    rules[1]["for"] = "1h"
    assert notable(quickly(grafana, dry_run=True))[0].differences == ("rules[1].for",)
    assert actions(notable(quickly(grafana))) == [("rules", "update")]
    rules = grafana.groups["rapport", "rapport"]["rules"]
    rules[0] |= {"title": "Other", "provenance": "file"}
    assert actions(notable(quickly(grafana))) == [("rules", "provisioned")]


def test_what_grafana_hides_of_a_contact_point_is_no_difference(grafana):
    quickly(grafana, contact="https://hooks.example/x")
    grafana.contacts["rapport-operations"]["settings"]["url"] = "[REDACTED]"
    assert notable(quickly(grafana, contact="https://hooks.example/x")) == []


@pytest.mark.parametrize("address", ["hooks.example", "ann", " ", "https://", "a@b.example, bob"])
def test_a_wrong_contact_is_told_by_its_setting_without_its_value(grafana, address):
    with pytest.raises(GrafanaFailed, match="RAPPORT_GRAFANA_CONTACT is neither"):
        quickly(grafana, contact=address)


def test_a_user_and_password_will_do(grafana):
    assert actions(quickly(grafana, ("ann", "correct horse"))) == all_are("create")
    with pytest.raises(GrafanaRefused, match="RAPPORT_GRAFANA_PASSWORD") as caught:
        quickly(grafana, ("ann", "wrong one"))
    assert "wrong one" not in str(caught.value)


def test_folder_can_have_another_title(grafana):
    quickly(grafana, folder="Brand team")
    assert grafana.folders["rapport"]["title"] == "Brand team"


def test_what_comes_from_files_is_told_and_left_alone(grafana):
    quickly(grafana)
    grafana.dashboards[UID]["meta"]["provisioned"] = True
    grafana.dashboards[UID]["dashboard"]["title"] = "From a file"
    grafana.datasources[provision.DATASOURCE_UID] |= {"readOnly": True, "url": "http://file:9090"}
    written = grafana.written()
    assert actions(notable(quickly(grafana))) == [
        ("datasource", "provisioned"),
        ("dashboard", "provisioned"),
    ]
    assert grafana.written() == written


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/health"),
        ("GET", FOLDER),
        ("POST", "/folders"),
        ("GET", SOURCE),
        ("POST", "/datasources"),
        ("GET", BOARD),
        ("POST", "/dashboards/db"),
        ("GET", GROUP),
        ("PUT", GROUP),
    ],
)
@pytest.mark.parametrize("fault", [500, 503, 429])
def test_passing_errors_are_tried_again(grafana, method, path, fault):
    grafana.fail_next(method, path, fault, times=3)
    assert actions(quickly(grafana)) == all_are("create")


@pytest.mark.parametrize(
    "method, path",
    [("POST", "/folders"), ("POST", "/datasources"), ("POST", "/dashboards/db"), ("PUT", GROUP)],
)
def test_a_lost_answer_is_no_conflict(grafana, method, path):
    grafana.fail_next(method, path, "lost")
    assert actions(quickly(grafana)) == all_are("create")
    assert actions(quickly(grafana)) == all_are("unchanged")


def test_a_timeout_is_tried_again(grafana):
    grafana.fail_next("GET", FOLDER, 0.6)
    assert actions(quickly(grafana, timeout_s=0.2)) == all_are("create")


def test_tries_are_bounded(grafana):
    grafana.fail_next("GET", FOLDER, 503, times=4)
    with pytest.raises(GrafanaUnreachable, match=r"after 4 tries, reading the folder: planted"):
        quickly(grafana)
    assert grafana.calls.count(("GET", FOLDER)) == 4


@pytest.mark.parametrize("token", ["wrong", None])
def test_a_wrong_token_is_told_with_its_setting_and_not_tried_again(grafana, token):
    with pytest.raises(GrafanaRefused, match="RAPPORT_GRAFANA_TOKEN") as caught:
        quickly(grafana, token)
    assert grafana.calls.count(("GET", FOLDER)) == 1
    assert "wrong" not in str(caught.value)


def test_too_few_rights_are_told(grafana):
    grafana.fail_next("POST", "/datasources", 403)
    with pytest.raises(GrafanaRefused, match="making the data source"):
        quickly(grafana)


def test_another_data_source_of_that_name_is_told(grafana):
    grafana.datasources["x"] = {"name": provision.DATASOURCE_NAME, "uid": "x"}
    with pytest.raises(GrafanaFailed, match="another data source named 'Rapport Prometheus'"):
        quickly(grafana)


def test_a_sick_database_is_told(grafana):
    grafana.database = "failing"
    with pytest.raises(GrafanaFailed, match="database is 'failing'"):
        quickly(grafana)


def test_grafana_below_a_path(grafana):
    with Grafana(TOKEN, prefix="/grafana") as server:
        for url in (server.url, server.url + "/"):
            push(url, TOKEN, pause_s=0.01)
        assert server.violations == [] and UID in server.dashboards


def test_nobody_there_is_told_plainly():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(
        GrafanaUnreachable, match=f"no connection to Grafana at http://127.0.0.1:{port} after 4"
    ):
        push(f"http://user:secret@127.0.0.1:{port}", TOKEN, pause_s=0.01)


@pytest.mark.parametrize(
    "kind, body",
    [("text/html", b"<html>hello</html>"), ("application/json", b"{oops"), ("application/json", b"[]")],
)
def test_something_else_at_that_address_is_told(kind, body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with pytest.raises(GrafanaFailed, match="is no Grafana"):
                push(f"http://127.0.0.1:{server.server_port}", TOKEN, pause_s=0.01)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("url", ["", "127.0.0.1:3000", "ftp://host", "http://"])
def test_a_wrong_address_is_told(url):
    with pytest.raises(DashboardsError, match="is no address like"):
        push(url, TOKEN)


def test_differences_ignore_what_grafana_adds_and_see_what_people_change():
    wanted = {"a": 1, "b": [{"c": 1}, {"c": 2}], "e": "", "f": False}
    assert differences(wanted, {"a": 1, "b": [{"c": 1, "id": 5}, {"c": 2}], "id": 3}) == ()
    assert differences(wanted, {**wanted, "a": 2}) == ("a",)
    assert differences(wanted, {**wanted, "b": [{"c": 1}]}) == ("b",)
    assert differences(wanted, {**wanted, "b": [{"c": 1}, {"c": 3}]}) == ("b[1].c",)
    assert differences(wanted, {"a": 1}) == ("b",)
    assert len(differences(list(range(100)), list(range(1, 101)))) == 20


def test_the_document_is_there_in_ci():
    if os.environ.get("CI"):
        assert DOCUMENT.is_file(), "the checks against Grafana's API document must not be skipped in CI"
