"""`rapport alerts list|tail`; what people do about alerts: `alert_acts`, `silences`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import alert_acts, redeliver, silences
from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas import Alert
    from streams.alert_view import AlertView
    from streams.settings import Settings

app = typer.Typer(name="alerts", no_args_is_help=True, help="Partnerships that slip, with the reason.")


@app.command(
    "list",
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport alerts list

[dim]$[/dim] rapport alerts list --brand acme --severity critical --unacked

[dim]$[/dim] rapport alerts list --all --partnership acme--ann --json""",
)
def list_(
    partnership: Annotated[str | None, typer.Option(metavar="ID", help="Only of this partnership.")] = None,
    brand: Annotated[str | None, typer.Option(metavar="ID", help="Only of this brand.")] = None,
    signal: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this signal.")] = None,
    severity: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only info, warning or critical.")
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only pending, firing, resolved or no_data; may be given twice."),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="MATCHER", help="As for a silence: signal=~'conn.*'."),
    ] = None,
    acked: Annotated[
        bool | None, typer.Option("--acked/--unacked", help="Only those acknowledged, or not.")
    ] = None,
    silenced: Annotated[
        bool | None, typer.Option("--silenced/--unsilenced", help="Only those silenced, or not.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show alerts as they stand now (from Redis), newest first, with who acknowledged or silenced them."""
    from streams.alert_view import SEVERITIES, STATES, AlertFilter
    from streams.commands.acting import matchers_of, one_of, read_views
    from streams.commands.output import out, print_json, run, say
    from streams.text import safe

    settings = settings_from(broker, redis, namespace, config)
    states = [one_of(name, STATES, "--state") for name in state or (STATES if everything else ())]
    wanted = AlertFilter(
        partnership=partnership, brand=brand, signal=signal,
        severity=one_of(severity, SEVERITIES, "--severity") if severity else None,
        states=frozenset(states), acked=acked, silenced=silenced, matchers=matchers_of(match or []),
    )  # fmt: skip
    views = run(read_views(settings))
    found = [view for view in views if wanted.takes(view)]
    if json:
        print_json({"alerts": [view.as_json() for view in found]})
        return
    if not found:
        say("no alerts" if everything else "no open alerts; --all shows resolved ones too")
    names = [view.alert.alert_id for view in views]
    for view in found:
        out().print(_line(view.alert, view, names), soft_wrap=True)
        if view.alert.advice:
            out().print("   ", safe(view.alert.advice, "dim", 400), soft_wrap=True)


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
                out().print(_line(alert), soft_wrap=True)


def _line(alert: Alert, view: AlertView | None = None, names: Sequence[str] = ()) -> object:
    from rich.text import Text

    from streams.alert_view import short
    from streams.board import clean_state, state_style, when
    from streams.text import safe

    word = alert.severity if alert.state == "firing" and alert.severity else alert.state.replace("_", " ")
    found = Text.assemble(
        (when(alert.at), "dim"),
        "  ",
        safe(short(alert.alert_id, names), "cyan") if view is not None else "",
        "  " if view is not None else "",
        (clean_state(word), state_style(alert.state)),
        "  ",
        safe(alert.partnership_id or "operations", "bold"),
        "  ",
        safe(alert.summary or alert.signal, limit=400),
    )
    if view is None:
        return found
    for mark, style in (
        (view.ack and f"[acknowledged by {view.ack.by}]", "green"),
        (view.silence and f"[silenced until {when(view.silence.ends_at)}]", "magenta"),
        (view.wrong and f"[marked as wrong by {view.wrong.by}]", "yellow"),
    ):
        if mark:
            found.append("  ").append_text(safe(mark, style))
    return found


alert_acts.register(app)
silences.register(app)
redeliver.register(app)
