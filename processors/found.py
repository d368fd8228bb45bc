"""What folding found out about one event."""

from __future__ import annotations

import msgspec

from processors.text import Words


class Found(msgspec.Struct, frozen=True, gc=False):
    """What was found out about one event: the enrichment."""

    role: str
    credibility: float | None
    weight: int  # hundredths
    inauthentic: bool
    late_by: float
    factors: tuple[str, ...] = ()
    words: Words | None = None
    sponsored: tuple[bool, bool | None, str] | None = None  # of an own post: is, disclosed, how
