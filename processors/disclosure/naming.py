"""Whether a text names a brand: terms and accounts, at word boundaries, with case and accents folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from processors.disclosure.folding import Folded, folded

#: What people put behind (or before) a brand's name in a hashtag.
_TAILS: Final = (
    "official|oficial|officiel|partner|partners|ad|ads|sponsored|ambassador|team|crew|family|community|love|lover|lovers|life|style|"
    "style[sd]|fan|fans|x|collab|by|uk|us|usa|de|fr|es|it|at|ch|eu|global|shop|store|code|sale|deal|rabatt|promo|gifted|\\d{1,4}"
)
_HEADS: Final = "team|love|my|ilove|with|x|mit|avec|con|com|by|the|ad|gifted|werbung|anzeige"
_HOST_PARTS: Final = frozenset(
    {"www", "m", "shop", "store", "go", "link", "get", "try", "en", "us", "uk", "de", "fr", "es", "it"}
)
_NOT_WORD = re.compile(r"[\W_]+")


def _term(term: str) -> str:
    """A term as a pattern: its words with any (or no) joint between them, "'s" or a plural genitive
    allowed."""
    words = _NOT_WORD.sub(" ", folded(term)).split()
    return r"[\W_]{0,3}".join(map(re.escape, words))


def handle_of(account: str) -> str:
    """The part of an account id that people write: `bluesky:did:plc:acme` -> acme, `@acme@social.example`
    -> acme,
    `acme.bsky.social` -> acme, `https://site/@acme` -> acme. Empty where it would be under three letters."""
    last = re.split(r"[:/]", account.rstrip("/"))[-1].lstrip("@").split("@")[0]
    if last.count(".") >= 1:
        last = last.split(".")[0]
    return last if len(last) >= 3 else ""


class Names:
    """What a brand is called. `terms` are words or hashtags, `accounts` ids of its accounts."""

    __slots__ = ("_accounts", "_handles", "_inside", "_pattern", "_squeezed", "_tag")

    def __init__(self, terms: Iterable[str], accounts: Iterable[str] = ()) -> None:
        accounts = tuple(accounts)
        handles = {handle for account in accounts if (handle := handle_of(account))}
        patterns = sorted({p for term in (*terms, *handles) if (p := _term(term))}, key=len, reverse=True)
        self._accounts = frozenset(folded(account).lstrip("@") for account in accounts)
        self._handles = frozenset(folded(handle) for handle in handles)
        joined = "|".join(patterns)
        self._pattern = re.compile(rf"(?<![^\W_])(?:{joined})(?:'?s)?(?![^\W_])") if joined else None
        self._tag = re.compile(rf"(?:{_HEADS})?(?:{joined})(?:{_TAILS})?") if joined else None
        self._squeezed = frozenset(_NOT_WORD.sub("", folded(term)) for term in terms) | self._handles

    def __bool__(self) -> bool:
        return self._pattern is not None

    def masked(self, text: str) -> str:
        """A folded text with BRAND for each time that the brand is named."""
        return text if self._pattern is None else self._pattern.sub("BRAND", text)

    def named(
        self,
        text: Folded | None,
        mentions: Sequence[str] = (),
        tags: Sequence[str] = (),
        urls: Sequence[str] = (),
    ) -> bool:
        """Whether any of a post's parts names the brand."""
        if self._pattern is None or self._tag is None:
            return False
        if text is not None:
            if self._pattern.search(text.text):
                return True
            if "#" in text.text and any(self._tag.fullmatch(tag) for tag in _tags(text.text)):
                return True
        for tag in tags:
            if self._tag.fullmatch(_NOT_WORD.sub("", folded(tag))) or self._pattern.search(folded(tag)):
                return True
        for mention in mentions:
            name = folded(mention).lstrip("@")
            if name in self._accounts or folded(handle_of(mention)) in self._squeezed:
                return True
        return any(self._in_url(url) for url in urls)

    def _in_url(self, url: str) -> bool:
        """A host that is the brand's, or an account's page; a word in the path's slug counts too."""
        try:
            parts = urlsplit(url if "//" in url else f"//{url}")
        except ValueError:  # anybody may send anything as an address
            return False
        labels = [
            label for label in folded(parts.netloc).split(":")[0].split(".")[:-1] if label not in _HOST_PARTS
        ]
        if not self._squeezed.isdisjoint(_NOT_WORD.sub("", label) for label in labels):
            return True
        path = folded(parts.path)
        return bool(path) and self._pattern is not None and self._pattern.search(path) is not None


def _tags(text: str) -> list[str]:
    return [_NOT_WORD.sub("", tag) for tag in re.findall(r"#\s?([^\W_][\w-]*)", text)]


@lru_cache(maxsize=4_096)
def names(terms: tuple[str, ...], accounts: tuple[str, ...], brand: str = "") -> Names:
    """The (remembered) names of a brand; its id stands in where it has no terms."""
    return Names(terms or ((brand,) if brand else ()), accounts)
