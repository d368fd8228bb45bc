"""`rapport alerts redeliver` and `rapport receivers enable|disable|status`: deliveries that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.acting import By, Note, who_from
from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from processors.notify.keys import Failed

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the receiver.")]

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport alerts redeliver --list

[dim]$[/dim] rapport alerts redeliver --receiver hook --note 'their server is back'

[dim]$[/dim] rapport alerts redeliver 3fa9c1d2

What was tried for a day, or refused, is listed; at most 5,000 for each partition of the alerts topic. The
notifier sends it again within seconds, under the id that it has: a receiver that did get it can tell."""


def register(app: typer.Typer) -> None:
    """Adds the command to the group `alerts`."""
    app.command(epilog=_EPILOG)(redeliver)


def register_receivers(app: typer.Typer) -> None:
    """Adds the commands to the group `receivers`."""
    epilog = "[bold]Examples[/bold]\n\n[dim]$[/dim] rapport receivers "
    app.command(epilog=f"{epilog}status\n\n[dim]$[/dim] rapport receivers status --json")(status)
    app.command(epilog=f"{epilog}enable hook --note 'new address'")(enable)
    app.command(epilog=f"{epilog}disable hook --note 'moving house'")(disable)


def redeliver(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Only these: their ids, or the first six characters or more."),
    ] = None,
    receiver: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those for this receiver.")
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Show them, and send nothing.")] = False,
    by: By = None,
    note: Note = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send notifications again that could not be delivered; or list them."""
    from streams import deliveries
    from streams.commands.output import out, print_json, run, say

    settings = settings_from(broker, redis, namespace, config)
    if only_list:
        listed = run(deliveries.given_up(settings, receiver))
        listed = [one for one in listed if not ids or one.notification_id.startswith(tuple(ids))]
        if json:
            print_json({"given_up": [_shown(one) for one in listed]})
            return
        if not listed:
            say("nothing was given up")
        for one in listed:
            out().print(_line(one), soft_wrap=True)
        return
    sent = run(deliveries.redeliver(settings, who_from(by), receiver=receiver, ids=ids or (), note=note))
    if json:
        print_json({"asked_for": [one.notification_id for one in sent]})
        return
    say(f"the notifier is asked to send {len(sent)} again" if sent else "nothing was given up")


def status(
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what waits for each receiver, what was given up, and which are switched off."""
    from datetime import UTC, datetime

    from streams import deliveries
    from streams.board import when
    from streams.commands.output import out, print_json, run, say
    from streams.text import safe

    waiting, failed, off = run(deliveries.standing(settings_from(broker, redis, namespace, config)))
    names = sorted({*waiting, *failed, *off})
    if json:
        print_json({
            "receivers": [
                {
                    "name": name, "waiting": waiting.get(name, 0), "given_up": failed.get(name, 0),
                    "off": None if name not in off else {"why": off[name].why, "since": off[name].since},
                }
                for name in names
            ]
        })  # fmt: skip
        return
    if not names:
        say("nothing waits, nothing was given up, and no receiver is off")
    for name in names:
        line = f"{name:<20} {waiting.get(name, 0):>6} waiting  {failed.get(name, 0):>6} given up"
        if name in off:
            line += f"  off since {when(datetime.fromtimestamp(off[name].since, UTC))}: {off[name].why}"
        out().print(safe(line, "yellow" if name in off or name in failed else "", 400), soft_wrap=True)


def enable(
    name: Name,
    by: By = None,
    note: Note = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Switch a receiver on again that said it is gone (410), or was switched off."""
    from streams import deliveries
    from streams.commands.output import print_json, run, say

    settings = settings_from(broker, redis, namespace, config)
    done = run(deliveries.enable(settings, name, who_from(by), note))
    if json:
        print_json({"receiver": name, "enabled": done})
        return
    say(f"{name} is on; it is told what still fires" if done else f"{name} was not off")


def disable(
    name: Name,
    by: By = None,
    note: Note = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Switch a receiver off: nothing is sent to it, and what waits for it is listed as given up."""
    from streams import deliveries
    from streams.commands.output import print_json, run, say

    settings = settings_from(broker, redis, namespace, config)
    run(deliveries.disable(settings, name, who_from(by), note))
    if json:
        print_json({"receiver": name, "enabled": False})
        return
    say(f"{name} is off; `rapport receivers enable {name}` switches it on again")


def _shown(one: Failed) -> dict[str, object]:
    return {
        "notification_id": one.notification_id, "receiver": one.receiver, "why": one.why, "tries": one.tries,
        "group": one.group_key, "failed_at": one.failed_at, "decided_at": one.decided_at, "error": one.error,
    }  # fmt: skip


def _line(one: Failed) -> object:
    from datetime import UTC, datetime

    from rich.text import Text

    from streams.board import when
    from streams.text import safe

    return Text.assemble(
        (when(datetime.fromtimestamp(one.failed_at, UTC)), "dim"), "  ",
        safe(one.notification_id[:12], "bold"), "  ", safe(one.receiver), "  ", safe(one.why), "  ",
        safe(f"{one.tries} tries: {one.error}", "yellow", 300),
    )  # fmt: skip
