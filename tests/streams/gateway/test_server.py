"""The process on the wire: slow senders, tricks with headers, too many connections, the way it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.gateways import GatewayProcess, make_token
from tests.streams.gateway.world import event
from tests.workers import environment

pytestmark = pytest.mark.servers
HEAD_S, BODY_S, CONNECTIONS = 0.5, 0.6, 20


@pytest.fixture(scope="module")
def settings(embedded_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = Settings(
        broker=embedded_pair.broker, redis_url=embedded_pair.redis_url, namespace="gwserver",
        topic_prefix="gwserver.", partitions=2, log_format="text", gateway_head_s=HEAD_S,
        gateway_body_s=BODY_S, gateway_connections=CONNECTIONS, data_dir=tmp_path_factory.mktemp("faust"),
    )  # type: ignore[call-arg]  # fmt: skip
    asyncio.run(ensure_topics(found))
    return found


@pytest.fixture(scope="module")
def token(settings: Settings) -> str:
    return make_token(settings)


@pytest.fixture(scope="module")
def gateway(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(settings, tmp_path_factory.mktemp("gateway")) as process:
        yield process


def told(line: socket.socket) -> bytes:
    """All that comes until the other side closes; empty if it just does."""
    line.settimeout(10)
    parts = []
    try:
        while part := line.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def raw(gateway: GatewayProcess, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as line:
        line.sendall(data)
        return told(line)


def head(token: str, *more: str) -> bytes:
    lines = ["POST /v1/events HTTP/1.1", "Host: gateway", f"Authorization: Bearer {token}",
             "Content-Type: application/json", *more]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_a_head_that_comes_a_byte_at_a_time_is_given_up(gateway: GatewayProcess) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", gateway.port)) as line:
        for byte in b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 100:
            try:
                line.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.02)
        answer = told(line)
    assert time.monotonic() - began < HEAD_S + 2.5
    assert answer == b"" or b" 408 " in answer.splitlines()[0]


def test_a_connection_that_says_nothing_is_closed(gateway: GatewayProcess) -> None:
    answer = raw(gateway, b"")
    assert b" 408 " in answer.splitlines()[0] and b"application/problem+json" in answer


def test_the_second_request_of_a_connection_is_not_waited_for_either(gateway: GatewayProcess) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", gateway.port)) as line:
        line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        line.sendall(b"GET /health/li")
        answer = told(line)
    assert b" 200 " in answer and b" 408 " in answer
    assert time.monotonic() - began < HEAD_S + 2.5


def test_a_body_that_comes_too_slowly_is_given_up(gateway: GatewayProcess, token: str) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", gateway.port)) as line:
        line.sendall(head(token, "Content-Length: 1000") + b"[")
        answer = told(line)
    assert b" 408 " in answer.splitlines()[0] and b"connection: close" in answer.lower()
    assert time.monotonic() - began < BODY_S + 2.5


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (("Content-Length: 4", "Transfer-Encoding: chunked"), b"400"),
        (("Content-Length: 4", "Content-Length: 5"), b"400"),
        (("Content-Length: -1",), b"400"),
        (("Content-Length: 0x10",), b"400"),
        (("Transfer-Encoding: gzip, chunked",), b"501"),
        ((), b"411"),
        (("Content-Length: 99999999999",), b"413"),
        (("X-Long: " + "a" * 70_000,), b"431"),
        (("Bad Header: x",), b"400"),
        (("X-Fold: a\r\n b", "Content-Length: 0"), b"400"),
        (("Authorization: Bearer other", "Content-Length: 2"), b"400"),
    ],
)
def test_tricks_with_headers_are_refused(
    gateway: GatewayProcess, token: str, more: tuple[str, ...], status: bytes
) -> None:
    answer = raw(gateway, head(token, *more, "Connection: close") + b"[{}]")
    assert answer.split(b" ", 2)[1] in (status, b"400"), answer[:300]
    if b"problem+json" not in answer:
        assert answer == b"" or b"200" not in answer.splitlines()[0]


def test_no_second_request_hides_in_the_body_of_one_that_was_refused(gateway: GatewayProcess) -> None:
    hidden = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = raw(gateway, head("none", f"Content-Length: {len(hidden)}") + hidden)
    assert answer.count(b"HTTP/1.1 ") == 1 and b" 401 " in answer.splitlines()[0]


def test_a_body_of_10_mib_is_refused_before_it_is_read(gateway: GatewayProcess, token: str) -> None:
    answer = raw(gateway, head(token, f"Content-Length: {10 << 20}"))
    assert b" 413 " in answer.splitlines()[0]
    body = b"%x\r\n%b\r\n" % (1 << 20, b" " * (1 << 20))
    chunked = raw(gateway, head(token, "Transfer-Encoding: chunked") + body * 9)
    assert chunked == b"" or b" 413 " in chunked.splitlines()[0]


def test_connections_beyond_the_limit_are_told_so(gateway: GatewayProcess) -> None:
    lines = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(CONNECTIONS)]
    try:
        time.sleep(0.1)
        answer = raw(gateway, b"")
        assert b" 503 " in answer.splitlines()[0] and b"retry-after" in answer.lower()
    finally:
        for line in lines:
            line.close()
    end = time.monotonic() + 5
    while not gateway.answers("/health/live") and time.monotonic() < end:
        time.sleep(0.02)
    assert gateway.answers("/health/live")


def test_what_was_begun_is_answered_when_it_is_told_to_end(
    settings: Settings, token: str, tmp_path: Path
) -> None:
    process = GatewayProcess(settings.model_copy(update={"gateway_body_s": 20.0}), tmp_path).start()
    try:
        body = json.dumps([event(f"end{number}") for number in range(50)]).encode()
        with socket.create_connection(("127.0.0.1", process.port)) as line:
            line.sendall(head(token, f"Content-Length: {len(body)}") + body[:100])
            time.sleep(0.2)
            threading.Timer(0.3, line.sendall, [body[100:]]).start()
            process.child._process.send_signal(signal.SIGTERM)
            answer = told(line)
        assert b" 200 " in answer.splitlines()[0] and b'"accepted":50' in answer
        process.child._process.wait(10)
        assert process.child.exit_code == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(process.address + "/health/live")
    finally:
        process.child.stop()


def test_a_port_that_is_taken_is_told_in_one_line(gateway: GatewayProcess, settings: Settings) -> None:
    command = [sys.executable, "-m", "streams.cli", "gateway", "--port", str(gateway.port)]
    done = subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{gateway.port}" in done.stderr and "Traceback" not in done.stderr


def test_check_tells_of_each_webhook_and_of_what_is_missing(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("webhooks:\n- {name: ig, source: instagram, secret: env:IG_SECRET}\n")
    command = [sys.executable, "-m", "streams.cli", "gateway", "--webhooks", str(file), "--check"]
    env = environment(settings)
    wrong = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "IG_SECRET, which is not in the environment" in wrong.stderr
    right = subprocess.run(
        command, env=env | {"IG_SECRET": "planted-secret"}, capture_output=True, text=True, timeout=60
    )
    assert right.returncode == 0 and "/v1/webhooks/ig: Instagram" in right.stderr
    assert "planted-secret" not in right.stdout + right.stderr


def test_no_token_stands_in_the_log(gateway: GatewayProcess, token: str) -> None:
    for held in (token, token[:-1] + "x"):
        httpx.post(gateway.address + "/v1/events", json=event(1), headers={"Authorization": f"Bearer {held}"})
    raw(gateway, head(token, "Bad Header: x"))
    assert token.rsplit("_", 1)[1][:12] not in gateway.child.logged()
