"""partnership.alerts.v1: transitions of alerts, each with its reason."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.common import Count, Flag, Id, Number, Record, Text, Time

Signal = Literal[
    "interaction_quality", "audience_fit", "authenticity", "all_in", "connection", "relationship", "health",
    "source",
]  # fmt: skip
Rule = Literal["drop", "leak", "threshold", "event", "silence"]
AlertState = Literal["pending", "firing", "resolved", "no_data"]
PreviousState = Literal["inactive", "pending", "firing", "resolved", "no_data"]
Severity = Literal["info", "warning", "critical"]


class Cause(Record):
    """A part that moved, and by how much it pulled the signal."""

    part: Text
    before: Number | None = None
    after: Number | None = None
    pull: Number | None = None


class Evidence(Record):
    """What can be looked up: event ids (hashed where privacy settings say so), and how many actors."""

    event_ids: list[Text] = Field(default_factory=list)
    actors: Count | None = None
    actor_ids: list[Text] = Field(default_factory=list)
    """Some of these actors, at most 50: keyed hashes of their ids (the lower 32 bits, as hex), never ids."""


class ExplainerConsidered(Record):
    """An explanation that was weighed."""

    kind: Text
    considered: Flag = True
    accepted: Flag = False
    why: Text | None = None


class Alert(Record):
    """One transition of one alert (partnership, signal, rule)."""

    alert_id: Id
    """One episode, from pending to resolved."""
    transition_id: Id
    """Hash of fingerprint, evaluation boundary in event time, and new state: stable on replay."""
    fingerprint: Id
    """Hash of partnership, signal, rule, and the subject of an event rule."""
    partnership_id: Id | None = None
    influencer_id: Id | None = None
    """This and `partnership_id` are null only for alerts of operations (signal source)."""
    brand_id: Id | None = None
    signal: Signal
    rule: Rule
    state: AlertState
    previous_state: PreviousState | None = None
    subject: Text | None = None
    """The cause that its detector looks for (bought_followers, pod), or what an event alert is about."""
    severity: Severity = "warning"
    started_at: Time
    at: Time
    resolved_at: Time | None = None
    reason: Text
    window: Text | None = None
    snapshot_id: Text | None = None
    value: Number | None = None
    """Null for rule event."""
    baseline: Number | None = None
    change: Number | None = None
    """Relative: -0.46 is 46 % less than the baseline."""
    n: Number | None = Field(default=None, ge=0)
    lo: Number | None = None
    hi: Number | None = None
    cause: list[Cause] = Field(default_factory=list)
    evidence: Evidence = Field(default_factory=Evidence)
    explainers: list[ExplainerConsidered] = Field(default_factory=list)
    summary: Text
    advice: Text | None = None
    links: dict[Text, Text] = Field(default_factory=dict)
    method_version: Text = "1"

    @model_validator(mode="after")
    def _about_someone(self) -> Self:
        if self.signal != "source" and (self.partnership_id is None or self.influencer_id is None):
            raise PydanticCustomError(
                "subject", "`partnership_id` and `influencer_id` are required unless `signal` is source"
            )
        return self
