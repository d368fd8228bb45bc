"""docker-compose.yml as parsed: pinned, healthy, private; its settings, commands and files exist."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from dashboards import build, provision
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
OURS = {
    name: service for name, service in SERVICES.items() if service["image"].startswith("rapport-monitor:")
}
ENDS_BY_ITSELF = {"topics"}
#: Speaks to Kafka only and has no port of its own that could be asked.
WITHOUT_HEALTHCHECK = ENDS_BY_ITSELF | {"generator"}
#: Commands of the main job (issue 3, item 8).
COMMANDS = {
    ("worker",), ("notifier",), ("serve",), ("gateway",), ("generate",), ("topics", "create"),
    ("demo",), ("replay",), ("doctor",),
}  # fmt: skip


def default_of(value: str) -> str:
    """What compose makes of `${NAME:-default}` in an empty environment."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


@pytest.fixture(params=SERVICES)
def service(request):
    return SERVICES[request.param]


def test_everything_of_the_issue_is_there():
    assert set(SERVICES) == {
        "kafka", "valkey", "topics", "worker", "notifier", "serve", "gateway", "generator", "prometheus",
        "alertmanager", "grafana",
    }  # fmt: skip
    assert SERVICES["kafka"]["image"].startswith("apache/kafka:4.")
    assert SERVICES["grafana"]["image"].startswith("grafana/grafana:12.3.")
    assert SERVICES["generator"]["profiles"] == ["generator"]
    assert [name for name, item in SERVICES.items() if "profiles" in item] == ["generator"]


def test_images_are_pinned_to_a_full_version(service):
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+(-[a-z0-9.]+)?", service["image"])


def test_the_base_of_our_own_image_is_pinned():
    for service in OURS.values():
        dockerfile = service["build"]["dockerfile_inline"]
        assert re.match(r"FROM python:3\.11\.\d+-slim-\w+\n", dockerfile)
        assert "--constraint constraints.txt" in dockerfile and "USER rapport" in dockerfile


def test_all_our_services_share_one_image_and_its_settings():
    assert set(OURS) == {"topics", "worker", "notifier", "serve", "gateway", "generator"}
    assert len({service["image"] for service in OURS.values()}) == 1
    assert all(service["environment"] == OURS["worker"]["environment"] for service in OURS.values())
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in OURS.values())


@pytest.mark.parametrize("name", sorted(set(SERVICES) - WITHOUT_HEALTHCHECK))
def test_servers_have_health_checks(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL") and check["interval"] and check["timeout"]


def test_waits_name_services_and_only_wait_for_what_can_happen(service):
    for name, wait in service.get("depends_on", {}).items():
        if name in ENDS_BY_ITSELF:
            assert wait["condition"] == "service_completed_successfully"
        else:
            assert wait["condition"] == "service_healthy" and "healthcheck" in SERVICES[name]


def test_ports_are_published_on_loopback_only(service):
    for port in service.get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_the_worker_publishes_no_port_so_that_it_can_be_scaled():
    assert "ports" not in SERVICES["worker"] and "container_name" not in SERVICES["worker"]


def test_memory_is_limited_and_services_come_back(service):
    if service.get("command") != ["topics", "create"]:
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
        assert service["restart"] == "unless-stopped"


def test_volumes_are_declared_and_files_exist():
    named, files = set(), set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            assert target.startswith("/")
            if source.startswith("."):
                assert mode == ["ro"]
                files.add(source)
            else:
                named.add(source)
    assert named == set(COMPOSE["volumes"])
    assert files and all((ROOT / name).exists() for name in files)
    for name in re.findall(r"^ *COPY (.*) \S+$", OURS["worker"]["build"]["dockerfile_inline"], re.MULTILINE):
        packages = [word for word in name.split() if "." not in word and word != "LICENSE"]
        assert all((ROOT / word).is_dir() for word in packages)


def test_settings_exist_and_their_defaults_are_valid():
    settings = {}
    for name, value in OURS["worker"]["environment"].items():
        field = name.removeprefix("RAPPORT_").lower()
        assert name.startswith("RAPPORT_") and field in Settings.model_fields
        info = Settings.model_fields[field]
        settings[field] = TypeAdapter(info.annotation).validate_python(default_of(value))
    made = Settings(**settings)
    assert made.bootstrap == ["kafka:19092"] and made.redis_url == "redis://valkey:6379/0"


def test_commands_are_those_of_the_command_line():
    for service in OURS.values():
        words = [word for word in service["command"] if not word.startswith("-")]
        assert any(tuple(words[: len(command)]) == command for command in COMMANDS)


def test_addresses_point_at_services_and_their_listeners():
    kafka = SERVICES["kafka"]["environment"]
    assert "INTERNAL://kafka:19092" in kafka["KAFKA_ADVERTISED_LISTENERS"]
    assert "HOST://127.0.0.1:9092" in kafka["KAFKA_ADVERTISED_LISTENERS"]
    assert "127.0.0.1:9092:9092" in SERVICES["kafka"]["ports"]
    assert kafka["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert provision.PROMETHEUS_URL == "http://prometheus:9090"
    made = Settings()
    ports = {
        "worker": made.http_port, "notifier": made.notifier_http_port, "serve": made.serve_port,
        "gateway": made.gateway_port,
    }  # fmt: skip
    assert ports == provision.PROCESSES
    assert OURS["worker"]["environment"]["RAPPORT_HTTP_PORT"] == str(made.http_port)
    scrapes = yaml.safe_load(provision.prometheus_file())["scrape_configs"]
    asked = [scrape["dns_sd_configs"][0] for scrape in scrapes]
    assert [(one["names"], one["port"]) for one in asked] == [([name], ports[name]) for name in ports]
    for name, port in ports.items():
        assert f":{port}/" in SERVICES[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", ["worker", "notifier", "serve", "gateway"])
def test_health_check_of_a_process_is_valid_python(name):
    compile(SERVICES[name]["healthcheck"]["test"][-1], "healthcheck", "exec")


def test_valkey_keeps_what_it_is_given():
    words = SERVICES["valkey"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction" and options["--appendonly"] == "yes"


def test_grafana_finds_its_files_where_they_are_mounted():
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    assert mounts["./dashboards/provisioning/grafana/json"] == provision.DASHBOARDS_PATH
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in {f"{provision.DASHBOARDS_PATH}/{uid}.json" for uid in build.dashboards()}
    for kind in ("datasources", "dashboards"):
        assert mounts[f"./dashboards/provisioning/grafana/{kind}"] == f"/etc/grafana/provisioning/{kind}"


def test_the_file_holds_no_secrets():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|HASH_KEY", name):
                assert re.fullmatch(r"\$\{\w+(:\?[^}]*|:-)\}", str(value)), name
    assert not re.search(r"\w+://[^/\s]*:[^/\s]*@", TEXT)
