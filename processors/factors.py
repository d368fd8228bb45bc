"""What makes an act inauthentic, by name, and when it counts as that (signals.md, Flag).

One factor alone never flags a comment: fans write "wow", giveaways ask for mentions. Low credibility, a pod
and lockstep flag any act.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # ledgers name factors: importing them here would close a circle
    from processors.ledgers.base import Act

LOW_CREDIBILITY: Final = "low_credibility"
GENERIC: Final = "generic"
DUPLICATE: Final = "duplicate"
NEAR_DUPLICATE: Final = "near_duplicate"
POD: Final = "pod"
LOCKSTEP: Final = "lockstep"

#: Each of these flags any kind of act.
_ALONE: Final = frozenset((LOW_CREDIBILITY, POD, LOCKSTEP))
_COMMENTS: Final = frozenset(("comment", "reply"))


def flagged(act: Act) -> bool:
    """f(event): whether the act counts as inauthentic."""
    factors = act.factors
    if not factors:
        return False
    return not _ALONE.isdisjoint(factors) or (len(factors) >= 2 and act.kind in _COMMENTS)
