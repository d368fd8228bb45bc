"""`rapport notifier`: the process that tells people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Broker, Config, Namespace, Redis, settings_from

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport notifier --notify-config notify.yaml

[dim]$[/dim] rapport notifier    [dim]without a file: alerts go to its log, and to nobody else[/dim]

[dim]$[/dim] RAPPORT_NOTIFIER_HTTP_PORT=6068 rapport notifier    [dim]a second one on the same machine[/dim]

It reads partnership.alerts.v1 and tells the receivers of notify.yaml, grouped, with reminders, in order.
Killed at any moment it goes on where it was: nothing is lost, and what comes twice carries the same id.
While it runs: /health, /ready and /metrics on RAPPORT_NOTIFIER_HTTP_PORT. Ctrl-C or SIGTERM stops it."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="notifier", epilog=EPILOG)(notifier)


def notifier(
    notify_config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who is told about what (RAPPORT_NOTIFY_CONFIG)."),
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_535,
            help="Port of /health, /ready, /metrics (RAPPORT_NOTIFIER_HTTP_PORT).",
            rich_help_panel="Where",
        ),
    ] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
) -> None:
    """Tell people about alerts: read their transitions, group them, and deliver to every receiver."""
    settings = settings_from(broker, redis, namespace, config)
    changes = {"notify_config": notify_config, "notifier_http_port": http_port}
    settings = settings.model_copy(
        update={name: value for name, value in changes.items() if value is not None}
    )
    from streams.notifier import run_notifier

    raise typer.Exit(run_notifier(settings))
