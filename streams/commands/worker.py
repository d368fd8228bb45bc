"""`rapport worker`: the process that scores."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import Broker, Config, Namespace, Redis, settings_from

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport worker --broker kafka:9092 --redis redis://redis:6379/0

[dim]$[/dim] rapport worker --processes 4    [dim]four on this machine: ports 6066 to 6069[/dim]

[dim]$[/dim] RAPPORT_HTTP_PORT=7000 rapport worker    [dim]one more, started by hand[/dim]

While it runs: /health, /ready and /metrics on RAPPORT_HTTP_PORT, and with --processes on the ports after it.
Ctrl-C or SIGTERM stops it cleanly, with exit code 0; when the broker or Redis is away it says so, keeps its
place and goes on when they are back. SIGHUP: read the rules again.

A worker keeps one core busy. Kafka gives each process its share of the partitions, so more processes than
partitions bring nothing (`rapport doctor` tells how many there are). How many you need: docs/scaling.md."""


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
    processes: Annotated[
        int,
        typer.Option(
            min=1,
            max=256,
            metavar="N",
            help="Worker processes on this machine; one that ends is started again.",
        ),
    ] = 1,
) -> None:
    """Score partnerships: read events, keep windows in Redis, write readings and alerts."""
    settings = settings_from(broker, redis, namespace, config)
    if http_port is not None:
        settings = settings.model_copy(update={"http_port": http_port})
    if processes > 1:
        from streams.processes import run_workers

        raise typer.Exit(run_workers(settings, processes))
    from streams.running import run_worker

    raise typer.Exit(run_worker(settings))
