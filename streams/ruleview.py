"""What `rapport rules` reads and prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import NotFoundError, UnavailableError
from streams.text import safe

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from processors.rules.compare import Pair
    from processors.rules.effective import Change, Value
    from schemas import Partnership
    from schemas.rules import RulesFile
    from schemas.yamlfile import Problem
    from streams.settings import Settings

_MOST_ROWS = 200


def problem(one: Problem) -> dict[str, Any]:
    """For JSON."""
    return {
        "line": one.line,
        "column": one.column,
        "field": one.field,
        "message": one.message,
        "hint": one.hint,
    }


def counts(file: RulesFile) -> dict[str, int]:
    """How much a file says."""
    scopes = [file.defaults, *file.tiers.values(), *file.brands.values(), *file.partnerships.values()]
    return {
        "scopes": sum(not scope.empty for scope in scopes),
        "selectors": sum(len(scope.rules) for scope in scopes),
        "custom rules": sum(len(scope.custom) for scope in scopes),
    }


def strangers(file: RulesFile, book: Path) -> list[str]:
    """Brands and partnerships of the rules that the book does not know. Raises InputError."""
    from schemas.yamlfile import did_you_mean
    from streams.bookfile import load_partnerships

    known = load_partnerships(book)
    told = []
    for kind, named, held in (
        ("brands", file.brands, {one.brand_id for one in known}),
        ("partnerships", file.partnerships, {one.partnership_id for one in known}),
    ):
        for name in sorted(named.keys() - held):
            hint = did_you_mean(name, held)
            told.append(f"{kind}: nobody in {book.name} is {name!r}" + (f" ({hint})" if hint else ""))
    return told


async def find(settings: Settings, name: str, book: Path | None) -> Partnership:
    """The partnership with what people override, from a file or from the topics.

    Raises NotFoundError, BrokerUnavailableError, InputError."""
    from pydantic import ValidationError

    from processors.book import Book
    from schemas import Control, Partnership
    from schemas.topics import CONTROL, PARTNERSHIPS
    from schemas.yamlfile import did_you_mean
    from streams.bookfile import load_partnerships
    from streams.commands.output import warn
    from streams.consume import latest

    held = Book(load_partnerships(book) if book is not None else ())
    if book is None:
        for topic in (PARTNERSHIPS, CONTROL):
            for key, record in (await latest(settings, settings.topic(topic))).items():
                if record.value is None:
                    continue
                try:
                    if topic == PARTNERSHIPS:
                        held.put(Partnership.model_validate_json(record.value))
                    else:
                        held.control(
                            key.decode("utf-8", "replace"), Control.model_validate_json(record.value)
                        )
                except ValidationError:
                    continue  # `rapport partnerships list` tells of those
                except ValueError as error:
                    if name in str(error):
                        warn(str(error))
    if name not in held.by_id:
        raise NotFoundError(f"there is no partnership {name!r}", hint=did_you_mean(name, held.by_id))
    for line in held.refused.get(name, ()):
        warn(f"not in force: {line}")
    whole = held.of(held.by_id[name].influencer_id)
    return next(one for one in whole if one.partnership_id == name)


async def tier_of(settings: Settings, name: str) -> str | None:
    """The size that its newest reading tells; None where there is none, or no Redis."""
    from streams.reader import Reader

    try:
        async with Reader(settings) as reader:
            found = await reader.reading(name)
    except (UnavailableError, NotFoundError):
        return None
    return None if found is None else found.tier


async def read_compared(settings: Settings) -> list[dict[str, Any]]:
    """Transitions in short, of live and shadow rules, from every partition. Raises StoreUnavailableError."""
    import redis.asyncio as redis

    from processors.state.connect import open_redis
    from streams.errors import StoreUnavailableError
    from streams.reader import Reader

    client = open_redis(
        settings.redis_url, socket_timeout=settings.redis_timeout_s, socket_connect_timeout=2.0
    )
    found = []
    try:
        async with Reader(settings, client=client) as reader:
            for key in await reader.keys():
                entries: Any = await client.xrange(key.shadow)
                found += [json.loads(fields[b"alert"]) for _, fields in entries]
    except (redis.RedisError, OSError) as error:
        raise StoreUnavailableError(f"Redis does not answer: {error}") from error
    finally:
        await client.aclose()
    return found


def as_json(found: Mapping[str, Mapping[str, Value]]) -> dict[str, Any]:
    """By rule and field: {value, source}."""
    return {
        rule: {field: {"value": one.text, "source": one.source} for field, one in values.items()}
        for rule, values in found.items()
    }


def table(found: Mapping[str, Mapping[str, Value]], *, everything: bool) -> Table:
    """One row a value that somebody said, and one for what the detector has; without `everything` only rules
    of which something is said."""
    made = _new("rule", "holds", "from")
    for rule, values in found.items():
        said: dict[str, list[str]] = {}
        for name, one in values.items():
            on_or_off = "on" if one.text == "true" else "off"
            told = on_or_off if name == "enabled" else f"{name} {one.text}"
            said.setdefault(one.source, []).append(told)
        if not everything and said.keys() <= {"detector"}:
            continue
        for number, (source, parts) in enumerate(said.items()):
            made.add_row(
                "" if number else safe(rule, "bold"), safe(", ".join(parts)),
                safe(source, "dim" if source == "detector" else "", 300),
            )  # fmt: skip
    if not made.row_count:
        made.add_row("nothing is said", "the detectors' own values hold", "")
    return made


def changes(found: Sequence[Change]) -> Iterable[Text]:
    """One line a changed value, under the scope that it changes for."""
    from rich.text import Text

    scope = ""
    for one in found[:_MOST_ROWS]:
        if one.scope != scope:
            scope = one.scope
            yield safe(scope, "bold")
        yield Text.assemble(
            "  ", safe(one.rule), "  ", safe(f"{one.field} {one.before or '–'} → {one.after or '–'}")
        )
    if len(found) > _MOST_ROWS:
        yield Text(f"… and {len(found) - _MOST_ROWS} more: --json")


def comparison(found: Sequence[Pair], old: str, new: str) -> Iterable[Table | Text]:
    """Counts per rule, then the alerts that only one set raised."""
    from rich.text import Text

    from processors.rules.compare import by_rule

    made = _new("rule", old, new, "both", f"only {old}", f"only {new}", "median delay")
    for row in by_rule(found):
        numbers = (row[name] for name in ("live", "shadow", "both", "only_live", "only_shadow"))
        made.add_row(safe(row["rule"]), *map(str, numbers), delay(row["median_delay_s"]))
    yield made
    single = [pair for pair in found if pair.which != "both"]
    if not single:
        return
    yield Text("")
    for pair in single[:_MOST_ROWS]:
        one = pair.any
        yield Text.assemble(
            f"only {old if pair.live else new}  ", (_when(one.fired), "dim"), f"  {one.severity:<8}  ",
            safe(one.partnership, "bold"), "  ", safe(one.name), f"  {one.effect:+.0%}",
        )  # fmt: skip
    if len(single) > _MOST_ROWS:
        yield Text(f"… and {len(single) - _MOST_ROWS} more: --json")


def delay(seconds: float | None) -> str:
    """`+1h30m`, `-2h`, `0`; a dash for none."""
    from processors.rules.effective import duration

    if seconds is None:
        return "–"
    return f"{'+' if seconds > 0 else '-' if seconds < 0 else ''}{duration(round(abs(seconds)))}"


def _when(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _new(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD)
    for name in columns:
        made.add_column(safe(name), overflow="fold", no_wrap=name == "rule")
    return made
