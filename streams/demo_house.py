"""What the demo lives in: a directory, servers, one worker process, and the clearing up afterwards."""

from __future__ import annotations

import asyncio
import http.client
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DeleteGroupsRequest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from redis.exceptions import RedisError

from processors.state.connect import open_redis
from schemas.topics import TOPICS
from streams.children import Child, free_port
from streams.embedded import EmbeddedBroker, EmbeddedStore
from streams.errors import RapportError
from streams.people import People, Who
from streams.people_store import open_client
from streams.serve.tokens import SCOPES, Tokens
from streams.settings import Settings
from streams.topics import open_admin

#: Partitions of the demo's topics: enough to see more than one, few enough to start fast.
PARTITIONS = 4
_TAIL_LINES = 20
_MARK = "demo-"
_FORGET_S = 10.0
_METRIC = "rapport_readings_total"
_METRICS_TIMEOUT_S = 1.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Place:
    """Where the logs of one demo lie; `keep`: they are worth reading afterwards."""

    path: Path
    keep: bool = False


@contextmanager
def directory(say: Say) -> Iterator[Place]:
    """A directory for logs; gone afterwards, but kept when something went wrong."""
    place = Place(Path(tempfile.mkdtemp(prefix="rapport-demo-")))
    try:
        yield place
    except Exception:
        place.keep = True
        raise
    finally:
        if place.keep:
            say(f"logs are kept in {place.path}")
        else:
            shutil.rmtree(place.path, ignore_errors=True)


def prepare(
    base: Settings,
    place: Path,
    servers: ExitStack,
    say: Say,
    broker: str | None,
    redis_url: str | None,
    speed: float,
) -> Settings:
    """Starts the servers that were not given (stopped by `servers`) and returns the demo's settings.

    Topics, keys and group have names of their own, so that on servers of others nothing is touched.

    Raises:
        EmbeddedError: a server is not installed or did not start.
    """
    mark = f"{_MARK}{secrets.token_hex(4)}"
    changes: dict[str, object] = {
        "namespace": mark,
        "group": mark,
        "topic_prefix": f"{mark}.",
        "partitions": PARTITIONS,
        "http_host": "127.0.0.1",
        "http_port": free_port(),
        "notifier_http_port": free_port(),
        "serve_host": "127.0.0.1",
        "serve_port": free_port(),
        "data_dir": place / "faust",
        "idle_speed": speed,
        "hash_key": None,
    }
    if broker is None:
        server = servers.enter_context(EmbeddedBroker(place))
        broker = server.address
        changes |= {
            "rebalance_timeout_s": EmbeddedBroker.REBALANCE_TIMEOUT_S,
            "session_timeout_s": EmbeddedBroker.SESSION_TIMEOUT_S,
            "topic_prefix": "",
            "replication_factor": 1,
        }
        say(f"Tansu (embedded broker) on {broker}")
    if redis_url is None:
        store = servers.enter_context(EmbeddedStore(place))
        redis_url = store.url
        changes["namespace"] = "rapport"
        say(f"Valkey (embedded store) on {redis_url}")
    return base.model_copy(update=changes | {"broker": broker, "redis_url": redis_url})


def start(command: str, settings: Settings, place: Path, **environ: str) -> Child:
    """A process of its own (`worker`, `notifier`, `serve`) with these settings, and what `environ` adds."""
    empty = place / "empty.toml"  # else a rapport.toml in the working directory would be read
    empty.touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    environment |= as_environment(settings) | {"RAPPORT_CONFIG": str(empty)} | environ
    return Child(
        f"the {command}",
        [sys.executable, "-m", "streams.cli", command],
        place / f"{command}.log",
        env=environment,
    )


async def board_address(settings: Settings) -> str:
    """Where the board is to be opened: with a token of the demo's own, in the part that no server sees."""
    client = open_client(settings)
    try:
        store = People(settings, client).store
        token, _ = await Tokens(store).create(f"board.{secrets.token_hex(3)}", SCOPES, Who("demo"))
    finally:
        await client.aclose()
    return f"http://{settings.serve_host}:{settings.serve_port}/#token={token}"


async def tell_when_it_answers(address: str, server: Child, say: Say) -> None:
    """Says where the board is as soon as its server takes connections: an address that is opened before is
    refused, and looks broken. Says nothing when the server ends."""
    parts = urlsplit(address)
    while server.running:
        try:
            _, link = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        link.close()
        say(f"the board in the browser: {address}")
        return


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as RAPPORT_ variables; those that are unset are left out."""
    found = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None:
            found[f"RAPPORT_{name.upper()}"] = (
                value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            )
    return found


def tail(log: Path) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    except OSError as error:
        return f"({error})"


def readings_made(settings: Settings) -> int:
    """How many readings the worker has made so far, by its own metrics; 0 while it does not answer."""
    link = http.client.HTTPConnection(settings.http_host, settings.http_port, timeout=_METRICS_TIMEOUT_S)
    try:
        link.request("GET", "/metrics")
        text = link.getresponse().read().decode(errors="replace")
        return int(
            sum(
                sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == _METRIC
            )
        )
    except (OSError, http.client.HTTPException, ValueError):
        return 0
    finally:
        link.close()


@asynccontextmanager
async def traces(settings: Settings, *, foreign: bool, keep: bool, say: Say) -> AsyncIterator[None]:
    """Afterwards removes what the demo made on servers of others, or says how to look at it."""
    try:
        yield
    finally:
        if foreign and keep:
            say(
                f"topics {settings.topic_prefix}* and keys are kept; look at them with RAPPORT_TOPIC_PREFIX="
                f"{settings.topic_prefix} rapport status --namespace {settings.namespace}"
            )
        elif foreign:
            try:
                async with asyncio.timeout(_FORGET_S):
                    await forget(settings)
            except (RapportError, RedisError, KafkaError, OSError, TimeoutError) as error:
                say(f"the demo's topics {settings.topic_prefix}* or keys could not be removed: {error}")


async def forget(settings: Settings) -> None:
    """Removes a demo's topics and keys: only such as bear its own, random name."""
    await _remove_keys(settings)
    await _remove_topics(settings)


async def _remove_topics(settings: Settings) -> None:
    if settings.topic_prefix.startswith(_MARK):
        async with open_admin(settings, 3.0) as admin:
            await admin.delete_topics([settings.topic(name) for name in TOPICS])
            if settings.group.startswith(_MARK):  # the admin client has no method for it
                coordinator = await admin.find_coordinator(settings.group)
                await admin._send_request_to_node(coordinator, DeleteGroupsRequest([settings.group]))


async def _remove_keys(settings: Settings) -> None:
    """Only keys under the demo's own, random namespace."""
    if not settings.namespace.startswith(_MARK):
        return
    client = open_redis(settings.redis_url, socket_timeout=settings.redis_timeout_s)
    try:
        for pattern in (f"{{{settings.namespace}:*", f"{{{settings.namespace}}}*"):
            async for key in client.scan_iter(match=pattern, count=1_000):
                await client.unlink(key)
    finally:
        await client.aclose()
