"""Kafka that wants TLS and a password, Redis that wants TLS and grants commands by name: the whole way."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
import trustme
from cryptography.hazmat.primitives import serialization

from processors.generator.demo import demo
from streams.children import Child, free_port
from streams.settings import Settings
from tests.conftest import missing
from tests.servers import REPO, ApacheKafka, ServerMissingError, need
from tests.workers import environment

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]
USER, PASSWORD, STORE_PASSWORD = "rapport", "s3cret-of-kafka", "s3cret-of-redis"


def least_rights() -> str:
    """The ACL rule that docs/security.md recommends."""
    found = re.search(r"^user rapport on (.*)$", (REPO / "docs" / "security.md").read_text(), re.MULTILINE)
    assert found is not None
    return found[1].replace(">PASSWORD", f">{STORE_PASSWORD}").replace("{rapport", "{safe")


class Secured:
    """Both servers, and settings that get in. `place` holds the certificates."""

    def __init__(self, place: Path, stack: contextlib.ExitStack) -> None:
        self.place = place
        ca, self.stranger = trustme.CA(), trustme.CA()
        ca.cert_pem.write_to_path(str(place / "ca.pem"))
        self.stranger.cert_pem.write_to_path(str(place / "stranger.pem"))
        server = ca.issue_cert("127.0.0.1", "localhost")
        key = serialization.load_pem_private_key(server.private_key_pem.bytes(), password=None)
        told = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
        (place / "server.pem").write_bytes(key.private_bytes(*told) + chain)  # Java wants PKCS 8
        port, controller = free_port(), free_port()
        login = (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}";'
        )
        try:
            need("redis-server")
            kafka = stack.enter_context(ApacheKafka(place / "kafka", config={
                "listeners": f"SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
                "advertised.listeners": f"SASL_SSL://127.0.0.1:{port}",
                "controller.quorum.voters": f"1@127.0.0.1:{controller}",
                "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
                "inter.broker.listener.name": "SASL_SSL",
                "sasl.enabled.mechanisms": "PLAIN",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.sasl_ssl.plain.sasl.jaas.config": login,
                "ssl.keystore.type": "PEM", "ssl.keystore.location": str(place / "server.pem"),
                "ssl.truststore.type": "PEM", "ssl.truststore.location": str(place / "ca.pem"),
            }, answers_at=port))  # fmt: skip
        except ServerMissingError as error:
            missing(str(error))
        self.redis_port = free_port()
        (place / "users.acl").write_text(
            f"user default off\nuser root on >root ~* &* +@all\nuser rapport on {least_rights()}\n"
        )
        child = Child("redis-server", [
            "redis-server", "--port", "0", "--tls-port", str(self.redis_port), "--bind", "127.0.0.1",
            "--tls-cert-file", str(place / "server.pem"), "--tls-key-file", str(place / "server.pem"),
            "--tls-ca-cert-file", str(place / "ca.pem"), "--tls-auth-clients", "no", "--save", "",
            "--maxmemory-policy", "noeviction", "--dir", str(place), "--aclfile", str(place / "users.acl"),
        ], place / "redis.log")  # fmt: skip
        stack.callback(child.stop)
        self.root = redis.Redis.from_url(self.url("root", "root"))
        stack.callback(self.root.close)
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(redis.RedisError):
                self.root.ping()
                break
            assert time.monotonic() < deadline, (place / "redis.log").read_text()
            time.sleep(0.1)
        self.settings = Settings(
            broker=kafka.address, kafka_security="sasl_ssl", kafka_mechanism="PLAIN", kafka_username=USER,
            kafka_password=PASSWORD, kafka_ca=place / "ca.pem", redis_url=self.url(USER, STORE_PASSWORD),
            namespace="safe", group="safe", partitions=2, rebalance_timeout_s=6.0, session_timeout_s=6.0,
            http_port=free_port(), notifier_http_port=free_port(), serve_port=free_port(),
            gateway_port=free_port(), data_dir=place / "faust", log_format="text",
        )  # type: ignore[arg-type]  # fmt: skip

    def url(self, user: str, password: str, ca: str = "ca.pem") -> str:
        return f"rediss://{user}:{password}@127.0.0.1:{self.redis_port}/0?ssl_ca_certs={self.place / ca}"

    def rapport(self, *words: str, **changes: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "streams.cli", *words], env=environment(self.settings, **changes),
            capture_output=True, text=True, timeout=90,
        )  # fmt: skip

    def start(self, stack: contextlib.ExitStack, name: str) -> Child:
        command = [sys.executable, "-m", "streams.cli", name]
        child = Child(name, command, self.place / f"{name}.log", env=environment(self.settings))
        stack.callback(child.stop, 15)
        return child


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with contextlib.ExitStack() as stack:
        yield Secured(tmp_path_factory.mktemp("secured"), stack)


def wait(done: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.3)


def test_everything_works_with_least_rights(secured: Secured, tmp_path: Path) -> None:
    story = demo(datetime.now(UTC), seed=3)
    events = tmp_path / "events.ndjson"
    with events.open("wb") as file:
        for count, record in enumerate(story.generated.events()):
            file.write((record.value or b"") + b"\n")
            if count == 3_000:
                break
    done = secured.rapport("topics", "create")
    assert done.returncode == 0, done.stderr
    with contextlib.ExitStack() as stack:
        children = [secured.start(stack, name) for name in ("worker", "notifier", "serve", "gateway")]
        done = secured.rapport("replay", str(events))
        assert done.returncode == 0, done.stdout + done.stderr
        wait(lambda: secured.rapport("status", "--json").returncode == 0, "the first events counted")
        for words in (
            ["doctor"], ["alerts", "list"], ["rejected", "list"], ["sources", "list"],
            ["tokens", "create", "ann", "--scope", "alerts:read"],
            ["gateway", "tokens", "create", "shop", "--source", "shop"],
            ["alerts", "silence", "brand_id=acme", "--for", "2h", "-m", "tried"], ["audit"],
        ):  # fmt: skip
            done = secured.rapport(*words)
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
            assert "s3cret" not in done.stdout + done.stderr
        assert all(child.running for child in children)
    refused = {(entry["reason"], entry["object"]) for entry in secured.root.acl_log()}
    assert not refused, f"the ACL of docs/security.md lacks {refused}"
    for child in children:
        assert "s3cret" not in child.log.read_text()


def test_a_wrong_password_is_told_and_not_shown(secured: Secured) -> None:
    done = secured.rapport("topics", "create", kafka_password="s3cret-but-wrong")
    assert done.returncode == 1 and "uthentication" in done.stderr and "docs/security.md" in done.stderr
    assert "s3cret" not in done.stderr


def test_a_certificate_of_a_stranger_is_refused(secured: Secured) -> None:
    done = secured.rapport("topics", "create", kafka_ca=secured.place / "stranger.pem")
    assert done.returncode == 1 and "CERTIFICATE_VERIFY_FAILED" in done.stderr
    url = secured.url(USER, STORE_PASSWORD, "stranger.pem")
    done = secured.rapport("status", redis_url=url)
    assert done.returncode == 1 and "ertificate" in done.stderr.replace("CERTIFICATE", "certificate")
    assert "s3cret" not in done.stderr


def test_a_certificate_file_that_is_none_is_named(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "nothing.pem"):
        done = secured.rapport("topics", "create", kafka_ca=path)
        assert done.returncode != 0 and "RAPPORT_KAFKA_CA" in done.stderr, done.stderr
