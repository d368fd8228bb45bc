"""A secret planted in every setting that holds one is found in nothing that a process says or shows."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from streams.children import Child, free_port
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.workers import environment

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
_MARK = "pLanted7"
#: Each says something of settings or servers, some by failing.
_COMMANDS = (
    ["settings"], ["settings", "--json"], ["doctor", "--json"], ["status", "--json"],
    ["alerts", "list", "--json"], ["receivers", "check", "notify.yaml", "--json"], ["gateway", "--check"],
    ["dashboards", "push"], ["--debug", "state", "reset", "--dry-run"],
)  # fmt: skip


def planted() -> dict[str, str]:
    """A secret of its own for each setting that is one."""
    names = [
        name for name, info in Settings.model_fields.items()
        if info.annotation is SecretStr or SecretStr in getattr(info.annotation, "__args__", ())
    ]  # fmt: skip
    assert len(names) >= 8
    return {name: f"{_MARK}-{name}" for name in names}


def test_no_planted_secret_is_said_or_shown(
    embedded_pair: Pair, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    user = f"u{free_port()}"
    with redis.Redis.from_url(embedded_pair.redis_url) as root:
        root.execute_command("ACL", "SETUSER", user, "on", f">{_MARK}-redis", "~*", "&*", "+@all")
    url = embedded_pair.redis_url.replace("//", f"//{user}:{_MARK}-redis@")
    routing = tmp_path / "notify.yaml"
    routing.write_text(
        "receivers:\n  - name: hook\n    kind: webhook\n    url: https://hooks.example/\n"
        f"    secrets: [{_MARK}-in-file-by-mistake]\nroutes: [{{receivers: [nobody]}}]\n"
    )
    settings = settings_for(
        embedded_pair, redis_url=url, log_level="debug", notify_config=routing,
        grafana_url="http://127.0.0.1:1", **planted(),
    )  # fmt: skip
    asyncio.run(ensure_topics(settings))
    said: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        ports = {"worker": "http_port", "serve": "serve_port", "gateway": "gateway_port"}
        follow = ["sources", "follow", "mastodon", "--url", "ws://127.0.0.1:1", "--account", "1"]
        command = [sys.executable, "-m", "streams.cli", *follow]
        stack.callback(Child("follow", command, tmp_path / "follow.log", env=environment(settings)).stop, 15)
        for name, setting in ports.items():
            port = free_port()
            env = environment(settings, **{setting: port})
            child = Child(
                name, [sys.executable, "-m", "streams.cli", name], tmp_path / f"{name}.log", env=env
            )
            stack.callback(child.stop, 15)
            deadline = time.monotonic() + 60
            while not (_shown(port, "/metrics") or _shown(port, "/health")):
                assert child.running and time.monotonic() < deadline, child.logged()
                time.sleep(0.2)
            for path in ("/metrics", "/health", "/ready", "/openapi.json", "/", "/no/such"):
                said[f"{name} {path}"] = _shown(port, path)
        wrong = environment(settings, redis_url=url.replace("-redis@", "-redis-but-wrong@"), fence_ms="x")
        runs = [(words, environment(settings), " ".join(words)) for words in _COMMANDS]
        runs += [
            (words, env, f"{words}, wrong password")
            for words in (["status"], ["worker"], ["--debug", "doctor"])
            for env in (wrong, wrong | {"RAPPORT_FENCE_MS": "200"})
        ]
        with ThreadPoolExecutor(4) as pool:  # most wait for somebody who never answers
            for (_, _, name), done in zip(runs, pool.map(partial(_run, tmp_path), runs), strict=True):
                said[name] = said.get(name, "") + done.stdout + done.stderr
                assert done.returncode != 0 or "wrong" not in name
    for log in tmp_path.glob("*.log"):
        said[log.name] = log.read_text()
    assert all(len(text) > 10 for name, text in said.items() if "/" not in name), said.keys()
    told = {
        name: text[max(0, text.find(_MARK) - 200) :][:300] for name, text in said.items() if _MARK in text
    }
    assert not told, told


def _run(place: Path, run: tuple[list[str], dict[str, str], str]) -> subprocess.CompletedProcess[str]:
    words, env, _ = run
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *words], env=env, cwd=place, capture_output=True, text=True,
        timeout=120, input="",
    )  # fmt: skip


def _shown(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.headers) + answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return str(error.headers) + error.read().decode("utf-8", "replace")
    except OSError:
        return ""
