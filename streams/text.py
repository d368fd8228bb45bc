"""Foreign text made safe for a terminal: names, comments and ids come from strangers."""

from __future__ import annotations

import re
import unicodedata

from rich.text import Text

_ELLIPSIS = "…"
#: Control, format (bidi overrides, zero width), surrogates, private use, line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
#: CSI, OSC (ended by BEL or ST, or never) and two-character escape sequences, taken out whole.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[@-_]?"
)


def clean(value: object, limit: int = 200) -> str:
    """The value as one line without control characters, at most `limit` characters (then ends in "…")."""
    text = value if isinstance(value, str) else str(value)
    text = _ESCAPES.sub("", text[: limit * 8 + 64])
    if not text.isascii() or not text.isprintable():
        text = "".join(
            " " if c in "\t\n\r" else c
            for c in text
            if c in "\t\n\r" or unicodedata.category(c) not in _UNSAFE
        )
        text = _few_marks(text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS


def safe(value: object, style: str = "", limit: int = 200) -> Text:
    """The value as rich `Text`: cleaned, and never read as markup."""
    return Text(clean(value, limit), style=style, no_wrap=False, end="")


def verbatim(line: str) -> str:
    """A line that can do nothing to a terminal, its blanks kept: a caret below stays under its place."""
    return "".join(c if c.isprintable() else "�" for c in line)


def _few_marks(text: str, most: int = 3) -> str:
    """At most `most` combining marks in a row, so that a name cannot grow over its neighbours."""
    out: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= most:
            out.append(char)
    return "".join(out)
