"""Files in, topics out, and forgetting, as people type it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from streams.cli import run
from streams.settings import Settings
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.workers import environment

pytestmark = pytest.mark.servers
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(
    embedded_pair: Pair, settings_for: Callable[..., Settings], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:  # fmt: skip
    """Runs one command in this process against servers of its own: (exit code, stdout, stderr)."""
    settings = settings_for(embedded_pair, partitions=2, hash_key=SecretStr("k" * 32))
    monkeypatch.delenv("RAPPORT_CONFIG", raising=False)
    for name, value in environment(settings).items():
        if name.startswith("RAPPORT_"):
            monkeypatch.setenv(name, value)
    asyncio.run(ensure_topics(settings))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err, err
        return code, out, err

    return call


def events(path: Path, count: int = 6) -> Path:
    lines = [json.dumps({"event_id": f"e{n}", "source": "t", "kind": "like", "influencer_id": "t:ann",
                         "occurred_at": f"2026-01-01T00:00:{n:02d}Z", "actor": {"id": f"t:u{n % 2}"}})
             for n in range(count)]  # fmt: skip
    path.write_text("\n".join([*lines, '{"event_id": "x", "actor": {"id": 7}}', "broken"]))
    return path


def test_a_file_is_looked_at_replayed_and_exported(cli: Cli, tmp_path: Path) -> None:
    file, out = events(tmp_path / "a.ndjson"), tmp_path / "b.ndjson.zst"
    code, text, err = cli("replay", str(file), "--dry-run")
    assert (
        code == 0
        and "6 events of 1 influencers would be sent" in err
        and "a.ndjson:8" in text.replace("\n", "")
    )
    looked = json.loads(cli("replay", str(file), "--dry-run", "--json")[1])
    assert (looked["events"], looked["rejected"], looked["kinds"]) == (6, 2, {"like": 6})
    assert [line["line"] for line in looked["rejected_lines"]] == [7, 8]

    code, _, err = cli(
        "replay", str(file), "--from", "2026-01-01T00:00:02Z", "--rejects", str(tmp_path / "no")
    )
    assert code == 0 and "4 events sent" in err and "line 8: " in err and "2 lines are no events" in err
    assert len((tmp_path / "no").read_text().splitlines()) == 2
    done = json.loads(cli("replay", str(file), "--to", "2026-01-01T00:00:02Z", "--json")[1])
    assert (done["sent"], done["skipped_bad"], done["rejects_kept"]) == (2, 2, 2)
    assert len(json.loads(cli("rejected", "list", "--json")[1])["rejected"]) == 2

    made = json.loads(cli("export", "engagement.events.v1", str(out), "--json")[1])
    assert made["records"] == 6
    assert cli("export", "engagement.events.v1", str(out))[0] == 2  # it is there already
    code, text, err = cli("export", "engagement.events.v1", "-", "--actor", "t:u1")
    assert code == 0 and [json.loads(line)["actor"]["id"] for line in text.splitlines()] == ["t:u1"] * 3
    again = json.loads(cli("replay", str(out), "--json")[1])
    assert (again["sent"], again["replayed_before"]) == (
        6,
        False,
    )  # another set of events than each of the two


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("replay", "x", "--source", "a", "--mapping", "x"), "either --source or --mapping"),
        (("replay", "x", "--watch", "t:ann"), "go with --source or --mapping"),
        (("replay", "x", "--format", "xls"), "--format may be ndjson"),
        (("replay", "x", "--source", "myspace"), "no source 'myspace'"),
        (("export", "nothing.v1", "x"), "unknown topic 'nothing.v1'"),
        (("export", "control.v1", "-", "--json"), "both want standard output"),
        (("export", "control.v1", "x", "--offsets", "1-2"), "--offsets is like 3:1000-2000"),
        (("forget",), "name at least one account"),
        (("forget", "ann"), "names no network"),
        (("forget", "t:ann", "--wait", "soon"), "is not a duration"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x").write_text("name: x")
    code, _, err = cli(*arguments)
    assert code == 2 and told in " ".join(err.replace("│", " ").split())


def test_forgetting_says_what_it_did_and_names_nobody(cli: Cli, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("# asked by mail\nt:u1\n\nt:u1\nhash:00000000000000ff\n")
    shown = json.loads(cli("forget", "--file", str(names), "--show", "--json")[1])
    assert shown["dry_run"] and len(shown["actors"]) == 2 and shown["actors"][1]["hash"] == "00000000000000ff"
    code, out, err = cli("forget", "--file", str(names), "--note", "ticket 7", "--by", "eve")
    assert code == 0 and "2 actors are being forgotten" in err and "t:u1" not in out + err
    acts: Any = json.loads(cli("audit", "--verb", "forget", "--json")[1])
    assert "ticket 7" in json.dumps(acts) and "t:u1" not in json.dumps(acts)
    requests = [json.loads(line) for line in cli("export", "control.v1", "-")[1].splitlines()]
    assert {one["kind"] for one in requests} == {"forget"} and len(requests) == 2
    assert "t:u1" not in json.dumps(requests)
