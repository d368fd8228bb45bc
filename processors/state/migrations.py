"""From an older layout of state to the present one, entry by entry.

A migration turns the entries of one layout version into those of the next, knowing nothing but the entry:
so state is migrated in place, or as an older export is imported. Add one here, and its version to
`layout.LAYOUT_VERSION`, whenever what lies in Redis changes so that the program before could not read it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from processors.readings import packed
from processors.state.entries import LAYOUT, Entry
from processors.state.layout import LAYOUT_VERSION

#: The entry as the next version has it, or None: it is not kept there any more.
Migration = Callable[[Entry], Entry | None]


def _pack_readings(entry: Entry) -> Entry:
    """1 -> 2: readings lie packed; they were plain JSON before."""
    if entry.partition >= 0 and entry.name in (b"readings", b"readings:none"):
        entry.value = {
            name: packed(value) if value[:1] == b"{" else value for name, value in entry.value.items()
        }
    return entry


def _shorten_bands(entry: Entry) -> Entry:
    """2 -> 3: of each band of a remembered comment two bytes are kept; there were four."""
    if entry.partition >= 0 and entry.name.startswith(b"i:"):
        entry.value = {
            field: _shortened(value) if field.startswith(b"l:comments:t:") else value
            for field, value in entry.value.items()
        }
    return entry


def _shortened(chunk: bytes) -> bytes:
    records = (len(chunk) - _RING_HEAD) // (_TEXT + 8 * 4)
    bands = _RING_HEAD + records * _TEXT  # their columns are the last
    return chunk[:bands] + b"".join(chunk[at : at + 2] for at in range(bands, len(chunk), 4))


#: Bytes before a ring's columns, and of a remembered comment before its bands.
_RING_HEAD, _TEXT = 8, 20
#: Layout version -> what makes the next of it.
MIGRATIONS: Final = MappingProxyType[int, Migration]({1: _pack_readings, 2: _shorten_bands})


def migrate(entry: Entry, version: int) -> Entry | None:
    """An entry of layout `version` as the present layout has it. Raises KeyError for one never known."""
    now: Entry | None = entry
    for step in range(version, LAYOUT_VERSION):
        if now is None:
            return None
        now = MIGRATIONS[step](now)
    if now is not None and now.partition < 0 and now.name == LAYOUT:
        now.value = now.value | {b"version": str(LAYOUT_VERSION).encode()}
    return now
