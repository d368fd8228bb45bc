"""What the documentation shows is true, and tokens are made, shown and ended on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.yamlfile import load_yaml
from streams.cli import app
from streams.gateway.config import GatewayFile
from streams.settings import Settings
from streams.sources import SOURCES
from tests.conftest import Pair
from tests.servers import REPO

DOC = (REPO / "docs" / "gateway.md").read_text(encoding="utf-8")


def test_the_file_in_the_documentation_can_be_read() -> None:
    found = re.search(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    assert found is not None
    hooks = load_yaml(found[1], GatewayFile, name="docs/gateway.md").webhooks
    assert len(hooks) == 6
    assert all(hook.source in SOURCES for hook in hooks if hook.source)


def test_the_settings_in_the_documentation_exist_with_these_defaults() -> None:
    names = set(re.findall(r"RAPPORT_(GATEWAY_\w+)", DOC))
    names |= {f"GATEWAY_{name}" for name in re.findall(r"`…_(\w+)`", DOC)}
    assert names <= {name.upper() for name in Settings.model_fields}
    fields = Settings.model_fields
    assert fields["gateway_body_bytes"].default == 8 << 20 and "| 8 MiB, 32 MiB |" in DOC
    assert fields["gateway_memory_bytes"].default == 128 << 20 and "| 128 MiB |" in DOC
    assert fields["gateway_lag_s"].default == 900 and "| 900 s |" in DOC


@pytest.mark.servers
def test_tokens_are_made_shown_and_ended(
    embedded_pair: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "none.toml").touch()
    monkeypatch.setenv("RAPPORT_REDIS_URL", embedded_pair.redis_url)
    monkeypatch.setenv("RAPPORT_NAMESPACE", "gwcli")
    runner = CliRunner()

    def tokens(*words: str) -> str:
        done = runner.invoke(app, ["gateway", "tokens", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    secret = tokens("create", "shop", "--source", "shop", "--brand", "acme", "--expires", "90d").strip()
    assert re.fullmatch(r"rgw_[0-9a-f]{12}_[\w-]{43}", secret)
    (shown,) = json.loads(tokens("list", "--json"))["tokens"]
    assert (shown["name"], shown["sources"], shown["brands"]) == ("shop", ["shop"], ["acme"])
    assert secret not in json.dumps(shown) and "secret_hash" not in shown
    assert "sources shop; brands acme" in " ".join(tokens("list").split())
    taken = runner.invoke(app, ["gateway", "tokens", "create", "shop"])
    assert "name: 'shop' is taken" in str(taken.exception)
    tokens("revoke", "shop")
    assert json.loads(tokens("list", "--json"))["tokens"] == []
    wrong = runner.invoke(app, ["gateway", "tokens", "create", "x", "--scope", "everything"])
    assert "scopes" in str(wrong.exception)
