"""`rapport worker --processes N`: who ends is started again, all stop with their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.children import Child, free_port
from streams.errors import SettingsError
from streams.processes import Processes
from streams.sending import send
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.workers import environment, read_totals, until


def _supervised(count: int, run: Callable[[Settings, int], int]) -> int:
    return Processes(Settings(), count, run).supervise()


def _stop_me_when(holds: Callable[[], bool]) -> None:
    """SIGTERM to this process once that holds, or after 20 s."""

    def watch() -> None:
        end = time.monotonic() + 20
        while not holds() and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def test_one_that_ends_is_started_again_and_all_stop_cleanly(tmp_path: Path) -> None:
    def run(settings: Settings, number: int) -> int:
        note = tmp_path / f"{number}-{os.getpid()}"
        note.write_text(str(settings.http_port))
        if number == 1 and len(list(tmp_path.glob("1-*"))) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        note.rename(note.with_suffix(".up"))
        time.sleep(30)
        return 1

    _stop_me_when(lambda: len(list(tmp_path.glob("*.up"))) == 2)
    assert _supervised(2, run) == 0
    ports = {path.name[0]: int(path.read_text()) for path in tmp_path.glob("*.up")}
    assert ports == {"0": Settings().http_port, "1": Settings().http_port + 1}
    for path in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.stem.split("-")[1]), 0)


def test_one_that_keeps_ending_is_started_ever_more_seldom(tmp_path: Path) -> None:
    def run(_settings: Settings, _number: int) -> int:
        (tmp_path / str(os.getpid())).touch()
        return 1

    begun = time.monotonic()
    _stop_me_when(lambda: time.monotonic() > begun + 2.5)
    assert _supervised(1, run) == 0
    assert len(list(tmp_path.iterdir())) == 3  # at 0 s, at once, and after another second


def test_what_trying_again_does_not_mend_stops_all(capfd: pytest.CaptureFixture[str]) -> None:
    def run(_settings: Settings, number: int) -> int:
        if number == 1:
            raise SettingsError(["RAPPORT_RULES: there is no such file"])
        time.sleep(30)
        return 0

    assert _supervised(2, run) == SettingsError.exit_code
    assert "RAPPORT_RULES: there is no such file" in capfd.readouterr().err


def test_ports_must_not_run_out() -> None:
    with pytest.raises(SettingsError, match="at most 65533 with so many"):
        Processes(Settings(http_port=65_534), 3, lambda _settings, _number: 0)  # type: ignore[call-arg]


@pytest.mark.servers
async def test_two_workers_share_the_partitions_and_outlive_a_kill(
    apache_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(apache_pair)
    await ensure_topics(settings)
    port = free_port()
    command = [sys.executable, "-m", "streams.cli", "worker", "--processes", "2"]
    child = Child("workers", command, tmp_path / "log", env=environment(settings, http_port=port))
    try:
        await send(settings, [_like(number) for number in range(200)])
        await until(_ready(port), _both, within=40, child=child)
        os.kill(_workers(child.pid)[0], signal.SIGKILL)
        await send(settings, [_like(number) for number in range(200, 400)])
        await until(lambda: read_totals(settings), lambda t: t.counted == 400, within=40, child=child)
        workers = _workers(child.pid)
        child.kill()  # the supervisor alone: nobody is left to stop the two
        await until(_gone(workers), bool, within=20)
    finally:
        child.stop()
    log = (tmp_path / "log").read_text()
    assert "was ended by signal 9, starting it again" in log and "[1] " in log


def _like(number: int) -> tuple[float, bytes, bytes]:
    event = {
        "event_id": f"e{number}", "source": "test", "kind": "like", "occurred_at": "2026-09-21T14:13:20Z",
        "influencer_id": f"x:{number % 16}", "actor": {"id": f"x:{number}"},
    }  # fmt: skip
    return 1_790_000_000 + number, f"x:{number % 16}".encode(), json.dumps(event).encode()


def _ready(port: int):  # type: ignore[no-untyped-def]
    def get(each: int) -> dict[str, object]:
        with urllib.request.urlopen(f"http://127.0.0.1:{each}/ready", timeout=5) as page:
            return json.loads(page.read())  # type: ignore[no-any-return]

    async def look() -> list[dict[str, object]]:
        try:
            return [get(port), get(port + 1)]
        except OSError:  # not there yet, or not ready (503)
            return []

    return look


def _both(ready: list[dict[str, list[int]]]) -> bool:
    """Both have partitions, and between them all."""
    shares = [set(each["claimed"]) for each in ready]
    return (
        len(shares) == 2
        and all(shares)
        and set.union(*shares) == {0, 1, 2, 3}
        and not set.intersection(*shares)
    )


def _workers(parent: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "--ppid", str(parent), "-o", "pid="], capture_output=True, text=True, check=True
    )
    return [int(pid) for pid in listed.stdout.split()]


def _gone(pids: list[int]):  # type: ignore[no-untyped-def]
    def there(pid: int) -> bool:
        return subprocess.run(["ps", "-p", str(pid)], capture_output=True).returncode == 0

    async def look() -> bool:
        return not any(map(there, pids))

    return look
