"""What readers of Redis need to decode: the facts about an influencer, apart from its windows."""

from __future__ import annotations

from dataclasses import dataclass

from processors.influencer import decode_meta as _decode
from processors.influencer import lifetime_counts


@dataclass(frozen=True, slots=True)
class InfluencerFacts:
    """Facts of one influencer. Times are epoch seconds of event time."""

    lifetime: dict[str, int]  # events ever counted by kind, expired ones included
    followers: int | None
    first_at: float
    newest_at: float
    evaluated: int
    expired: int
    unresolved_undos: int


def decode_meta(data: bytes) -> InfluencerFacts:
    """The field `meta` of an influencer's hash. Raises msgspec.DecodeError."""
    meta = _decode(data)
    return InfluencerFacts(
        lifetime_counts(meta),
        meta.followers,
        meta.first_at,
        meta.max_at,
        meta.evaluated,
        meta.expired,
        meta.unresolved_undos,
    )
