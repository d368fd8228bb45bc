"""`rapport dashboards …` as people type it: what it prints, its exit codes, and that no secret is in it."""

from __future__ import annotations

import json

import pytest
import yaml

from dashboards import build
from streams.cli import run
from tests.dashboards.grafana_server import DOCUMENT, Grafana

TOKEN, API_TOKEN = "glsa_test", "rap_test"  # the test server's own
CONTACT = "https://hooks.example/very-secret-path"


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)  # a rapport.toml of the working directory is not read
    for name in ("TOKEN", "USER", "PASSWORD", "URL", "API_TOKEN", "CONTACT"):
        monkeypatch.delenv(f"RAPPORT_GRAFANA_{name}", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["dashboards", *arguments])
        found = capsys.readouterr()
        for secret in (TOKEN, API_TOKEN, "correct horse", "very-secret-path"):
            assert secret not in found.out + found.err
        return code, found.out, found.err

    return call


@pytest.fixture
def grafana():
    if not DOCUMENT.is_file():
        pytest.skip("Grafana's OpenAPI document is not there (../shared/data/grafana-openapi/openapi3.json)")
    with Grafana(TOKEN) as server:
        yield server
        assert server.violations == []


def test_push_shows_the_difference_first_then_does_it_then_finds_nothing(cli, grafana, monkeypatch):
    monkeypatch.setenv("RAPPORT_GRAFANA_TOKEN", TOKEN)
    monkeypatch.setenv("RAPPORT_GRAFANA_API_TOKEN", API_TOKEN)
    monkeypatch.setenv("RAPPORT_GRAFANA_CONTACT", CONTACT)
    told = []
    for more in (["--dry-run"], [], []):
        code, out, err = cli("push", "--grafana", grafana.url, "--json", *more)
        assert code == 0, err
        told.append(json.loads(out))
        assert (grafana.written() == []) == (more == ["--dry-run"])
    first, second, third = told
    assert first["dry_run"] and first["changes"] == second["changes"]
    assert {change["action"] for change in second["changes"]} == {"create"}
    assert {change["action"] for change in third["changes"]} == {"unchanged"}
    kinds = [change["kind"] for change in third["changes"]]
    assert kinds == ["folder", *["datasource"] * 2, *["dashboard"] * 5, "contact_point", "rules"]


def test_push_for_people_says_what_differs_and_what_to_do(cli, grafana, monkeypatch):
    monkeypatch.setenv("RAPPORT_GRAFANA_USER", "ann")
    monkeypatch.setenv("RAPPORT_GRAFANA_PASSWORD", "correct horse")
    code, out, _ = cli("push", "--grafana", grafana.url, "--folder", "Brand team", "--no-rules")
    assert code == 0 and "create folder Brand team\n" in out and "rules" not in out
    assert "create datasource Rapport API (it has no token yet: set RAPPORT_GRAFANA_API_TOKEN" in out
    grafana.dashboards["rapport-board"]["dashboard"]["title"] = "\x1b[2JMine"
    code, out, _ = cli("push", "--grafana", grafana.url, "--folder", "Brand team", "--no-rules")
    assert code == 0 and "update dashboard Rapport: board: title\n" in out and "\x1b" not in out


def test_user_and_password_go_together(cli, monkeypatch):
    monkeypatch.setenv("RAPPORT_GRAFANA_USER", "ann")
    code, _, err = cli("push", "--grafana", "http://127.0.0.1:1")
    assert code == 2 and "RAPPORT_GRAFANA_PASSWORD: is not set" in err


def test_a_wrong_contact_is_told_without_its_value(cli, grafana, monkeypatch):
    monkeypatch.setenv("RAPPORT_GRAFANA_TOKEN", TOKEN)
    monkeypatch.setenv("RAPPORT_GRAFANA_CONTACT", "very-secret-path")
    code, _, err = cli("push", "--grafana", grafana.url)
    assert code == 1 and "RAPPORT_GRAFANA_CONTACT is neither" in err


def test_check_passes_tells_and_fails(cli, tmp_path):
    code, out, _ = cli("check")
    assert code == 0 and out.endswith("0 wrong, 0 without data\n")
    build.export(tmp_path)
    code, out, _ = cli("check", str(tmp_path), "--json")
    assert code == 0 and json.loads(out)["dashboards"] == 5
    path = tmp_path / "grafana" / "json" / "rapport-board.json"
    path.write_text(path.read_text().replace('"uid": "rapport-board"', '"uid": "rapport-pipeline"'))
    code, out, _ = cli("check", str(tmp_path), "--json")
    assert code == 1 and json.loads(out)["problems"] == [
        "rapport-pipeline.json: uid 'rapport-pipeline' is there twice"
    ]
    code, _, err = cli("check", "--prometheus", "http://127.0.0.1:1")
    assert code == 1 and "no Prometheus answers" in err
    code, _, err = cli("check", "--api", "http://127.0.0.1:1")
    assert code != 0 and "RAPPORT_GRAFANA_API_TOKEN: is not set" in err


def test_exported_files_name_the_token_and_hold_none(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("RAPPORT_GRAFANA_API_TOKEN", API_TOKEN)
    code, _, _ = cli("export", str(tmp_path), "--api", "http://api:1", "--prometheus", "http://prom:2")
    assert code == 0
    text = (tmp_path / "grafana" / "datasources" / "rapport.yaml").read_text()
    prometheus, api = yaml.safe_load(text)["datasources"]
    assert (prometheus["url"], api["url"]) == ("http://prom:2", "http://api:1")
    assert api["secureJsonData"] == {"bearerToken": "$__env{RAPPORT_GRAFANA_API_TOKEN}"}
    assert api["jsonData"]["allowedHosts"] == ["http://api:1"] and API_TOKEN not in text
