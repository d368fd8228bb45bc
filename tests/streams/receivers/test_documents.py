"""docs/alerts.md tells the truth: its notify.yaml loads, its captures are what the code makes."""

from __future__ import annotations

import json
import re

import pytest

from schemas.routing import load_routing, route_of
from streams.receivers.base import open_receivers
from streams.receivers.captures import AT, KEY, LINKS, captures, slipping, written
from streams.receivers.routingfile import doubts
from streams.receivers.sandbox import run
from streams.receivers.wording import DEFAULTS
from streams.settings import Settings
from tests.servers import REPO

DOCUMENT = (REPO / "docs" / "alerts.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```yaml\n(route:.*?)```", DOCUMENT, re.DOTALL)


def test_its_example_loads_opens_and_leaves_no_doubts(monkeypatch):
    for name, value in (
        ("RAPPORT_SLACK", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"),
        ("RAPPORT_MAIL", "mailto://user:pass@example.com?to=ann@example.com"),
        ("RAPPORT_HOOK_SECRET", "whsec_" + "A" * 43 + "="),
    ):
        monkeypatch.setenv(name, value)
    routing = load_routing(EXAMPLE)
    settings = Settings(grafana_url="http://127.0.0.1:3000", grafana_token="t")  # type: ignore[arg-type]
    assert set(open_receivers(routing, settings)) == {
        "managers", "acme-mail", "hook", "on-call", "board", "services",
    }  # fmt: skip
    assert list(doubts(routing)) == [
        "receiver board: no route leads to it", "receiver services: no route leads to it",
    ]  # fmt: skip
    taken = route_of(routing, {"severity": "critical", "brand_id": "acme"})
    assert [route.receivers for route in taken] == [("hook",), ("acme-mail", "managers")]


def test_its_captures_are_what_the_code_makes():
    assert written(DOCUMENT) == DOCUMENT, (
        "`python -m streams.receivers.captures docs/alerts.md` makes them anew"
    )
    assert set(re.findall(r"<!-- capture: ([a-z-]+) -->", DOCUMENT)) == set(captures())


def test_its_signature_is_that_of_the_reference_library():
    from streams.receivers.bodies import as_json, notification_body

    n = slipping()
    body = as_json(notification_body(n, LINKS))
    assert KEY.sign(n.notification_id, AT, body.decode()) in captures()["webhook"]
    assert json.loads(body)["notification_id"] == n.notification_id


@pytest.mark.parametrize("text", re.findall(r"```jinja\n(.*?)```", DOCUMENT, re.DOTALL))
def test_its_templates_run(text):
    from streams.receivers.context import context_of

    assert "acme--ann needs you today: Connection" in run(
        "chat", {**DEFAULTS, "chat.j2": text}, context_of(slipping(), LINKS)
    )


async def test_slack_takes_nothing_of_a_stranger_for_a_command(monkeypatch):
    import requests

    from schemas.receivers import AppriseReceiver
    from streams.receivers.chat import AppriseSender
    from streams.receivers.wording import Wording

    sent = []

    def request(method, url, **more):
        sent.append((url, json.loads(more["data"])))
        answered = requests.Response()
        answered.status_code, answered._content = 200, b"ok"
        return answered

    monkeypatch.setattr(requests, "request", request)
    monkeypatch.setenv("CHAT", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general")
    slack = AppriseSender(AppriseReceiver(name="slack", type="apprise", url="env:CHAT"), Wording(None, LINKS))
    evil = (
        slipping()
        .alerts[0]
        .model_copy(
            update={
                "summary": "<!channel> <@U1> @here <https://evil.example|free> & *bold* [x](https://evil.example)"
            }
        )
    )
    await slack.deliver(slipping().model_copy(update={"alerts": [evil]}))
    await slack.aclose()
    ((_, payload),) = sent
    text = json.dumps(payload, ensure_ascii=False)
    assert payload["mrkdwn"] is False and "https://rapport.example.com/partnerships/acme--ann" in text
    assert not re.search(r"<[!@#h]|@here|https://evil|github", text)
