"""What each setting is called, may be, and is: for messages, for `rapport settings`, for the README."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined
from pydantic_settings.exceptions import SettingsError as SourceError

from streams.errors import SettingsError
from streams.settings import Settings

PREFIX = "RAPPORT_"
#: Environment names with our prefix that are no settings: where the settings lie, and what tests listen to.
OTHER_NAMES = frozenset({"RAPPORT_CONFIG"})
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP)")
_PASSWORD = re.compile(r"([?&](?:ssl_)?password=)[^&]*")
_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    Path: "a path",
    SecretStr: "a secret",
}


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One setting as people need it. `default` and `may_be` are plain text."""

    name: str
    field: str
    default: str
    may_be: str
    description: str
    secret: bool


def setting_docs() -> list[SettingDoc]:
    """All settings, in the order in which they are declared."""
    return [
        SettingDoc(
            PREFIX + field.upper(),
            field,
            _default(info),
            may_be(info),
            info.description or "",
            _is_secret(info),
        )
        for field, info in Settings.model_fields.items()
    ]


def may_be(info: FieldInfo) -> str:
    """What a field accepts, e.g. "a whole number, 1 to 65535"."""
    text = _type_words(info.annotation)
    low = high = ""
    for item in _constraints(info):
        match item:
            case annotated_types.Ge(ge=value):
                low = f"at least {value:g}" if isinstance(value, float) else f"at least {value}"
            case annotated_types.Gt(gt=value):
                low = f"more than {value}"
            case annotated_types.Le(le=value):
                high = f"at most {value}"
            case _ if pattern := getattr(item, "pattern", None):
                text += f" like {pattern}"
    limits = " and ".join(part for part in (low, high) if part)
    return f"{text}, {limits}" if limits else text


def shown_value(settings: Settings, doc: SettingDoc) -> str | int | float | bool | None:
    """The present value for people and JSON; a secret, and a password in an address, are masked."""
    value = getattr(settings, doc.field)
    if isinstance(value, SecretStr):
        return "********" if value.get_secret_value() else ""
    if doc.field == "redis_url":
        return mask_address(value)
    return value if isinstance(value, int | float | NoneType) else str(value)


def mask_address(address: str) -> str:
    """The address with its password hidden: redis://user:********@host:6379/0 (or ?password=********)."""
    scheme, mark, rest = _PASSWORD.sub(r"\1********", address).partition("://")
    login, at, host = rest.rpartition("@")
    if not mark or not at:
        return scheme + mark + rest
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{colon}{'********' if colon else ''}@{host}"


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Settings from overrides, environment and file. Overrides that are None are left out.

    Raises:
        SettingsError: with one line for each wrong setting.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    named = config or (Path(os.environ["RAPPORT_CONFIG"]) if os.environ.get("RAPPORT_CONFIG") else None)
    if named is not None and not named.is_file():
        raise SettingsError([f"RAPPORT_CONFIG: there is no file {named}"])
    with _environment({"RAPPORT_CONFIG": str(config)} if config else {}):
        try:
            return Settings(**given)
        except ValidationError as error:
            raise SettingsError([_line(item, given) for item in error.errors()]) from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError([f"{named or 'rapport.toml'} is not TOML: {error}"]) from None
        except UnicodeDecodeError as error:
            raise SettingsError(
                [f"{named or 'rapport.toml'} is not TOML: it is not UTF-8: {error.reason}"]
            ) from None
        except (SourceError, OSError) as error:
            raise SettingsError([f"settings cannot be read: {error}"]) from None


def unknown_names(environment: Mapping[str, str]) -> list[str]:
    """Lines on RAPPORT_ variables that are close to a setting's name, but are none.

    A warning, not an error, and not for what Kubernetes sets by itself beside a service of that name, like
    RAPPORT_SERVICE_HOST and RAPPORT_PORT_6066_TCP.
    """
    known = {PREFIX + field.upper() for field in Settings.model_fields} | OTHER_NAMES
    lines = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and not _SERVICE_LINK.search(name):
            close = difflib.get_close_matches(name, known, 1, cutoff=0.8)
            if close:
                lines.append(f"{name} is not a setting and has no effect; did you mean {close[0]}?")
    return lines


def _line(item: ErrorDetails, given: Mapping[str, Any]) -> str:
    field = str(item["loc"][0]) if item["loc"] else ""
    info = Settings.model_fields.get(field)
    if info is None:
        close = difflib.get_close_matches(field, Settings.model_fields, 1)
        return f"{PREFIX}{field.upper()}: no such setting" + (
            f"; did you mean {PREFIX}{close[0].upper()}?" if close else "; see `rapport settings`"
        )
    message = item["msg"].removeprefix("Value error, ")
    value = "" if _is_secret(info) or field == "redis_url" else f"{str(item['input'])[:80]!r}: "
    option = " (from the command line)" if field in given else ""
    allowed = info.description if info.annotation is str and not list(_constraints(info)) else may_be(info)
    return f"{PREFIX}{field.upper()}{option}: {value}{_lower(message)}. It may be: {allowed}."


def _lower(message: str) -> str:
    message = message.rstrip(".")
    return message[:1].lower() + message[1:] if message.startswith(("Input", "String", "Value")) else message


def _constraints(info: FieldInfo) -> Iterator[Any]:
    for item in info.metadata:
        yield from item if isinstance(item, annotated_types.GroupedMetadata) else (item,)


def _type_words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return " | ".join(str(value) for value in get_args(annotation))
    if origin in (Union, UnionType):
        return (
            " or ".join(_type_words(arg) for arg in get_args(annotation) if arg is not NoneType)
            + ", or unset"
        )
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _is_secret(info: FieldInfo) -> bool:
    return info.annotation is SecretStr or SecretStr in get_args(info.annotation)


def _default(info: FieldInfo) -> str:
    if info.default is None or info.default is PydanticUndefined:
        return ""
    return str(info.default)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables while the settings are read; a file is named to the sources by the environment only."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                del os.environ[name]
            else:
                os.environ[name] = old


def markdown_table() -> str:
    """All settings as the table that stands in the README (a test holds the two together)."""
    lines = ["| setting | default | may be | what it does |", "| --- | --- | --- | --- |"]
    for doc in setting_docs():
        cells = (f"`{doc.name}`", f"`{doc.default}`" if doc.default else "", doc.may_be, doc.description)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
