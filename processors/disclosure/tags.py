"""Whether a text tells people, clearly and in time, that it is advertising: `check(text, tags, country) ->
Check`.

Clear: one of the tags or phrases of `rules`. In time: within the first 125 characters or the first three
lines, which is what feeds show before "more". Not buried: not within a run of hashtags with three others,
unless it leads the run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from processors.disclosure.folding import Folded, folded
from processors.disclosure.rules import (
    CLEAR_PHRASES,
    CLEAR_STEMS,
    CLEAR_TAGS,
    CLEAR_UNSPACED,
    LABELS,
    NEGATIONS,
    SPOKEN_OF,
    WEAK_TAGS,
    Rule,
    rule_of,
)

#: What feeds show before "more": characters, and lines.
SHOWN: Final = 125
LINES: Final = 3
#: Other hashtags in one run among which a tag is no longer found.
BURIED: Final = 3


class Check(msgspec.Struct, frozen=True):
    """What was found. why: "clear", "late" (below the fold), "buried", "weak" (only a hint), "none"."""

    proper: bool
    why: str
    tag: str = ""  # the words that decided, as they stand in the text

    @property
    def tells(self) -> bool:
        """Whether the text calls itself advertising at all, however well hidden."""
        return self.why in ("clear", "late", "buried")


NONE: Final = Check(False, "none")
_TAG = re.compile(r"#\s?([^\W_](?:\w|[-.·](?=\w))*)")
_RUN = re.compile(r"(?:[#][^\s#]+[\s,|/·•+]*)+")
_JOINTS = re.compile(r"[\W_]+")
_LABEL = re.compile(
    rf"(?:^|\n)[^\w\n#@]*({'|'.join(sorted(LABELS))})[^\S\n]*(?=[:|/\-.,!•·*~)\]\n+&>]|$|with |w/|by |for "
    rf"|@|#|[^\w\s])"
    rf"|[\[(*|{{<~]\s*({'|'.join(sorted(LABELS))})\s*[\])*|}}>~]"
    rf"|[|/•·\-~]\s*({'|'.join(sorted(LABELS))})\s*(?=\n|$)"
)
_SHOUTED = re.compile(r"(?:^|\n)[^\w\n#@]*(AD|ADVERT|PUB|PUBLI|ADV|PAID)\b|\b(?:ADVERT|AD)[^\w]*$")
_TAKEN_BACK = re.compile(
    r"unbezahlt|unpaid|ohneauftrag|unbeauftragt|^not|^no[tn]?ad|^keine|^nicht|ohnebezahlung"
)
_WORDS = re.compile(r"[\w']+")


@lru_cache(maxsize=16)
def _phrases(rule: Rule) -> re.Pattern[str]:
    every = sorted(CLEAR_PHRASES | set(rule.also), key=len, reverse=True)
    spaced = "|".join(re.escape(phrase).replace(r"\ ", r"[\s/-]+") for phrase in every)
    return re.compile(rf"(?<![\w#@])(?:{spaced})(?![\w])|{'|'.join(map(folded, CLEAR_UNSPACED))}")


def _squeezed(tag: str) -> str:
    return _JOINTS.sub("", tag)


def is_clear(tag: str) -> bool:
    """Whether a hashtag (folded, with or without "#") says clearly that this is advertising."""
    name = _squeezed(tag)
    if _TAKEN_BACK.search(name):
        return False
    return name in CLEAR_TAGS or name.startswith(CLEAR_STEMS)


def hashtags(text: Folded) -> list[str]:
    """Hashtags of a text, folded and squeezed, in order."""
    return [_squeezed(match[1]) for match in _TAG.finditer(text.text)]


def check(text: Folded, tags: Sequence[str] = (), country: str | None = None) -> Check:
    """Look at a text and at the tags of its record (which count where the text has lost its own hashtags)."""
    best = NONE
    for start, end in _claims(text, rule_of(country)):
        found = Check(True, "clear", text.between(start, end).strip())
        if not _shown(text, start):
            found = Check(False, "late", found.tag)
        elif _buried(text, start):
            found = Check(False, "buried", found.tag)
        if found.proper:
            return found
        best = found if best is NONE else best
    if best is not NONE:
        return best
    names = hashtags(text)
    if not names:
        listed = [_squeezed(folded(tag)) for tag in tags]
        clear = next((index for index, tag in enumerate(listed) if is_clear(tag)), None)
        if clear is not None:
            proper = clear == 0 or len(listed) - 1 < BURIED
            return Check(proper, "clear" if proper else "buried", f"#{tags[clear].lstrip('#')}")
        names = listed
    weak = next((name for name in names if name in WEAK_TAGS), None)
    return NONE if weak is None else Check(False, "weak", f"#{weak}")


def _claims(text: Folded, rule: Rule) -> list[tuple[int, int]]:
    """(start, end) of everything in the folded text that says clearly that it is advertising, in order."""
    body = text.text
    found = [(m.start(), m.end()) for m in _TAG.finditer(body) if is_clear(m[1])]
    for match in _phrases(rule).finditer(body):
        before = _WORDS.findall(body[max(0, match.start() - 30) : match.start()].rpartition("\n")[2])
        if not NEGATIONS.isdisjoint(before[-2:]) or (
            not SPOKEN_OF.isdisjoint((" ".join(before[-2:]), *before[-1:]))
        ):
            continue
        after = _WORDS.findall(body[match.end() : match.end() + 25])[:1]
        if after and _TAKEN_BACK.search(after[0]):
            continue
        found.append((match.start(), match.end()))
    for match in _LABEL.finditer(body):
        found.append(match.span(match.lastindex or 0))
    if not text.original.isascii() or text.text != text.original:
        place = {at: index for index, at in reversed(list(enumerate(text.at)))}
        for match in _SHOUTED.finditer(text.original):
            found.append((place.get(match.start(), 0), place.get(match.end() - 1, 0) + 1))
    return sorted(found)


def _shown(text: Folded, start: int) -> bool:
    """Whether what stands at `start` is seen before "more" is touched.

    125 characters, or the third line, if no line before it is longer than that. Lines of nothing but
    punctuation push a tag down: then only the first three count."""
    place = text.place(start)
    lines = text.original[:place].split("\n")
    while len(lines) > 1 and not lines[0].strip():
        lines.pop(0)
    filled = any(line.strip() and not any(c.isalnum() for c in line) for line in lines[1:-1])
    if place < SHOWN:
        return not filled or len(lines) <= LINES
    return len(lines) <= LINES and all(len(line) < SHOWN for line in lines)


def _buried(text: Folded, start: int) -> bool:
    """Whether it stands in a run of hashtags beside three others, and not in front of them."""
    if start >= len(text.text) or text.text[start] != "#":
        return False
    for run in _RUN.finditer(text.text):
        if run.start() <= start < run.end():
            return run.start() != start and run[0].count("#") - 1 >= BURIED
    return False
