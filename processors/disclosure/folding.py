"""One readable form for all spellings of a text: `Folded(text)`, with the way back to the original's
characters.

Case, accents, styled letters (𝐚𝐝, ａｄ, ⓐⓓ, ᵃᵈ, ᴀᴅ), look-alikes of other scripts (Cyrillic а), invisible
characters and soft hyphens play no part, whoever put them there. Punctuation, digits and line breaks stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from unicodedata import category, normalize

#: Characters of a text that are looked at.
LOOKED_AT: Final = 3_000

#: Letters that look like a Latin one: Cyrillic, Greek, small capitals.
_LOOK_ALIKES: Final = dict(
    zip("авеёкмнорстухѕіјԁɡԛԝьαοερτυνκιɑɩıᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",
        "abeekmhopctyxsijdgqwbaoeptuvkiaiiabcdefghijklmnoprstuvwyz", strict=True)
)  # fmt: skip
#: Letters for which there is no decomposition.
_PLAIN: Final = {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i"}
_SIGNS: Final = {
    "’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—":
    "-", "−": "-", "‐": "-", "‑": "-", "﹟": "#", "＃": "#", "♯": "#", "﹫": "@", "٪": "%", "﹪": "%",
    "【": "[",
    "】": "]", "\r": "\n", "\u2028": "\n", "\u2029": "\n", "\x0b": "\n", "\x0c": "\n", "\x85": "\n",
}  # fmt: skip
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_RARE_CYRILLIC = re.compile("[бгджзилпфцчшщъыэюяґїєљњћђџў]")
_GREEK = re.compile("[\u0370-\u03ff]")
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=4_096)
def _piece(char: str) -> str:
    """What one character is folded to; often itself, sometimes nothing."""
    if char in _SIGNS:
        return _SIGNS[char]
    kind = category(char)
    if kind in ("Cf", "Mn", "Me") or char in "\ufe0e\ufe0f\u3164\u2800\u115f":
        return ""
    if kind == "So" and 0x1F130 <= ord(char) <= 0x1F189:  # squared and negative letters: 🄰 🅐 🅰
        return chr(ord("a") + (ord(char) - 0x1F130) % 32) if (ord(char) - 0x1F130) % 32 < 26 else char
    plain = "".join(_PLAIN.get(c, c) for c in normalize("NFKD", char).casefold() if category(c) != "Mn")
    return plain if kind != "Zs" else " "


class Folded:
    """A folded text. `text[i]` came from character `at[i]` of the original (its first LOOKED_AT)."""

    __slots__ = ("at", "original", "text")

    def __init__(self, text: str) -> None:
        self.at: Sequence[int]
        self.original = text = text[:LOOKED_AT].replace("\r\n", "\n ")
        if text.isascii():
            self.text, self.at = text.replace("\r", "\n").replace("`", "'").lower(), range(len(text))
            return
        pieces, at = [], []
        for index, char in enumerate(text):
            piece = _piece(char)
            pieces.append(piece)
            at.extend([index] * len(piece))
        self.text, self.at = _without_look_alikes("".join(pieces)), at

    def place(self, index: int) -> int:
        """Where `text[index]` stands in the original."""
        return self.at[index] if index < len(self.at) else len(self.original)

    def between(self, start: int, end: int) -> str:
        """The original's characters for `text[start:end]`."""
        return self.original[self.place(start) : self.place(end - 1) + 1] if end > start else ""


def _without_look_alikes(text: str) -> str:
    """Look-alike letters as Latin ones, in words that could be meant as Latin: mixed ones, and short ones of
    nothing but look-alikes. Words that are Cyrillic or Greek stay."""
    if not (_CYRILLIC.search(text) or _GREEK.search(text) or any(c in _LOOK_ALIKES for c in text)):
        return text

    def latin(match: re.Match[str]) -> str:
        word = match[0]
        if _CYRILLIC.search(word) and (
            _RARE_CYRILLIC.search(word) or (not any("a" <= c <= "z" for c in word) and len(word) > 3)
        ):
            return word
        if _GREEK.search(word) and not any("a" <= c <= "z" for c in word):
            return word
        return "".join(_LOOK_ALIKES.get(c, c) for c in word)

    return _WORD.sub(latin, text)


@lru_cache(maxsize=4_096)
def folded(text: str) -> str:
    """A short text (a term, a tag) folded; spaces at its ends gone."""
    return Folded(text).text.strip()
