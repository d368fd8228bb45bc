"""Foreign text must not move the cursor, colour the terminal, or be read as markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streams.text import clean, safe

HOSTILE = [
    "\x1b]0;owned\x07title",
    "\x1b[2J\x1b[31mred",
    "\x9b31mred",
    "a\rb",
    "[bold]x[/bold]",
    "[/]",
    "[link=file:///]x",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "z\u0300" * 200,
    "\ud800",
    "\x00\x07\x08",
    "\x1b]8;;http://x\x1b\\y",
    "\x1b",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_has_no_control_left(text: str) -> None:
    cleaned = clean(text)
    assert not [c for c in cleaned if ord(c) < 32 or 0x7F <= ord(c) < 0xA0]
    assert not set(cleaned) & set("\u202e\u2066\u2069\ud800")
    assert len(cleaned.encode()) < 900


@given(st.text(st.characters(codec=None)), st.integers(1, 50))
def test_clean_is_one_short_line(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()


@given(st.text())
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


def test_markup_is_shown_not_read() -> None:
    console = Console(width=60, force_terminal=True)
    with console.capture() as capture:
        console.print(safe("[red]Ann[/red] [link=x]"))
    assert capture.get().rstrip("\n") == "[red]Ann[/red] [link=x]"


def test_names_in_other_scripts_stay() -> None:
    assert clean("Ánn 王芳 مرحبا 🎉") == "Ánn 王芳 مرحبا 🎉"
