"""`rapport topics create`."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

app = typer.Typer(name="topics", no_args_is_help=True, help="The topics that Rapport reads and writes.")


@app.callback()
def _topics() -> None:
    """Keeps `create` a subcommand, though it is the only one."""


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport topics create --broker kafka:9092

[dim]$[/dim] rapport topics create --partitions 32    [dim]room to scale: it cannot be changed later[/dim]"""
)
def create(
    partitions: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, help="Partitions of the event topics (RAPPORT_PARTITIONS)."),
    ] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make the topics that are missing; those that are there are left as they are."""
    from dataclasses import asdict

    from streams import consume
    from streams.commands.output import out, print_json, run, warn
    from streams.text import safe
    from streams.topics import ensure_topics

    settings = settings_from(broker, redis, namespace, config)
    if partitions is not None:
        settings = settings.model_copy(update={"partitions": partitions})
    results = run(ensure_topics(settings, ready_s=consume.READY_S))
    if json:
        print_json({"topics": [asdict(result) for result in results]})
        return
    for result in results:
        line = f"{'made ' if result.created else 'there'}  {result.name}  ({result.partitions} partitions)"
        out().print(safe(line, "green" if result.created else "", 400), soft_wrap=True)
        for problem in result.problems:
            warn(problem)
