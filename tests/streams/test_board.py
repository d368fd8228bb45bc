"""The board as values: what is drawn, in which colour, and how wide."""

from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from streams.board import AlertLine, Cell, Row, Snapshot, cell, render, save_picture, sparkline

AT = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)
ROWS = [
    Row(
        "acme--ann",
        "micro",
        31.2,
        27,
        35.5,
        {"interaction_quality": Cell(62.0, 60.0), "connection": Cell(31.2, 58.0)},
        "firing",
        [60, 58, 40, 31],
    ),
    Row(
        "acme--bob",
        "nano",
        71.0,
        60,
        80,
        {"interaction_quality": Cell(70.0, None), "connection": Cell(None, 50.0)},
        "well",
        [70, None, 71],
    ),
    Row("bolt--cyn", "mega", None, None, None, {}, "warming up"),
]
ALERT = AlertLine(
    AT,
    "acme--ann",
    "connection",
    "firing",
    "critical",
    "Connection with the audience fell from 58 to 31 in 7 days.",
)


def drawn(snapshot: Snapshot, width: int = 120, colour: bool = False) -> str:
    console = Console(
        width=width, force_terminal=colour, color_system="truecolor" if colour else None, height=50
    )
    with console.capture() as capture:
        console.print(render(snapshot))
    return capture.get()


def line_of(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


def test_a_narrow_terminal_still_shows_whole_names_and_states() -> None:
    text = drawn(Snapshot(clock=AT, rows=ROWS, alerts=[ALERT, ALERT]), 80)
    assert text.count("│ " + ALERT.at.strftime("%a %d")) == 2  # each on a line of its own
    for row in ROWS:
        assert f"● {row.state}" in line_of(text, row.name)
    assert ALERT.partnership in text and max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [100, 120, 140])
def test_everything_is_seen_and_fits(width: int) -> None:
    text = drawn(
        Snapshot(clock=AT, events_per_s=1234.4, read=99_000, lag=7, rejected=3, rows=ROWS, alerts=[ALERT]),
        width,
    )
    assert max(len(line) for line in text.splitlines()) <= width
    for word in (
        "Sun 22 Nov 10:15 UTC",
        "1,234",
        "99,000",
        "lag 7",
        "rejected 3",
        "acme--ann",
        "31 (27–36)",
        "62 ≈60",
        "31 ▼58",
        "● firing",
        "● well",
        "● warming up",
        "CRITICAL",
    ):
        assert word in text
    assert "fell from 58 to 31" in " ".join(text.split())


def test_what_cannot_be_measured_is_a_dash_never_zero() -> None:
    text = drawn(Snapshot(rows=ROWS))
    assert line_of(text, "bolt--cyn").split()[1:] == ["mega", "–", "–", "–", "●", "warming", "up"]
    assert cell(Cell(None, 50.0)).plain == cell(None).plain == "–"
    assert cell(Cell(0.0, 50.0)).plain == "0 ▼50"


@pytest.mark.parametrize(
    ("value", "style"), [(58.0, "green"), (80.0, "green"), (51.0, "yellow"), (45.0, "bold red")]
)
def test_a_signal_is_coloured_by_its_slip_from_the_baseline(value: float, style: str) -> None:
    assert cell(Cell(value, 58.0)).style == style


def test_a_signal_whose_alert_fires_is_red_even_when_the_numbers_are_close() -> None:
    assert cell(Cell(82.0, 84.0, "firing")).style == "bold red"
    assert cell(Cell(82.0, 84.0, "resolved")).style == "green"


def test_sparkline() -> None:
    assert sparkline([]) == ""
    assert sparkline([None, None]) == "··"
    assert set(sparkline([60.0, 60.5, 60.2])) <= set("▇█")  # noise is no cliff
    fall = sparkline([70.0, None, 40.0, 0.0])
    assert fall[1] == "·" and fall[0] > fall[2] > fall[3] == "▁"
    assert len(sparkline([float(i) for i in range(100)], 16)) == 16


def test_hostile_names_neither_paint_nor_move() -> None:
    row = Row("[red]x[/red]\x1b[2J\r", "\x1b]0;t\x07nano", 50.0, 40, 60, {}, "well")
    alert = AlertLine(AT, "a\x1b[31m[/]", "health", "firing", None, "[link=file:///etc]x\x1b[5A")
    text = drawn(Snapshot(rows=[row], alerts=[alert]))
    assert "[red]x[/red]" in text and "[link=file:///etc]x" in text
    assert "\x1b" not in text and "\r" not in text


def test_nothing_yet_says_so() -> None:
    text = drawn(Snapshot())
    assert "no readings yet" in text and "none so far" in text and "event time –" in text


def test_more_rows_than_fit_are_told() -> None:
    rows = [Row(f"p{i}", "nano", 50.0, None, None, {}, "well") for i in range(40)]
    assert "… and 10 more" in drawn(Snapshot(rows=rows))


def test_the_picture_is_svg(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "board.svg"
    save_picture(Snapshot(clock=AT, rows=ROWS, alerts=[ALERT]), path)
    assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert "acme--ann" in path.read_text() and "font-face" not in path.read_text()
