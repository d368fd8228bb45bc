"""Commands on a real broker and store: topics, partnerships, rejected records, alerts as they come."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.topics import ALERTS, EVENTS, PARTNERSHIPS, REJECTED
from streams.cli import run
from streams.commands.output import run as run_async
from streams.consume import Record, latest, scan, spans
from streams.demo_house import as_environment
from streams.errors import NotFoundError
from streams.sending import send
from streams.settings import Settings
from streams.topics import ensure_topics

pytestmark = pytest.mark.servers
NOW = time.time()
AT = datetime.fromtimestamp(NOW, UTC).isoformat()
EVENT = {
    "event_id": "e1",
    "source": "test",
    "kind": "like",
    "occurred_at": AT,
    "influencer_id": "ann",
    "actor": {"id": "x"},
}
EVIL = "\x1b[2J[red]evil\u202e"


class Cli:
    """Runs commands of one installation in this process."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        self.settings, self._capsys = settings, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = run(list(arguments))
        found = self._capsys.readouterr()
        return code, found.out, found.err

    def json(self, *arguments: str) -> Any:
        code, out, err = self(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    def records(self, topic: str) -> list[Record]:
        async def read() -> list[Record]:
            return [record async for record in scan(self.settings, self.settings.topic(topic))]

        return run_async(read())


@pytest.fixture
def cli(
    embedded_pair: Any,
    settings_for: Callable[..., Settings],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    settings = settings_for(embedded_pair, partitions=2)
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    run_async(ensure_topics(settings))
    return Cli(settings, capsys)


def test_topics_are_made_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_TOPIC_PREFIX", cli.settings.topic_prefix + "more.")
    first, second = (cli.json("topics", "create", "--partitions", "3")["topics"] for _ in range(2))
    assert all(item["created"] for item in first) and not any(item["created"] for item in second)
    assert {item["partitions"] for item in first} == {1, 3}
    assert cli("topics", "create")[0] == 0


def test_partnerships_are_applied_listed_shown_and_ended(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    base = {"brand_id": "acme", "influencer_id": "ann"}
    file.write_text(json.dumps([base | {"partnership_id": "acme--ann"}, base | {"partnership_id": EVIL}]))
    assert len(cli.json("partnerships", "apply", str(file), "--dry-run")["added"]) == 2
    assert cli.json("partnerships", "list")["partnerships"] == []
    assert len(cli.json("partnerships", "apply", str(file))["added"]) == 2
    assert cli.json("partnerships", "apply", str(file))["unchanged"] == 2
    file.write_text(json.dumps([base | {"partnership_id": "acme--ann", "since": "2025-01-01"}]))
    assert cli.json("partnerships", "apply", str(file))["changed"] == ["acme--ann"]
    assert cli.json("partnerships", "show", "acme--ann")["since"] == "2025-01-01"
    _, out, _ = cli("partnerships", "list")
    assert "acme--ann" in out and "[red]evil" in out and "\x1b" not in out and "\u202e" not in out
    assert cli.json("partnerships", "end", "acme--ann") == {"ended": "acme--ann"}
    assert [item["partnership_id"] for item in cli.json("partnerships", "list")["partnerships"]] == [EVIL]
    code, _, err = cli("partnerships", "show", "acme--an")
    assert code == 1 and "there is no partnership" in err
    topic = cli.settings.topic(PARTNERSHIPS)
    assert run_async(latest(cli.settings, topic))[b"acme--ann"].value is None


def rejected(payload: bytes, offset: int, reason: str = "schema", **more: Any) -> tuple[float, bytes, bytes]:
    record = {
        "reason": reason,
        "errors": [{"field": "kind", "message": f"is wrong {EVIL}", "input": "5"}],
        "topic": EVENTS,
        "partition": 0,
        "offset": offset,
        "timestamp": AT,
        "key": "k",
        "at": AT,
        "payload_base64": base64.b64encode(payload).decode(),
        **more,
    }
    return NOW, b"k", json.dumps(record).encode()


@pytest.fixture
def three_rejected(cli: Cli) -> Cli:
    records = [
        rejected(json.dumps(EVENT).encode(), 1, "key"),
        rejected(b"\xff\x1b[31m not json", 2, "not_json"),
        rejected(json.dumps(EVENT | {"event_id": "e3", "kind": 5}).encode(), 3),
    ]
    run_async(send(cli.settings, records, topic=REJECTED))
    return cli


def test_rejected_records_are_listed_with_reason_place_and_a_safe_preview(three_rejected: Cli) -> None:
    found = three_rejected.json("rejected", "list")
    assert found["total"] == 3 and {item["reason"] for item in found["rejected"]} == {
        "key",
        "not_json",
        "schema",
    }
    assert {item["id"] for item in found["rejected"]} == {f"{EVENTS}-0-{n}" for n in (1, 2, 3)}
    code, out, _ = three_rejected("rejected", "list")
    assert code == 0 and "not_json" in out and "kind: is wrong" in " ".join(out.split())
    assert "\x1b" not in out and "\u202e" not in out
    assert three_rejected.json("rejected", "list", "--reason", "key")["total"] == 1
    assert three_rejected.json("rejected", "list", "--ids", f"{EVENTS}-0-2,{EVENTS}-0-3")["total"] == 2
    assert three_rejected.json("rejected", "list", "--since", "2100-01-01")["total"] == 0
    assert three_rejected.json("rejected", "list", "--since", "1h")["total"] == 3
    assert three_rejected("rejected", "list", "--reason", "nonsense")[0] == 2


def test_rejected_records_go_back_as_they_were(three_rejected: Cli) -> None:
    dry = three_rejected.json("rejected", "replay", "--dry-run")
    assert dry["sent"] == 0 and len(dry["would_send"]) == 2 and three_rejected.records(EVENTS) == []
    done = three_rejected.json("rejected", "replay", "--reason", "key", "--reason", "not_json")
    assert done["sent"] == 1 and [item["id"] for item in done["skipped"]] == [f"{EVENTS}-0-2"]
    (record,) = three_rejected.records(EVENTS)
    assert (record.key, json.loads(record.value or b"")) == (b"ann", EVENT)
    assert abs(record.timestamp_ms - NOW * 1000) < 2


def test_rejected_records_are_mended_by_hand_and_go_back(three_rejected: Cli, tmp_path: Path) -> None:
    file = tmp_path / "broken.ndjson"
    assert three_rejected("rejected", "list", "--reason", "schema", "--out", str(file))[0] == 0
    assert three_rejected.json("rejected", "replay", "--edit", str(file))["sent"] == 0  # not mended yet
    file.write_text(file.read_text().replace('"kind": 5', '"kind": "like"'))
    assert three_rejected.json("rejected", "replay", "--edit", str(file))["sent"] == 1
    (record,) = three_rejected.records(EVENTS)
    assert json.loads(record.value or b"")["event_id"] == "e3"


def alert(state: str, number: int) -> tuple[float, bytes, bytes]:
    record = {
        "alert_id": "a",
        "transition_id": f"t{number}",
        "fingerprint": "f",
        "partnership_id": "acme--ann",
        "influencer_id": "ann",
        "signal": "connection",
        "rule": "drop",
        "state": state,
        "severity": "critical",
        "started_at": AT,
        "at": AT,
        "reason": "drop",
        "summary": f"Connection fell {EVIL}",
    }
    return NOW, b"ann", json.dumps(record).encode()


def test_alerts_are_followed_until_ctrl_c(cli: Cli) -> None:
    run_async(send(cli.settings, [alert("pending", 1)], topic=ALERTS))
    command = [sys.executable, "-m", "streams.cli", "alerts", "tail", "--last", "5", "--json"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    guard = threading.Timer(30, child.kill)
    guard.start()
    try:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["state"] == "pending"
        run_async(send(cli.settings, [alert("firing", 2)], topic=ALERTS))
        assert json.loads(child.stdout.readline())["state"] == "firing"
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=15)
    finally:
        guard.cancel()
        child.kill()
        child.wait()
    assert child.returncode == 130 and "Traceback" not in err


def test_reading_a_topic_that_is_not_there_says_so_and_makes_none(cli: Cli) -> None:
    missing = cli.settings.topic("nothing.v1")
    for _ in range(2):  # asking must not make it
        with pytest.raises(NotFoundError, match=r"nothing\.v1 is not there"):
            run_async(spans(cli.settings, missing))


def test_status_before_any_worker_says_so(cli: Cli) -> None:
    code, _, err = cli("status")
    assert code == 1 and "nothing is written under the namespace" in " ".join(err.split())


def test_a_replay_without_a_store_says_so_and_shows_no_password(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "e.ndjson"
    file.write_text(json.dumps(EVENT) + "\n")
    code, _, err = cli("replay", str(file), "--redis", "redis://u:s3cret@127.0.0.1:1/0")
    assert code == 1 and "Redis at" in err and "s3cret" not in err and "Traceback" not in err
    assert cli.records(EVENTS) == []
    assert cli.json("replay", str(file))["sent"] == 1
    assert [record.key for record in cli.records(EVENTS)] == [b"ann"]
