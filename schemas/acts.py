"""What people do about alerts: acknowledge, silence, mark as wrong; kept beside the alerts, in Redis.

The words are Alertmanager's: a silence holds for all alerts that each of its matchers matches; a label that
an alert lacks is an empty text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError, SchemaError, SchemaValidator, core_schema

from schemas.alerts import Alert
from schemas.common import Flag, Id, Record, Text, Time

#: What an alert can be told by, in the order in which it is shown.
LABELS: Final = (
    "partnership_id", "influencer_id", "brand_id", "signal", "rule", "subject", "severity",
)  # fmt: skip
PATTERN_MAX: Final = 512
MATCHERS_MAX: Final = 32
NOTE_MAX: Final = 2_000

Verb = Literal[
    "ack", "unack", "wrong", "unwrong", "silence", "unsilence", "explain", "unexplain", "accept_normal",
    "redeliver", "digest", "token_create", "token_revoke", "receiver_enable", "receiver_disable",
    "forget", "partnership_put", "partnership_end",
]  # fmt: skip

_ONE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(.*)", re.DOTALL)


@lru_cache(maxsize=4_096)
def _search(pattern: str) -> SchemaValidator:
    # pydantic's engine is Rust's regex crate: linear in pattern times text, whoever wrote the pattern. It is
    # compiled alone first, or "a)|(b" would break out of the anchors.
    for whole in (pattern, f"^(?:{pattern})$"):
        found = SchemaValidator(core_schema.str_schema(pattern=whole, regex_engine="rust-regex"))
    return found


class Matcher(Record):
    """One condition on a label, as in Alertmanager: `=`, `!=`, `=~` or `!~` (anchored, RE2's syntax)."""

    name: Text
    value: Text = Field(max_length=PATTERN_MAX)
    is_regex: Flag = False
    is_equal: Flag = True

    @field_validator("name", mode="after")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in LABELS:
            close = difflib.get_close_matches(name, LABELS, 1)
            raise PydanticCustomError(
                "label", "no alert has the label {name}: {hint}",
                {"name": repr(name[:60]),
                 "hint": f"did you mean {close[0]}?" if close else f"it may be {', '.join(LABELS)}"},
            )  # fmt: skip
        return name

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        if self.is_regex:
            try:
                _search(self.value)
            except SchemaError as error:
                why = str(error).strip().splitlines()[-1].removeprefix("error: ")
                raise PydanticCustomError(
                    "regex", "`value` is no regular expression in RE2's syntax: {why}", {"why": why[:200]}
                ) from None
        return self

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels meets the condition. Time: linear in the label's length."""
        value = labels.get(self.name, "")
        hit = _search(self.value).isinstance_python(value) if self.is_regex else value == self.value
        return hit is self.is_equal

    @classmethod
    def parse(cls, text: str) -> Self:
        """A matcher from `name=value`, `name!=value`, `name=~regex`, `name!~regex`; the value may be quoted.

        Raises ValueError (pydantic's ValidationError is one) when it is none.
        """
        found = _ONE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:60]!r} is not like partnership_id=acme--ann or signal=~'conn.*'")
        name, sign, value = found[1], found[2], found[3].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        return cls(name=name, value=value, is_regex=sign[1:] == "~", is_equal=sign[0] == "=")

    def __str__(self) -> str:
        sign = ("=~" if self.is_regex else "=") if self.is_equal else ("!~" if self.is_regex else "!=")
        return f"{self.name}{sign}{self.value}"


class Silence(Record):
    """Nothing is sent about alerts that all matchers match, from `starts_at` until before `ends_at`."""

    silence_id: Id
    matchers: list[Matcher] = Field(min_length=1, max_length=MATCHERS_MAX)
    starts_at: Time
    ends_at: Time
    created_by: Id
    comment: Text = Field(max_length=NOTE_MAX)
    created_at: Time
    brand_id: Id | None = None
    """The one brand that it can concern, where its matchers pin one down."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at < self.starts_at:
            raise PydanticCustomError("order", "`ends_at` must not lie before `starts_at`")
        if all(matcher.matches({}) for matcher in self.matchers):
            # As Alertmanager: one that matches what has no label at all would silence everything.
            raise PydanticCustomError("matchers", "at least one of `matchers` must not match an empty label")
        return self

    def active(self, at: Any) -> bool:
        """Whether it holds at a time (aware datetime)."""
        return bool(self.starts_at <= at < self.ends_at)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether all matchers match."""
        return all(matcher.matches(labels) for matcher in self.matchers)

    def standing(self, at: Any) -> Literal["pending", "active", "expired"]:
        """As Alertmanager says it."""
        return "pending" if at < self.starts_at else "active" if self.active(at) else "expired"


class Mark(Record):
    """Someone's mark on one alert: acknowledged, or wrong."""

    alert_id: Id
    by: Id
    at: Time
    note: Text | None = Field(default=None, max_length=NOTE_MAX)


class Act(Record):
    """One line of the audit trail: who did what to what, when and why."""

    act_id: Id
    at: Time
    by: Id
    via: Literal["cli", "http", "system"] = "cli"
    verb: Verb
    subject: Id
    """Id of an alert, silence, partnership, receiver or token, or an actor's hash, as the verb asks for."""
    partnership_id: Id | None = None
    brand_id: Id | None = None
    """Of what it was about; null where it concerns several or none."""
    note: Text | None = None
    details: dict[Text, Any] = Field(default_factory=dict)


def labels(alert: Alert) -> dict[str, str]:
    """The labels of an alert that it has a value for, by name."""
    found = {name: getattr(alert, name) for name in LABELS}
    return {name: str(value) for name, value in found.items() if value}
