"""Options that many commands share, and what they set."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.settings import Settings

Broker = Annotated[
    str | None,
    typer.Option(
        "--broker", metavar="HOST:PORT", help="Kafka servers (RAPPORT_BROKER).", rich_help_panel="Where"
    ),
]
Redis = Annotated[
    str | None,
    typer.Option(
        "--redis",
        metavar="URL",
        help="Redis or Valkey, e.g. redis://127.0.0.1:6379/0 (RAPPORT_REDIS_URL).",
        rich_help_panel="Where",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        metavar="NAME",
        help="Prefix of all Redis keys (RAPPORT_NAMESPACE).",
        rich_help_panel="Where",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="TOML file with settings (RAPPORT_CONFIG).", rich_help_panel="Where"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout instead of text for people.")]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)?")


def settings_from(
    broker: str | None = None,
    redis: str | None = None,
    namespace: str | None = None,
    config: Path | None = None,
) -> Settings:
    """The settings with these options on top; warns on stderr about misspelt variables.

    Raises:
        SettingsError: when a setting is wrong.
    """
    from streams.commands.output import warn
    from streams.settings_doc import load_settings, unknown_names

    for line in unknown_names(os.environ):
        warn(line)
    return load_settings(config, broker=broker, redis_url=redis, namespace=namespace)


def parse_duration(text: str) -> float:
    """Seconds of "40s", "2m", "1h30m", "500ms" or "40".

    Raises:
        ValueError: when it is none.
    """
    compact = text.strip().lower().replace(" ", "")
    parts = list(_DURATION.finditer(compact))
    plain = len(parts) == 1
    if not parts or "".join(part[0] for part in parts) != compact or not (plain or all(p[2] for p in parts)):
        raise ValueError(f"{text[:40]!r} is not a duration like 40s, 2m or 1h30m")
    return sum(float(part[1]) * _UNITS[part[2] or "s"] for part in parts)


def duration(text: str) -> float:
    """As `parse_duration`, for typer: a wrong one is told as a usage error."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if seconds <= 0:
        raise typer.BadParameter("must be longer than nothing")
    return seconds


def moment(text: str) -> datetime:
    """A time in RFC 3339 ("2026-11-22", "2026-11-22T10:00Z"; UTC when it names no zone), or an age ("2h")."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
        except (ValueError, OverflowError):
            raise typer.BadParameter(
                f"{text[:40]!r} is neither a time like 2026-11-22T10:00Z nor an age like 2h"
            ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
