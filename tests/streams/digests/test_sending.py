"""The digest as a mail and into a chat, on loopback; names that carry anything arrive as plain text."""

from __future__ import annotations

import email
import email.policy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from processors.digest import make_digest
from schemas import Reading, SignalReading
from schemas.acts import Act
from streams.digests import render, sending
from streams.digests.sending import NotSentError, send_digest
from streams.errors import InputError, NotFoundError, SettingsError
from streams.settings import Settings
from tests.servers import free_port
from tests.streams.people_world import EVIL, alert
from tests.streams.receivers.web import Web, answer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PING = "<!channel> @everyone [click](http://evil.example)"


def made() -> dict[str, Any]:
    readings = [
        Reading(
            partnership_id=name,
            influencer_id="ann",
            brand_id="acme",
            at=NOW,
            health=SignalReading(value=50.0),
        )
        for name in ("acme--ann", PING)
    ]
    acts = [Act(act_id="1", at=NOW, by=EVIL, verb="ack", subject="a", note="a\r\nBcc: eve@example.com")]
    spark = [(int((NOW - timedelta(days=7)).timestamp()), 80.0)]
    found = make_digest(
        readings, {"acme--ann": spark, PING: spark}, [alert("aaaa", summary=EVIL + PING)], acts, {}, {},
        clock=NOW, now=NOW, length=timedelta(days=7),
    )  # fmt: skip
    return {"brand": "acme\r\nBcc: eve@example.com", **found}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "notify.yaml"
    file.write_text(
        """
route: {receiver: chat}
receivers:
  - {name: chat, type: apprise, url: "env:CHAT_URL", timeout: 5s}
  - {name: mail, type: apprise, url: "env:MAIL_URL", timeout: 5s}
  - {name: topic, type: kafka}
"""
    )
    return Settings(notify_config=file)


async def test_into_a_chat(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Web([answer(200)]) as web:
        monkeypatch.setenv("CHAT_URL", f"json://127.0.0.1:{web.port}/hook")
        await send_digest(settings, "chat", {**made(), "brand": PING})
    told = json.loads(web.got[0].body)
    assert "2 fell" in told["title"] and "acme--ann: health 80.0 to 50.0" in told["message"]
    for bad in ("<!channel>", "@everyone", "](http", "<script", "\x1b"):
        assert bad not in told["message"] + told["title"]


async def test_as_a_mail(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[bytes] = []

    class Mails:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            got.append(envelope.content)
            return "250 OK"

    controller = Controller(Mails(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        to = "from=rapport@example.com&to=ann@example.com&mode=insecure"
        monkeypatch.setenv("MAIL_URL", f"mailto://127.0.0.1:{controller.port}?{to}")
        await send_digest(settings, "mail", made())
    finally:
        controller.stop()
    message = email.message_from_bytes(got[0], policy=email.policy.default)
    assert message["Bcc"] is None and "Rapport digest" in message["Subject"]
    html = message.get_body(("html",))
    assert html is not None
    text = html.get_content()
    assert "<script" not in text and "&lt;script&gt;" in text and "What moved" in text
    plain = message.get_body(("plain",))
    assert plain is not None and "- acme--ann: health 80.0 to 50.0 (-30.0)" in plain.get_content()


async def test_what_cannot_be_sent_says_why(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_WAIT_S", 0.0)
    with pytest.raises(NotFoundError, match="no receiver 'nobody'"):
        await send_digest(settings, "nobody", made())
    with pytest.raises(InputError, match="takes alerts"):
        await send_digest(settings, "topic", made())
    with pytest.raises(SettingsError):
        await send_digest(Settings(), "chat", made())
    async with Web([answer(500)]) as web:
        monkeypatch.setenv("CHAT_URL", f"json://user:hunter2@127.0.0.1:{web.port}/t0ken")
        with pytest.raises(NotSentError) as told:
            await send_digest(settings, "chat", made())
        assert len(web.got) == 3 and "hunter2" not in str(told.value)


def test_markdown_keeps_names_from_meaning_anything() -> None:
    text = render(made(), "markdown")
    assert "[click](" not in text and "<script>" not in text and "\\<script\\>" in text
