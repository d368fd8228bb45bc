"""`rapport worker`: the process that scores."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import Broker, Config, Namespace, Redis, settings_from

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport worker --broker kafka:9092 --redis redis://redis:6379/0

[dim]$[/dim] RAPPORT_HTTP_PORT=6067 rapport worker    [dim]a second one on the same machine[/dim]

While it runs: /health, /ready and /metrics on RAPPORT_HTTP_PORT. Ctrl-C or SIGTERM stops it cleanly, with
exit code 0; when the broker or Redis is away it says so, keeps its place and goes on when they are back."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="worker", epilog=EPILOG)(worker)


def worker(
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    http_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_535,
            help="Port of /health, /ready, /metrics (RAPPORT_HTTP_PORT).",
            rich_help_panel="Where",
        ),
    ] = None,
) -> None:
    """Score partnerships: read events, keep windows in Redis, write readings and alerts."""
    settings = settings_from(broker, redis, namespace, config)
    if http_port is not None:
        settings = settings.model_copy(update={"http_port": http_port})
    from streams.worker import run_worker

    raise typer.Exit(run_worker(settings))
