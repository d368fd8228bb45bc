"""Rules files: read, checked, and handed to what scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from processors.rules import RuleBook
from schemas.rules import RulesFile
from schemas.yamlfile import BYTES_MAX, YamlError, load_yaml
from streams.errors import InputError

if TYPE_CHECKING:
    from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class RuleSets:
    """The rules that alerts are raised by, and those that are scored beside them and only compared."""

    live: RuleBook = field(default_factory=RuleBook)
    shadow: RuleBook | None = None


def read_text(path: Path) -> str:
    """The file's text. Raises InputError."""
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1).decode("utf-8")
    except UnicodeDecodeError as error:
        # The cut may have gone through a character: too large is told by whoever parses.
        if error.start >= BYTES_MAX - 4:
            return "#" * (BYTES_MAX + 1)
        raise InputError(f"{path}: is not UTF-8 at byte {error.start + 1}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None


def load_rules(path: Path) -> RulesFile:
    """The rules of a file. Raises InputError that shows every mistake with its line and a caret."""
    text = read_text(path)
    try:
        return load_yaml(text, RulesFile, name=str(path))
    except YamlError as error:
        raise InputError(
            error.shown(text), hint="docs/rules.md has an annotated example; `rapport rules check` shows more"
        ) from None


def load_sets(settings: Settings) -> RuleSets:
    """What RAPPORT_RULES and RAPPORT_SHADOW_RULES name. Raises InputError."""
    live = RuleBook() if settings.rules is None else RuleBook(load_rules(settings.rules))
    shadow = None if settings.shadow_rules is None else RuleBook(load_rules(settings.shadow_rules))
    return RuleSets(live, shadow)
