"""A YAML file that people write, into a model: every mistake is told with its line, column, and what to do.

    load_yaml(text, Model, name="rules.yaml") -> Model        raises YamlError(problems)

Safe loading only: no tags that make objects, no key twice, no merge keys, at most 1 MiB, 32 levels and
100,000 values after aliases are followed. A validator may hand a hint along in the context of its
`PydanticCustomError`, as `{"hint": "…"}`.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32
VALUES_MAX: Final = 100_000
#: Problems told at most; the last says how many more there are.
PROBLEMS_MAX: Final = 50

M = TypeVar("M", bound=BaseModel)
Loc = tuple[Hashable, ...]
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SEQUENCE: Final = "tag:yaml.org,2002:seq"
_MAPPING: Final = "tag:yaml.org,2002:map"
#: pydantic speaks of inputs and validation; who wrote the file does not.
_SAID: Final = {
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "literal_error": "should be {expected}",
    "less_than_equal": "should be at most {le:g}",
    "greater_than_equal": "should be at least {ge:g}",
    "string_too_long": "is longer than {max_length} characters",
    "string_pattern_mismatch": "should look like {pattern} (a regular expression)",
    "too_short": "should have at least {min_length}",
    "too_long": "has more than {max_length}",
}
_resolver: Final = yaml.resolver.Resolver()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1; `field` is dotted, "" for the whole file."""

    line: int
    column: int
    field: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"line {self.line}, column {self.column}: {field}{self.message}{hint}"


class YamlError(ValueError):
    """A file cannot be used. Its text has one line for each problem; `shown` adds the lines with carets."""

    def __init__(self, problems: tuple[Problem, ...], *, name: str = "") -> None:
        self.problems = problems
        self.name = name
        super().__init__("\n".join(f"{name}: {problem}" if name else str(problem) for problem in problems))

    def shown(self, text: str) -> str:
        """Each problem with its line of `text` and a caret under the place."""
        lines = text.splitlines()
        told = []
        for problem in self.problems:
            told.append(f"{self.name}: {problem}" if self.name else str(problem))
            if 0 < problem.line <= len(lines):
                line = lines[problem.line - 1]
                start = max(0, problem.column - 80)
                told.append("    " + line[start : start + 110].replace("\t", " "))
                told.append("    " + " " * (problem.column - 1 - start) + "^")
        return "\n".join(told)


class _StopError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@dataclass(slots=True)
class Places:
    """Where each value of a file stands: by location, (line, column) of the key and of the value."""

    values: dict[Loc, tuple[int, int]]
    keys: dict[Loc, tuple[int, int]]

    def of(self, loc: Loc, *, key: bool = False) -> tuple[tuple[int, int], Loc]:
        """The place of `loc`, or of the nearest thing around it; and the location that was found. Parts that
        name no place in the file (pydantic's names of a union's members) are passed over."""
        found: Loc = ()
        for part in loc:
            if (*found, part) in self.values:
                found = (*found, part)
        where = self.keys if key and found in self.keys else self.values
        return where.get(found, (1, 1)), found


def load_yaml(text: str, model: type[M], *, name: str) -> M:
    """The model that `text` describes. `name`: the file's name, for messages.

    Raises:
        YamlError: with everything that is wrong, at most 50 problems.
    """
    value, places = parse_yaml(text, name=name)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise YamlError(tuple(_problems(error, model, places)), name=name) from None


def parse_yaml(text: str, *, name: str) -> tuple[Any, Places]:
    """Plain values and where they stand; an empty file is an empty mapping. Raises YamlError."""
    if len(text) > BYTES_MAX or len(text.encode("utf-8", "surrogatepass")) > BYTES_MAX:
        message = f"the file is larger than {BYTES_MAX >> 20} MiB"
        raise YamlError((Problem(1, 1, "", message),), name=name)
    reader = _Reader(text)
    try:
        value = reader.read()
    except _StopError as stop:
        raise YamlError((stop.problem,), name=name) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        said = " ".join(part for part in (error.problem, error.context) if part)
        hint = "indent with spaces, not tabs" if "\\t" in said else None
        raise YamlError((Problem(line, column, "", f"not YAML: {said}", hint),), name=name) from None
    except (yaml.YAMLError, UnicodeError) as error:  # characters that no YAML may hold
        raise YamlError(
            (Problem(1, 1, "", f"not YAML: {' '.join(str(error).split())}"),), name=name
        ) from None
    if reader.problems:
        raise YamlError(tuple(reader.problems[:PROBLEMS_MAX]), name=name)
    return value, reader.places


class _Reader:
    """Builds values from the parser's events, so that neither depth nor aliases can exhaust anything."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._scalars = yaml.constructor.SafeConstructor()
        self._anchors: dict[str, tuple[Any, int]] = {}  # value, and how many values it holds
        self._count = 0
        self.problems: list[Problem] = []
        self.places = Places({}, {})

    def read(self) -> Any:
        events: Iterator[Any] = iter(yaml.parse(self._text, Loader=_Loader))
        found: Any = {}
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _StopError(
                        _problem(event, (), "a second document begins here", "one file, one document")
                    )
                found = self._value(next(events), events, ())
        return {} if found is None else found

    def _value(self, event: Any, events: Iterator[Any], loc: Loc) -> Any:
        self.places.values.setdefault(loc, (event.start_mark.line + 1, event.start_mark.column + 1))
        if len(loc) > DEPTH_MAX:
            raise _StopError(_problem(event, (), f"nested deeper than {DEPTH_MAX} levels"))
        self._counted(1, event)
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                raise _StopError(
                    _problem(event, loc, f"alias *{event.anchor} is not known before this place")
                )
            self._counted(known[1], event)
            return known[0]
        before = self._count
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, loc)
        elif event.tag not in (None, "!", _SEQUENCE, _MAPPING):
            raise _StopError(_problem(event, loc, f"the tag {event.tag} is not allowed here", "leave it out"))
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, loc)
        else:
            value = self._mapping(events, loc)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._count - before + 1)
        return value

    def _counted(self, values: int, event: Any) -> None:
        self._count += values
        if self._count > VALUES_MAX:
            raise _StopError(_problem(event, (), f"more than {VALUES_MAX:,} values, aliases followed"))

    def _scalar(self, event: Any, loc: Loc) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = _resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return self._scalars.construct_object(node)
        except yaml.YAMLError:
            self.problems.append(_problem(event, loc, f"the tag {tag} is not allowed here", "leave it out"))
        except (ValueError, OverflowError) as error:
            self.problems.append(_problem(event, loc, f"{event.value[:60]!r}: {error}", "put text in quotes"))
        return None

    def _sequence(self, events: Iterator[Any], loc: Loc) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            found.append(self._value(event, events, (*loc, len(found))))
        return found

    def _mapping(self, events: Iterator[Any], loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._key(event, loc)
            inner = (*loc, key)
            if key in found:
                first = self.places.keys[inner][0]
                self.problems.append(_problem(event, inner, f"stands here twice, first in line {first}"))
            else:
                self.places.keys[inner] = (event.start_mark.line + 1, event.start_mark.column + 1)
            found[key] = self._value(next(events), events, inner)
        return found

    def _key(self, event: Any, loc: Loc) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise _StopError(_problem(event, loc, "a key must be plain text"))
        self._counted(1, event)
        if event.value == "<<" and event.implicit[0]:
            raise _StopError(_problem(event, loc, "merge keys (<<) are not supported", "write the keys out"))
        # YAML reads NO (Norway), on and 12 as something else than text: as a key, all is text.
        return str(event.value)


def _problem(event: Any, loc: Loc, message: str, hint: str | None = None) -> Problem:
    mark = event.start_mark
    return Problem(mark.line + 1, mark.column + 1, dotted(loc), message, hint)


def dotted(loc: Loc) -> str:
    """`a.b[2].c` of a location."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _problems(error: ValidationError, model: type[BaseModel], places: Places) -> Iterator[Problem]:
    errors = error.errors(include_url=False)
    for item in errors[:PROBLEMS_MAX]:
        yield _told(item, model, places)
    if len(errors) > PROBLEMS_MAX:
        yield Problem(1, 1, "", f"and {len(errors) - PROBLEMS_MAX} more problems")


def _told(item: ErrorDetails, model: type[BaseModel], places: Places) -> Problem:
    loc: Loc = tuple(item["loc"])
    kind, value = item["type"], item["input"]
    hint = item.get("ctx", {}).get("hint")
    message = item["msg"].removeprefix("Value error, ")
    (line, column), found = places.of(loc, key=kind == "extra_forbidden" or loc[-1:] == ("[key]",))
    field = dotted(found)
    if kind == "extra_forbidden":
        message = "unknown key"
        hint = did_you_mean(str(loc[-1]), _fields(model, loc[:-1]))
    elif kind == "missing":
        field = dotted((*found, loc[-1]))
        message = "is required"
    elif kind in ("model_type", "dict_type"):
        message = "has to be a mapping, like `key: value`"
    elif kind == "string_type" and isinstance(value, bool | int | float):
        hint = hint or f"this reads as {value}: put it in quotes"
    elif said := _SAID.get(kind):
        message = said.format(**item.get("ctx", {}))
        if kind == "literal_error" and (close := difflib.get_close_matches(str(value), _quoted(message), 1)):
            hint = f"did you mean {close[0]}?"
    return Problem(line, column, field, message[0].lower() + message[1:], hint)


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']+)'", text)


def did_you_mean(word: str, known: typing.Iterable[str]) -> str | None:
    """A hint that names the nearest of the known words, or all of them where they are few."""
    names = sorted(set(known))
    if close := difflib.get_close_matches(word, names, 1):
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(names)}" if 0 < len(names) <= 24 else None


def _fields(model: type[BaseModel], loc: Loc) -> set[str]:
    """Names of the fields that may stand at a location, unions taken together."""
    at: list[Any] = [model]
    for part in loc:
        inner: list[Any] = []
        for kind in at:
            inner += _inside(kind, part)
        at = inner or at  # a part that only names a member of a union
    names: set[str] = set()
    for kind in at:
        for plain in _plain(kind):
            if isinstance(plain, type) and issubclass(plain, BaseModel):
                told = (field.alias or name for name, field in plain.model_fields.items())
                names |= {name for name in told if name.isprintable()}
    return names


def _plain(kind: Any) -> Iterator[Any]:
    """What a type comes down to: without Annotated, unions as their members."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        yield from _plain(typing.get_args(kind)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in typing.get_args(kind):
            yield from _plain(member)
    else:
        yield kind


def _inside(kind: Any, part: Hashable) -> list[Any]:
    found: list[Any] = []
    for plain in _plain(kind):
        if isinstance(plain, type) and issubclass(plain, BaseModel):
            for name, field in plain.model_fields.items():
                if part in (name, field.alias):
                    found.append(field.annotation)
        else:
            args = typing.get_args(plain)
            origin = typing.get_origin(plain)
            if (origin is dict and isinstance(part, str)) or (
                origin in (list, tuple, set, frozenset) and isinstance(part, int) and args
            ):
                found.append(args[-1] if origin is dict else args[0])
    return found
