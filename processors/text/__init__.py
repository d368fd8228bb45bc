"""What a text says about itself: cheap features of a comment, read without a model.

    words(text: str, lang: str | None) -> Words        about 5 us for a typical comment
    fold(text: str) -> list[str]                       its words, with case, accents and repetitions folded

Texts are compared and looked up in one folded form: lower case, accents and emoji variants gone, runs of the
same letter as one, digits as 0, addresses and mentions left out (their numbers are kept). Lexicons are folded
the same way (`lexicon.py`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from string import ascii_lowercase
from typing import Final
from unicodedata import normalize

import msgspec
import xxhash

from processors.text import lexicon

#: Characters of a text that are looked at; a comment that is longer says by then what it says.
LOOKED_AT: Final = 1_000
#: Shorter texts repeat all the time: what was found out about them is remembered.
_SHORT: Final = 24

_MARKS = re.compile("[\u0300-\u036f\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff'’`´]|[\U0001f3fb-\U0001f3ff]")
_RUNS = re.compile(r"([^\W\d_])\1+")
_TWICE: Final = tuple((2 * letter, letter) for letter in ascii_lowercase)
_DIGITS = re.compile(r"\d+")
# \w knows letters and digits only; the vowel signs of Indic scripts, Thai and Burmese belong to words too.
_WORD = re.compile("[\\w\u0900-\u0963\u0966-\u0dff\u0e00-\u0e7f\u1000-\u109f]+")
_MENTION = re.compile(r"@[\w.]+")
# On folded text, so "http" is "htp" by then, and "www" is "w".
_ADDRESS = re.compile(
    rf"(?:htps?:/|\bw\.)\S+|\b[\w-]{{2,}}\.(?:{lexicon.DOMAINS.replace(' ', '|')})\b(?:/\S*)?"
)
_digest = xxhash.xxh3_64_intdigest


def _hash(text: str) -> int:
    return _digest(text.encode("utf-8", "replace"))


class Words(msgspec.Struct, frozen=True, gc=False):
    """Features of one text."""

    hash: int  # 64 bits of the folded text; texts that differ in case, accents, emoji, digits share it
    count: int  # words (mentions and addresses are none)
    tokens: tuple[str, ...] = ()  # the folded words
    mentions: int = 0
    urls: int = 0
    emoji_only: bool = False  # nothing but emoji and punctuation
    mention_only: bool = False  # nothing but mentions (and emoji)
    generic: bool = False  # emoji only, mention only, or one or two words of praise with at most one filler
    question: bool = False
    intent: bool = False  # wants to buy, or to know before buying
    objection: bool = False
    promotion: float = 0.0  # 0..1: promotes something of the speaker's own
    substance: float = 0.0  # 0..1, see `substance_of`


_PRAISE, _FILLER, _INTENT, _OBJECTION, _ASKING, _STRONG, _WEAK = (1 << bit for bit in range(7))


def fold(text: str) -> list[str]:
    """The folded words of a text; neither addresses nor mentions are left out here."""
    return _WORD.findall(_folded(text))


def _folded(text: str) -> str:
    lower = text.casefold()
    if not lower.isascii():
        lower = normalize("NFKD", lower)
        lower = _MARKS.sub("", lower)
    else:
        if "'" in lower or "`" in lower:
            lower = _MARKS.sub("", lower)
        for twice, once in _TWICE:  # as _RUNS, in a fifth of the time
            while twice in lower:
                lower = lower.replace(twice, once)
        return lower
    return _RUNS.sub(r"\1", lower)


def _entries(lines: str) -> list[tuple[str, ...]]:
    return [words for part in re.split(r"[,\n]", lines) if (words := tuple(fold(part)))]


def _tables() -> tuple[dict[str, int], dict[str, list[tuple[tuple[str, ...], int]]]]:
    """(word -> flags, first word of a phrase -> its phrases with flags)."""
    single: dict[str, int] = {}
    phrases: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    strong, weak = (entries for _, entries in lexicon.PROMOTION)
    for flag, lines in (
        (_PRAISE, lexicon.PRAISE), (_FILLER, lexicon.FILLERS), (_INTENT, lexicon.INTENT),
        (_OBJECTION, lexicon.OBJECTION), (_ASKING, lexicon.ASKING), (_STRONG, strong), (_WEAK, weak),
    ):  # fmt: skip
        for entry in _entries(lines):
            if len(entry) == 1:
                single[entry[0]] = single.get(entry[0], 0) | flag
            else:
                phrases.setdefault(entry[0], []).append((entry, flag))
    return single, phrases


_SINGLE, _PHRASES = _tables()
_single = _SINGLE.get
_LISTED = frozenset(_SINGLE)
_STARTS = frozenset(_PHRASES)


def words(text: str, lang: str | None = None) -> Words:
    """The features of a text. `lang` (what the source says) is not needed: the lexicons are read together."""
    return _short(text) if len(text) <= _SHORT else _words(text[:LOOKED_AT])


def _words(text: str) -> Words:
    folded = _folded(text)
    mentions = urls = 0
    if "." in folded and (urls := len(_ADDRESS.findall(folded))):
        folded = _ADDRESS.sub(" ", folded)
    if "@" in folded:
        mentions = len(_MENTION.findall(folded))
        folded = _MENTION.sub(" ", folded)
    tokens = tuple(_WORD.findall(_DIGITS.sub("0", folded)))
    count = len(tokens)
    if not count:
        return _wordless(folded, mentions, urls)
    single = _single
    flags = praise = filler = 0
    weak = 0.0
    known = _LISTED.intersection(tokens)
    for token in tokens if known else ():
        if token in known:
            flag = single(token, 0)
            flags |= flag
            praise += flag & 1
            filler += (flag & 3) == _FILLER
            weak += 0.5 if flag & _WEAK else 0.0
    asking = bool(single(tokens[0], 0) & _ASKING)
    starts = _STARTS.intersection(tokens)
    for index, token in enumerate(tokens) if starts else ():
        if token in starts:
            for phrase, flag in _PHRASES[token]:
                if tokens[index : index + len(phrase)] == phrase:
                    flags |= flag
                    weak += 0.5 if flag & _WEAK else 0.0
                    asking |= bool(flag & _ASKING and index == 0)
    mark = "?" in folded or "？" in folded or "؟" in folded
    question = mark or (asking and count >= 3)
    intent, objection = bool(flags & _INTENT), bool(flags & _OBJECTION)
    strong = 1.0 if flags & _STRONG else 0.0
    promotion = min(1.0, strong + weak * 0.5 + (0.75 if urls else 0.0))
    # A word may be praise and filler at once ("top"): it is counted as praise.
    generic = not urls and not mark and praise > 0 and count <= 3 and praise + filler == count and praise <= 2
    return Words(
        _hash(" ".join(tokens)), count, tokens, mentions, urls, False, False,
        generic, question, intent, objection, promotion,
        substance_of(count, len(set(tokens)), question, intent, generic),
    )  # fmt: skip


def _wordless(folded: str, mentions: int, urls: int) -> Words:
    """A text without words: what counts is which emoji, not how many of them."""
    rest = "".join(sorted(set(folded) - {" ", "\n", "\t", "\u200d"}))
    return Words(
        _hash(rest) if rest else 0, 0, (), mentions, urls,
        emoji_only=not mentions and not urls, mention_only=bool(mentions) and not urls,
        generic=not urls, promotion=0.75 if urls else 0.0,
    )  # fmt: skip


_short = lru_cache(maxsize=8_192)(_words)


def substance_of(count: int, distinct: int, question: bool, intent: bool, generic: bool) -> float:
    """Substance in [0, 1] = .5 * min(1, words/12) + .2 * distinct/words * min(1, words/6) + .15 question
    + .15 intent; generic texts at most .1. Own formula: a long, varied text that asks something comes near 1,
    "wow" near 0. `count` > 0."""
    value = 0.5 * min(1.0, count / 12) + 0.2 * distinct / count * min(1.0, count / 6)
    value += (0.15 if question else 0.0) + (0.15 if intent else 0.0)
    return min(0.1, value) if generic else min(1.0, value)


__all__ = ["Words", "fold", "words"]
