"""The threat model names tests that are there."""

from __future__ import annotations

import re

from tests.servers import REPO

_PAGE = (REPO / "docs" / "threat-model.md").read_text()


def test_every_test_that_it_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w*))?`", _PAGE)
    assert len(named) > 30
    for path, name in named:
        if path.endswith("test_threat_model.py"):
            continue
        text = (REPO / path).read_text()
        assert not name or re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), f"{path} has no {name}"


def test_every_threat_has_what_shows_its_means() -> None:
    rows = [line for line in _PAGE.splitlines() if re.match(r"\| [A-Z][A-Z, ]*: |\| SSRF: ", line)]
    assert len(rows) > 20
    for row in rows:
        assert "`tests/" in row, row
