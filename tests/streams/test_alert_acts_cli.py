"""The commands about alerts, silences, audit, tokens and digest on a real store; and one real server."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.alert_view import csv_cell, short
from streams.cli import run
from streams.settings import Settings
from tests.servers import RedisServer
from tests.streams.people_world import EVIL, write

pytestmark = pytest.mark.servers
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def settings(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings(redis_url=server.url, namespace=f"t{secrets.token_hex(4)}")
    write(made)
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)
    monkeypatch.setenv("RAPPORT_REDIS_URL", made.redis_url)
    monkeypatch.setenv("RAPPORT_NAMESPACE", made.namespace)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("COLUMNS", "400")
    time.tzset()
    return made


@pytest.fixture
def cli(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs one command in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        found = capsys.readouterr()
        return code, found.out, found.err

    return call


def told(cli: Cli, *arguments: str) -> Any:
    code, out, err = cli(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_list_show_ack_and_take_back(cli: Cli) -> None:
    assert cli("alerts", "ack", "aaaa1", "--by", "ann", "-m", "on it")[0] == 0
    code, out, _ = cli("alerts", "list")
    assert code == 0 and "acknowledged by ann" in out and "\x1b[2J" not in out and "bbbb1111" not in out
    for options, count in (
        (("--all",), 4), (("--acked",), 1), (("--unacked",), 2), (("--brand", "bolt"), 1),
        (("--severity", "warning"), 1), (("--state", "resolved"), 1), (("--match", "signal=~conn.*"), 2),
    ):  # fmt: skip
        assert len(told(cli, "alerts", "list", *options)["alerts"]) == count, options
    whole = told(cli, "alerts", "show", "aaaa1111")
    assert whole["alert"]["acknowledged"]["note"] == "on it" and whole["acts"][0]["verb"] == "ack"
    _, picture, _ = cli("alerts", "show", "aaaa1111")
    for words in (
        "58.0",
        "-46%",
        "reply rate",
        "37 actors",
        "posting pause",
        "does not account",
        "Answer comments",
    ):
        assert words in picture
    names = [line.split()[0] for line in picture.splitlines() if line.strip()]
    assert {"id", "signal", "value", "cause", "considered", "acknowledged"} <= set(names), "a line for each"
    _, listed, _ = cli("alerts", "list")
    assert re.search(r"  [0-9a-f]{8}  [A-Z]+  acme--", listed), "columns stand apart"
    assert "  [acknowledged by ann]" in listed
    assert told(cli, "alerts", "unack", "aaaa1111") == {"changed": True}
    assert told(cli, "alerts", "unack", "aaaa1111") == {"changed": False}
    assert told(cli, "alerts", "wrong", "aaaa1111") == {"changed": True, "wrong": True}
    assert told(cli, "alerts", "wrong", "aaaa1111", "--take-back")["changed"]
    verbs = [act["verb"] for act in told(cli, "audit")["acts"]]
    assert verbs == ["unwrong", "wrong", "unack", "ack"]
    assert len(told(cli, "audit", "--by", "ann", "--since", "1h")["acts"]) == 1
    assert "on it" in cli("audit")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ack", "aaaa"), 2, "several alerts begin with"),
        (("ack", "aaaa1112"), 1, "did you mean 'aaaa1111'"),
        (("ack", "bbbb1111"), 1, "has resolved already"),
        (("ack", "aaaa1111", "--by", " "), 2, "--by"),
        (("list", "--state", "fireing"), 2, "did you mean firing"),
        (("list", "--match", "brand=x"), 2, "did you mean"),
        (("silence", "signal=x"), 2, "--comment"),
        (("silence", "signal=x", "-m", "y", "--for", "two hours"), 2, "30m"),
        (("silence", "signal=~.*", "-m", "y"), 2, "empty label"),
        (("unsilence", "zzzz"), 1, "there is no silence"),
        (("explain", "acme--ann", "givaway", "18:00-19:00"), 2, "did you mean giveaway"),
        (("explain", "acme--ann", "giveaway", "someday"), 2, "friday 18:00-24:00"),
        (("export", "--format", "xls"), 2, "csv, ndjson"),
    ],
    ids=str,
)
def test_errors_say_what_to_do(cli: Cli, arguments: tuple[str, ...], code: int, words: str) -> None:
    found, _, err = cli("alerts", *arguments)
    assert found == code and words in " ".join(err.replace("│", " ").split()), err


def test_silences(cli: Cli) -> None:
    made = told(cli, "alerts", "silence", "partnership_id=acme--ann", "--from", "tomorrow 18:00",
                "--for", "6h", "-m", "giveaway", "--by", "ann")  # fmt: skip
    assert made["starts_at"][11:16] == "18:00" and made["ends_at"][11:16] == "00:00"
    now = told(cli, "alerts", "silence", "signal=connection", "-m", "known")
    states = {item["silence_id"]: item["state"] for item in told(cli, "alerts", "silences")["silences"]}
    assert states == {made["silence_id"]: "pending", now["silence_id"]: "active"}
    assert "silenced until" in cli("alerts", "list")[1]
    told(cli, "alerts", "unsilence", now["silence_id"][:6])
    assert len(told(cli, "alerts", "silences")["silences"]) == 1
    assert len(told(cli, "alerts", "silences", "--all")["silences"]) == 2


def test_an_export_is_no_formula_and_is_read_again(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "alerts.csv"
    assert cli("alerts", "export", "--out", str(file))[0] == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    assert len(rows) == 4 and not [cell for row in rows for cell in row.values() if cell[:1] in set("=+@|%")]
    evil = next(row for row in rows if row["alert_id"] == "aaaa2222")
    assert evil["summary"] == "'" + EVIL.removesuffix("\x1b[2J") and evil["change"] == "-0.46"
    _, out, _ = cli("alerts", "export", "--format", "ndjson", "--match", "brand_id=bolt")
    assert [json.loads(line)["brand_id"] for line in out.splitlines()] == ["bolt"] and out.isascii()
    assert cli("alerts", "export", "--out", str(tmp_path / "none" / "x"))[0] == 1


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\ufeff=1", "|x", "%x", "'=1", "＝1", "\x1b[1m=1"],
)
def test_cells_that_a_spreadsheet_would_run(text: str) -> None:
    assert csv_cell(text).startswith("'")
    assert csv_cell("a\x1b[2J\u202e\r\n=b") == "a =b"
    assert csv_cell(-0.5) == "-0.5" and csv_cell(None) == "" and csv_cell("plain") == "plain"


def test_short_ids_tell_alerts_apart() -> None:
    names = ["aaaaaaaa11", "aaaaaaaa12", "bbbbbbbb11"]
    assert [short(name, names) for name in names] == ["aaaaaaaa11", "aaaaaaaa12", "bbbbbbbb"]


def test_tokens_are_shown_once(cli: Cli) -> None:
    _, out, _ = cli(
        "tokens", "create", "Ann", "--scope", "alerts:read", "--brand", "acme", "--expires", "90d"
    )
    secret = out.strip()
    assert secret.startswith("rap_")
    listed = cli("tokens", "list")[1] + cli("tokens", "list", "--json")[1] + cli("audit", "--json")[1]
    assert "Ann" in listed and "acme" in listed and secret[-43:] not in listed and "hash" not in listed
    assert cli("tokens", "create", "Ann", "--scope", "alerts:read")[0] == 2  # taken
    assert cli("tokens", "create", "Bob", "--scope", "alerts:reed")[0] == 2
    assert cli("tokens", "revoke", "Ann")[0] == 0 and told(cli, "tokens", "list") == {"tokens": []}
    assert cli("tokens", "revoke", "Ann")[0] == 1


def test_the_digest(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("digest", "--brand", "acme")
    assert code == 0 and "acme--ann: health 82.0 to 60.0 (-22.0)" in out and "\x1b" not in out
    file = tmp_path / "week.html"
    assert cli("digest", "--format", "html", "--out", str(file))[0] == 0
    assert "<script>" not in file.read_text(encoding="utf-8")
    assert told(cli, "digest", "--partnership", "bolt--bob", "--since", "24h")["partnerships"] == 1
    assert cli("digest", "--brand", "nobody")[0] == 1 and cli("digest", "--since", "1y")[0] == 2
    assert cli("digest", "--send", "mail")[0] == 2  # no notify.yaml


def test_a_real_server_serves_and_stops_cleanly(cli: Cli, settings: Settings) -> None:
    token = cli("tokens", "create", "curl", "--scope", "alerts:read")[1].strip()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streams.cli", "serve", "--port", str(port)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"RAPPORT_LOG_FORMAT": "text"})
    try:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/alerts", headers={"Authorization": f"Bearer {token}"}
        )
        for attempt in range(150):
            try:
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    assert json.load(answer)["total"] == 3 and "uvicorn" not in str(answer.headers)
                break
            except OSError:
                assert attempt < 149 and child.poll() is None
                time.sleep(0.1)
        busy = cli("serve", "--port", str(port))
        assert busy[0] == 1 and "--port" in busy[2]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000)
            assert raw.recv(100).startswith(b"HTTP/1.1 4")
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=20)
        assert child.returncode == 0 and token.encode() not in err
        assert b"Traceback" not in err
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()


def test_an_explainer_reaches_the_book_and_history_comes_from_the_topic(
    embedded_pair: Any, settings_for: Callable[..., Settings], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    from processors.book import Book
    from schemas import Control
    from schemas.topics import ALERTS, CONTROL
    from streams.commands.output import run as run_async
    from streams.consume import latest
    from streams.demo_house import as_environment
    from streams.sending import send
    from tests.streams.people_world import ALERTS as WORLD

    settings = settings_for(embedded_pair, partitions=1)
    write(settings)
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert run(["topics", "create"]) == 0
    new = {"partnership_id": "acme--new", "brand_id": "acme", "influencer_id": "new"}
    (tmp_path / "p.json").write_text(json.dumps([new]))
    assert run(["partnerships", "apply", str(tmp_path / "p.json")]) == 0
    for partnership in ("acme--ann", "acme--new"):  # the one has readings, the other was only just made
        stretch = "2026-11-27T18:00:00Z to 2026-11-28T00:00:00Z"
        assert (
            run(["alerts", "explain", partnership, "giveaway", stretch, "--by", "ann", "-m", "Friday"]) == 0
        )
    assert run(["alerts", "explain", "acme--nobody", "giveaway", "18:00-19:00"]) == 1
    capsys.readouterr()
    records = run_async(latest(settings, settings.topic(CONTROL)))
    assert set(records) == {b"explainer:acme--ann", b"explainer:acme--new"}
    control = Control.model_validate_json(records[b"explainer:acme--new"].value or b"")
    book = Book()
    book.control(control.key, control)
    assert control.by == "ann" and control.explainer is not None and control.explainer.note == "Friday"
    moves = [
        WORLD[0].model_copy(update={"transition_id": f"t{state}", "state": state}).model_dump_json().encode()
        for state in ("pending", "firing")
    ]
    run_async(send(settings, [(time.time(), b"ann", move) for move in moves], topic=ALERTS))
    assert run(["alerts", "show", "aaaa1111", "--history", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(move["state"] for move in told["transitions"]) == ["firing", "pending"]
    assert run(["alerts", "unexplain", "explainer:acme--new"]) == 0
    assert run_async(latest(settings, settings.topic(CONTROL)))[b"explainer:acme--new"].value is None
