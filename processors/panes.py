"""The pane: what is kept of one influencer's events in one stretch of event time.

A pane is a plain list of ints, so that folding an event is a handful of ``+= 1`` and summing a window is
one comprehension. The names below are its columns; new ones are only ever appended, and readers pad short
panes with zeros, so old state stays readable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

Pane = list[int]

#: Kinds of act that a pane counts, in column order (`counter` and `profile` are facts, not acts).
KINDS: Final = (
    "post", "comment", "reply", "like", "share", "quote",
    "save", "view", "click", "follow", "mention", "report",
)  # fmt: skip
KIND_INDEX: Final = {kind: index for index, kind in enumerate(KINDS)}
N_KINDS: Final = len(KINDS)

#: Acts of the audience by kind, undos already subtracted (never under 0): columns 0-11.
COUNT: Final = 0
#: Of these, acts whose actor's profile is known: columns 12-23.
KNOWN: Final = COUNT + N_KINDS
#: Of the known, acts whose actor's credibility is low (s <= 0.5): columns 24-35.
LOW: Final = KNOWN + N_KINDS
#: Undos seen (unlike, unfollow, deleted), of any kind.
UNDOS: Final = LOW + N_KINDS
#: Sum of the weights w(kind) of audience acts, in hundredths.
WEIGHT: Final = UNDOS + 1
#: Sum of w(kind) * f over audience acts, in hundredths (f: the act is flagged as inauthentic).
FLAGGED: Final = WEIGHT + 1
#: Posts by the influencer, and those of them that are sponsored.
OWN_POSTS: Final = FLAGGED + 1
OWN_SPONSORED: Final = OWN_POSTS + 1
#: Comments and replies written by the influencer, to anyone.
OWN_REPLIES: Final = OWN_SPONSORED + 1
#: Genuine comments of the audience that wait for an answer (comment, or a reply not by the influencer).
ANSWERABLE: Final = OWN_REPLIES + 1
#: Of these, answered by the influencer, by latency (upper edges LATENCY_EDGES): 7 columns. An answer is
#: booked in the pane *of the comment*, so that a cohort's rate stands in one place.
ANSWERED: Final = ANSWERABLE + 1
LATENCY_EDGES: Final = (900, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800)  # seconds; the last is 48 h
N_LATENCY: Final = len(LATENCY_EDGES)
#: Two-way threads: answered comments whose author came back on the answer (booked like ANSWERED).
DIALOGUES: Final = ANSWERED + N_LATENCY
#: Events that came after the watermark had passed their time.
LATE: Final = DIALOGUES + 1
#: Comments of the audience (replies and quotes too): generic ones, repeated ones, inauthentic ones;
#: questions, intents to buy, objections (processors/ledgers/comments.py).
GENERICS: Final = LATE + 1
DUPLICATES: Final = GENERICS + 1
INAUTHENTIC: Final = DUPLICATES + 1
QUESTIONS: Final = INAUTHENTIC + 1
INTENTS: Final = QUESTIONS + 1
OBJECTIONS: Final = INTENTS + 1
WIDTH: Final = OBJECTIONS + 1

MINUTES_5: Final = 300
HOUR: Final = 3_600
DAY: Final = 86_400

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[int]).decode


def new_pane() -> Pane:
    """An empty pane."""
    return [0] * WIDTH


def encode_pane(pane: Pane) -> bytes:
    """The pane as msgpack, trailing zeros cut (a quiet pane takes some 45 bytes)."""
    end = len(pane)
    while end and not pane[end - 1]:
        end -= 1
    return _encode(pane[:end])


def decode_pane(data: bytes) -> Pane:
    """The pane back, padded to today's width. Raises msgspec.DecodeError if the bytes are not a pane."""
    pane = _decode(data)
    return pane + [0] * (WIDTH - len(pane))


def sum_panes(panes: Iterable[Pane]) -> Pane:
    """Column-wise sum; an empty pane for none."""
    total = list(map(sum, zip(*panes, strict=True)))
    return total or new_pane()


def latency_bin(seconds: float) -> int | None:
    """Which ANSWERED column an answer after `seconds` belongs to; None past 48 h."""
    for index, edge in enumerate(LATENCY_EDGES):
        if seconds <= edge:
            return index
    return None


@dataclass(slots=True)
class Panes:
    """Panes of one width, by index (epoch seconds // width), with those that changed."""

    width: int
    prefix: str
    keep: int
    by_index: dict[int, Pane] = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)

    def at(self, time: float) -> Pane:
        """The pane that holds `time`, made when missing, and marked as changed."""
        index = int(time) // self.width
        self.dirty.add(index)
        pane = self.by_index.get(index)
        if pane is None:
            pane = self.by_index[index] = new_pane()
        return pane

    def trim(self, newest: float) -> list[tuple[int, Pane]]:
        """Forget panes that are older than `keep` before `newest`; returns them."""
        floor = int(newest) // self.width - self.keep
        old = [(index, pane) for index, pane in self.by_index.items() if index < floor]
        for index, _ in old:
            del self.by_index[index]
            self.dirty.discard(index)
            self.gone.add(index)
        return old

    def keeps(self, time: float, newest: float) -> bool:
        """Whether a pane that holds `time` would still be kept."""
        return int(time) // self.width >= int(newest) // self.width - self.keep
