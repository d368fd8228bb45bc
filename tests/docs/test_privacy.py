"""docs/privacy.md says how long things are kept: as long as the code keeps them."""

from __future__ import annotations

import importlib
import re
from datetime import timedelta

import pytest

from processors.panes import DAY, HOUR
from schemas.topics import TOPICS
from streams.settings import Settings
from tests.servers import REPO

_TEXT = (REPO / "docs" / "privacy.md").read_text(encoding="utf-8")
_TABLE = _TEXT.partition("## How long")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (.+?) \| (\d+) ([A-Za-z ]+?) \| `(.+?)` \|$", _TABLE, re.MULTILINE)
_UNITS = {"days": DAY, "hours": HOUR, "months": 1}


@pytest.mark.parametrize(("what", "number", "unit", "name"), ROWS)
def test_what_is_said_is_what_is_done(what: str, number: str, unit: str, name: str) -> None:
    said = int(number)
    if name in TOPICS:
        spec = TOPICS[name]
        if unit == "GiB a partition":
            assert (spec.retention, spec.retention_bytes) == (None, said << 30)
        else:
            assert spec.retention == timedelta(days=said)
        return
    if name.startswith("RAPPORT_"):
        assert Settings.model_fields[name.removeprefix("RAPPORT_").lower()].default == said
        return
    module, _, constant = name.rpartition(".")
    value = getattr(importlib.import_module(module), constant)
    seconds = value if constant.endswith("_S") else value * (HOUR if "HOURS" in constant else DAY)
    assert (value if unit == "months" else seconds) == said * _UNITS[unit]


def test_the_table_is_read_whole() -> None:
    assert len(ROWS) == len([line for line in _TABLE.splitlines() if line.startswith("| ")]) - 2 == 19


def test_quotes_are_as_many_and_as_long_as_is_said() -> None:
    insights = importlib.import_module("processors.ledgers.insights")
    assert f"up to {insights.QUOTES} quotes of comments, {insights.QUOTE} characters each" in _TEXT
