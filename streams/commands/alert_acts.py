"""`rapport alerts show|ack|unack|wrong|export`: one alert, and what people do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.acting import AlertId, By, Note, matchers_of, one_of, people_of, who_from
from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from schemas import Alert
    from schemas.acts import Act
    from streams.alert_view import AlertView
    from streams.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds the commands to the group `alerts`."""
    epilog = "[bold]Examples[/bold]\n\n[dim]$[/dim] rapport alerts "
    app.command(epilog=f"{epilog}show 3fa9c1d2\n\n[dim]$[/dim] rapport alerts show 3fa9c1d2 --history")(show)
    app.command(epilog=f"{epilog}ack 3fa9c1d2 --note 'talking to Ann today'")(ack)
    app.command(epilog=f"{epilog}unack 3fa9c1d2")(unack)
    app.command(
        epilog=f"{epilog}wrong 3fa9c1d2 --note 'our own giveaway'\n\n"
        "[dim]$[/dim] rapport alerts wrong 3fa9c1d2 --take-back"
    )(wrong)
    app.command(
        epilog=f"{epilog}export --format csv --out alerts.csv\n\n"
        "[dim]$[/dim] rapport alerts export --format ndjson --match brand_id=acme | jq .summary"
    )(export)


def show(
    alert: AlertId,
    history: Annotated[
        bool, typer.Option("--history", help="Its transitions too, from the alerts topic.")
    ] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show one alert whole: numbers, cause, evidence, what was considered, and what people did."""
    from streams.commands.output import out, print_json, run

    settings = settings_from(broker, redis, namespace, config)
    view, acts = run(_one(settings, alert))
    moves = run(_transitions(settings, view.alert)) if history else None
    if json:
        told: dict[str, Any] = {"alert": view.as_json(), "acts": acts}
        print_json(told if moves is None else {**told, "transitions": moves})
        return
    from streams.alert_picture import picture

    out().print(picture(view, acts, moves), soft_wrap=True)


def ack(
    alert: AlertId,
    note: Note = None,
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say that you are on it: it is not repeated, and it stays listed."""
    from streams.commands.output import print_json, run, say

    async def do() -> Any:
        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await people.ack(alert, who_from(by), note)

    mark = run(do())
    if json:
        print_json(mark)
    else:
        say(f"{mark.alert_id} is acknowledged by {mark.by}")


def unack(
    alert: AlertId,
    note: Note = None,
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take an acknowledgement back."""
    from streams.commands.output import print_json, run, say

    async def do() -> bool:
        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await people.unack(alert, who_from(by), note)

    changed = run(do())
    if json:
        print_json({"changed": changed})
    else:
        say("acknowledged no more" if changed else "it was not acknowledged")


def wrong(
    alert: AlertId,
    take_back: Annotated[bool, typer.Option("--take-back", help="It was right after all.")] = False,
    note: Note = None,
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say that an alert should not have fired; the share of such alerts is a metric."""
    from streams.commands.output import print_json, run, say

    async def do() -> bool:
        async with people_of(settings_from(None, redis, namespace, config)) as people:
            if take_back:
                return await people.unmark_wrong(alert, who_from(by), note)
            await people.mark_wrong(alert, who_from(by), note)
            return True

    changed = run(do())
    if json:
        print_json({"changed": changed, "wrong": not take_back})
    elif take_back:
        say("not marked as wrong any more" if changed else "it was not marked as wrong")
    else:
        say("marked as wrong; thank you. `rapport alerts explain` keeps the next one from firing")


def export(
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv or ndjson.")] = "csv",
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", dir_okay=False, help="Default: stdout.")
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option("--match", metavar="MATCHER", help="As for a silence: brand_id=acme."),
    ] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Without resolved ones.")] = False,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
) -> None:
    """Write all alerts with what people did, as CSV or NDJSON. Text in CSV is no formula to a spreadsheet."""
    import sys

    from streams.alert_view import STATES, AlertFilter, to_csv, to_ndjson
    from streams.commands.acting import read_views, write_out
    from streams.commands.output import run, say

    one_of(form, ("csv", "ndjson"), "--format")
    states = frozenset() if open_only else frozenset(STATES)
    wanted = AlertFilter(states=states, matchers=matchers_of(match or []))
    views = run(read_views(settings_from(None, redis, namespace, config)))
    found = [view for view in views if wanted.takes(view)]
    lines = to_csv(found) if form == "csv" else to_ndjson(found)
    if to is None:
        for line in lines:
            sys.stdout.write(line)
        sys.stdout.flush()
        return
    write_out(to, "".join(lines))
    say(f"{to}: {len(found)} {'alert' if len(found) == 1 else 'alerts'}")


async def _one(settings: Settings, alert_id: str) -> tuple[AlertView, list[Act]]:
    from streams.alert_view import make_views
    from streams.people import Who

    async with people_of(settings) as people:
        found = await people.find(alert_id, Who("reader"))
        acks, wrong, silences = await people.acks(), await people.wrong(), await people.silences()
        (view,) = make_views([found], acks, wrong, silences, datetime.now(UTC))
        acts = [act for _, act in await people.audit(subject=found.alert_id)]
        return view, acts


async def _transitions(settings: Settings, wanted: Alert) -> list[Alert]:
    """All transitions of the alert that the topic still has, oldest first."""
    from contextlib import aclosing

    from pydantic import ValidationError

    from schemas import Alert
    from schemas.topics import ALERTS
    from streams.consume import scan

    found: dict[str, Alert] = {}
    async with aclosing(scan(settings, settings.topic(ALERTS), timeout_s=30.0)) as records:
        async for record in records:
            if wanted.alert_id.encode() not in (record.value or b""):
                continue
            try:
                alert = Alert.model_validate_json(record.value or b"")
            except ValidationError:
                continue  # a foreign record on the topic
            if alert.alert_id == wanted.alert_id:
                found[alert.transition_id] = alert
    return sorted(found.values(), key=lambda alert: alert.at)
