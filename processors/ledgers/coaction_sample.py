"""Who acted on one post, and when: a bounded sample whose members are the same people on every post.

Kept are the actors with the lowest hashes (bottom-k: Cohen and Kaplan 2007), not the first ones: a group that
comes back is then in the sample of each of its posts, however many others acted. Comments have room of their
own, and those of the first half hour go before later ones, since pods hurry.
"""

from __future__ import annotations

import struct
from collections.abc import Set
from typing import Final

from processors.lockstep.within import Seen

#: Actors kept of one post: with a comment, and with lighter acts.
TALK: Final = 40
LIGHT: Final = 56
#: Up to this age (s) of the post an act is early.
EARLY_S: Final = 2_100
#: Flags of an actor on a post: wrote something; low credibility; never seen before this act.
SPOKE, LOW, DEBUT = 1, 2, 4
_FINE: Final = 4_096  # steps of 15 s, then of 240 s
_LATE: Final = 1 << 32
_HEAD: Final = struct.Struct("<qBB")
_ENTRY: Final = struct.Struct("<IH")


def _step(age: float) -> int:
    """13 bits for an age in s: 15 s fine up to 17 h, then 4 min, up to 12 days."""
    step = max(0, int(age / 15))
    return step if step < _FINE else min(2 * _FINE - 1, _FINE + (step - _FINE) // 16)


def _age(step: int) -> int:
    return step * 15 if step < _FINE else (_FINE + (step - _FINE) * 16) * 15


class PostSample:
    """Actors (32 bits of their keyed hash) on one post: age of the post at their first act, and flags."""

    __slots__ = ("_seen", "at", "changed", "light", "light_cut", "talk", "talk_cut")

    def __init__(self, at: int) -> None:
        self.at = at  # of the post, epoch s
        self.light: dict[int, int] = {}  # hash -> step << 3 | flags
        self.talk: dict[int, int] = {}
        self.light_cut = _LATE  # hashes from here on find no room
        self.talk_cut = 2 * _LATE  # the same, late ones counted _LATE higher
        self.changed = True  # since the last write
        self._seen: Seen | None = None

    def like(self, actor: int, age: float, flags: int) -> None:
        """A like, share or save."""
        held = self.light.get(actor)
        if held is None:
            self.light[actor] = _step(age) << 3 | flags
            if len(self.light) > LIGHT:
                del self.light[max(self.light_cut, actor)]
            if len(self.light) == LIGHT:
                self.light_cut = max(self.light)
        else:
            self.light[actor] = _merged(held, _step(age) << 3 | flags)
        self.changed, self._seen = True, None

    def say(self, actor: int, age: float, flags: int) -> None:
        """A comment, reply or quote."""
        # Who liked a moment ago was met by that like: it is their debut all the same.
        entry = _step(age) << 3 | flags | SPOKE | (self.light.get(actor, 0) & DEBUT)
        held = self.talk.get(actor)
        if held is None and actor + (_LATE if age > EARLY_S else 0) >= self.talk_cut:
            return
        self.talk[actor] = entry if held is None else _merged(held, entry)
        if len(self.talk) > TALK:
            del self.talk[max(self.talk, key=self._rank)]
        if len(self.talk) == TALK:
            self.talk_cut = max(map(self._rank, self.talk))
        self.changed, self._seen = True, None

    def _rank(self, actor: int) -> int:
        return actor + (_LATE if _age(self.talk[actor] >> 3) > EARLY_S else 0)

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors."""
        for table in (self.light, self.talk):
            for actor in actors & table.keys():
                del table[actor]
                self.changed, self._seen = True, None
        if len(self.light) < LIGHT:  # as it would come back from the store
            self.light_cut = _LATE
        if len(self.talk) < TALK:
            self.talk_cut = 2 * _LATE

    def seen(self, until: float) -> Seen:
        """Who acted up to `until` (epoch s), likes and comments as one."""
        if self._seen is None:
            both = dict(self.light)
            for actor, entry in self.talk.items():
                both[actor] = entry if actor not in both else _merged(both[actor], entry)
            self._seen = _as_seen(self.at, {a: (_age(entry >> 3), entry & 7) for a, entry in both.items()})
        seen, most = self._seen, until - self.at
        if seen.last <= most:
            return seen
        return _as_seen(self.at, {a: act for a, act in seen.acts.items() if act[0] <= most})

    @property
    def rate(self) -> float:
        """Share of those with light acts who are in the sample."""
        return min(1.0, self.light_cut / _LATE)

    def encode(self) -> bytes:
        """10 bytes, and 6 an actor."""
        return _HEAD.pack(self.at, len(self.light), len(self.talk)) + b"".join(
            _ENTRY.pack(actor, entry) for table in (self.light, self.talk) for actor, entry in table.items()
        )

    @classmethod
    def decode(cls, data: bytes) -> PostSample:
        """Back from state. Raises struct.error if the bytes are none."""
        at, light, _ = _HEAD.unpack_from(data)
        made = cls(at)
        for index, (actor, entry) in enumerate(_ENTRY.iter_unpack(data[_HEAD.size :])):
            (made.light if index < light else made.talk)[actor] = entry
        if len(made.light) >= LIGHT:
            made.light_cut = max(made.light)
        if len(made.talk) >= TALK:
            made.talk_cut = max(map(made._rank, made.talk))
        made.changed = False
        return made


def _as_seen(at: int, acts: dict[int, tuple[int, int]]) -> Seen:
    return Seen.of(at, acts, frozenset(actor for actor, (_, flags) in acts.items() if flags & DEBUT))


def _merged(held: int, entry: int) -> int:
    """The earlier of two acts of one actor, the flags of both."""
    return min(held >> 3, entry >> 3) << 3 | (held | entry) & 7
