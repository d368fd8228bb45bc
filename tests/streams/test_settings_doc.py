"""Wrong settings are told by name, with what they may be; secrets are never shown."""

import os
from pathlib import Path

import pytest

from streams.errors import SettingsError
from streams.settings import Settings
from streams.settings_doc import load_settings, mask_address, setting_docs, shown_value, unknown_names


@pytest.fixture(autouse=True)
def _no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)


def problems(**wrong: str) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in wrong.items():
            patch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            load_settings()
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RAPPORT_BROKER", "kafka", "host:port"),
        ("RAPPORT_BROKER", "kafka:99999", "host:port"),
        ("RAPPORT_REDIS_URL", "http://x", "redis://"),
        ("RAPPORT_NAMESPACE", "a b", "A-Za-z0-9"),
        ("RAPPORT_HTTP_PORT", "99999", "at least 1 and at most 65535"),
        ("RAPPORT_PARTITIONS", "many", "a whole number"),
        ("RAPPORT_SLICE_MS", "0", "more than 0"),
        ("RAPPORT_LOG_LEVEL", "loud", "debug | info | warning | error"),
        ("RAPPORT_ENRICHED", "perhaps", "true or false"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_may_be(name: str, value: str, told: str) -> None:
    (line,) = problems(**{name: value})
    assert line.startswith(f"{name}: ") and told in line and "It may be" in line


def test_all_wrong_settings_are_told_at_once() -> None:
    assert len(problems(RAPPORT_PARTITIONS="x", RAPPORT_HTTP_PORT="y", RAPPORT_BROKER="z")) == 3


def test_a_password_in_a_wrong_address_is_not_shown() -> None:
    assert "s3cret" not in "".join(problems(RAPPORT_REDIS_URL="http://u:s3cret@x"))


def test_options_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "r.toml"
    file.write_text('namespace = "file"\ngroup = "file"\npartitions = 3\n')
    monkeypatch.setenv("RAPPORT_NAMESPACE", "env")
    monkeypatch.setenv("RAPPORT_GROUP", "env")
    found = load_settings(file, namespace="option", group=None)
    assert (found.namespace, found.group, found.partitions) == ("option", "env", 3)
    assert "RAPPORT_CONFIG" not in os.environ


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("brokr = 'a:1'", "did you mean RAPPORT_BROKER"),
        ("= 5", "is not TOML"),
        ("partitions = 0", "RAPPORT_PARTITIONS"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        load_settings(tmp_path / "r.toml")


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"RAPPORT_CONFIG: there is no file .*nowhere\.toml"):
        load_settings(tmp_path / "nowhere.toml")


def test_misspelt_variables_are_warned_of_but_strangers_are_not() -> None:
    (line,) = unknown_names(
        dict.fromkeys(
            ["RAPPORT_BROKR", "RAPPORT_BROKER", "HOME", "RAPPORT_SERVICE_HOST", "RAPPORT_SERVICE_PORT_HTTP"],
            "",
        )
    )
    assert "RAPPORT_BROKR" in line and "did you mean RAPPORT_BROKER?" in line


def test_secrets_are_masked() -> None:
    settings = Settings(hash_key="s3cret", redis_url="redis://u:s3cret@h:1/0", grafana_token="s3cret")
    shown = {doc.name: shown_value(settings, doc) for doc in setting_docs()}
    assert "s3cret" not in str(shown)
    assert shown["RAPPORT_REDIS_URL"] == "redis://u:********@h:1/0"


@pytest.mark.parametrize("address", ["redis://h:1/0", "redis://u@h:1/0", "nonsense"])
def test_addresses_without_a_password_stay(address: str) -> None:
    assert mask_address(address) == address


def test_every_setting_is_described() -> None:
    docs = setting_docs()
    assert {doc.field for doc in docs} == set(Settings.model_fields)
    assert all(doc.description and doc.may_be for doc in docs)
