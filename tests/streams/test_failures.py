"""Errors in plain lines: what belongs to a file that was handed in keeps its place under the caret."""

from __future__ import annotations

import pytest

from streams.errors import InputError
from streams.failures import explain


def test_the_caret_stands_under_its_place_and_text_of_a_file_can_do_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = "r.yaml: line 2, column 10: for: 30 has no unit\n      x:   30\x1b[2J \u202e\n           ^"
    assert explain(InputError(shown, hint="look")) == 2
    first, line, caret, hint = capsys.readouterr().err.splitlines()
    assert first == "rapport: r.yaml: line 2, column 10: for: 30 has no unit"
    assert line.index("30") == caret.index("^") and "\x1b" not in line and "\u202e" not in line
    assert hint.strip() == "look"
