"""What the API takes and gives, for its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas import Alert
from schemas.acts import MATCHERS_MAX, NOTE_MAX, PATTERN_MAX, Act, Mark, Silence
from schemas.common import Time

Note = Annotated[str, Field(max_length=NOTE_MAX)]


class Taken(BaseModel):
    """Base of what is sent: a field that is not known is most likely misspelt."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class NoteIn(Taken):
    """Why."""

    note: Note | None = None


class ExplainIn(Taken):
    """Something that explains a change of the alert's partnership, or will."""

    kind: Annotated[str, Field(min_length=1, max_length=64)]
    """giveaway, shout_out, posting_pause, holiday, advertising, purge, hit_post, event, other."""
    starts_at: Time
    ends_at: Time
    note: Note | None = None


class MatcherIn(Taken):
    """A condition on a label, as in Alertmanager."""

    name: Annotated[str, Field(max_length=64)]
    value: Annotated[str, Field(max_length=PATTERN_MAX)]
    is_regex: bool = False
    is_equal: bool = True


class SilenceIn(Taken):
    """A silence to be made. Of a token that is bound to one brand, it is held to that brand."""

    matchers: Annotated[list[MatcherIn], Field(min_length=1, max_length=MATCHERS_MAX)]
    ends_at: Time
    starts_at: Time | None = None
    """Null: now."""
    comment: Annotated[str, Field(min_length=1, max_length=NOTE_MAX)]


class MarkOut(BaseModel):
    """Someone's mark."""

    by: str
    at: Time
    note: str | None = None


class SilencedOut(BaseModel):
    """The silence that holds for an alert now."""

    silence_id: str
    ends_at: Time
    by: str
    comment: str


class AlertOut(Alert):
    """An alert as on its topic, with what people did about it."""

    acknowledged: MarkOut | None = None
    wrong: MarkOut | None = None
    silenced: SilencedOut | None = None


class AlertPage(BaseModel):
    """A page of alerts, newest first."""

    items: list[AlertOut]
    total: int
    """How many there are in all pages."""
    next: str | None
    """Hand it in as `cursor` for the next page; null: this is the last."""


class AlertWhole(BaseModel):
    """One alert, and what people did about it."""

    alert: AlertOut
    acts: list[Act]


class MarkAnswer(BaseModel):
    """The mark as it stands."""

    mark: Mark


class Changed(BaseModel):
    """Whether there was something to take back."""

    changed: bool


class Explained(BaseModel):
    """What was written to control.v1."""

    key: str
    control: dict[str, Any]


class SilenceOut(Silence):
    """A silence, and whether it holds now."""

    state: Literal["pending", "active", "expired"]


class SilenceList(BaseModel):
    """Silences, newest first."""

    items: list[SilenceOut]


class ActPage(BaseModel):
    """Acts, newest first."""

    items: list[Act]
    next: str | None
