"""Sketches of texts: enough to tell that one nearly repeats another, and nothing to read.

A sketch is the 24 smallest 32-bit hashes of the text's runs of three words (bottom-k MinHash: Broder 1997).
The Jaccard index of two texts is estimated over the 24 smallest of both: standard error under .10.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import xxhash

SLOTS: Final = 24
SHINGLE: Final = 3
#: A text with fewer words says too little to be called a copy.
LEAST_WORDS: Final = 8
#: From here on one text nearly repeats the other.
REPEATS: Final = 0.5


def sketch(words: Sequence[str]) -> bytes:
    """The sketch of a text's folded words; empty for a short one."""
    if len(words) < LEAST_WORDS:
        return b""
    hashed = (
        xxhash.xxh32_intdigest(" ".join(words[i : i + SHINGLE]).encode())
        for i in range(len(words) - SHINGLE + 1)
    )
    lowest = sorted(set(hashed))[:SLOTS]
    return struct.pack(f"<{len(lowest)}I", *lowest)


def _slots(data: bytes) -> set[int]:
    return set(struct.unpack(f"<{len(data) // 4}I", data))


def alike(one: bytes, other: bytes) -> float:
    """Estimated Jaccard index of two texts, 0 where either has no sketch."""
    if not one or not other:
        return 0.0
    a, b = _slots(one), _slots(other)
    lowest = sorted(a | b)[:SLOTS]
    return sum(1 for value in lowest if value in a and value in b) / len(lowest)
