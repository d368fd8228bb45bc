"""Values of an activity, each of which may be a string, an object, or an array of both."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from streams.sources.node import Node

#: Whose an address is, where it says so: /users/ann/statuses/1, /@ann/1, /ap/users/1/statuses/2.
_PERSON: Final = re.compile(r"/(?:(?:ap/)?users?/|u/|@)([^/?#]+)")


def key_of(part: Node) -> tuple[str, ...]:
    own = part.id("id")
    return (own,) if own else ()


def type_of(part: Node) -> str:
    """The type's short name: `as:Like` and the whole address mean the same."""
    found = next(iter(part.texts("type")), "")
    return found.removeprefix("as:").rpartition("#")[2]


def refs_of(part: Node, name: str) -> list[str]:
    """Ids of a value that may be a string, an object, or an array of both."""
    value = part.raw(name)
    items = value if isinstance(value, list) else [value]
    found = []
    for item in items[:100]:
        one = item.get("id") or item.get("href") if isinstance(item, dict) else item
        if isinstance(one, str) and one:
            found.append(one)
    return found


def ref_of(part: Node, name: str) -> str | None:
    return next(iter(refs_of(part, name)), None)


def lang_of(thing: Node) -> str | None:
    """The language, where the text is told by language and in one only."""
    by_language = thing.raw("contentMap")
    if isinstance(by_language, dict) and len(by_language) == 1:
        name = next(iter(by_language))
        return name if isinstance(name, str) and 0 < len(name) <= 16 else None
    return None


def beginnings(address: str) -> list[str]:
    """What an address may belong to: itself without its last parts, longest first."""
    parts = address.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts) - 1, 3, -1)][:8]


def is_elsewhere(object_id: str, account: str) -> bool:
    """Whether an object's address shows that it is not the account's: another host, or another name."""
    try:
        other, own = urlsplit(object_id), urlsplit(account)
    except ValueError:
        return False
    if not (own.hostname and other.hostname):
        return False
    return other.hostname != own.hostname or names_another(object_id, account)


def names_another(object_id: str, account: str) -> bool:
    """Whether an object's address bears a name, and not the account's."""
    named = _PERSON.search(object_id)
    own = account.rstrip("/").rpartition("/")[2].removeprefix("@")
    return named is not None and bool(own) and named[1].lower() != own.lower()
