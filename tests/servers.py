"""Real servers for tests: Apache Kafka from its Maven packages, and the machine's redis-server.

All listen on free ports of 127.0.0.1, are stopped by process id, and die with the test process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Self

from streams.children import Child, ChildError, free_port
from streams.embedded import kafka_answers, redis_answers

REPO = Path(__file__).resolve().parent.parent
_POM = Path(__file__).parent / "kafka" / "pom.xml"
_LOGGING = """\
status = error
rootLogger.level = warn
logger.start.name = kafka.server.KafkaRaftServer
logger.start.level = info
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %m (%c)%n
"""


class ServerMissingError(Exception):
    """This machine lacks a program that the server needs; the message says which."""


def need(*programs: str) -> None:
    """Raises ServerMissingError unless all of these are on the path."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise ServerMissingError(
            f"{', '.join(missing)} not installed on this machine (.ci/run installs them on Debian)"
        )


class ApacheKafka:
    """One Apache Kafka (KRaft, broker and controller in one process); up in about 4 s.

    Args:
        directory: Where its data and log go; a temporary one, removed at the end, when None.
        heap_mb: Most heap the JVM may take.
        config: More lines for server.properties, e.g. {"log.segment.bytes": "1048576"}.
        answers_at: Port, where `config` sets listeners of its own (with TLS, say).
    """

    def __init__(
        self, directory: Path | None = None, *, heap_mb: int = 768, config: dict[str, str] | None = None,
        answers_at: int | None = None,
    ) -> None:  # fmt: skip
        self._temporary = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix="kafka-")) if directory is None else directory
        self._heap_mb = heap_mb
        self._config = config or {}
        self._answers_at = answers_at
        self._child: Child | None = None
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._child is not None, "not running"
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it has neither been stopped nor ended itself."""
        return self._child is not None and self._child.running

    def start(self, attempts: int = 3) -> Self:
        """Formats the storage the first time; a restart keeps port and data."""
        need("java", "mvn")
        jars = kafka_jars()
        first = self.port == 0
        for attempt in range(attempts):
            if first:
                self._format(jars)
            log = self.directory / "kafka.log"
            self._child = Child("Apache Kafka", self._java(jars, "kafka.Kafka", str(self._properties)), log)
            try:
                self._child.wait_until(
                    lambda: self._answers_at is not None or kafka_answers("127.0.0.1", self.port),
                    60,
                    says="Server started",
                )
                break
            except ChildError as error:
                if not first or attempt + 1 == attempts or "in use" not in str(error):
                    raise
        return self

    def stop(self) -> None:
        """Nothing is kept, so it need not say goodbye: a controlled shutdown takes seconds."""
        if self._child is not None:
            self._child.kill()
            self._child = None
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        assert self._child is not None, "not running"
        self._child.kill()
        self._child = None

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _format(self, jars: Path) -> None:
        self.port, controller = self._answers_at or free_port(), free_port()
        while controller == self.port:  # Kafka refuses listeners with the same port
            controller = free_port()
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        self.directory.mkdir(parents=True, exist_ok=True)
        config = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "2",
        } | self._config
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in config.items()))
        (self.directory / "log4j2.properties").write_text(_LOGGING)
        command = self._java(
            jars, "kafka.tools.StorageTool", "format", "--config", str(self._properties),
            "--cluster-id", "cmFwcG9ydC10ZXN0LTAwMQ",
        )  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise ChildError(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")

    def _java(self, jars: Path, main: str, *arguments: str) -> list[str]:
        return [
            "java", f"-Xms{min(256, self._heap_mb)}m", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=4", "-Xshare:auto", "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
            "-cp", f"{jars}/*", main, *arguments,
        ]  # fmt: skip

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class RedisServer:
    """The machine's redis-server, or a program that is used as it is (Valkey's).

    Args:
        directory: Where its data and log go; a temporary one, removed at the end, when None.
        appendonly: Keep an append-only file (flushed every second) that a restart reads.
        options: More of its options, e.g. {"key-load-delay": "100"}.
        program: What is started.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        appendonly: bool = False,
        options: dict[str, str] | None = None,
        program: str = "redis-server",
    ) -> None:
        self._program = program
        self._temporary = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix="redis-")) if directory is None else directory
        self.appendonly = appendonly
        self.options = options or {}
        self._child: Child | None = None
        self.port = 0

    @property
    def name(self) -> str:
        """How people call it."""
        return "Redis" if self._program == "redis-server" else "Valkey"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._child is not None, "not running"
        return self._child.pid

    def start(self, attempts: int = 3) -> Self:
        """Starts it; a restart keeps port and data."""
        need(self._program)
        self.directory.mkdir(parents=True, exist_ok=True)
        first = self.port == 0
        for attempt in range(attempts):
            self.port = free_port() if first else self.port
            self._child = Child("redis-server", self._command(), self.directory / "redis.log")
            try:
                self._child.wait_until(
                    lambda: redis_answers("127.0.0.1", self.port), 30, says="Ready to accept"
                )
                break
            except ChildError as error:
                if not first or attempt + 1 == attempts or "in use" not in str(error):
                    raise
        return self

    def _command(self) -> list[str]:
        return [
            self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--dir", str(self.directory),
            "--appendonly", "yes" if self.appendonly else "no", "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction", "--daemonize", "no",
            *(word for name, value in self.options.items() for word in (f"--{name}", *value.split())),
        ]  # fmt: skip

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """Ends it as a power cut would; `restart` brings it back on the same port."""
        assert self._child is not None, "not running"
        self._child.kill()
        self._child = None

    def restart(self, *, empty: bool = False) -> Self:
        """Killed (if it runs) and started again: with what its append-only file kept, or empty."""
        if self._child is not None:
            self.kill()
        if empty:
            shutil.rmtree(self.directory, ignore_errors=True)
        return self.start()

    def freeze(self) -> None:
        assert self._child is not None, "not running"
        self._child.freeze()

    def thaw(self) -> None:
        assert self._child is not None, "not running"
        self._child.thaw()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class ApachePair:
    """Apache Kafka and redis-server, as `streams.embedded.Embedded` is Tansu and Valkey."""

    kind = "apache"
    rebalance_timeout_s = 6.0

    def __init__(self) -> None:
        need("java", "mvn", "redis-server")
        self.kafka, self.redis = ApacheKafka(), RedisServer()

    @property
    def broker(self) -> str:
        return self.kafka.address

    @property
    def redis_url(self) -> str:
        return self.redis.url

    def __enter__(self) -> Self:
        try:
            self.redis.start()
            self.kafka.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kafka.stop()
        self.redis.stop()


def kafka_jars() -> Path:
    """Directory with Kafka's jars; fetched by Maven the first time, kept under the repository's `.cache/`."""
    version = ET.parse(_POM).findtext("{*}properties/{*}kafka.version")
    target = REPO / ".cache" / f"kafka-{version}"
    if (target / "complete").exists():
        return target
    print(f"fetching Apache Kafka {version} with Maven, once", file=sys.stderr, flush=True)
    target.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(target.with_suffix(".lock")):
        if not (target / "complete").exists():
            command = [
                "mvn", "--batch-mode", "--quiet", "--file", str(_POM), "dependency:copy-dependencies",
                f"-DoutputDirectory={target}", "-DincludeScope=runtime",
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if done.returncode:
                last = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
                raise ServerMissingError(f"Maven could not fetch Apache Kafka {version}:\n{last}")
            (target / "complete").touch()
    return target


@contextlib.contextmanager
def _one_at_a_time(lock: Path):
    """Several test runs may start at once: one fetches, the others wait for it (at most 10 minutes)."""
    end = time.monotonic() + 600
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.monotonic() > end or time.time() - lock.stat().st_mtime > 600:
                lock.unlink(missing_ok=True)  # left behind by a run that was killed
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
