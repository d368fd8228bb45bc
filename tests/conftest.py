"""Servers, fresh settings and shared data for tests.

What a machine lacks is skipped on a laptop, and fails where CI is set; data is not ours, and skipped in both.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, Protocol

import pytest

from streams.embedded import Embedded, EmbeddedError
from streams.settings import Settings
from tests.cluster import RedisCluster
from tests.servers import REPO, ApachePair, RedisServer, ServerMissingError


class Pair(Protocol):
    """A broker and a store that run."""

    kind: str
    rebalance_timeout_s: float

    @property
    def broker(self) -> str: ...
    @property
    def redis_url(self) -> str: ...


def pytest_configure() -> None:
    """In the background of a shell SIGINT is ignored, by what we start too; tests of Ctrl-C send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def missing(reason: str) -> NoReturn:
    """Skips on a laptop, fails in CI: there, nothing may be left out silently."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (not skipped, because CI is set)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def embedded_pair() -> Iterator[Pair]:
    """Tansu and Valkey from their wheels."""
    try:
        pair = Embedded().start()
    except EmbeddedError as error:
        missing(str(error))
    yield pair
    pair.stop()


@pytest.fixture(scope="session")
def apache_pair() -> Iterator[Pair]:
    """Apache Kafka from its Maven packages, and the machine's redis-server."""
    try:
        pair = ApachePair().__enter__()
    except ServerMissingError as error:
        missing(str(error))
    yield pair
    pair.__exit__()


@pytest.fixture(params=["embedded", "apache"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Each of the two pairs in turn."""
    found: Pair = request.getfixturevalue(f"{request.param}_pair")
    return found


@pytest.fixture
def redis_server() -> Iterator[Callable[..., RedisServer]]:
    """Makes redis-servers of the test's own, to be killed and emptied: `redis_server(appendonly=True)`."""
    started: list[RedisServer] = []

    def start(**options: bool) -> RedisServer:
        try:
            started.append(RedisServer(**options).start())
        except ServerMissingError as error:
            missing(str(error))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """Three primaries that share the slots, without replicas."""
    try:
        cluster = RedisCluster().start()
    except ServerMissingError as error:
        missing(str(error))
    yield cluster
    cluster.stop()


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    """Settings for a pair with names that no other test uses: `settings_for(pair, partitions=2)`.

    Every call within one test gives the same topics, namespace and group: workers of one installation.
    """
    name = f"t{secrets.token_hex(4)}"

    def make(pair: Pair, **changes: object) -> Settings:
        values: dict[str, object] = {
            "broker": pair.broker,
            "redis_url": pair.redis_url,
            "namespace": name,
            "group": name,
            "topic_prefix": f"{name}.",
            "partitions": 4,
            "rebalance_timeout_s": pair.rebalance_timeout_s,
            "session_timeout_s": 6.0,
            "log_format": "text",
            "data_dir": tmp_path / "faust",
        }
        return Settings(**(values | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def settings(pair: Pair, settings_for: Callable[..., Settings]) -> Settings:
    """Fresh settings on each of the two pairs in turn."""
    return settings_for(pair)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Finds what lies beside the repository in ../shared/data: `shared_data("retweets/retweets.csv.gz")`."""

    def find(name: str) -> Path:
        path = REPO.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"the shared data set {name!r} is not on this machine (../shared/data/{name})")
        return path

    return find


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No RAPPORT_ variable and no rapport.toml of whoever runs the tests changes their outcome."""
    for name in [name for name in os.environ if name.startswith("RAPPORT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAPPORT_CONFIG", str(tmp_path / "none.toml"))


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that ran in this process leaves no handler behind: its stream is closed."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        if handler not in before:
            root.removeHandler(handler)
    root.setLevel(level)
