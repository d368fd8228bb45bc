"""Mapping files: what they can say, and how their mistakes are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.errors import InputError
from streams.sources import Options
from streams.sources.mapping import load_mapping
from tests.streams.sources.cases import BY_NAME, FIXTURES, RECEIVED

SMALL = """name: shop
rules:
- kind: comment
  id: "shop/{id}"
  at: at
  influencer: "shop:{owner}"
  actor: {id: "shop:{user}"}
"""
ITEM = {"id": 1, "at": "2026-09-21T10:00:00+02:00", "owner": "ann", "user": "fan"}


def parse(path: Path, text: str, item: Any) -> Any:
    (path / "m.yaml").write_text(text)
    return load_mapping(path / "m.yaml", Options()).parse(json.dumps(item).encode(), RECEIVED)


def test_times_counts_lookups_and_undos() -> None:
    events = BY_NAME["reviews"].events()
    assert [(e["kind"], e["op"]) for e in events] == [
        ("comment", "create"), ("like", "create"), ("like", "create"), ("counter", "create"), ("like", "undo")
    ]  # fmt: skip
    review, heart, _, total, undo = events
    assert review["occurred_at"] == "2026-09-21T14:13:00.000Z"  # 16:13 in Berlin
    assert review["actor"] == {"id": "shop:u1", "handle": "Fan", "followers": 12, "lang": "de"}
    assert review["tags"] == ["gloves"] and review["extra"] == {"stars": 5}
    assert (total["metric"], total["count"], total["clock"]) == ("views", 204, "poll")
    assert undo["undoes"] == heart["event_id"]


def test_an_id_may_be_a_constant(tmp_path: Path) -> None:
    odd = "shop:a'n`n\\\\x"
    text = SMALL.replace('"shop:{owner}"', '{const: "' + odd + '"}')
    (event,) = parse(tmp_path, text, {**ITEM, "owner": None}).events
    assert event["influencer_id"] == "shop:a'n`n\\x"


def test_what_it_does_not_name_it_does_not_tell() -> None:
    source = load_mapping(FIXTURES / "reviews.yaml")
    assert source.abilities["views"].level == "total"
    assert "interaction_quality.quality_rate" in source.not_measurable()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"at": "yesterday"}, "clock"),
        ({"user": None}, "missing"),
        ({"owner": ["a"]}, "missing"),
        ({"id": True}, "missing"),
    ],
)
def test_items_that_lack_something(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    assert parse(tmp_path, SMALL, ITEM).events
    assert [reason.code for reason in parse(tmp_path, SMALL, ITEM | change).rejected] == [code]


def test_an_expression_that_fails_is_a_reason(tmp_path: Path) -> None:
    one = parse(tmp_path, SMALL + "  text: length(id)\n", ITEM)
    assert one.rejected[0].code == "mapping"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: comment", "kind: coment", "line 3"),
        ("at: at", "at: 'a['", "rules[0].at: is no JMESPath expression"),
        ("at: at", "at: {path: at, zone: Europe/Nowhere}", "no such time zone"),
        ("at: at", "at: {path: at, format: iso}", "should be rfc3339, s, ms, us"),
        ("at: at", "at: {path: at, format: '%Y %Y'}", "is no pattern for a time"),
        ('"shop/{id}"', '"shop/{id"', "a brace is not closed"),
        ('  actor: {id: "shop:{user}"}\n', "", "`actor` with its `id` is needed"),
        ("kind: comment", "kind: counter", "a counter needs"),
        ("name: shop", "name: Shop 1", "name"),
        ("name: shop", "name: shop\ncolour: red", "colour"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in SMALL
    with pytest.raises(InputError) as error:
        parse(tmp_path, SMALL.replace(old, new), ITEM)
    assert told in str(error.value)
    assert ": line " in str(error.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_mapping(tmp_path / "none.yaml")
