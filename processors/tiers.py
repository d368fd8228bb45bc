"""Size tiers of influencers: `tier(followers) -> str`."""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "unknown"
#: Upper bounds (followers, exclusive). The bounds are the industry's usual ones; benchmarks by tier differ
#: two to four times among themselves, so a tier only ever picks a prior, never a threshold.
BOUNDS: Final = ((10_000, "nano"), (100_000, "micro"), (500_000, "mid"), (1_000_000, "macro"))


def tier(followers: int | None) -> str:
    """Nano, micro, mid, macro or mega; "unknown" when the follower count was never seen."""
    if followers is None:
        return UNKNOWN
    for bound, name in BOUNDS:
        if followers < bound:
            return name
    return "mega"
