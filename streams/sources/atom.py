"""The Atom that YouTube pushes (PubSubHubbub), read so that no document can do harm.

Expat with everything refused that XML bombs are made of: a document type is an error, so there are no
entities to expand, and nothing is ever fetched.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn
from xml.parsers import expat

from streams.sources.errors import Refused

_BYTES_MAX: Final = 1 << 20
_DEPTH_MAX: Final = 16
_TEXT_MAX: Final = 20_000
_ATOM: Final = "http://www.w3.org/2005/Atom"
_NAMES: Final = {
    "http://www.youtube.com/xml/schemas/2015": "yt:", "http://purl.org/atompub/tombstones/1.0": "at:",
    "http://search.yahoo.com/mrss/": "media:", _ATOM: "",
}  # fmt: skip
#: Elements that hold an entry, and those in which texts of an entry are nested.
_ENTRIES: Final = ("entry", "at:deleted-entry")


def entries(payload: bytes) -> list[dict[str, Any]]:
    """Entries of a feed: {path of element: text, "path@attribute": value}, `_` being the entry's own name.

    Raises Refused (`too_large`, `not_xml`, `depth`).
    """
    if len(payload) > _BYTES_MAX:
        raise Refused("too_large", f"{len(payload):,} bytes, more than {_BYTES_MAX:,}")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator="\n")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(payload, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise Refused("not_xml", str(error)) from None
    return reader.found


def _refuse(*_: object) -> NoReturn:
    raise Refused("not_xml", "a document type or an entity is declared: such documents are not read")


class _Reader:
    """Collects texts and attributes of entries by the path of their element."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._path: list[str] = []
        self._entry: dict[str, Any] | None = None
        self._from = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition("\n")
        short = _NAMES.get(space, "?:") + local
        self._path.append(short)
        if len(self._path) > _DEPTH_MAX:
            raise Refused("depth", f"elements nested deeper than {_DEPTH_MAX}")
        if self._entry is None and short in _ENTRIES:
            self._entry, self._from = {"_": short}, len(self._path)
        if self._entry is not None:
            for attribute, value in list(attributes.items())[:20]:
                self._entry.setdefault(f"{self._at()}@{attribute.rpartition(chr(10))[2]}", value[:_TEXT_MAX])

    def text(self, data: str) -> None:
        if self._entry is not None and (at := self._at()):
            self._entry[at] = (self._entry.get(at, "") + data)[:_TEXT_MAX]

    def end(self, name: str) -> None:
        if self._entry is not None and len(self._path) == self._from:
            self.found.append({
                name: value.strip() for name, value in self._entry.items() if value.strip()
            })  # fmt: skip
            self._entry = None
        self._path.pop()

    def _at(self) -> str:
        return "/".join(self._path[self._from :])
