"""The mapping file: how payloads of one's own become events. YAML, expressions in JMESPath.

A value is an expression on one item (`user.name`), a constant (`{const: 5}`), or a lookup (`{map: type,
values: {heart: like}, default: share}`). Ids may be templates: in `shop/{order.id}` each brace holds an
expression, and if one of them finds nothing, neither does the template.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Final, Literal, Self, get_args
from zoneinfo import ZoneInfo

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.events import Clock, Kind, Metric, Op
from streams.sources.abilities import ASPECTS

_LENGTH_MAX: Final = 1_000
_ZONE_MAX: Final = 100
_BRACES: Final = re.compile(r"\{([^{}]+)\}")
NAMED_FORMATS: Final = ("rfc3339", "s", "ms", "us")
Aspect = Literal[
    "posts", "comments", "answers", "likes", "shares", "saves", "views", "follows", "undo", "profiles",
    "attributes", "followers", "ads",
]  # fmt: skip
assert get_args(Aspect) == tuple(ASPECTS)


@cache
def compiled(expression: str) -> Any:
    """The expression, ready to be searched with. Raises PydanticCustomError (`expression`)."""
    try:
        if len(expression) > _LENGTH_MAX:
            raise ValueError(f"longer than {_LENGTH_MAX} characters")
        return jmespath.compile(expression)
    except (JMESPathError, ValueError, RecursionError) as error:
        # Half a surrogate pair in the expression would break the message that shows it.
        why = " ".join(str(error).split())[:200].encode("utf-8", "backslashreplace").decode()
        raise PydanticCustomError(
            "expression", "is no JMESPath expression: {why}",
            {"why": why, "hint": "a constant is written as {const: …}"},
        ) from None  # fmt: skip


def pieces(template: str) -> list[str]:
    """Text and expressions of a template in turn: odd ones are expressions."""
    return _BRACES.split(template)


def _expression(value: str) -> str:
    compiled(value)
    return value


def _template(value: str) -> str:
    if "{" not in value:
        return _expression(value)
    parts = pieces(value)
    if any("{" in text or "}" in text for text in parts[::2]):
        raise PydanticCustomError("template", "a brace is not closed, or braces are nested")
    for part in parts[1::2]:
        compiled(part)
    return value


def _literal(value: Any) -> Any:
    """A constant as the expression that finds it: the only influencer there is needs no field."""
    if isinstance(value, dict) and value.keys() == {"const"} and isinstance(value["const"], str):
        return "`" + json.dumps(value["const"]).replace("`", "\\`") + "`"
    return value


def _zone(value: str) -> str:
    try:
        if len(value) > _ZONE_MAX:  # each slash is a package that is looked for, one within the other
            raise ValueError(f"longer than {_ZONE_MAX} characters")
        ZoneInfo(value)
    except (ValueError, OSError, KeyError) as error:  # KeyError: no zone of that name
        raise PydanticCustomError(
            "zone", "no such time zone: {why}", {"why": str(error)[:100], "hint": "such as Europe/London"}
        ) from None
    return value


Expression = Annotated[str, AfterValidator(_expression)]
Template = Annotated[str, BeforeValidator(_literal), AfterValidator(_template)]
Zone = Annotated[str, AfterValidator(_zone)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Const(_Part):
    """The same for all items."""

    const: Any


class Lookup(_Part):
    """What stands for a value."""

    map: Expression
    values: dict[str, Any]
    default: Any = None


def _form(value: Any) -> str:
    """Which form a value has: so that its mistakes are told for that form only."""
    if isinstance(value, dict):
        return "constant" if "const" in value else "lookup"
    return "constant" if isinstance(value, Const) else "lookup" if isinstance(value, Lookup) else "plain"


def _object_or_plain(value: Any) -> str:
    return "object" if isinstance(value, dict | BaseModel) else "plain"


Value = Annotated[
    Annotated[Expression, Tag("plain")]
    | Annotated[Const, Tag("constant")]
    | Annotated[Lookup, Tag("lookup")],
    Discriminator(_form),
]
_Kind = Annotated[
    Annotated[Kind, Tag("plain")] | Annotated[Lookup, Tag("object")], Discriminator(_object_or_plain)
]
_Op = Annotated[
    Annotated[Op, Tag("plain")] | Annotated[Lookup, Tag("object")], Discriminator(_object_or_plain)
]
_Metric = Annotated[
    Annotated[Metric, Tag("plain")] | Annotated[Lookup, Tag("object")], Discriminator(_object_or_plain)
]


class At(_Part):
    """A time that is not RFC 3339."""

    path: Expression
    format: str = "rfc3339"
    """`rfc3339`, `s`, `ms`, `us` since 1970, or as strptime has it, such as `%d.%m.%Y %H:%M`."""
    zone: Zone = "UTC"
    """For formats without an offset."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.format not in NAMED_FORMATS and "%" not in self.format:
            raise PydanticCustomError("format", "should be rfc3339, s, ms, us or a pattern with %")
        if self.format not in NAMED_FORMATS and not _can_be_read(self.format):
            raise PydanticCustomError(
                "format", "is no pattern for a time: has it a directive twice, or one that does not exist?"
            )
        return self


def _can_be_read(pattern: str) -> bool:
    """Whether the pattern reads what it writes; strptime tells a bad one only when it meets a time."""
    try:
        dt.datetime.strptime(dt.datetime(2026, 9, 21, 13, 46, 40, tzinfo=dt.UTC).strftime(pattern), pattern)
    except (ValueError, re.error):
        return False
    return True


_At = Annotated[
    Annotated[Expression, Tag("plain")] | Annotated[At, Tag("object")], Discriminator(_object_or_plain)
]


class ActorMap(_Part):
    """Who acted."""

    id: Template
    handle: Value | None = None
    followers: Value | None = None
    following: Value | None = None
    posts: Value | None = None
    created_at: Value | None = None
    has_avatar: Value | None = None
    has_bio: Value | None = None
    bot: Value | None = None
    lang: Value | None = None
    country: Value | None = None
    topics: Value | None = None
    age_band: Value | None = None
    segment: Value | None = None


class TargetMap(_Part):
    """What the act is about."""

    id: Template
    type: Value | None = None
    author_id: Template | None = None
    parent_id: Template | None = None
    root_id: Template | None = None


class Rule(_Part):
    """One kind of item, and the event that it becomes. The first rule whose `when` holds is taken."""

    when: Expression | None = None
    """Holds if it finds something that is neither empty nor false."""
    kind: _Kind
    op: _Op = "create"
    id: Template
    """Of the event: must be the same whenever the item comes again."""
    at: _At
    clock: Clock = "event"
    influencer: Template
    actor: ActorMap | None = None
    object_id: Template | None = None
    target: TargetMap | None = None
    undoes: Template | None = None
    """For an undo: the `id` that the original got."""
    text: Value | None = None
    lang: Value | None = None
    tags: Value | None = None
    mentions: Value | None = None
    urls: Value | None = None
    media_type: Value | None = None
    paid: Value | None = None
    """The platform's mark of paid content."""
    metric: _Metric | None = None
    count: Value | None = None
    cumulative: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "counter" and (self.metric is None or self.count is None):
            raise PydanticCustomError("counter", "a counter needs `metric` and `count`")
        if self.kind != "counter" and self.actor is None:
            raise PydanticCustomError("actor", "`actor` with its `id` is needed unless `kind` is counter")
        return self


class Told(_Part):
    """How well an aspect is told."""

    level: Literal["no", "total", "anonymous", "each"]
    why: str = ""

    @model_validator(mode="after")
    def _reason(self) -> Self:
        if self.level != "each" and not self.why:
            raise PydanticCustomError("why", "say in `why` what is missing")
        return self


class Mapping(_Part):
    """A whole mapping file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    title: str = ""
    items: Expression | None = None
    """Where the items of a payload are; without it the payload is the item."""
    rules: Annotated[list[Rule], Field(min_length=1, max_length=100)]
    drop: list[str] = Field(default_factory=list)
    """Fields of an item that are not kept in `extra`."""
    abilities: dict[Aspect, Told] = Field(default_factory=dict)
    """What the source tells; what is not named is taken as not told."""


def fields_of(value: Any) -> Iterator[str]:
    """Names that the expressions of a part of the mapping read."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from fields_of(getattr(value, name))
    elif isinstance(value, str):
        for part in pieces(value)[1::2] if "{" in value else [value]:
            try:
                yield from _names(compiled(part).parsed)
            except PydanticCustomError:
                continue


def _names(tree: dict[str, Any]) -> Iterator[str]:
    if tree.get("type") == "field":
        yield tree["value"]
    for child in tree.get("children", ()):
        if isinstance(child, dict):
            yield from _names(child)
