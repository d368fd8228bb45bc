"""The notifier as a process: its pages, silences, a receiver that is gone, sending again, a clean stop."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.acts import Matcher
from streams import deliveries
from streams.cli import run
from streams.errors import NotFoundError
from streams.people import People, Who
from streams.people_store import open_client
from streams.settings import Settings
from tests.conftest import Pair
from tests.faults.hook import Hook
from tests.faults.telling import PARTITIONS, Drill, until_told

ANN = Who("ann")


def page(port: int, name: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


async def until(holds: Callable[[], Awaitable[Any]], within: float = 20.0) -> Any:
    end = time.monotonic() + within
    while not (found := await holds()):
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.05)
    return found


@pytest.mark.servers
async def test_a_day_in_the_life_of_a_notifier(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for(embedded_pair, partitions=PARTITIONS, rebalance_timeout_s=2.0)
    with pytest.raises(NotFoundError, match="no notifier has worked"):
        await deliveries.given_up(settings)
    drill, client = Drill(settings, tmp_path), open_client(settings)
    people = People(settings, client)

    async def ready() -> bool:
        status, text = await asyncio.to_thread(page, drill.port, "ready")
        return status == 200 and json.loads(text)["partitions"] == [0, 1]

    async with Hook() as hook:
        await drill.open(hook.port)
        try:
            drill.start()
            await until(ready)
            assert (await asyncio.to_thread(page, drill.port, "health"))[0] == 200

            # A silence keeps one partnership quiet, and only that.
            at = datetime.now(UTC)
            silence = await people.silence(
                [Matcher.parse("partnership_id=acme--2")], ANN, starts_at=at, ends_at=at + timedelta(hours=1),
                comment="moving house",
            )  # fmt: skip
            await asyncio.sleep(1.2)  # as often as it looks
            await drill.turn([(1, 0), (2, 0)])
            await until_told(hook, "acme--1", 1)
            assert not any("acme--2" in one.group for one in hook.arrived)
            await people.unsilence(silence.silence_id, ANN)
            await until_told(hook, "acme--2", 1)

            # 410: it is switched off, what it was to get is listed, and is sent when somebody wishes so.
            hook.status = 410
            await drill.turn([(3, 0)])
            listed = await until(lambda: deliveries.given_up(settings))
            (failed,) = [one for one in listed if "acme--3" in one.body]
            _, failed_by, off = await deliveries.standing(settings)
            assert failed_by["hook"] >= 1
            assert "410" in off["hook"].why
            hook.status = 200
            assert await deliveries.enable(settings, "hook", ANN)
            assert not await deliveries.enable(settings, "hook", ANN)
            await deliveries.redeliver(settings, ANN, ids=[failed.notification_id[:8]])
            await until_told(hook, "acme--3", 1)
            with pytest.raises(NotFoundError):
                await deliveries.redeliver(settings, ANN, ids=["0" * 32 + "f"])

            _, scraped = await asyncio.to_thread(page, drill.port, "metrics")
            for line in (
                'rapport_notifications_total{outcome="delivered",receiver="hook"}',
                'rapport_notification_queue{receiver="hook"}',
                "rapport_receivers_off 0.0",
            ):
                assert line in scraped
            assert "rapport_partitions_owned" not in scraped, "it would pass for a worker"
            await drill.turn([which for which, fires in drill.fires.items() if fires])
            await drill.settled(20.0)
            assert drill.stop() == 0
        finally:
            await client.aclose()
            await drill.close()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In this process, and without its log set up anew."""
    monkeypatch.delenv("RAPPORT_CONFIG")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("streams.logs.set_up", lambda settings: None)


@pytest.mark.usefixtures("quiet")
def test_a_mistake_in_the_file_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "notify.yaml"
    file.write_text("route:\n  receiver: hook\n  group_wait: 30\nreceivers:\n  - {name: hook, type: kafka}\n")
    assert run(["notifier", "--notify-config", str(file)]) == 2
    told = capsys.readouterr().err
    assert "line 3" in told
    assert "group_wait" in told


@pytest.mark.usefixtures("quiet")
def test_a_port_that_is_taken_is_told(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(["notifier", "--http-port", str(taken.getsockname()[1])]) == 1
    assert "RAPPORT_NOTIFIER_HTTP_PORT" in capsys.readouterr().err
    assert "to nobody else" in caplog.text, "without a file it says so"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "Ctrl-C is heard by who comes after"
