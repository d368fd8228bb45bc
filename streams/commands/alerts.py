"""`rapport alerts list|tail`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from schemas import Alert
    from streams.settings import Settings

app = typer.Typer(name="alerts", no_args_is_help=True, help="Partnerships that slip, with the reason.")


@app.command(
    "list",
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport alerts list

[dim]$[/dim] rapport alerts list --all --partnership acme--ann --json""",
)
def list_(
    partnership: Annotated[str | None, typer.Option(metavar="ID", help="Only of this partnership.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show alerts as they stand now (from Redis), newest first."""
    from streams.commands.output import out, print_json, run, say
    from streams.text import safe

    settings = settings_from(broker, redis, namespace, config)
    found = [
        alert
        for alert in run(_read(settings))
        if (everything or alert.state != "resolved") and partnership in (None, alert.partnership_id)
    ]
    if json:
        print_json({"alerts": found})
        return
    if not found:
        say("no alerts" if everything else "no open alerts; --all shows resolved ones too")
    for alert in found:
        out().print(_line(alert))
        if alert.advice:
            out().print(safe(f"    {alert.advice}", "dim", 400))


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport alerts tail

[dim]$[/dim] rapport alerts tail --last 20 --json | jq .summary"""
)
def tail(
    last: Annotated[
        int, typer.Option(min=0, max=10_000, help="Show so many old ones first (per partition).")
    ] = 5,
    partnership: Annotated[str | None, typer.Option(metavar="ID", help="Only of this partnership.")] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Follow the alerts topic until Ctrl-C; with --json one line for each transition."""
    from streams.commands.output import run

    run(_follow(settings_from(broker, redis, namespace, config), last, partnership, json))


async def _read(settings: Settings) -> list[Alert]:
    from streams.reader import Reader

    async with Reader(settings) as reader:
        return await reader.alerts()


async def _follow(settings: Settings, last: int, partnership: str | None, as_json: bool) -> None:
    from contextlib import aclosing

    from pydantic import ValidationError

    from schemas import Alert
    from schemas.topics import ALERTS
    from streams.commands.output import out, print_json
    from streams.consume import follow

    async with aclosing(follow(settings, settings.topic(ALERTS), last=last)) as records:
        async for record in records:
            try:
                alert = Alert.model_validate_json(record.value or b"")
            except ValidationError:
                continue  # a foreign record on the topic
            if partnership not in (None, alert.partnership_id):
                continue
            if as_json:
                print_json(alert)
            else:
                out().print(_line(alert))


def _line(alert: Alert) -> object:
    from rich.text import Text

    from streams.board import clean_state, state_style, when
    from streams.text import safe

    word = alert.severity if alert.state == "firing" and alert.severity else alert.state.replace("_", " ")
    return Text.assemble(
        (when(alert.at), "dim"),
        "  ",
        (clean_state(word), state_style(alert.state)),
        "  ",
        safe(alert.partnership_id or "operations", "bold"),
        "  ",
        safe(alert.summary or alert.signal, limit=400),
    )
