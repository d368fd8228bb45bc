"""control.v1: people's acts that change scoring. Compacted by kind and subject; null takes an act back."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.common import Id, Record, Text, Time
from schemas.partnerships import Explainer

ControlKind = Literal["explainer", "override", "accept_normal", "forget"]


class Control(Record):
    """One act of a person: what, about whom or what, by whom, when."""

    kind: ControlKind
    """explainer: explains a change; override: other rules; accept_normal: re-freeze a reference; forget: an
    actor asked to be forgotten."""
    subject: Id
    """The partnership id; for forget the actor's keyed hash."""
    by: Id
    at: Time
    note: Text | None = None
    explainer: Explainer | None = None
    """Required for kind explainer."""
    rules: dict[Text, Any] | None = None
    """Required for kind override."""

    @property
    def key(self) -> str:
        """Key of the record: kind and subject."""
        return f"{self.kind}:{self.subject}"

    @model_validator(mode="after")
    def _complete_for_kind(self) -> Self:
        for kind, field in (("explainer", "explainer"), ("override", "rules")):
            if self.kind == kind and getattr(self, field) is None:
                raise PydanticCustomError("control", f"`kind` {kind} needs `{field}`")
        return self
