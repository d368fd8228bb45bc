"""A source that is a mapping file: see `streams.sources.mapping_model` for what it may say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jmespath.exceptions import JMESPathError

from schemas.yamlfile import BYTES_MAX, YamlError, load_yaml
from streams.errors import InputError
from streams.sources.abilities import ASPECTS, Ability
from streams.sources.base import Arrival, Forget, Options, Source
from streams.sources.draft import Draft
from streams.sources.errors import LeftOut, Refused
from streams.sources.mapping_model import (
    NAMED_FORMATS,
    At,
    Const,
    Lookup,
    Mapping,
    Rule,
    compiled,
    fields_of,
    pieces,
)
from streams.sources.node import ITEMS_MAX, Node
from streams.sources.times import Unit, happened, moment

_UNITS: Final[dict[str, Unit]] = {"s": "s", "ms": "ms", "us": "us"}
_TRUE: Final = ("true", "yes", "1")
_FALSE: Final = ("false", "no", "0", "")
_COUNTS: Final = ("followers", "following", "posts")
_FLAGS: Final = ("has_avatar", "has_bio", "bot")


def load_mapping(path: Path, options: Options | None = None) -> MappingSource:
    """The source of a mapping file. Raises InputError with the line of each mistake."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise InputError(f"{path}: larger than {BYTES_MAX >> 20} MiB")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return MappingSource(load_yaml(text, Mapping, name=str(path)), options)
    except YamlError as error:
        raise InputError(str(error)) from None


class MappingSource(Source):
    """Items of a payload, each by the first rule that fits it."""

    delivery = "as you send it"
    identity = "the template `id` of each rule"
    time = "`at` of each rule, at most the time of receipt"

    def __init__(self, mapping: Mapping, options: Options | None = None) -> None:
        super().__init__(options)
        self.mapping = mapping
        self.name, self.title = mapping.name, mapping.title or mapping.name
        self.abilities = {
            aspect: Ability(told.level, told.why) if (told := _told(mapping, aspect)) is not None
            else Ability("no", "the mapping does not say that it is told")
            for aspect in ASPECTS
        }  # fmt: skip
        self._used = [frozenset((*fields_of(rule), *mapping.drop)) for rule in mapping.rules]

    def parts(self, document: Any, arrival: Arrival) -> Iterable[Node]:
        """The items of a payload."""
        items = _search(self.mapping.items, document, "items") if self.mapping.items else document
        if items is None:
            raise LeftOut("not_engagement", f"`items` ({self.mapping.items}) finds nothing here")
        found = items if isinstance(items, list) else [items]
        for place, item in enumerate(found[:ITEMS_MAX]):
            yield Node({"item": item}, f"items.{place}")

    def acts(self, part: Node, arrival: Arrival) -> Iterator[Draft | Forget]:
        """The event of one item."""
        item = part.raw("item")
        if not isinstance(item, dict):
            raise Refused("shape", "an item should be an object", part.path)
        for number, rule in enumerate(self.mapping.rules):
            if rule.when is None or _holds(_search(rule.when, item, "when")):
                yield self._draft(rule, number, item, arrival)
                return
        raise LeftOut("not_engagement", "no rule's `when` holds")

    def _unread(self, number: int, item: dict[str, Any]) -> dict[str, Any]:
        used = self._used[number]
        return {name: value for name, value in item.items() if name not in used and value not in (None, "")}

    def _draft(self, rule: Rule, number: int, item: dict[str, Any], arrival: Arrival) -> Draft:
        where = f"rules.{number}"
        kind = _need(_word(rule.kind, item), f"{where}.kind", "kind")
        stated = _time(rule.at, item)
        if stated is None:
            raise Refused("clock", "`at` finds no time of its format", f"{where}.at")
        at, found = happened(stated, None, arrival.received)
        clock = found if rule.clock == "event" else rule.clock
        influencer = _need(_filled(rule.influencer, item), f"{where}.influencer", "influencer")
        return Draft(
            _need(_filled(rule.id, item), f"{where}.id", "id"), kind, at, (influencer,),
            _actor(rule, item, where), str(_word(rule.op, item) or "create"), clock,
            _filled(rule.object_id, item), _target(rule, item, where), _text(_value(rule.text, item)),
            _text(_value(rule.lang, item)), _texts(_value(rule.tags, item)),
            _texts(_value(rule.mentions, item)), _texts(_value(rule.urls, item)),
            _sponsored(_flag(_value(rule.paid, item))), _text(_value(rule.media_type, item)),
            _filled(rule.undoes, item), _text(_word(rule.metric, item)),
            _count(_value(rule.count, item)), rule.cumulative,
            self._unread(number, item),
        )  # fmt: skip


def _told(mapping: Mapping, aspect: str) -> Any:
    return next((told for name, told in mapping.abilities.items() if name == aspect), None)


def _search(expression: str, item: Any, where: str) -> Any:
    try:
        return compiled(expression).search(item)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        raise Refused("mapping", f"{expression}: {error}", where) from None


def _holds(found: Any) -> bool:
    return found is not None and found is not False and found != "" and found != [] and found != {}


def _need(value: Any, where: str, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Refused("missing", f"`{name}` finds nothing in this item", where)
    return value


def _filled(template: str | None, item: Any) -> str | None:
    """A template with its expressions' values; None if one finds none."""
    if template is None:
        return None
    if "{" not in template:
        return _text(_search(template, item, template))
    out = []
    for place, piece in enumerate(pieces(template)):
        found = _text(_search(piece, item, template)) if place % 2 else piece
        if found is None:
            return None
        out.append(found)
    return "".join(out)


def _value(value: Any, item: Any) -> Any:
    if isinstance(value, Const):
        return value.const
    if isinstance(value, Lookup):
        found = _text(_search(value.map, item, value.map))
        return value.values.get(found, value.default) if found is not None else value.default
    return None if value is None else _search(value, item, value)


def _word(value: Any, item: Any) -> Any:
    """A word of the contract stands for itself."""
    return _value(value, item) if isinstance(value, Lookup) else value


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [text for item in found[:1_000] if (text := _text(item)) is not None]


def _count(value: Any) -> int | None:
    return Node({"n": value}).count("n")


def _flag(value: Any) -> bool | None:
    if isinstance(value, str):
        low = value.strip().lower()
        return True if low in _TRUE else False if low in _FALSE else None
    return value if isinstance(value, bool) else None


def _sponsored(paid: bool | None) -> dict[str, Any] | None:
    return None if paid is None else {"label": paid}


def _time(at: str | At, item: Any) -> dt.datetime | None:
    if isinstance(at, str):
        return moment(_search(at, item, "at"))
    value = _search(at.path, item, "at")
    if at.format in NAMED_FORMATS:
        return moment(value, _UNITS.get(at.format))
    if not isinstance(value, str) or len(value) > 100:
        return None
    try:
        found = dt.datetime.strptime(value.strip(), at.format)
        return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(at.zone))).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _actor(rule: Rule, item: Any, where: str) -> dict[str, Any] | None:
    if rule.actor is None:
        return None
    actor: dict[str, Any] = {"id": _need(_filled(rule.actor.id, item), f"{where}.actor.id", "actor.id")}
    for name in type(rule.actor).model_fields:
        if name == "id" or (found := _value(getattr(rule.actor, name), item)) is None:
            continue
        if name in _COUNTS:
            actor[name] = _count(found)
        elif name in _FLAGS:
            actor[name] = _flag(found)
        elif name == "topics":
            actor[name] = _texts(found)
        elif name == "created_at":
            made = moment(found)
            actor[name] = made.isoformat() if made else None
        else:
            actor[name] = _text(found)
    return {name: value for name, value in actor.items() if value is not None}


def _target(rule: Rule, item: Any, where: str) -> dict[str, Any] | None:
    if rule.target is None:
        return None
    target = {
        name: _filled(getattr(rule.target, name), item)
        for name in ("id", "author_id", "parent_id", "root_id")
    }
    if target["id"] is None:
        return None
    return target | {"type": _text(_value(rule.target.type, item))}
