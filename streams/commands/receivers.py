"""`rapport receivers list|test|check`; `redeliver` adds status, enable and disable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands import redeliver
from streams.commands.options import Broker, Config, Json, settings_from

if TYPE_CHECKING:
    from schemas.receivers import ReceiverConfig
    from schemas.routing import ResolvedRoute, Routing
    from streams.settings import Settings

app = typer.Typer(
    name="receivers",
    no_args_is_help=True,
    help="Who is told about alerts: webhooks, Alertmanager, mail and chat, Grafana, Kafka (notify.yaml).",
)

File = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="The notify.yaml (RAPPORT_NOTIFY_CONFIG)."),
]


@app.command(
    "list",
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport receivers list

[dim]$[/dim] rapport receivers list --file notify.yaml --json""",
)
def list_(file: File = None, config: Config = None, json: Json = False) -> None:
    """Show the receivers of the file. Secrets are named, never shown."""
    from streams.commands.output import out, print_json
    from streams.receivers.routingfile import routing_of
    from streams.text import safe

    found = [_shown(item) for item in routing_of(settings_from(config=config), file).receivers]
    if json:
        print_json({"receivers": found})
        return
    for one in found:
        line = f"{one['name']:<20} {one['type']:<13} {one['target']}"
        out().print(safe(line if one["send_resolved"] else f"{line}  (not told of ends)", limit=300))


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport receivers test managers-mail

[dim]$[/dim] rapport receivers test hook --file notify.yaml --only-firing"""
)
def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the receiver.")],
    file: File = None,
    only_firing: Annotated[
        bool, typer.Option("--only-firing", help="Without the message that it is over.")
    ] = False,
    broker: Broker = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send a sample, clearly marked as one, and say whether it was taken. It is tried once."""
    from streams.commands.output import out, print_json, run
    from streams.receivers.routingfile import routing_of

    settings = settings_from(broker, config=config)
    routing = routing_of(settings, file)
    ids = run(_send(name, routing, settings, ["firing"] if only_firing else ["firing", "resolved"]))
    if json:
        print_json({"receiver": name, "taken": True, "notification_ids": ids})
        return
    out().print(f"{name} took it; message {' and '.join(ids)}", markup=False)


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport receivers check notify.yaml

[dim]$[/dim] rapport receivers check notify.yaml --alert severity=critical --alert brand_id=acme    [dim]whom would it reach?[/dim]"""  # noqa: E501
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The notify.yaml.")],
    alert: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=VALUE", help="A label of an alert: shows the routes that it takes."),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Try a file: its structure, its secrets, its templates, and where alerts would go. Nothing is sent."""
    from schemas.routing import resolved_routes, route_of
    from streams.commands.output import out, print_json, warn
    from streams.receivers.base import open_receivers
    from streams.receivers.routingfile import doubts, read_routing
    from streams.text import safe

    settings = settings_from(config=config)
    labels = _labels(alert or [])
    routing = read_routing(file)
    open_receivers(routing, settings)
    routes = route_of(routing, labels) if labels else resolved_routes(routing)
    told = list(doubts(routing))
    if json:
        print_json({"routes": [_route(route) for route in routes], "doubts": told})
        return
    for line in told:
        warn(line)
    for route in routes:
        shown = _route(route)
        out().print(
            safe(
                f"{shown['key']:<12} → {', '.join(shown['receivers'])}   "
                f"by {', '.join(shown['group_by']) or 'nothing'}; "
                f"wait {shown['group_wait']:g} s, then every {shown['group_interval']:g} s at most, "
                f"again after {shown['repeat_interval'] / 3600:g} h",
                limit=300,
            )
        )
    out().print(
        safe(f"{file.name} is well: {len(routing.receivers)} receivers, {len(routes)} routes", "green")
    )


async def _send(name: str, routing: Routing, settings: Settings, parts: list[Any]) -> list[str]:
    import uuid
    from datetime import UTC, datetime

    from streams.errors import NotFoundError
    from streams.receivers.base import open_receivers
    from streams.receivers.sample import sample

    chosen = [item for item in routing.receivers if item.name == name]
    if not chosen:
        known = ", ".join(item.name for item in routing.receivers)
        raise NotFoundError(f"there is no receiver {name!r} in the file; there are {known}")
    (receiver,) = open_receivers(routing.model_copy(update={"receivers": chosen}), settings).values()
    number = uuid.uuid4().hex[:8]  # another alert each time: a receiver may drop what it knows
    sent = []
    try:
        for part in parts:
            n = sample(name, part, at=datetime.now(UTC), number=number)
            await receiver.deliver(n)
            sent.append(n.notification_id)
    finally:
        await receiver.aclose()
    return sent


def _labels(pairs: list[str]) -> dict[str, str]:
    from schemas.acts import LABELS

    found = {}
    for pair in pairs:
        label, equals, value = pair.partition("=")
        if not equals or label not in LABELS:
            raise typer.BadParameter(f"{pair[:60]!r} is not LABEL=VALUE with a label of {', '.join(LABELS)}")
        found[label] = value
    return found


def _shown(config: ReceiverConfig) -> dict[str, Any]:
    from streams.receivers.http import masked

    url = getattr(config, "url", None) or ""
    if config.type == "kafka":
        target = config.topic
    elif url.startswith("env:") or not url:
        target = url or "RAPPORT_GRAFANA_URL"
    else:
        target = masked(url)
    return {
        "name": config.name,
        "type": config.type,
        "target": target,
        "send_resolved": config.send_resolved,
        "rate_limit": {"most": config.rate_limit.most, "per_s": config.rate_limit.per_s},
        "timeout_s": config.timeout,
    }


def _route(route: ResolvedRoute) -> dict[str, Any]:
    return {**route._asdict(), "receivers": list(route.receivers), "group_by": list(route.group_by)}


redeliver.register_receivers(app)
