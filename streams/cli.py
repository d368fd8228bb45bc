"""The command `rapport`.

Each group of commands lies in `streams.commands`; here they are put together, and every error becomes one
plain line and an exit code: 0 done, 1 it did not work, 2 wrong use or setting, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from streams.commands import (
    alerts,
    audit,
    compare,
    dashboards,
    demo,
    digest,
    doctor,
    evaluate,
    export,
    feed,
    forget,
    gateway,
    insights,
    notifier,
    partnerships,
    portfolio,
    receivers,
    rejected,
    relationships,
    replay,
    reshard,
    rules,
    schemas,
    serve,
    settings,
    sources,
    state,
    status,
    topics,
    worker,
)

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport demo    [dim]everything on this machine, with a live board[/dim]

[dim]$[/dim] rapport doctor --broker kafka:9092 --redis redis://redis:6379/0    [dim]is all well there?[/dim]

[dim]$[/dim] rapport topics create && rapport partnerships apply partnerships.json && rapport worker

[dim]$[/dim] rapport replay events.ndjson && rapport status

Settings come from options, RAPPORT_… variables and rapport.toml, in this order;
`rapport settings` lists them.
Exit codes: 0 done, 1 it did not work, 2 wrong use or setting, 130 stopped by Ctrl-C."""

app = typer.Typer(
    name="rapport",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    epilog=EPILOG,
    help="Watches the engagement of brand-influencer partnerships: scores them live from Kafka, keeps their "
    "windows in Redis, and raises an alert with its reason when one slips.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        from processors.scores import METHOD_VERSION

        try:
            number = version("rapport-monitor")
        except PackageNotFoundError:
            number = "not installed"
        typer.echo(f"rapport {number}, method {METHOD_VERSION}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Log more, and show stack traces.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    if debug:
        os.environ["RAPPORT_LOG_LEVEL"] = "debug"


people = (status, insights, relationships, portfolio, compare)
for module in (
    demo,
    worker,
    notifier,
    feed,
    replay,
    export,
    forget,
    evaluate,
    doctor,
    settings,
    audit,
    serve,
    digest,
    reshard,
    *people,
):
    module.register(app)
for module in (
    topics,
    partnerships,
    rules,
    alerts,
    receivers,
    rejected,
    schemas,
    dashboards,
    state,
    sources,
    gateway,
):
    app.add_typer(module.app)


def main() -> None:
    """Entry point of the command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code. No stack trace but with --debug."""
    before = os.environ.get("RAPPORT_LOG_LEVEL")
    try:
        app(arguments, prog_name="rapport")
        return 0
    except SystemExit as leave:  # typer has told usage errors itself by now
        return leave.code if isinstance(leave.code, int) else 0
    except BaseException as error:
        from streams.failures import debug_wanted, explain

        if debug_wanted() and isinstance(error, Exception):
            import traceback

            traceback.print_exc()
        return explain(error)
    finally:
        if before is None:
            os.environ.pop("RAPPORT_LOG_LEVEL", None)
        else:
            os.environ["RAPPORT_LOG_LEVEL"] = before


if __name__ == "__main__":
    main()
