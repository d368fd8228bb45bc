"""engagement.events.v1: what happened. Written by sources, read by the worker."""

from __future__ import annotations

from typing import Any, Final, Literal, Self, get_args

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.common import TEXT_MAX, Count, EventTime, Flag, Id, Record, SchemaVersion, Text, Texts, Time

Kind = Literal[
    "post", "comment", "reply", "like", "share", "quote", "save", "view", "click", "follow", "mention",
    "report", "counter", "profile",
]  # fmt: skip
KINDS: Final[tuple[str, ...]] = get_args(Kind)
Op = Literal["create", "update", "undo"]
Clock = Literal["event", "send", "poll"]
Metric = Literal[
    "likes", "comments", "shares", "saves", "views", "followers", "following", "reach", "impressions"
]  # fmt: skip

# The rule that JSON Schema can state but a field cannot: who must be there, by kind.
_BY_KIND: dict[str, Any] = {
    "if": {"properties": {"kind": {"const": "counter"}}, "required": ["kind"]},
    "then": {
        "properties": {"count": {"type": "integer"}, "metric": {"type": "string"}},
        "required": ["count", "metric"],
    },
    "else": {"properties": {"actor": {"type": "object"}}, "required": ["actor"]},
}


class Actor(Record):
    """Who acted, with what the source tells of them at that time. Absent is unknown, never 0."""

    id: Id
    """Account id, prefixed by its network: `bluesky:did:plc:abc`."""
    handle: Text | None = None
    followers: Count | None = None
    following: Count | None = None
    posts: Count | None = None
    created_at: Time | None = None
    """When the account was made."""
    has_avatar: Flag | None = None
    has_bio: Flag | None = None
    bot: Flag | None = None
    """The platform's own bot mark."""
    lang: Text | None = None
    country: Text | None = None
    """ISO 3166-1 alpha-2."""
    topics: Texts | None = None
    age_band: Text | None = None
    """Such as `25-34`."""
    segment: Text | None = None


class Target(Record):
    """What the act is about."""

    id: Id
    type: Text | None = None
    """post, comment, account and the like."""
    author_id: Id | None = None
    parent_id: Id | None = None
    root_id: Id | None = None


class Sponsored(Record):
    """What the source says about advertising."""

    label: Flag | None = None
    """The platform's paid-partnership label."""
    disclosed: Flag | None = None
    brand_id: Id | None = None
    ad_id: Id | None = None


class EngagementEvent(Record):
    """One act towards, by, or about an influencer. Record key: the influencer id; at most 64 KiB."""

    model_config = ConfigDict(json_schema_extra=_BY_KIND)

    event_id: Id
    """Stable between live delivery, re-delivery and backfill; with `influencer_id` the duplicate key."""
    source: Id
    kind: Kind
    op: Op = "create"
    occurred_at: EventTime
    """When it happened; not before 2004 nor more than 5 min ahead of the record's timestamp."""
    clock: Clock = "event"
    """What `occurred_at` is: when it happened, when the platform sent it, when we looked."""
    influencer_id: Id
    actor: Actor | None = None
    """Required unless `kind` is counter. The influencer's own acts have the influencer's id here."""
    object_id: Id | None = None
    """Id of what the act made (a post, a comment)."""
    target: Target | None = None
    text: Text | None = None
    """Longer than 10,000 characters: cut, and `text_truncated` is set."""
    text_truncated: Flag = False
    lang: Text | None = None
    tags: Texts = Field(default_factory=list)
    mentions: Texts = Field(default_factory=list)
    urls: Texts = Field(default_factory=list)
    sponsored: Sponsored | None = None
    media_type: Text | None = None
    received_at: Time | None = None
    raw_ref: Text | None = None
    undoes: Id | None = None
    """For an undo: the original's event id; else same actor, kind and target name it."""
    metric: Metric | None = None
    """For a counter: what is counted."""
    count: Count | None = None
    cumulative: Flag = True
    """For a counter: a running total, to be differenced."""
    extra: dict[Text, Any] | None = None
    """Unknown fields that were kept, at most 4 KiB as JSON."""
    schema_version: SchemaVersion = 1

    @model_validator(mode="before")
    @classmethod
    def _cut_text(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(text := data.get("text"), str) and len(text) > TEXT_MAX:
            return {**data, "text": text[:TEXT_MAX], "text_truncated": True}
        return data

    @model_validator(mode="after")
    def _complete_for_kind(self) -> Self:
        if self.kind == "counter":
            if self.metric is None or self.count is None:
                raise PydanticCustomError("counter", "a counter needs `metric` and `count`")
        elif self.actor is None:
            raise PydanticCustomError("actor", "`actor` with its `id` is required unless `kind` is counter")
        return self
