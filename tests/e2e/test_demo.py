"""The demo as people run it: a process of its own, ends by itself, proves itself by its exit code."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

from processors.generator.demo import SLIPS
from streams.cli import run
from streams.demo_house import forget
from streams.settings import Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]
COMMAND = [sys.executable, "-m", "streams.cli", "demo"]


@pytest.fixture(autouse=True)
def _scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs go below the test's directory, and no file named by the environment is read."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)


def test_the_demo_shows_an_alert_within_40_seconds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    picture = tmp_path / "board.svg"
    begun = time.monotonic()
    child = subprocess.Popen(
        [*COMMAND, "--for", "40s", "--json", "--picture", str(picture)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    family: set[int] = set()
    watcher = threading.Thread(target=_watch, args=(child, family))
    watcher.start()
    out, err = child.communicate(timeout=120)
    watcher.join()
    assert child.returncode == 0, err
    assert time.monotonic() - begun < 60
    summary = json.loads(out.splitlines()[-1])
    assert set(summary) == {
        "events_in", "events_per_s", "rejected", "partnerships", "readings", "alerts", "webhook",
    }  # fmt: skip
    webhook = summary["webhook"]
    assert webhook["incident_arrived"] and webhook["received"] >= 1 and webhook["refused"] == 0
    assert summary["events_in"] > 10_000 and summary["events_per_s"] > 0 and summary["rejected"] == 0
    assert summary["partnerships"] == 6 and summary["readings"] >= 6
    firing = [alert for alert in summary["alerts"] if alert["state"] == "firing"]
    assert {alert["partnership_id"] for alert in firing} == {SLIPS}
    assert "connection" in {alert["signal"] for alert in firing}
    assert all(alert["summary"] for alert in firing)
    assert ElementTree.parse(picture).getroot().tag.endswith("svg") and SLIPS in picture.read_text()
    assert len(family) >= 5, (
        "broker, store, worker, notifier and the board's server are processes of their own"
    )
    assert not [pid for pid in family if psutil.pid_exists(pid)], "a process was left behind"
    assert not list(tmp_path.glob("rapport-demo-*")), "logs were left behind"


def test_on_servers_that_are_there_only_names_of_its_own_are_used_and_removed(embedded_pair: Any) -> None:
    """Stopped by Ctrl-C in the middle of its work: also then it clears up."""
    import redis

    store = redis.Redis.from_url(embedded_pair.redis_url)
    before = set(store.keys("*"))
    arguments = ["--broker", embedded_pair.broker, "--redis", embedded_pair.redis_url, "--json"]
    with demo(*arguments) as child:
        until(lambda: any(key.endswith(b"}fence") for key in set(store.keys("*")) - before), child)
        assert all(b"demo-" in key for key in set(store.keys("*")) - before)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    assert set(store.keys("*")) == before
    store.close()


@pytest.mark.parametrize("moment", ["Tansu", "worker started", "sending the past"])
def test_ctrl_c_ends_it_cleanly(moment: str) -> None:
    with demo("--json") as child:
        hear(child, moment)
        family = [process.pid for process in psutil.Process(child.pid).children(recursive=True)]
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    assert child.returncode == 130 and "Traceback" not in err
    assert family and not [pid for pid in family if psutil.pid_exists(pid)]


def test_a_worker_that_dies_is_told_with_the_end_of_its_log() -> None:
    with demo("--json") as child:
        worker = int(hear(child, "worker started (process ").split("(process ")[1].split(")")[0])
        hear(child, "sending the past")
        os.kill(worker, signal.SIGKILL)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 1 and "the worker stopped by itself" in err and "log (" in err
    assert "Traceback" not in err and out == ""


@contextmanager
def demo(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo as a child process, killed when a test forgets it or takes more than a minute."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True) as child:
        guard = threading.Timer(60, child.kill)
        guard.start()
        try:
            yield child
        finally:
            guard.cancel()
            child.kill()


def hear(child: subprocess.Popen[str], words: str) -> str:
    """The line of its stderr with these words."""
    assert child.stderr is not None
    while line := child.stderr.readline():
        if words in line:
            return line
    raise AssertionError(f"it ended without having said {words!r}")


def until(there: Callable[[], object], child: subprocess.Popen[str]) -> None:
    """Waits until it is there; fails when the demo ends before."""
    while not there():
        assert child.poll() is None, "the demo has ended"
        time.sleep(0.1)


def _watch(child: subprocess.Popen[str], family: set[int]) -> None:
    while child.poll() is None:
        try:
            family |= {process.pid for process in psutil.Process(child.pid).children(recursive=True)}
        except psutil.NoSuchProcess:
            return
        time.sleep(0.5)


def test_what_it_kept_on_servers_of_others_is_read_by_the_other_commands(
    embedded_pair: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    import redis

    where = ["--broker", embedded_pair.broker, "--redis", embedded_pair.redis_url]
    store = redis.Redis.from_url(embedded_pair.redis_url)
    before = set(store.keys("*"))

    def written() -> dict[bytes, Any]:
        """The readings of the demo's partnerships."""
        names = [key for key in set(store.keys("*")) - before if key.endswith(b"}readings")]
        return {pid: one for key in names for pid, one in store.hgetall(key).items()}

    with demo(*where, "--json", "--keep") as child:
        until(lambda: SLIPS.encode() in written(), child)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
    store.close()
    namespace = err.split("--namespace ")[1].split()[0]
    try:

        def ask(*command: str) -> Any:
            capsys.readouterr()
            assert run([*command, *where, "--namespace", namespace, "--json"]) == 0
            return json.loads(capsys.readouterr().out)

        whole = ask("status")
        assert whole["totals"]["balanced"] and whole["totals"]["counted"] > 1_000
        assert whole["lag"] is not None and whole["totals"]["rejected"] == 0
        assert SLIPS in {reading["partnership_id"] for reading in whole["readings"]}
        (one,) = (found := ask("status", SLIPS))["readings"]
        assert one["partnership_id"] == SLIPS and one["signals"]
        assert found["influencer"]["lifetime"]["like"] > 100 and found["influencer"]["followers"] > 0
        assert ask("status", "--influencer", "gen:rio.runs")["influencer"]["lifetime"]["like"] > 0
        assert isinstance(ask("alerts", "list")["alerts"], list)
        for command in (["status"], ["status", SLIPS], ["status", "--influencer", "gen:rio.runs"]):
            assert run([*command, *where, "--namespace", namespace]) == 0
        assert SLIPS in capsys.readouterr().out
        assert run(["status", "acme--nobody", *where, "--namespace", namespace]) == 1
    finally:
        settings = Settings(
            broker=embedded_pair.broker,
            redis_url=embedded_pair.redis_url,
            namespace=namespace,
            topic_prefix=f"{namespace}.",
        )
        asyncio.run(forget(settings))
