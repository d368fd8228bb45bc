"""What docker-compose.yml starts, started by hand with the file's own settings, commands and health checks.

No Docker engine is needed: names of services become addresses on loopback, and every port a free one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml

from streams.children import Child, free_port
from tests.conftest import missing
from tests.servers import REPO, ApacheKafka, ServerMissingError

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]

SERVICES: dict[str, Any] = yaml.safe_load((REPO / "docker-compose.yml").read_text())["services"]
PROMETHEUS = REPO / "dashboards" / "provisioning" / "prometheus"
#: Our processes, and the setting of the port that each listens on.
OURS = {
    "worker": "RAPPORT_HTTP_PORT",
    "notifier": "RAPPORT_NOTIFIER_HTTP_PORT",
    "serve": "RAPPORT_SERVE_PORT",
    "gateway": "RAPPORT_GATEWAY_PORT",
}
#: Listeners, directories and ids are the machine's.
NOT_TAKEN = ("LISTENER", "LOG_DIRS", "QUORUM", "NODE_ID", "PROCESS_ROLES", "HEAP")


def kafka_config() -> dict[str, str]:
    """The compose file's settings of Kafka as lines of server.properties (as its image does it)."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in SERVICES["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and not any(part in name for part in NOT_TAKEN)
    }


def inner_port(name: str) -> int:
    """Port that a service of ours listens on inside its container."""
    words: str = SERVICES[name]["healthcheck"]["test"][-1]
    return int(words.split("127.0.0.1:")[1].split("/")[0])


class House:
    """Everything that runs. `ports`: by service."""

    def __init__(self, place: Path, stack: contextlib.ExitStack) -> None:
        self.place, self._stack = place, stack
        self._sender: str | None = None
        for program in ("redis-server", "prometheus", "prometheus-alertmanager"):
            if shutil.which(program) is None:
                missing(f"{program} is not installed")
        self.ports: dict[str, int] = {}  # each found when it is used: on a busy machine others take it soon
        try:
            self.kafka = stack.enter_context(ApacheKafka(place / "kafka", config=kafka_config()))
        except ServerMissingError as error:
            missing(str(error))
        self._valkey()
        self.env = self._environment()
        self.rapport(*SERVICES["topics"]["command"])
        for name, setting in OURS.items():
            self.env[setting] = str(self._port(name))
        for name in OURS:
            self.start(name)
        self._alertmanager()
        self._prometheus()

    def _port(self, name: str) -> int:
        self.ports[name] = free_port()
        return self.ports[name]

    def _child(self, name: str, command: list[str], env: dict[str, str] | None = None) -> Child:
        child = Child(name, command, self.place / f"{name}.log", env=env)
        self._stack.callback(child.stop, 15)
        return child

    def _valkey(self) -> None:
        options = SERVICES["valkey"]["command"][1:]
        directory = self.place / "valkey"
        directory.mkdir()
        port = self._port("valkey")
        where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
        self._child("valkey", ["redis-server", *options, *where])
        client = redis.Redis(port=port)
        self._stack.callback(client.close)
        wait(lambda: client.ping(), "redis-server")

    def _environment(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
        for name, given in SERVICES["worker"]["environment"].items():
            value = given.partition(":-")[2].rstrip("}") if given.startswith("${") else given
            value = value.replace("kafka:19092", self.kafka.address).replace("0.0.0.0", "127.0.0.1")
            env[name] = value.replace("valkey:6379", f"127.0.0.1:{self.ports['valkey']}")
        return env | {"RAPPORT_DATA_DIR": str(self.place / "data"), "RAPPORT_REBALANCE_TIMEOUT_S": "6"}

    def rapport(self, *words: str) -> str:
        """What a command of ours prints."""
        command = [sys.executable, "-m", "streams.cli", *words]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def start(self, name: str) -> Child:
        """A process of ours, with the file's command."""
        return self._child(name, [sys.executable, "-m", "streams.cli", *SERVICES[name]["command"]], self.env)

    def healthy(self, name: str) -> bool:
        """What the compose file's own health check says."""
        code = SERVICES[name]["healthcheck"]["test"][-1]
        code = code.replace(f":{inner_port(name)}/", f":{self.ports[name]}/")
        return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20).returncode == 0

    def _theirs(self, name: str, program: str, **places: Path) -> None:
        """With the compose file's options; files and directories lie elsewhere here."""
        given = [word.partition("=") for word in SERVICES[name]["command"]]
        options = {option.removeprefix("--").replace(".", "_"): value for option, _, value in given}
        assert places.keys() <= options.keys()
        where = options | {option: str(path) for option, path in places.items()}
        words = [f"{option}={where[option[2:].replace('.', '_')]}" for option, _, _ in given]
        self._child(name, [program, *words, f"--web.listen-address=127.0.0.1:{self._port(name)}"])

    def _alertmanager(self) -> None:
        self._theirs(
            "alertmanager", "prometheus-alertmanager", config_file=PROMETHEUS / "alertmanager.yml",
            storage_path=self.place / "alertmanager",
        )  # fmt: skip

    def _prometheus(self) -> None:
        text = (PROMETHEUS / "prometheus.yml").read_text()
        config = yaml.safe_load(text)
        for scrape in config["scrape_configs"]:
            (found,) = scrape.pop("dns_sd_configs")
            (name,) = found["names"]
            assert found["port"] == inner_port(name)
            scrape["static_configs"] = [{"targets": [f"127.0.0.1:{self.ports[name]}"]}]
        ((alertmanager,),) = [one["static_configs"] for one in config["alerting"]["alertmanagers"]]
        alertmanager["targets"] = [f"127.0.0.1:{self.ports['alertmanager']}"]
        config["global"]["scrape_interval"] = "1s"
        shutil.copy(PROMETHEUS / "rules.yml", self.place)
        (self.place / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._theirs(
            "prometheus", "prometheus", config_file=self.place / "prometheus.yml",
            storage_tsdb_path=self.place / "tsdb",
        )  # fmt: skip

    def counted(self, outcome: str) -> float:
        """Events so far, as Prometheus has it."""
        found = self.prometheus("query", query=f'sum(rapport_events_total{{outcome="{outcome}"}})')["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def api(self, *scopes: str) -> httpx.Client:
        """The HTTP API, with a token of its own."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        token = json.loads(self.rapport("tokens", "create", f"t{time.monotonic_ns()}", *words, "--json"))[
            "token"
        ]
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.ports['serve']}/api/v1", timeout=20,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        self._stack.callback(client.close)
        return client

    def send(self, events: list[dict[str, Any]]) -> None:
        """In at the gateway."""
        if self._sender is None:
            told = self.rapport("gateway", "tokens", "create", "shop", "--source", "shop")
            self._sender = told.split()[-1]
        httpx.post(
            f"http://127.0.0.1:{self.ports['gateway']}/v1/events", json=events, timeout=20,
            headers={"Authorization": f"Bearer {self._sender}"},
        ).raise_for_status()  # fmt: skip

    def prometheus(self, path: str, **params: str) -> Any:
        """The field `data` of an answer of Prometheus."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/{path}", params=params, timeout=10
        )
        return answer.raise_for_status().json()["data"]


def wait(done: Any, what: str, seconds: float = 60) -> Any:
    """The first true answer; an error of the other side is none."""
    deadline, last = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            if found := done():
                return found
        except (OSError, httpx.HTTPError, redis.RedisError) as error:
            last = str(error)
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds:g} s {last}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with contextlib.ExitStack() as stack:
        yield House(tmp_path_factory.mktemp("compose"), stack)


@pytest.mark.parametrize("name", OURS)
def test_a_process_of_ours_becomes_healthy(house: House, name: str) -> None:
    wait(lambda: house.healthy(name), f"the health check of {name}")


def test_prometheus_reaches_every_process_and_knows_the_rules(house: House) -> None:
    def up() -> bool:
        found = {
            one["metric"]["job"]: one["value"][1] for one in house.prometheus("query", query="up")["result"]
        }
        return found == {f"rapport-{name}": "1" for name in OURS}

    wait(up, "all jobs up")
    (group,) = house.prometheus("rules")["groups"]
    assert len(group["rules"]) >= 14 and all(rule["health"] in ("ok", "unknown") for rule in group["rules"])
    wait(lambda: house.prometheus("alertmanagers")["activeAlertmanagers"], "Alertmanager found")


def like(name: str, influencer: str, ago_s: float) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago_s))
    return {
        "event_id": f"shop/{name}", "source": "shop", "kind": "like", "influencer_id": f"shop:{influencer}",
        "actor": {"id": f"shop:{name}"}, "occurred_at": at,
    }  # fmt: skip


def test_an_event_goes_in_at_the_gateway_and_is_counted(house: House) -> None:
    wait(lambda: house.healthy("gateway") and house.healthy("worker"), "gateway and worker")
    before = house.counted("counted")
    house.send([like("1", "ann", 0)])
    wait(lambda: house.counted("counted") == before + 1, "the event counted")


def test_a_partnership_made_over_the_api_is_scored_until_it_is_ended(house: House) -> None:
    wait(lambda: house.healthy("gateway") and house.healthy("worker") and house.healthy("serve"), "all")
    api, path = house.api("partnerships:read", "partnerships:write", "audit:read"), "/partnerships/acme--eve"
    body = {"brand_id": "acme", "influencer_id": "shop:eve"}
    assert [api.put(path, json=body).status_code for _ in range(2)] == [201, 200]
    assert api.get(path).json()["state"] == "warming_up"

    known = "rapport_partnerships == 1"
    wait(lambda: house.prometheus("query", query=known)["result"], "the worker knows of it")
    for number in range(24):
        house.send([like(f"eve/{number}/{n}", "eve", 7_200 - 300 * number) for n in range(5)])
    reading = wait(lambda: api.get(path).json()["reading"], "a reading of it")
    assert reading["partnership_id"] == "acme--eve" and reading["brand_id"] == "acme"
    for rows in ("/partnerships", "/readings", "/board"):
        assert wait(
            lambda rows=rows: [one for one in items(api, rows) if one["partnership_id"] == "acme--eve"], rows
        )
    firing = 'rapport_partnership_alerts_firing{partnership="acme--eve",brand="acme",influencer="shop:eve"}'
    # Boundaries are looked at when the clock comes to its next minute; until then readings are provisional.
    wait(lambda: house.prometheus("query", query=firing)["result"], "its gauge", 120)
    assert [api.delete(path).json()["changed"] for _ in range(2)] == [True, False]
    assert api.get(path).status_code == 404 and api.get(f"{path}/reading").status_code == 404
    assert not [one for one in items(api, "/partnerships") if one["partnership_id"] == "acme--eve"]
    acts = [act["verb"] for act in items(api, "/audit?partnership=acme--eve")]
    assert acts == ["partnership_end", "partnership_put"]


def test_the_generator_fills_it_with_partnerships_to_look_at(house: House) -> None:
    wait(lambda: house.healthy("worker") and house.healthy("serve"), "worker and API")
    before, api = house.counted("counted"), house.api("partnerships:read")
    generator = house.start("generator")
    wait(lambda: house.counted("counted") > before + 100, "a hundred events counted")
    wait(lambda: len(items(api, "/partnerships")) > 3, "its partnerships")
    assert generator.running


def items(api: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(path).raise_for_status().json()["items"]
    return found
