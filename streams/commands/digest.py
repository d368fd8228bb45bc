"""`rapport digest`: what moved, what was done, what is open."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.acting import By, one_of, people_of, who_from, write_out
from streams.commands.options import Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from streams.settings import Settings

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport digest --brand acme

[dim]$[/dim] rapport digest --partnership acme--ann --partnership acme--bob --format html --out week.html

[dim]$[/dim] rapport digest --brand acme --send team-mail    [dim]weekly, from cron or a timer[/dim]"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=_EPILOG)(digest)


def digest(
    brand: Annotated[str | None, typer.Option(metavar="ID", help="Only of this brand.")] = None,
    partnership: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Only these, e.g. those of one manager; may be given several times."),
    ] = None,
    since: Annotated[str, typer.Option(metavar="LENGTH", help="How far back: 7d, 24h; at most 92d.")] = "7d",
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, html, markdown or json.")
    ] = "text",
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", dir_okay=False, help="Default: stdout.")
    ] = None,
    send: Annotated[
        str | None,
        typer.Option(metavar="RECEIVER", help="Send it to a mail or chat receiver of notify.yaml."),
    ] = None,
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell what moved, what was done and what is open, of a brand or of some partnerships."""
    import sys

    from streams.commands.output import run, say
    from streams.digests import FORMATS, LONGEST, gather, render
    from streams.times import parse_span

    one_of(form, FORMATS, "--format")
    try:
        length = parse_span(since)
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}") from None
    if length > LONGEST:
        raise typer.BadParameter(f"--since: at most {LONGEST.days} days")
    settings, who = settings_from(None, redis, namespace, config), who_from(by)

    async def do() -> Any:
        async with people_of(settings) as people:
            made = await gather(
                people, who, datetime.now(UTC), length, brand=brand, partnerships=partnership or ()
            )
            if send is not None:
                await _send(settings, people, who, send, made)
            return made

    made = run(do())
    text = render(made, "json" if json else form)
    if to is not None:
        write_out(to, text)
        say(f"written: {to}")
    elif send is not None:
        say(f"sent to {send}")
    else:
        sys.stdout.write(text)


async def _send(settings: Settings, people: Any, who: Any, receiver: str, made: dict[str, Any]) -> None:
    import secrets

    from schemas.acts import Act
    from streams.digests.sending import send_digest

    await send_digest(settings, receiver, made)
    act = Act(
        act_id=secrets.token_hex(8), at=datetime.now(UTC), by=who.by, via=who.via, verb="digest",
        subject=receiver, brand_id=made["brand"], details={"from": made["from"], "until": made["until"]},
    )  # fmt: skip
    await people.store.record(act)
