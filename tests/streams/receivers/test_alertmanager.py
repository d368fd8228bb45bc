"""Pushing to a real Alertmanager (Debian's), read back over its API."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from schemas.receivers import AlertmanagerReceiver
from streams.notify_courier import Courier
from streams.receivers.alertmanager import AlertmanagerPusher
from streams.receivers.base import DeliveryError
from streams.receivers.links import LinkMaker
from streams.receivers.sample import sample
from tests.servers import free_port
from tests.streams.receivers.web import OK, Web, answer

FILE = """
route: {receiver: none, group_wait: 1s}
receivers: [{name: none}]
global: {resolve_timeout: 1s}
"""


@pytest.fixture(scope="module")
def manager(tmp_path_factory) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("Alertmanager is not there (Debian: prometheus-alertmanager)")
    place = tmp_path_factory.mktemp("alertmanager")
    (place / "alertmanager.yml").write_text(FILE)
    port = free_port()
    process = subprocess.Popen(
        [program, f"--config.file={place}/alertmanager.yml", f"--storage.path={place}/data",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(url + "/-/ready", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "Alertmanager did not start"
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def pusher(url: str, name: str, **more) -> AlertmanagerPusher:
    config = AlertmanagerReceiver.model_validate(
        {"name": name, "type": "alertmanager", "url": url, "allow_private": True, "timeout": "5s",
         "labels": {"team": "partners"}, **more}
    )  # fmt: skip
    return AlertmanagerPusher(config, LinkMaker())


async def held(url: str, name: str) -> list[dict]:
    def ask() -> list[dict]:
        where = f"{url}/api/v2/alerts?filter=rapport_receiver%3D%22{name}%22"
        with urllib.request.urlopen(where, timeout=5) as answered:
            return json.loads(answered.read())

    return await asyncio.to_thread(ask)


def now(**since: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(**since)


async def test_an_alert_fires_there_rises_and_ends(manager):
    push = pusher(manager, "whole-life", hold="1h")
    n = sample("whole-life", at=now(minutes=1))
    warned = n.model_copy(update={"alerts": [n.alerts[0].model_copy(update={"severity": "warning"})]})
    await push.deliver(warned)
    (alert,) = await held(manager, "whole-life")
    assert alert["labels"]["severity"] == "warning" and alert["labels"]["team"] == "partners"
    assert alert["annotations"]["summary"] == n.alerts[0].summary
    ends = dt.datetime.fromisoformat(alert["endsAt"])
    assert dt.timedelta(minutes=59) < ends - now() < dt.timedelta(minutes=61), "not Alertmanager's 1 s"
    await push.deliver(n)
    (alert,) = await held(manager, "whole-life")
    assert alert["labels"]["severity"] == "critical"
    await push.deliver(n)  # a retry
    assert len(await held(manager, "whole-life")) == 1
    await push.deliver(sample("whole-life", "resolved", at=now()))
    assert await held(manager, "whole-life") == []
    assert await push.tell_again() == 0
    await push.aclose()


async def test_what_fires_is_told_again_and_taken_over_after_a_restart(manager):
    one, two = sample("again", at=now(), number="1"), sample("again", at=now(), number="2")
    other = two.alerts[0].model_copy(update={"partnership_id": "acme--bo"})
    first = pusher(manager, "again", hold="10m")
    await first.deliver(one)
    await first.aclose()
    second = pusher(manager, "again", hold="2h")
    await second.deliver(two.model_copy(update={"alerts": [other]}))
    assert await second.tell_again() == 2
    told = await held(manager, "again")
    assert sorted(alert["labels"]["partnership_id"] for alert in told) == ["acme--bo", "sample--rapport"]
    for alert in told:
        assert dt.datetime.fromisoformat(alert["endsAt"]) - now() > dt.timedelta(hours=1)
    await second.deliver(sample("again", "resolved", at=now(), number="1"))
    assert len(await held(manager, "again")) == 1
    await second.aclose()


async def test_one_that_is_away_is_a_failure_that_may_be_tried_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        push = pusher(f"http://127.0.0.1:{taken.getsockname()[1]}", "away")
        with pytest.raises(DeliveryError) as caught:
            await push.deliver(sample("away"))
        assert caught.value.retryable
        await push.aclose()


async def test_one_that_lists_garbage_is_told_all_the_same():
    for listed in (b"[]", b"{}", b'[{"labels": 1}]', b"[" * 70_000):
        async with Web([answer(200, listed), answer(200)]) as web:
            push = pusher(web.url, "odd", resend="10m")
            await push.deliver(sample("odd"))
            await push.aclose()
        assert [request.line.split()[0] for request in web.got] == ["GET", "GET", "POST"]


async def test_what_fires_is_taken_over_at_the_start_though_nothing_is_delivered(manager):
    first, second = pusher(manager, "start", hold="10m"), pusher(manager, "start", hold="2h")
    await first.deliver(sample("start", at=now()))
    await first.aclose()
    courier = Courier({"start": second}, {}, time.time)
    courier.start()
    async with asyncio.timeout(10):
        while True:
            (alert,) = await held(manager, "start")
            if dt.datetime.fromisoformat(alert["endsAt"]) - now() > dt.timedelta(hours=1):
                break
            await asyncio.sleep(0.02)
    await courier.stop()


async def test_what_another_notifier_ended_is_not_sent_again(manager):
    one, two = pusher(manager, "shared"), pusher(manager, "shared")
    other = sample("shared", at=now(), number="2")
    bo = other.alerts[0].model_copy(update={"partnership_id": "acme--bo"})
    await one.deliver(sample("shared", at=now(minutes=1), number="1"))
    await two.deliver(other.model_copy(update={"alerts": [bo]}))  # and takes the first over
    assert await two.tell_again() == 2
    await one.deliver(sample("shared", "resolved", at=now(), number="1"))
    assert await two.tell_again() == 1
    assert [alert["labels"]["partnership_id"] for alert in await held(manager, "shared")] == ["acme--bo"]
    await one.aclose()
    await two.aclose()


async def test_one_that_began_anew_and_forgot_everything_is_told_all():
    def status(began: str) -> bytes:
        return answer(200, json.dumps({"uptime": began}).encode())

    empty = answer(200, b"[]")
    async with Web([status("1"), empty, OK, status("2"), OK, status("2"), empty, OK]) as web:
        push = pusher(web.url, "forgot", resend="10m")
        await push.deliver(sample("forgot"))
        assert await push.tell_again() == 1
        assert await push.tell_again() == 0, "it runs since then, and holds it no more"
        await push.aclose()
    assert [request.line.split()[0] for request in web.got][:5] == ["GET", "GET", "POST", "GET", "POST"]
