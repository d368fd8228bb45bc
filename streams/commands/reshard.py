"""`rapport reshard`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

EPILOG = """[bold]Order of steps[/bold]

1. Stop what sends events (gateway, sources, replays).  2. Let the workers come to the end: `rapport status`
shows no lag.  3. Stop workers, notifier and `rapport serve`.  4. `rapport reshard 16`.  5. Start all again.

[bold]Examples[/bold]

[dim]$[/dim] rapport reshard 16    [dim]more partitions: the topic is enlarged[/dim]

[dim]$[/dim] rapport reshard 4 --anew    [dim]fewer: the topic is deleted and made again[/dim]"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=EPILOG)(reshard)


def reshard(
    partitions: Annotated[
        int, typer.Argument(min=1, max=1000, help="Partitions the events topic is to have.")
    ],
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Delete the events topic, all of which is counted, and make it again."),
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Where the state of before goes; a file that is there: go on."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Move the events topic and its state to another number of partitions; each influencer's state goes where
    its key belongs then."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from streams.commands.output import out, print_json, progress, run, say
    from streams.reshard import default_path
    from streams.reshard import reshard as do

    settings = settings_from(broker, redis, namespace, config)
    path = file or default_path(settings, partitions, datetime.now(UTC))
    if not yes:
        lost = " All records of the topic are deleted." if anew else ""
        typer.confirm(
            f"Move namespace {settings.namespace!r} to {partitions} partitions?{lost}", abort=True, err=True
        )
    with progress(json) as bar:
        task = bar.add_task("keys", total=None, note="")
        done = run(
            do(
                settings,
                partitions,
                path,
                anew=anew,
                say=say,
                on_progress=lambda n: bar.update(task, completed=n),
            )
        )
    if json:
        print_json(asdict(done))
        return
    out().print(f"{done.before} -> {done.after} partitions, {done.entries:,} keys; before: {done.path}")
    if partitions != settings.partitions:
        out().print(f"set RAPPORT_PARTITIONS={partitions}, which holds when topics are made")
