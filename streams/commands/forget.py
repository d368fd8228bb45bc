"""`rapport forget`: erase actors who asked for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.acting import By, Note
from streams.commands.options import Broker, Config, Json, Namespace, Redis, duration, settings_from

if TYPE_CHECKING:
    from streams.forget import Report

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport forget bluesky:did:plc:abc --dry-run    [dim]what is held of this account?[/dim]

[dim]$[/dim] rapport forget bluesky:did:plc:abc --note "ticket 1841" --wait 2h

[dim]$[/dim] rapport forget --file requests.txt --json

[dim]$[/dim] rapport export engagement.events.v1 - --actor bluesky:did:plc:abc    [dim]the log[/dim]

Workers erase the account from samples and ledgers at the next full hour of each influencer's event time;
alerts, comparisons and what sources noted are mended at once, compacted topics get new values or tombstones.
Counts stay: they tell of nobody. What lies in topics that are only appended goes with their retention
(docs/privacy.md). The plain id is written nowhere: control.v1 and the audit get its keyed hash."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="forget", epilog=_EPILOG)(forget)


def forget(
    actors: Annotated[
        list[str] | None,
        typer.Argument(metavar="ACTOR…", help="Account ids as events have them, or keyed hashes (hash:…)."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", metavar="FILE", exists=True, dir_okay=False, help="Ids, one a line; # begins a remark."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--show", help="Show what is held of them; nothing is changed.")
    ] = False,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="DURATION", help="Wait so long for the workers to have erased all."),
    ] = None,
    old_key: Annotated[
        list[str] | None,
        typer.Option("--old-key", metavar="VARIABLE", help="Variable with a hash key that was used before."),
    ] = None,
    by: By = None,
    note: Note = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Erase actors who asked to be forgotten, and say what was found of them."""
    from streams.commands.acting import who_from
    from streams.commands.output import print_json, progress, run
    from streams.forget import forget as erase
    from streams.forget import ids_from

    settings = settings_from(broker, redis, namespace, config)
    ids = ids_from(actors or [], file)
    if not ids:
        raise typer.BadParameter("name at least one account, or a --file of them")
    seconds = duration(wait) if wait else 0.0
    who = who_from(by)
    with progress() as bar:
        task: Any = bar.add_task("keys looked at", total=None, note="")
        report = run(
            erase(
                settings, ids, who, note, dry_run=dry_run, wait_s=seconds, old_keys=old_key or [],
                on_progress=lambda count: bar.update(task, completed=count),
            )
        )  # fmt: skip
    if json:
        print_json(report.document())
    else:
        _tell(report)
    if wait and not dry_run and report.remaining:
        raise typer.Exit(1)


def _tell(report: Report) -> None:
    from rich.table import Table

    from streams.commands.output import out, say, warn
    from streams.text import safe

    rows = [(one, place) for one in report.actors for place in one.found]
    if rows:
        table = Table("actor", "held in", "of", "what", box=None, pad_edge=False, header_style="bold")
        for one, place in rows[:200]:
            what = safe(", ".join(place.what[:12]), limit=120)
            table.add_row(safe(one.name, limit=40), place.kind, safe(place.of, limit=50), what)
        out().print(table)
        if len(rows) > 200:
            say(f"the first 200 of {len(rows):,} places are shown; --json has all")
    told = report.topics.document()
    for name in told["partnerships"]:
        say(f"{name} names the account as an employee")
    if told["readings"]:
        say(f"{len(told['readings']):,} readings are about the account")
    for name, since in report.other_keys.items():
        warn(
            f"actors were hashed with another key (fingerprint {name}, from {since}): what was seen under it "
            "is not found without --old-key"
        )
    if report.dry_run:
        say(f"{len(report.actors):,} actors, {len(rows):,} places; nothing was changed")
        return
    say(f"{len(report.actors):,} actors are being forgotten; {report.scrubbed:,} places were mended at once")
    if report.remaining:
        warn(
            f"{report.remaining:,} places are the workers' to erase, at each influencer's next full hour; "
            "--dry-run shows what is left"
        )
