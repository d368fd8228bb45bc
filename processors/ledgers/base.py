"""What a ledger is: bounded state of one influencer that panes cannot hold.

A ledger sees each act that it asks for, once, in the order of the records; it keeps what it needs under its
own bounds, and is stored in the influencer's hash as fields ``l:<name>:<sub>``, whole values, only those that
changed. What it shows must not depend on when writes happen: what is too old is left out when it is read,
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from processors.decode import Event
from processors.panes import Pane

if TYPE_CHECKING:  # signals read ledgers: importing them here would close a circle
    from processors.signals.inputs import PostStat
    from processors.text import Words
    from schemas import Partnership

AUDIENCE: Final = "audience"
INFLUENCER: Final = "influencer"
EMPLOYEE: Final = "employee"
BRAND: Final = "brand"


class Act(msgspec.Struct, gc=False):
    """One event as ledgers see it; made once per event by the folder. Mutable: `factors` grows."""

    event: Event
    kind: str
    op: str  # create, undo, update
    at: float  # occurred_at, epoch s
    role: str  # of the actor: audience, influencer, employee, brand
    actor: int  # keyed 64-bit hash of the actor's id; 0: no actor
    trust: float | None = None  # credibility; None: unknown profile
    low: bool = False  # credibility <= .5
    weight: int = 0  # w(kind), hundredths
    post: PostStat | None = None  # the own post it is about (or, for an own post, that post)
    post_age: float = -1.0  # s since that post; -1 without one
    panes: tuple[Pane, ...] = ()
    words: Words | None = None  # of a text: comments, replies, quotes, mentions, own posts
    factors: list[str] = msgspec.field(
        default_factory=list
    )  # what makes the act inauthentic; a ledger may append
    partnerships: tuple[Partnership, ...] = ()
    undone_at: float | None = None  # of an undo: time of the original's pane where it was found, epoch s
    newest: float = 0.0  # newest event time of the influencer, epoch s
    sponsored: tuple[bool, bool | None, str] | None = (
        None  # of an own post: is, disclosed, how: a ledger says
    )
    other: int = 0  # keyed hash of target.author_id, for acts of influencer, brand and employees; 0: none


class Ledger:
    """Base of all ledgers: sees nothing, keeps nothing."""

    name: ClassVar[str] = ""
    #: Role of the actor -> kinds of act that are wanted (the folder asks nobody else). `profile` and
    #: `counter` are kinds too.
    takes: ClassVar[Mapping[str, frozenset[str]]] = {}

    __slots__ = ()

    def act(self, act: Act) -> None:
        """Take in one act."""

    def trim(self, newest: float) -> None:
        """Forget what is too old at `newest` (epoch s): called before a write."""

    def forget(self, actors: Set[int]) -> None:
        """Erase these actors (lower 32 bits of their keyed hashes): they asked to be forgotten."""

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """(sub-field, value) of what changed since the last call; None: gone."""
        return ()

    def load(self, sub: str, data: bytes) -> None:
        """Take a stored sub-field back."""
