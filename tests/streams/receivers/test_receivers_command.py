"""`rapport receivers`."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from streams.cli import run
from streams.receivers.routingfile import doubts, read_routing
from tests.streams.receivers.web import Web

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)
    path = tmp_path / "notify.yaml"
    path.write_text(
        "route:\n  receiver: hook\n  routes:\n    - {matchers: [severity=critical], receiver: all}\n"
        "receivers:\n"
        "  - {name: hook, type: webhook, url: 'http://127.0.0.1:1/t0ken', secrets: ['env:HOOK_SECRET'],"
        " allow_private: true}\n"
        "  - {name: all, type: kafka, send_resolved: false}\n"
        "links: {partnership: 'https://r.example/{partnership_id}'}\n"
    )
    return path


def test_list_names_targets_without_what_may_be_secret(file, capsys):
    assert run(["receivers", "list", "--file", str(file)]) == 0
    told = capsys.readouterr().out
    assert "http://127.0.0.1:1/…" in told and "t0ken" not in told and "not told of ends" in told
    assert run(["receivers", "list", "--file", str(file), "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["receivers"]] == ["hook", "all"]


def test_check_shows_routes_and_where_an_alert_would_go(file, capsys):
    assert run(["receivers", "check", str(file)]) == 0
    assert "route/0" in capsys.readouterr().out
    assert run(["receivers", "check", str(file), "--alert", "severity=critical", "--json"]) == 0
    (route,) = json.loads(capsys.readouterr().out)["routes"]
    assert route["receivers"] == ["all"]
    assert run(["receivers", "check", str(file), "--alert", "colour=red"]) == 2


def test_check_tells_the_line_and_missing_secrets(file, capsys, monkeypatch):
    monkeypatch.delenv("HOOK_SECRET")
    assert run(["receivers", "check", str(file)]) == 2
    assert "HOOK_SECRET" in capsys.readouterr().err
    file.write_text(file.read_text().replace("send_resolved: false", "send_resolved: perhaps"))
    assert run(["receivers", "check", str(file)]) == 2
    assert "line 7" in capsys.readouterr().err
    assert run(["receivers", "check", str(file.with_name("none.yaml"))]) == 2
    assert run(["receivers", "list"]) == 2
    assert "RAPPORT_NOTIFY_CONFIG" in capsys.readouterr().err


def test_a_secret_that_was_written_into_the_file_is_not_told(file, capsys):
    text = file.read_text().replace("'env:HOOK_SECRET'", SECRET).replace("http://", "http://ann:hunter2@")
    file.write_text(text.replace("send_resolved: false", "timeout: 3m, rate_limt: 5/m"))
    assert run(["receivers", "check", str(file)]) == 2
    told = capsys.readouterr().err
    for words in (
        "line 6, column 88: receivers[0].secrets[0]: is a secret: name the environment variable",
        "receivers[0].url: must not hold a user or password",
        "line 7, column 39: receivers[1].timeout: should be longer than 0s and not longer than 120s",
        "receivers[1].rate_limt: unknown key (did you mean rate_limit?)",
    ):
        assert words in told, told
    assert SECRET not in told and "hunter2" not in told


async def test_test_sends_a_marked_sample_and_its_end(file):
    async with Web() as web:
        file.write_text(file.read_text().replace("http://127.0.0.1:1", web.url))
        import asyncio

        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "streams.cli", "receivers", "test", "hook", "--file", str(file), "--json"],
            capture_output=True, text=True, cwd=Path(__file__).parents[3], timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [Webhook(SECRET).verify(request.body, request.headers) for request in web.got]
    assert [one["status"] for one in told] == ["firing", "resolved"]
    assert told[0]["group_labels"]["rapport-sample"] == "true"
    assert told[0]["alerts"][0]["links"] == {"partnership": "https://r.example/sample--rapport"}
    assert json.loads(done.stdout)["notification_ids"] == [one["notification_id"] for one in told]


def test_test_says_what_went_wrong(file, capsys):
    assert run(["receivers", "test", "nobody", "--file", str(file)]) == 1
    assert "hook, all" in capsys.readouterr().err
    assert run(["receivers", "test", "hook", "--file", str(file)]) == 1
    told = capsys.readouterr().err
    assert "127.0.0.1:1/…" in told and "t0ken" not in told


def test_what_is_hardly_meant_is_told(tmp_path):
    path = tmp_path / "notify.yaml"
    path.write_text(
        "route: {receiver: am, repeat_interval: 1m, group_by: [brand_id]}\n"
        "receivers:\n  - {name: am, type: alertmanager, url: 'https://am.example', hold: 30s}\n"
        "  - {name: hook, type: webhook, url: 'https://h.example'}\n"
    )
    told = "\n".join(doubts(read_routing(path)))
    for words in (
        "no route leads",
        "`hold`",
        "`secrets`",
        "shorter than `group_interval`",
        "links",
        "am keeps every alert by itself, and a message holds at most 20",
    ):
        assert words in told
    path.write_text(path.read_text().replace("brand_id", "brand_id, partnership_id"))
    assert "by itself" not in "\n".join(doubts(read_routing(path)))
