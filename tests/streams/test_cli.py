"""The command line by itself: help, usage, settings, exit codes, missing servers. No server is needed."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import BadParameter
from typer.testing import CliRunner

from streams.cli import app, run
from streams.commands.options import duration, moment, parse_duration

COMMANDS = [
    ["demo"],
    ["worker"],
    ["replay"],
    ["export"],
    ["forget"],
    ["generate"],
    ["topics", "create"],
    ["partnerships", "apply"],
    ["partnerships", "list"],
    ["partnerships", "show"],
    ["partnerships", "end"],
    ["partnerships", "validate"],
    ["status"],
    *(["rules", name] for name in ("check", "show", "diff", "shadow", "backtest")),
    ["alerts", "list"],
    ["alerts", "tail"],
    ["rejected", "list"],
    ["rejected", "replay"],
    ["schemas", "export"],
    ["dashboards", "push"],
    ["dashboards", "export"],
    ["doctor"],
    ["settings"],
]
NEED_BROKER = [
    ["topics", "create"],
    ["partnerships", "list"],
    ["partnerships", "show", "x"],
    ["partnerships", "end", "x"],
    ["alerts", "tail"],
    ["rejected", "list"],
    ["rejected", "replay"],
]
NEED_STORE = [
    ["status"],
    ["status", "x"],
    ["status", "--influencer", "x"],
    ["alerts", "list"],
    ["rules", "shadow"],
]

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs one command in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        found = capsys.readouterr()
        return code, found.out, found.err

    return call


@pytest.fixture
def nobody() -> str:
    """An address of loopback at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_teaches_by_examples(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], terminal_width=200)
    assert result.exit_code == 0
    assert f"$ rapport {' '.join(command)}" in result.output


def test_help_is_fast() -> None:
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "streams.cli", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.5 * (1 + os.getloadavg()[0])  # the machine may be busy with other things


def test_nothing_heavy_is_imported_for_help() -> None:
    code = (
        "import sys, streams.cli; heavy = {'aiokafka', 'redis', 'faust', 'pydantic', 'rich.table'} "
        "& set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("command", NEED_BROKER, ids=" ".join)
def test_a_missing_broker_is_told_in_one_line_within_seconds(
    cli: Cli, nobody: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if command != ["rejected", "list"]:  # one test waits as long as people do
        monkeypatch.setattr("streams.consume.READY_S", 0.5)
    begun = time.monotonic()
    code, out, err = cli(*command, "--broker", nobody, "--redis", f"redis://{nobody}/0")
    assert code == 1 and time.monotonic() - begun < 12
    assert f"Kafka at {nobody}" in err and "--broker" in err
    assert "Traceback" not in err and out == "" and len(err.splitlines()) <= 3


@pytest.mark.parametrize("command", NEED_STORE, ids=" ".join)
def test_a_missing_store_is_told_in_one_line_within_seconds(
    cli: Cli, nobody: str, command: list[str]
) -> None:
    begun = time.monotonic()
    code, out, err = cli(*command, "--broker", nobody, "--redis", f"redis://u:s3cret@{nobody}/0")
    assert code == 1 and time.monotonic() - begun < 8
    assert "Redis at redis://u:********@" in err and "s3cret" not in err
    assert "Traceback" not in err and out == ""


def test_generate_and_replay_refuse_wrong_use(cli: Cli, tmp_path: Path) -> None:
    assert cli("generate")[0] == 2
    assert cli("generate", "--out", str(tmp_path), "--send")[0] == 2
    broken = tmp_path / "s.yaml"
    broken.write_text("days: none\n")
    code, _, err = cli("generate", "--out", str(tmp_path / "w"), "--scenario", str(broken))
    assert code == 2 and "days" in err and "Traceback" not in err
    assert cli("replay", str(tmp_path / "nowhere.ndjson"))[0] == 2


def test_generate_writes_what_replay_reads(cli: Cli, tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text("days: 2\ninfluencers:\n- {handle: ann, tier: nano}\n")
    code, out, _ = cli("generate", "--out", str(tmp_path / "w"), "--scenario", str(scenario), "--json")
    assert code == 0 and json.loads(out)["events"] == len(
        (tmp_path / "w/events.ndjson").read_text().splitlines()
    )


def test_doctor_says_what_to_do_when_nothing_is_there(cli: Cli, nobody: str) -> None:
    code, out, _ = cli("doctor", "--broker", nobody, "--redis", f"redis://{nobody}/0", "--json")
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 1 and checks["broker"]["status"] == checks["redis"]["status"] == "fail"
    assert "--broker" in checks["broker"]["advice"]


@pytest.mark.parametrize(
    "command", [["worker"], ["settings"], ["status"], ["doctor"], ["demo", "--for", "1s"]]
)
def test_a_wrong_setting_stops_each_command_at_start(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("RAPPORT_PARTITIONS", "none")
    code, out, err = cli(*command)
    assert code == 2 and out == "" and "Traceback" not in err
    assert "RAPPORT_PARTITIONS: 'none'" in " ".join(
        err.split()
    ) and "at least 1 and at most 1000" in " ".join(err.split())


def test_a_stack_trace_comes_only_with_debug(cli: Cli, nobody: str) -> None:
    arguments = ("status", "--redis", f"redis://{nobody}/0")
    assert "Traceback" not in cli(*arguments)[2]
    assert "Traceback" in cli("--debug", *arguments)[2]
    assert "RAPPORT_LOG_LEVEL" not in os.environ


@pytest.mark.parametrize(
    "wrong",
    [
        ["nonsense"],
        ["status", "--nonsense"],
        ["topics", "create", "--partitions", "0"],
        ["status", "a", "--influencer", "b"],
        ["rejected", "list", "--since", "gestern"],
        ["demo", "--for", "soon"],
        ["partnerships", "apply", "nowhere.json"],
    ],
)
def test_wrong_use_is_exit_code_2(cli: Cli, wrong: list[str]) -> None:
    code, _, err = cli(*wrong)
    assert code == 2 and "Traceback" not in err and err


def test_settings_as_json(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_HASH_KEY", "s3cret")
    code, out, _ = cli("settings", "--json", "--namespace", "mine")
    found = json.loads(out)
    assert code == 0 and found["RAPPORT_NAMESPACE"]["value"] == "mine"
    assert found["RAPPORT_HASH_KEY"]["value"] == "********" and "s3cret" not in out
    assert cli("settings")[0] == 0


def test_a_misspelt_variable_is_warned_of(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_PARTITION", "3")
    code, _, err = cli("settings", "--json")
    assert code == 0 and "did you mean RAPPORT_PARTITIONS?" in " ".join(err.split())


def test_validate_tells_all_that_is_wrong(cli: Cli, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('[{"partnership_id": "a--b", "brand_id": "a", "influencer_id": "b"}]')
    bad.write_text('[{"partnership_id": "a--b\\u001b[2J", "brand_id": 5}]')
    assert cli("partnerships", "validate", str(good))[0] == 0
    code, out, err = cli("partnerships", "validate", str(bad))
    assert code == 2 and "brand_id" in err and "influencer_id" in err and "\x1b[2J" not in err
    code, out, _ = cli("partnerships", "validate", str(bad), "--json")
    assert code == 2 and json.loads(out)["valid"] is False


def test_schemas_and_dashboards_are_written(cli: Cli, tmp_path: Path) -> None:
    for command in ("schemas", "dashboards"):
        code, out, _ = cli(command, "export", str(tmp_path / command), "--json")
        files = json.loads(out)["files"]
        assert code == 0 and files and all(Path(name).is_file() for name in files)


def test_dashboards_push_names_the_setting_that_is_missing(cli: Cli) -> None:
    code, _, err = cli("dashboards", "push")
    assert code == 2 and "RAPPORT_GRAFANA_URL" in err


def test_dashboards_push_without_grafana(cli: Cli, nobody: str) -> None:
    code, _, err = cli("dashboards", "push", "--grafana", f"http://{nobody}")
    assert code == 1 and "Traceback" not in err and nobody in err


def test_ctrl_c_is_130_without_a_stack_trace(nobody: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAPPORT_")}
    # A listener that never answers keeps the command waiting.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        command = [sys.executable, "-m", "streams.cli", "alerts", "tail", "--broker", address]
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        deaf.settimeout(20)
        link, _ = deaf.accept()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
        link.close()
    assert child.returncode == 130 and "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("40s", 40),
        ("2m", 120),
        ("1h", 3600),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("40", 40),
        (" 1.5 h ", 5400),
        ("1d", 86400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "soon", "1y", "-5s", "5s5", "1e9s", "0s", "1h 5"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadParameter):
        duration(text)


@given(st.text(max_size=20))
def test_no_text_breaks_durations_and_moments(text: str) -> None:
    for parse in (duration, moment):
        with contextlib.suppress(BadParameter):
            parse(text)


def test_moments() -> None:
    assert moment("2026-11-22T10:00Z").isoformat() == "2026-11-22T10:00:00+00:00"
    assert moment("2026-11-22").tzinfo is not None
    assert 7190 < time.time() - moment("2h").timestamp() < 7210
