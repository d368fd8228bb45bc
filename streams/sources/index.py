"""What was made, by the little that its deletion will say.

Bluesky deletes by (did, collection, rkey), Mastodon by the bare id of a status: without knowing what stood
there nobody can say whose influencer it concerned. So a source notes each act that can be taken back, under
the key that its deletion will bear.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol


class Index(Protocol):
    """Where a source notes what may be deleted. Values are short JSON."""

    def get(self, key: str) -> bytes | None:
        """What was noted, or None."""

    def put(self, key: str, value: bytes) -> None:
        """Note it; an older value under the key is replaced."""


class LocalIndex:
    """In memory, at most `most` entries; the oldest go."""

    def __init__(self, most: int = 200_000) -> None:
        self._entries: OrderedDict[str, bytes] = OrderedDict()
        self._most = most

    def get(self, key: str) -> bytes | None:
        """What was noted, or None."""
        return self._entries.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Note it, as the newest."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)
