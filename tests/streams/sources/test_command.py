"""`rapport sources list|show|try`, and the tables in docs/sources.md."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.sources import SOURCES
from streams.sources.table import measurable, tells
from tests.servers import REPO
from tests.streams.sources.cases import BY_NAME, FIXTURES
from tests.streams.sources.examples import document


def run(*words: str, code: int = 0, stdin: bytes | None = None) -> str:
    result = CliRunner().invoke(app, ["sources", *words], input=stdin)
    assert result.exit_code == code or result.exception, result.output
    if code == 0:
        assert result.exit_code == 0, result.output
    return result.stdout


def test_the_tables_of_the_docs_are_those_of_the_program() -> None:
    docs = (REPO / "docs" / "sources.md").read_text(encoding="utf-8")
    assert tells() in docs and measurable() in docs, "`rapport sources list --markdown` gives the tables"
    assert all(f"| `{name}` |" in docs for name in SOURCES)


def test_list_and_show() -> None:
    assert {one["name"] for one in json.loads(run("list", "--json"))["sources"]} == set(SOURCES)
    assert "comments" in run("list") and tells() in run("list", "--markdown")
    for name in (*SOURCES, str(FIXTURES / "reviews.yaml")):
        assert "identity: " in run("show", name)
    assert json.loads(run("show", "tiktok", "--json"))["not_measurable"]["connection.return"]


@pytest.mark.parametrize("name", ["bluesky", "mastodon", "activitystreams", "linkedin"])
def test_the_source_is_found_by_trying(name: str) -> None:
    case = BY_NAME[name]
    told = json.loads(run("try", str(FIXTURES / case.files[0]), "--json"))
    assert told["source"] == name
    assert len(told["payloads"]) == len(case.payloads()) and told["events"] > 5


def test_try_shows_events_and_reasons() -> None:
    shown = run("try", str(FIXTURES / "reviews.ndjson"), "--mapping", str(FIXTURES / "reviews.yaml"))
    assert "like (undo)" in shown and "rejected" in shown and "left out" in shown


def test_try_reads_csv_json_xml_gzip_and_standard_input(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        'name: shop\nrules:\n- {kind: comment, id: "shop/{id}", at: {path: at, format: s}, '
        "influencer: owner, actor: {id: who}, text: body}\n"
    )
    mapping = ("--mapping", str(tmp_path / "m.yaml"), "--json")
    (tmp_path / "r.csv").write_text(
        '\ufeffid;at;owner;who;body\n1;1790000000;ann;fan;"a;b"\n2;soon;ann;fan;\n'
    )
    told = json.loads(run("try", str(tmp_path / "r.csv"), *mapping))
    assert (told["events"], told["rejected"]) == (1, 1)
    assert told["payloads"][0]["events"][0]["text"] == "a;b"
    row = {"id": "1", "at": "1790000000", "owner": "ann", "who": "fan"}
    (tmp_path / "r.json").write_text(json.dumps([row, row | {"id": "2"}]))
    (tmp_path / "r.ndjson.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    assert json.loads(run("try", str(tmp_path / "r.json"), *mapping))["events"] == 2
    assert json.loads(run("try", str(tmp_path / "r.ndjson.gz"), *mapping))["events"] == 1
    assert json.loads(run("try", "-", *mapping, stdin=json.dumps(row).encode()))["events"] == 1
    assert json.loads(run("try", str(FIXTURES / "youtube_push.xml"), "--json"))["source"] == "youtube"


def test_try_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_text('{"a": 1}\n')
    (tmp_path / "empty.ndjson").write_text("\n")
    for words in (
        [str(tmp_path / "none.ndjson")], [str(tmp_path / "x.ndjson")], [str(tmp_path / "empty.ndjson")],
        [str(tmp_path / "x.ndjson"), "--source", "nope"],
        [str(tmp_path / "x.ndjson"), "--source", "bluesky", "--received", "now"],
    ):  # fmt: skip
        run("try", *words, code=2)


def test_the_examples_of_the_docs_are_what_becomes_of_the_payloads() -> None:
    told = (REPO / "docs" / "source_examples.md").read_text(encoding="utf-8")
    assert told == document(), "python -m tests.streams.sources.examples > docs/source_examples.md"
