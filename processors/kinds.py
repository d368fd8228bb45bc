"""What folding does with each kind of event: weights, columns, and which questions it asks of one."""

from __future__ import annotations

from math import log2
from typing import Final, NamedTuple

from processors.influencer import LIFETIME_KINDS
from processors.panes import KIND_INDEX


def _weight(ranker: float) -> int:
    """w = 1 + log2(W / W_like) in hundredths, W from X's published ranker (like 0.5; signals.md)."""
    return round(100 * (1 + log2(ranker / 0.5)))


#: w(kind) in hundredths; a view weighs nothing, an answered comment is raised by ANSWER_RAISE.
WEIGHTS: Final = {
    "like": _weight(0.5), "share": _weight(1.0), "comment": _weight(27), "reply": _weight(27), "save": 300,
    "mention": 300, "quote": 400, "follow": 200, "click": 200, "view": 0, "report": 0, "post": 0,
}  # fmt: skip
ANSWER_RAISE: Final = _weight(75) - _weight(27)
#: Kinds that an undo may take back.
UNDOABLE: Final = frozenset(
    ("like", "share", "save", "follow", "comment", "reply", "quote", "post", "mention")
)
#: Kinds that engage with one post.
ON_POST: Final = frozenset(("comment", "reply", "like", "share", "quote", "save", "view", "click"))
#: Kinds that count as comments which may be inauthentic (processors/ledgers/comments).
COMMENTED: Final = frozenset(KIND_INDEX[kind] for kind in ("comment", "reply", "quote"))
#: Kinds whose text is looked at.
SAYS: Final = frozenset(("comment", "reply", "quote", "mention", "post"))


class Of(NamedTuple):
    """All of one kind, so that folding looks it up once."""

    lifetime: int  # place among the lifetime counts
    column: int | None  # of a pane; None: a fact, not an act
    weight: int  # hundredths
    undoable: bool
    on_post: bool
    says: bool


OF: Final = {
    kind: Of(
        place, KIND_INDEX.get(kind), WEIGHTS.get(kind, 0), kind in UNDOABLE, kind in ON_POST, kind in SAYS
    )
    for place, kind in enumerate(LIFETIME_KINDS)
}  # fmt: skip
