"""The Prometheus rules on Rapport's own health: each rings when it must, and has a runbook."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from typer.main import get_command

from dashboards import provision
from dashboards.alert_rules import RULES, RUNBOOKS
from streams import cli, metrics

ROOT = Path(__file__).parents[2]
WORKER, NOTIFIER = 'up{job="rapport-worker"}', 'up{job="rapport-notifier"}'
WELL = {WORKER: "1x120", NOTIFIER: "1x120"}
#: Rule -> (series on which it rings, series on which it must not, if any), a value a minute for two hours.
CASES: dict[str, tuple[dict[str, str], dict[str, str] | None]] = {
    "RapportWatchdog": ({}, None),
    "RapportWorkerMissing": ({WORKER: "0x120"}, WELL),
    "RapportNotifierMissing": ({NOTIFIER: "0x120"}, WELL),
    "RapportBehind": ({"rapport_lag_seconds": "400x120"}, {"rapport_lag_seconds": "200x120"}),
    "RapportFarBehind": ({"rapport_lag_seconds": "4000x120"}, {"rapport_lag_seconds": "3000x120"}),
    "RapportStalled": (
        {"rapport_watchdog_stalled_partitions": "1x120"}, {"rapport_watchdog_stalled_partitions": "0x120"},
    ),
    "RapportNothingComes": (
        {"rapport_events_read_total": "70x600"},
        {"rapport_events_read_total": "70x400 71x200"},
    ),
    "RapportRecordsLost": (
        {"rapport_lost_records_total": "0x50 7x69"}, {"rapport_lost_records_total": "7x120"},
    ),
    "RapportManyRejected": (
        {"rapport_events_read_total": "0+100x120", "rapport_events_rejected_total": "0+6x120"},
        {"rapport_events_read_total": "0+100x120", "rapport_events_rejected_total": "0+4x120"},
    ),
    "RapportStoreTrouble": (
        {"rapport_redis_retries_total": "0+20x120"}, {"rapport_redis_retries_total": "0+5x120"},
    ),
    "RapportFenceMoved": ({"rapport_reclaims_total": "0+1x120"}, {"rapport_reclaims_total": "3x120"}),
    "RapportOutboxStuck": (
        {"rapport_outbox_pending": "4x120", "rapport_outbox_retries_total": "0+2x120"},
        {"rapport_outbox_pending": "4x120", "rapport_outbox_retries_total": "2x120"},
    ),
    "RapportNotifierStuck": (
        {'rapport_notification_oldest_seconds{receiver="mail"}': "2000x120"},
        {'rapport_notification_oldest_seconds{receiver="mail"}': "900x120"},
    ),
    "RapportReceiverOff": ({"rapport_receivers_off": "1x120"}, {"rapport_receivers_off": "0x120"}),
    "RapportNotificationsGivenUp": (
        {"rapport_notifications_failed_listed": "2x120"}, {"rapport_notifications_failed_listed": "0x120"},
    ),
    "RapportGatewayWithoutKafka": (
        {"rapport_gateway_kafka_up": "0x120"}, {"rapport_gateway_kafka_up": "1x120"},
    ),
    "RapportGatewayTurnsAway": (
        {'rapport_gateway_refused_total{why="lag"}': "0+1x120"},
        {'rapport_gateway_refused_total{why="schema"}': "0+9x120"},
    ),
    "RapportGatewayUnauthorised": (
        {'rapport_gateway_refused_total{why="token"}': "0+9x120"},
        {'rapport_gateway_refused_total{why="token"}': "0+1x120"},
    ),
    "RapportSourceTokenRefused": (
        {'rapport_source_results_total{source="mastodon",result="token"}': "0x50 1x69"},
        {'rapport_source_results_total{source="mastodon",result="event"}': "0+1x120"},
    ),
    "RapportManyMarkedWrong": (
        {"rapport_alerts_wrong_ratio": "0.6x120"}, {"rapport_alerts_wrong_ratio": "0.4x120"},
    ),
}  # fmt: skip


#: When it is looked, in minutes; an hour in, where nothing is said.
LOOKED_AT = {"RapportNothingComes": 480}


def promtool() -> str:
    path = shutil.which("promtool")
    if path is None:
        message = "promtool is not installed (Debian: apt-get install prometheus)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def case(name: str, series: dict[str, str], *, rings: bool) -> dict:
    """One of promtool's tests: by then this rule rings, or does not."""
    return {
        "name": f"{name} {'rings' if rings else 'is quiet'}",
        "interval": "1m",
        "input_series": [{"series": key, "values": value} for key, value in (WELL | series).items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": f"{LOOKED_AT.get(name, 60)}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if rings else [],
            }
        ],
    }  # fmt: skip


def test_each_rule_rings_and_is_quiet_when_it_should(tmp_path: Path) -> None:
    assert CASES.keys() == {rule.name for rule in RULES}
    (tmp_path / "rules.yml").write_text(provision.rules_file())
    tests = [case(name, bad, rings=True) for name, (bad, _) in CASES.items()]
    tests += [case(name, good, rings=False) for name, (_, good) in CASES.items() if good is not None]
    text = yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests})
    (tmp_path / "test.yml").write_text(text)
    done = subprocess.run(
        [promtool(), "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_ask_for_metrics_that_there_are() -> None:
    assert metrics.BUILD  # registers them all
    there = {
        sample + suffix
        for family in REGISTRY.collect()
        for sample in [family.name]
        for suffix in ("", "_total", "_count", "_sum", "_bucket")
    }
    for rule in RULES:
        assert set(re.findall(r"rapport_\w+", rule.expr)) <= there, rule.name


def test_every_rule_has_a_runbook_and_every_runbook_a_rule() -> None:
    pages = {page.stem for page in (ROOT / RUNBOOKS).glob("*.md")} - {"README"}
    assert pages == {rule.name for rule in RULES}
    index = (ROOT / RUNBOOKS / "README.md").read_text()
    for name in pages:
        assert f"[{name}]({name}.md)" in index


@pytest.mark.parametrize("name", sorted(rule.name for rule in RULES))
def test_the_commands_of_a_runbook_exist(name: str) -> None:
    page = (ROOT / RUNBOOKS / f"{name}.md").read_text()
    for text in re.findall(r"`(rapport [^`]+)`", page):
        command = get_command(cli.app)
        for word in shlex.split(text)[1:]:
            if word.startswith("-"):
                options = {opt for param in command.params for opt in param.opts} | {"--help"}
                assert word in options, f"{text}: no option {word}"
            elif hasattr(command, "commands"):
                assert word in command.commands, f"{text}: no command {word}"
                command = command.commands[word]
