"""`rapport demo`: everything on this machine, with a live board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Config, Json, duration, settings_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.board import Snapshot
    from streams.demo import DemoOptions, DemoState

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport demo    [dim]until Ctrl-C[/dim]

[dim]$[/dim] rapport demo --for 40s --json | tail -1 | jq .alerts[0].summary

[dim]$[/dim] rapport demo --broker kafka:9092 --redis redis://redis:6379/0    [dim]on your own servers[/dim]

On your own servers the demo uses topics and keys of its own and removes them at the end (--keep leaves them).
With --for the exit code is 0 only if events flowed, readings were made, the planted incident raised its
alert, and that alert reached a webhook here with a signature that holds."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="demo", epilog=EPILOG)(demo)


def demo(
    lasts: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="DURATION", help="End by itself after 40s, 2m, 1h.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed tells another story.")] = 7,
    speed: Annotated[
        float | None,
        typer.Option(min=1, max=1_000_000, help="Seconds of event time that pass in one second."),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            "--broker",
            metavar="HOST:PORT",
            help="Use this Kafka instead of the embedded one.",
            rich_help_panel="Where",
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            "--redis",
            metavar="URL",
            help="Use this Redis instead of the embedded one.",
            rich_help_panel="Where",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave topics and keys on your own servers.")] = False,
    config: Config = None,
    picture: Annotated[
        Path | None, typer.Option(hidden=True, dir_okay=False, help="Save the last board as SVG.")
    ] = None,
    json: Json = False,
) -> None:
    """Watch partnerships being scored live: starts servers, a worker and a stream of events here."""
    seconds = duration(lasts) if lasts else None
    settings = settings_from(broker, redis, config=config)
    from streams.commands.output import print_json, run
    from streams.demo import DemoOptions

    options = DemoOptions(broker, redis, seconds, seed, speed, keep)
    state = run(_watch(options, settings, board=not json))
    if picture is not None:
        from streams.board import save_picture

        save_picture(state.snapshot, picture)
    if json:
        print_json(state.summary())
    else:
        _tell(state)
    if state.problems:
        from streams.demo import DemoError

        raise DemoError("; ".join(state.problems))


async def _watch(options: DemoOptions, settings: Any, *, board: bool) -> DemoState:
    from streams.commands.output import out, say
    from streams.demo import run_demo

    console = out()
    if not board or not console.is_terminal:
        return await run_demo(options, settings, lambda snapshot: None, say)
    from rich.live import Live

    from streams.board import render

    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def show(snapshot: Snapshot) -> None:
            rows = max(3, console.height - 16)
            live.update(render(snapshot, most_rows=rows, most_alerts=4), refresh=True)

        return await run_demo(options, settings, show, _above(live))


def _above(live: Any) -> Callable[[str], None]:
    """Lines over the board, so that neither breaks the other."""
    from streams.text import safe

    return lambda line: live.console.print(safe(line, "dim", 1_000), soft_wrap=True)


def _tell(state: DemoState) -> None:
    from streams.commands.output import out
    from streams.text import safe

    summary = state.summary()
    out().print(
        safe(
            f"{summary['events_in']:,} events, {summary['events_per_s']:,.0f} a second, "
            f"{summary['readings']:,} readings of {summary['partnerships']} partnerships, "
            f"{summary['rejected']} rejected"
        ),
        soft_wrap=True,
    )
    if state.mailbox is not None:
        box = state.mailbox
        out().print(
            safe(f"{len(box.received)} signed notifications came to {box.url}; {box.refused} were refused"),
            soft_wrap=True,
        )
    for alert in state.alerts:
        line = f"{alert.get('at')}  {alert.get('state')}  {alert.get('summary')}"
        out().print(safe(line, limit=500), soft_wrap=True)
