"""What counts as breaking a published schema."""

import copy

import pytest

from schemas.evolution import breaking_changes
from schemas.export import json_schema
from schemas.topics import EVENTS, READINGS, TOPICS

PUBLISHED = json_schema(TOPICS[EVENTS])


def changed(change) -> list[str]:
    present = copy.deepcopy(PUBLISHED)
    change(present)
    return breaking_changes(PUBLISHED, present)


def test_the_same_schema_and_one_that_holds_itself_break_nothing():
    assert breaking_changes(PUBLISHED, PUBLISHED) == []
    readings = json_schema(TOPICS[READINGS])
    assert breaking_changes(readings, readings) == []


@pytest.mark.parametrize("grow", [
    lambda s: s["properties"].update(mood={"type": "string"}),
    lambda s: s["$defs"]["Actor"]["properties"].update(verified={"type": "boolean"}),
    lambda s: s["required"].remove("source"),
    lambda s: s["properties"]["kind"]["enum"].append("wave"),
    lambda s: s["properties"]["event_id"].update(maxLength=512),
    lambda s: s["properties"].update(source={"anyOf": [s["properties"]["source"], {"type": "null"}]}),
    lambda s: s["properties"]["event_id"].update(description="other words"),
])  # fmt: skip
def test_growth_is_allowed(grow):
    assert changed(grow) == []


@pytest.mark.parametrize(("damage", "says"), [
    (lambda s: s["properties"].pop("text"), "text: is gone"),
    (lambda s: s["$defs"]["Actor"]["properties"].pop("bot"), "actor.bot: is gone"),
    (lambda s: s["required"].append("lang"), "lang: has become required"),
    (lambda s: s["$defs"]["Target"]["required"].append("type"), "target.type: has become required"),
    (lambda s: s["properties"]["kind"]["enum"].remove("save"), "kind: no longer takes save"),
    (lambda s: s["properties"]["event_id"].update(maxLength=64), "event_id: maxLength is now 64, was 256"),
    (lambda s: s["properties"]["text"]["anyOf"].pop(), "text: takes string, took null"),
    (lambda s: s["properties"]["tags"]["items"].update(type="integer"), "tags[]: takes integer, took string"),
    (lambda s: s["$defs"]["Actor"].update(additionalProperties=False),
     "actor: no longer takes unknown fields"),
])  # fmt: skip
def test_breakage_is_named(damage, says):
    assert changed(damage) == [says]
