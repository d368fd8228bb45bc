"""What commands share that act in a person's name: who it is, times, matchers, an open line to Redis."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from schemas.acts import Matcher
    from streams.alert_view import AlertView
    from streams.people import People, Who
    from streams.settings import Settings

By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who does it; default: the user of this machine.")
]
Note = Annotated[str | None, typer.Option("--note", "-m", metavar="TEXT", help="Why, for the others.")]
AlertId = Annotated[
    str, typer.Argument(metavar="ALERT", help="Its id, or as much of the beginning as no other has.")
]


def who_from(by: str | None) -> Who:
    """The person: `--by`, or the user of the machine. Raises BadParameter when it is empty or too long."""
    import getpass

    from streams.people import Who
    from streams.text import clean

    try:
        name = clean(getpass.getuser() if by is None else by, 257)
    except (OSError, KeyError):  # a container's user without a name
        raise typer.BadParameter("this machine's user has no name; say --by NAME") from None
    if not name or len(name) > 256:
        raise typer.BadParameter("--by should be a name of 1 to 256 characters")
    return Who(name, "cli")


@asynccontextmanager
async def people_of(settings: Settings) -> AsyncIterator[People]:
    """People's acts of this installation, on a line of their own."""
    from streams.people import People
    from streams.people_store import open_client

    client = open_client(settings)
    try:
        yield People(settings, client)
    finally:
        await client.aclose()


async def read_views(settings: Settings) -> list[AlertView]:
    """All alerts with what people did about them, newest first."""
    from streams.alert_view import load_views
    from streams.people import Who

    async with people_of(settings) as people:
        return await load_views(people, Who("reader"), datetime.now(UTC))


def matchers_of(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """Matchers as on amtool's command line. Raises BadParameter that says what is wrong with which."""
    from pydantic import ValidationError

    from schemas.acts import Matcher

    found = []
    for text in texts:
        try:
            found.append(Matcher.parse(text))
        except ValidationError as error:
            raise typer.BadParameter(f"{text[:60]!r}: {error.errors(include_url=False)[0]['msg']}") from None
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return tuple(found)


def one_of(name: str, known: Sequence[str], option: str) -> str:
    """The name, if it is known. Raises BadParameter with what it may be."""
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        meant = f"; did you mean {close[0]}?" if close else f": it may be {', '.join(known)}"
        raise typer.BadParameter(f"{option}: {name[:40]!r} is none{meant}")
    return name


def when_of(text: str, option: str, *, past: bool = False) -> datetime:
    """A time as people type it. Raises BadParameter."""
    from streams.times import parse_when

    try:
        return parse_when(text, datetime.now(UTC), past=past)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def write_out(path: Path, text: str) -> None:
    """Writes a file whole or not at all. Raises OSError with the file's name."""
    import os
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
