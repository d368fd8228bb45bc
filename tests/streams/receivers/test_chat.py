"""Mail and chat through apprise, on loopback: json:// and mailto://."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import logging
import re
import time
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller

from schemas.receivers import AppriseReceiver
from schemas.routing import Links
from streams.errors import SettingsError
from streams.receivers.base import DeliveryError
from streams.receivers.chat import AppriseSender
from streams.receivers.links import LinkMaker
from streams.receivers.sample import sample
from streams.receivers.wording import Wording
from tests.servers import free_port
from tests.streams.receivers.web import Web, answer

WORDING = Wording(None, LinkMaker(Links(partnership="https://r.example/p/{partnership_id}")))


def sender(monkeypatch, url: str, **more) -> AppriseSender:
    monkeypatch.setenv("CHAT_URL", url)
    config = AppriseReceiver.model_validate(
        {"name": "chat", "type": "apprise", "url": "env:CHAT_URL", "timeout": "5s", **more}
    )
    return AppriseSender(config, WORDING)


async def test_a_chat_message(monkeypatch):
    async with Web([answer(200)]) as web:
        chat = sender(monkeypatch, f"json://127.0.0.1:{web.port}/hook")
        await chat.deliver(sample("chat"))
        await chat.aclose()
    told = json.loads(web.got[0].body)
    assert "connection with the audience (critical)" in told["title"]
    assert "fell from 58 to 31" in told["message"] and "What usually helps" in told["message"]
    assert told["type"] == "warning"


async def test_a_name_that_would_ping_everybody_does_not_from_the_title_either(monkeypatch):
    n = sample("chat")
    evil = n.alerts[0].model_copy(update={"partnership_id": "<!channel> @everyone [x](https://evil.example)"})
    async with Web([answer(200)]) as web:
        chat = sender(monkeypatch, f"json://127.0.0.1:{web.port}/")
        await chat.deliver(n.model_copy(update={"alerts": [evil]}))
        await chat.aclose()
    title = json.loads(web.got[0].body)["title"]
    assert "everyone" in title and not re.search(r"[<>`]|@\w|\]\(|://", title)


class Mails:
    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.url = ""

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.got.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mails() -> Iterator[Mails]:
    """A mail server, whose address the environment has."""
    got = Mails()
    controller = Controller(got, hostname="127.0.0.1", port=free_port())
    controller.start()
    got.url = (
        f"mailto://127.0.0.1:{controller.port}?from=rapport@example.com&to=ann@example.com&mode=insecure"
    )
    try:
        yield got
    finally:
        controller.stop()


async def test_a_mail_has_our_text_and_html_and_a_subject_on_one_line(monkeypatch, mails):
    mail = sender(monkeypatch, mails.url)
    n = sample("mail")
    evil = "Connection fell</p><script>alert(1)</script>\r\nBcc: eve@example.com"
    alert = n.alerts[0].model_copy(update={"summary": evil, "partnership_id": "a\r\nBcc: eve@example.com"})
    told = n.model_copy(update={"alerts": [alert]})
    await mail.deliver(told)
    await mail.aclose()
    (raw,) = mails.got
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Bcc"] is None and "ann@example.com" in message["To"]
    assert "a Bcc: eve@example.com: connection" in message["Subject"]
    html = message.get_body(("html",)).get_content()
    assert "<script" not in html and "&lt;script&gt;" in html
    text = message.get_body(("plain",)).get_content()
    assert text.splitlines() == WORDING.render(told, "mail_text").splitlines()
    assert "https://r.example/p/a%0D%0ABcc" in text, "apprise would leave the address of a link out"


async def test_many_mails_at_once_are_each_sent_once(monkeypatch, mails):
    """apprise would wait 5.5 s between two, longer than we wait for it: held for failed, and sent again."""
    mail = sender(monkeypatch, mails.url, timeout="3s")
    begun = time.monotonic()
    await asyncio.gather(*(mail.deliver(sample("mail", number=str(n))) for n in range(8)))
    await mail.aclose()
    assert len(mails.got) == 8 and time.monotonic() - begun < 6


async def test_the_pause_that_a_service_wants_is_kept_and_is_no_failure(monkeypatch):
    async with Web([answer(200)] * 4) as web:
        chat = sender(monkeypatch, f"json://127.0.0.1:{web.port}/", timeout="2s")
        (plugin,) = chat._apprise
        plugin.request_rate_per_sec = chat._pause = 0.75  # Slack's is 1.2 s
        begun = time.monotonic()
        await asyncio.gather(*(chat.deliver(sample("chat", number=str(n))) for n in range(4)))
        await chat.aclose()
    assert len(web.got) == 4 and time.monotonic() - begun >= 2.2, "longer than the timeout"
    assert sender(monkeypatch, "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#x")._pause == 1.2


@pytest.mark.parametrize("raw", [answer(500), b"", answer(302, Location="http://127.0.0.1:1/")])
async def test_a_service_that_says_no_is_tried_again_and_its_address_is_told_nowhere(
    monkeypatch, caplog, raw
):
    caplog.set_level(logging.DEBUG)
    async with Web([raw]) as web:
        chat = sender(monkeypatch, f"json://ann:hunter2@127.0.0.1:{web.port}/t0ken")
        with pytest.raises(DeliveryError) as caught:
            await chat.deliver(sample("chat"))
        await chat.aclose()
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value) + caplog.text
    assert "t0ken" not in str(caught.value) + caplog.text


async def test_a_redirect_is_not_followed(monkeypatch):
    async with Web([answer(200)]) as other, Web([answer(302, Location=other.url)]) as web:
        chat = sender(monkeypatch, f"json://127.0.0.1:{web.port}/")
        with pytest.raises(DeliveryError):
            await chat.deliver(sample("chat"))
        await chat.aclose()
        assert other.got == []


async def test_a_service_that_hangs_is_left(monkeypatch):
    async with Web([None]) as web:
        chat = sender(monkeypatch, f"json://127.0.0.1:{web.port}/?rto=1&cto=1", timeout="200ms")
        with pytest.raises(DeliveryError, match=r"within 0\.2 s"):
            await chat.deliver(sample("chat"))
        await chat.aclose()


@pytest.mark.parametrize("url", ["nonsense", "hunter2://x", "json://a json://b", "http://"])
def test_an_address_that_apprise_cannot_read_is_named_by_its_variable_only(monkeypatch, url):
    with pytest.raises(SettingsError) as caught:
        sender(monkeypatch, url)
    assert "CHAT_URL" in str(caught.value) and "hunter2" not in str(caught.value)
