"""`rapport relationships`: the map and its formats, with names that try to break out of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from processors.ledgers.ties import Ties
from processors.panes import DAY
from streams.commands.relationships import _print, dot, graphml, relationship_map
from tests.processors.builders import NOW, partnership
from tests.processors.ledgers.acts import PEOPLE, act

EVIL = 'a"];\n\x1b[2J<b>&[red]'


def found() -> dict[str, Any]:
    ledger = Ties()
    for day in range(0, 40, 2):
        ledger.act(act("comment", day, "emp1", "x:ann"))
        ledger.act(act("reply", day + 0.2, "x:ann", "emp1"))
        ledger.act(act("like", day, "acme", "x:ann"))
    employees = [{"account_id": "emp1", "name": EVIL}]
    ann = PEOPLE.model_copy(update={"employees": partnership(employees=employees).employees})
    bob = partnership(partnership_id="acme--bob", influencer_id="x:bob", employees=employees)
    return {"brand": EVIL, **relationship_map([bob, ann], {"x:ann": (ledger, NOW + 40 * DAY)})}


def test_the_map_says_who_how_strongly_and_what_is_lost() -> None:
    ann, bob = found()["influencers"]
    assert (ann["influencer_id"], bob["known"], bob["ties"]) == ("x:ann", False, [])
    assert [tie["account_id"] for tie in ann["ties"]] == ["emp1", "acme"]
    assert [tie["direction"] for tie in ann["ties"]] == ["both ways", "to influencer"]
    assert ann["ties"][0]["mean_gap_days"] == 2.0
    (person,) = found()["lost_if_leaves"]
    (lost,) = person["influencers"]
    assert lost["without"] < lost["relationship"]
    assert lost["share"] > 0.6


def test_graphml_is_well_formed_whatever_people_are_called() -> None:
    root = ET.fromstring(graphml(found()))
    space = {"g": "http://graphml.graphdrawing.org/xmlns"}
    nodes = {node.get("id") for node in root.iterfind(".//g:node", space)}
    edges = [(e.get("source"), e.get("target")) for e in root.iterfind(".//g:edge", space)]
    assert nodes == {"emp1", "acme", "x:ann", "x:bob"}
    assert set(edges) == {("emp1", "x:ann"), ("acme", "x:ann")}


def test_dot_keeps_foreign_names_within_their_quotes() -> None:
    text = dot(found())
    assert "\x1b" not in text
    for line in text.splitlines():
        assert line.replace('\\"', "").count('"') % 2 == 0
    assert text.count(" -> ") == 2
    assert 'label="a\\"];' in text


def test_the_table_prints_names_and_no_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    _print(found())
    said = capsys.readouterr().out
    assert "x:ann" in said
    assert "nothing read yet" in said
    assert "leaves: x:ann falls from" in said
    assert "\x1b" not in said
