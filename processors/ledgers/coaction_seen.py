"""Who was seen before: two generations of a Bloom filter (Bloom 1970), for some 6,000 actors in 4 KiB.

A generation is full after MOST actors; then the older one is forgotten. Where that happens within GOOD_S,
only every second actor is looked at from then on (by their hash, so it is always the same ones): lighter
acts give way first. Who was new lately waits in a short list, so that a write carries that list and seldom
the filter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Set
from typing import Final

import msgspec

_BITS: Final = 14
_MASK: Final = (1 << _BITS) - 1
BYTES: Final = 1 << (_BITS - 3)
MOST: Final = 3_000
WAITING: Final = 96
#: A generation must last so long, or fewer are looked at; it ends at the latest after four times that.
GOOD_S: Final = 21 * 86_400
_FLOOR: Final = 1 << 20


class _Kept(msgspec.Struct, array_like=True):
    number: int = 0  # of the generation; even ones lie in field f0, odd ones in f1
    started: float = 0.0
    held: int = 0
    spoke: int = 0  # of these, first seen by a comment
    light: int = 1 << 32  # hashes under it are looked at, for likes and the like
    talk: int = 1 << 32
    before: int = 0  # actors in the generation before


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[_Kept, bytes]).decode


class Acquainted:
    """Tells whether an actor (32-bit hash) was seen before."""

    __slots__ = ("_changed", "_kept", "_new", "_old", "_waiting", "light", "talk")

    def __init__(self) -> None:
        self._kept = _Kept()
        self._new, self._old = bytearray(BYTES), bytearray(BYTES)
        self._waiting: set[int] = set()
        self._changed: set[str] = set()
        self.light = self.talk = 1 << 32

    def meet(self, actor: int, at: float, spoke: bool) -> bool:
        """Whether the actor was never seen before; they are known from now on."""
        if actor in self._waiting:
            return False
        first, second = actor & _MASK, (actor >> _BITS) & _MASK
        byte, other, bit, bit_2 = first >> 3, second >> 3, 1 << (first & 7), 1 << (second & 7)
        new = self._new
        if new[byte] & bit and new[other] & bit_2:
            return False
        kept = self._kept
        if not kept.started:
            kept.started = at
        self._waiting.add(actor)
        kept.held += 1
        kept.spoke += spoke
        self._changed.add("new")
        known = self._old[byte] & bit and self._old[other] & bit_2
        if len(self._waiting) >= WAITING:
            self._settle()
        if kept.held >= MOST or at - kept.started > 4 * GOOD_S:
            self._turn(at)
        return not known

    def _settle(self) -> None:
        for actor in self._waiting:
            for bit in (actor & _MASK, (actor >> _BITS) & _MASK):
                self._new[bit >> 3] |= 1 << (bit & 7)
        self._waiting.clear()
        self._changed.add(f"f{self._kept.number & 1}")

    def _turn(self, at: float) -> None:
        self._settle()
        kept = self._kept
        light, talk = kept.light, kept.talk
        if at - kept.started < GOOD_S and kept.held >= MOST:
            if kept.spoke * 2 < kept.held:
                light = max(_FLOOR, light // 2)
            else:
                talk = max(_FLOOR, talk // 2)
        self._old, self._new = self._new, bytearray(BYTES)
        self._kept = _Kept(kept.number + 1, at, 0, 0, light, talk, kept.held)
        self.light, self.talk = light, talk
        self._changed.update(("f0", "f1", "new"))

    @property
    def blur(self) -> float:
        """Share of new ones who are taken for known, since their bits were set by others."""
        share = 1.0
        for held in (self._kept.held, self._kept.before):
            full = 1 - (1 - 2**-_BITS) ** (2 * held)
            share *= 1 - full * full
        return 1 - share

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors from those that wait; they leave bits that many others share."""
        those = actors & self._waiting
        if those:
            waiting, self._waiting = self._waiting - those, set(those)
            self._settle()
            self._waiting = waiting
            self._changed.add("new")

    def writes(self) -> Iterable[tuple[str, bytes]]:
        """What changed."""
        for sub in sorted(self._changed):
            if sub == "new":
                waiting = sorted(self._waiting)
                yield sub, _pack((self._kept, struct.pack(f"<{len(waiting)}I", *waiting)))
            else:
                yield sub, bytes(self._new if sub == f"f{self._kept.number & 1}" else self._old)
        self._changed.clear()

    def load(self, fields: dict[str, bytes]) -> None:
        """Take back what was written; which filter is the newer one says the field `new`."""
        if "new" in fields:
            self._kept, waiting = _unpack(fields["new"])
            self._waiting = set(struct.unpack(f"<{len(waiting) // 4}I", waiting))
            self.light, self.talk = self._kept.light, self._kept.talk
        newer = self._kept.number & 1
        self._new = bytearray(fields.get(f"f{newer}", bytes(BYTES)))
        self._old = bytearray(fields.get(f"f{1 - newer}", bytes(BYTES)))
