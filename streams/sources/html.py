"""Text out of the little HTML that networks put into posts."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

#: Beyond this nobody reads, and nobody should have to scan.
_MOST: Final = 100_000
_BREAK: Final = re.compile(r"<(?:br\s{0,5}/?|/p|/li|/div)>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]{0,4000}>")
_LINK: Final = re.compile(r'<a\s[^<>]{0,2000}?href="(https?://[^"<>\s]{1,500})"[^<>]{0,2000}>', re.IGNORECASE)


def plain(html: str) -> str:
    """The text without tags; paragraphs and breaks become line ends."""
    return unescape(_TAG.sub("", _BREAK.sub("\n", html[:_MOST]))).strip()


def links(html: str) -> list[str]:
    """Addresses that the text links to, mentions and hashtags (which bear a class) left out."""
    return [
        unescape(match[1]) for match in _LINK.finditer(html[:_MOST])
        if "mention" not in match[0] and "hashtag" not in match[0]
    ]  # fmt: skip
