"""engagement.enriched.v1: the event as it came, with what we made of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.common import Flag, Id, Number, Record, Share, Text
from schemas.events import EngagementEvent

ActorRole = Literal["audience", "influencer", "employee", "brand"]


class Sponsorship(Record):
    """Whether the act is advertising, whether that is disclosed, and how both are known."""

    is_: Flag | None = Field(default=None, alias="is")
    disclosed: Flag | None = None
    how: Text | None = None


class Enrichment(Record):
    """What the worker found out about one event."""

    actor_credibility: Share | None = None
    """0 to 1; null: the actor's profile is unknown."""
    actor_role: ActorRole = "audience"
    weight: Number = Field(default=0.0, ge=0)
    """w(kind); a like is 1."""
    inauthentic: Share = 0.0
    """0 or 1, or a probability."""
    factors: list[Text] = Field(default_factory=list)
    """Names of what makes the act inauthentic."""
    substance: Number | None = None
    """Of a comment, 0 to 1; null for other kinds."""
    sponsored: Sponsorship | None = None
    partnership_ids: list[Id] = Field(default_factory=list)
    late_by_s: Number = Field(default=0.0, ge=0)
    """Seconds behind the watermark, 0 if in time."""
    duplicate_of: Text | None = None
    """`ce_id` or event id of the first one."""
    method_version: Text = "1"


class EnrichedEvent(EngagementEvent):
    """An event with its enrichment; header `ce_id` is topic-partition-offset of the source record."""

    enrichment: Enrichment
