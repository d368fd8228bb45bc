"""Webhooks: signatures that the reference library accepts, and receivers that behave badly."""

from __future__ import annotations

import base64
import datetime as dt
import json
import socket

import aiohttp
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from schemas import Notification
from schemas.receivers import WebhookReceiver
from schemas.routing import Links
from streams.errors import SettingsError
from streams.receivers import addresses
from streams.receivers.base import DeliveryError
from streams.receivers.http import ANSWER_BYTES, masked, retry_after
from streams.receivers.links import LinkMaker
from streams.receivers.sample import sample
from streams.receivers.webhook import WebhookSender
from tests.streams.receivers.web import OK, Web, answer

OLD, NEW = ("whsec_" + base64.b64encode(text * 4).decode() for text in (b"old12345", b"new12345"))
NOW = dt.datetime(2026, 11, 14, 10, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch):
    monkeypatch.setenv("HOOK_OLD", OLD)
    monkeypatch.setenv("HOOK_NEW", NEW)
    monkeypatch.setenv("HOOK_URL", "https://user:pass@example.com/")


def config(url: str, **more) -> WebhookReceiver:
    more = {"allow_private": True, "timeout": "2s", "secrets": ["env:HOOK_NEW"], **more}
    return WebhookReceiver.model_validate({"name": "hook", "type": "webhook", "url": url, **more})


async def deliver(url: str, n: Notification | None = None, *, resolver=None, clock=None, **more) -> None:
    extra = {} if clock is None else {"clock": clock}
    sender = WebhookSender(config(url, **more), LinkMaker(), resolver=resolver, **extra)
    try:
        await sender.deliver(n or sample("hook"))
    finally:
        await sender.aclose()


async def refused(url: str, **more) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await deliver(url, **more)
    return caught.value


async def test_the_reference_library_accepts_the_signature_and_no_other_body_time_or_secret():
    n = sample("hook")
    async with Web() as web:
        await deliver(web.url + "/in?x=1", n)
    (request,) = web.got
    assert request.line == "POST /in?x=1 HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == n.notification_id
    told = Webhook(NEW).verify(request.body, request.headers)
    assert Notification.model_validate(told) == n
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(request.body.replace(b"31.2", b"91.2"), request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError, match="too old"):
        late = str(int(request.headers["webhook-timestamp"]) - 301)
        Webhook(NEW).verify(request.body, {**request.headers, "webhook-timestamp": late})


async def test_while_a_secret_is_changed_both_hold():
    async with Web() as web:
        await deliver(web.url, secrets=["env:HOOK_NEW", "env:HOOK_OLD"])
    (request,) = web.got
    assert request.headers["webhook-signature"].count("v1,") == 2
    for secret in (OLD, NEW):
        Webhook(secret).verify(request.body, request.headers)


async def test_a_retry_carries_the_same_id_and_body_with_a_time_of_its_own():
    clock = iter([NOW, NOW, NOW + dt.timedelta(minutes=5), NOW + dt.timedelta(minutes=5)])
    async with Web([answer(500, b"later"), OK]) as web:
        sender = WebhookSender(config(web.url), LinkMaker(), clock=lambda: next(clock))
        with pytest.raises(DeliveryError) as caught:
            await sender.deliver(sample("hook"))
        assert caught.value.retryable and "500: later" in str(caught.value)
        await sender.deliver(sample("hook"))
        await sender.aclose()
    first, second = web.got
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 300
    assert web.connections == 1


async def test_an_alertmanager_body():
    async with Web() as web:
        await deliver(web.url, sample("hook", "resolved"), body="alertmanager", secrets=[])
    told = json.loads(web.got[0].body)
    assert "webhook-signature" not in web.got[0].headers
    assert told["version"] == "4" and told["status"] == "resolved" and told["truncatedAlerts"] == 0
    (alert,) = told["alerts"]
    assert alert["status"] == "resolved" and alert["endsAt"] == "2026-11-14T10:05:00.000Z"
    assert alert["labels"]["alertname"] == "connection_drop" and alert["labels"]["severity"] == "critical"
    assert told["commonLabels"] == alert["labels"]
    assert all(
        isinstance(value, str) for value in (*alert["labels"].values(), *alert["annotations"].values())
    )


@pytest.mark.parametrize(
    ("raw", "retryable", "wait", "gone"),
    [
        (answer(302, Location="http://127.0.0.1:1/"), True, None, False),
        (answer(410), False, None, True),
        (answer(413), False, None, False),
        (answer(404), True, None, False),
        (answer(429, Retry_After="17"), True, 17.0, False),
        (answer(503, Retry_After="Sat, 14 Nov 2026 10:02:00 GMT"), True, 120.0, False),
        (answer(503, Retry_After="soon"), True, None, False),
        (answer(500, b"\xff\x1b[31m<b>" * 40_000), True, None, False),
        (b"", True, None, False),
        (b"SSH-2.0-OpenSSH\r\n", True, None, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", True, None, False),
    ],
)  # fmt: skip
async def test_what_answers_mean(raw, retryable, wait, gone):
    async with Web([raw]) as web:
        error = await refused(web.url + "/secret-path", clock=lambda: NOW)
    assert (error.retryable, error.retry_after, error.gone) == (retryable, wait, gone)
    assert len(web.got) == 1, "redirects are not followed, and tries are the notifier's"
    assert "secret-path" not in str(error) and "\x1b" not in str(error) and len(str(error)) < 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_wherever_it_leads(status):
    async with Web([answer(200)]) as other, Web([answer(status, Location=other.url)]) as web:
        error = await refused(web.url)
        assert f"redirects ({status})" in str(error) and other.got == []


async def test_a_receiver_that_hangs_is_left_and_one_that_said_yes_is_not_waited_for():
    async with Web([None]) as web:
        error = await refused(web.url, timeout="100ms")
    assert error.retryable and "within 0.1 s" in str(error)
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * ANSWER_BYTES
    async with Web([endless]) as web:
        await deliver(web.url, timeout="1s")


async def test_nobody_there():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        error = await refused(f"http://127.0.0.1:{held.getsockname()[1]}/")
    assert error.retryable


# -- where it may go -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
     "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0",
     "fd00:ec2::254",
     "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1",
     "fec0::1", "192.88.99.1", "3fff::1", "64:ff9b:1::7f00:1", "::ffff:0:7f00:1", "2001:0:1::80ff:fffe",
     "junk"],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not addresses.is_public(address)
    with pytest.raises(addresses.AddressRefusedError):
        addresses.check(address, allow_private=False, plain=False, allow_http=True)
    addresses.check(address, allow_private=True, plain=True, allow_http=False)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses_want_https(address):
    addresses.check(address, allow_private=False, plain=False, allow_http=False)
    addresses.check(address, allow_private=False, plain=True, allow_http=True)
    with pytest.raises(addresses.AddressRefusedError, match="https"):
        addresses.check(address, allow_private=True, plain=True, allow_http=False)


class Rebinding(aiohttp.abc.AbstractResolver):
    """A name that is public when it is asked first, and loopback ever after."""

    def __init__(self) -> None:
        self.answers = ["1.1.1.1"]

    async def resolve(self, host, port=0, family=socket.AF_INET):
        address = self.answers.pop() if self.answers else "127.0.0.1"
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        pass


async def test_private_targets_are_refused_where_the_socket_is_made():
    async with Web() as web:
        for url in (web.url, f"http://localhost:{web.port}", f"http://[::ffff:127.0.0.1]:{web.port}"):
            error = await refused(url, allow_private=False, allow_http=True)
            assert not error.retryable and "private" in str(error)
        resolver = Rebinding()
        resolver.answers.clear()  # what it says to the connector, after a check of one's own had passed
        error = await refused(
            f"http://rebound.example:{web.port}", allow_private=False, allow_http=True, resolver=resolver
        )
        assert not error.retryable
        for odd in ("2130706433", "127.1", "0x7f.0.0.1", "0177.0.0.1", "017700000001"):
            await refused(f"http://{odd}:{web.port}", allow_private=False, allow_http=True)
        assert web.got == [] and web.connections == 0


async def test_http_to_a_public_address_is_refused_before_a_packet_goes_out():
    error = await refused("http://rebound.example/", resolver=Rebinding())
    assert not error.retryable and "https" in str(error)


# -- secrets ------------------------------------------------------------------------------------------------


def test_credentials_in_addresses_are_refused_and_never_told(monkeypatch):
    with pytest.raises(ValueError, match="must not hold a user") as refusal:
        config("https://ann:hunter2@example.com/")
    assert "hunter2" not in str(refusal.value.errors(include_input=False))
    with pytest.raises(SettingsError) as caught:
        WebhookSender(config("env:HOOK_URL"), LinkMaker())
    assert "pass" not in str(caught.value).replace("password", "")
    for bad in ("whsec_!!not base64" + "A" * 40, "whsec_", "whsec_c2hvcnQ=", "hunter2"):
        monkeypatch.setenv("HOOK_NEW", bad)
        with pytest.raises(SettingsError) as caught:
            WebhookSender(config("https://example.com/"), LinkMaker())
        assert "HOOK_NEW" in str(caught.value)
        assert bad == "whsec_" or bad not in str(caught.value)
    monkeypatch.delenv("HOOK_NEW")
    with pytest.raises(SettingsError, match="HOOK_NEW, which is not in the environment"):
        WebhookSender(config("https://example.com/"), LinkMaker())
    assert masked("https://u:p@host:8443/services/T0/B0/token?x=y") == "https://host:8443/…"
    assert masked("http://[") == "an address that cannot be read"


async def test_headers_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("HOOK_AUTH", "Bearer abc")
    async with Web() as web:
        await deliver(web.url, headers={"Authorization": "env:HOOK_AUTH"})
    assert web.got[0].headers["authorization"] == "Bearer abc"
    monkeypatch.setenv("HOOK_AUTH", "a\r\nX: y")
    with pytest.raises(SettingsError, match="not printable"):
        WebhookSender(config("https://example.com/", headers={"A": "env:HOOK_AUTH"}), LinkMaker())


def test_retry_after():
    assert retry_after("  12 ", NOW) == 12 and retry_after("9" * 50, NOW) == 86_400
    assert retry_after("Sat, 14 Nov 2026 09:00:00 GMT", NOW) == 0
    for garbage in (None, "", "-3", "1.5", "½", "Sat, 99 Nov", "\x00" * 9):
        assert retry_after(garbage, NOW) is None


def test_links_are_made_of_ids_and_nothing_that_runs():
    alert = (
        sample("x")
        .alerts[0]
        .model_copy(
            update={
                "partnership_id": 'a/b?"><',
                "links": {"evil": "javascript:alert(1)", "old": "https://x.example/a"},
            }
        )
    )
    made = LinkMaker(Links(dashboard="https://g.example/d/r?var-p={partnership_id}"))(alert)
    assert made == {
        "old": "https://x.example/a",
        "dashboard": "https://g.example/d/r?var-p=a%2Fb%3F%22%3E%3C",
    }
    assert LinkMaker()(sample("x").alerts[0]) == {}
