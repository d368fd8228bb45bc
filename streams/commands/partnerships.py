"""`rapport partnerships apply|list|show|end|validate`: who is watched."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from schemas import Partnership
    from streams.settings import Settings

app = typer.Typer(name="partnerships", no_args_is_help=True, help="Who is watched, and against what.")

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="A list in JSON (.json), YAML (.yaml) or NDJSON (.ndjson).",
    ),
]
_MOST_NOTES = 20
Id = Annotated[str, typer.Argument(metavar="PARTNERSHIP", help="Its partnership_id.")]


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport partnerships apply partnerships.yaml

A file may be as small as

\\[{"partnership_id": "acme--ann", "brand_id": "acme", "influencer_id": "bluesky:did:plc:xyz"}]"""
)
def apply(
    file: File,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Add or change partnerships; those that are as they should be are left alone."""
    from streams.bookfile import load_partnerships
    from streams.commands.output import print_json, run, say, warn

    settings = settings_from(broker, redis, namespace, config)
    notes: list[str] = []
    new = load_partnerships(file, notes=notes)
    for line in notes[:_MOST_NOTES]:
        warn(line)
    before = {item.partnership_id: item for item in run(read_book(settings))}
    added = [item for item in new if item.partnership_id not in before]
    changed = [item for item in new if item.partnership_id in before and before[item.partnership_id] != item]
    if not dry_run and (added or changed):
        run(_publish(settings, [*added, *changed]))
    same = len(new) - len(added) - len(changed)
    if json:
        print_json(
            {
                "added": [item.partnership_id for item in added],
                "dry_run": dry_run,
                "changed": [item.partnership_id for item in changed],
                "unchanged": same,
            }
        )
        return
    would = "would be " if dry_run else ""
    say(f"{would}added {len(added)}, {would}changed {len(changed)}, unchanged {same}")


@app.command("list", epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport partnerships list --json")
def list_(
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show all partnerships that are watched."""
    from streams.commands.output import out, print_json, run, say
    from streams.text import safe

    found = run(read_book(settings_from(broker, redis, namespace, config)))
    if json:
        print_json({"partnerships": found})
        return
    if not found:
        say("no partnerships yet; `rapport partnerships apply FILE` adds some")
        return
    from rich.table import Table

    table = Table(
        "partnership",
        "brand",
        "influencer",
        "since",
        "contracts",
        "target",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for item in found:
        target = [
            name
            for name in ("country", "lang", "topics", "age_band", "segment")
            if getattr(item.target_audience, name)
        ]
        table.add_row(
            safe(item.partnership_id, "bold"),
            safe(item.brand_id),
            safe(item.influencer_id),
            str(item.since or "–"),
            "; ".join(f"{c.kind} {c.starts_on}…{c.ends_on}" for c in item.contracts),
            ", ".join(target) or "–",
        )
    out().print(table)


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport partnerships show acme--ann > ann.json")
def show(
    partnership: Id,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show one partnership as it is on the topic; with --json on one line."""
    import json as codec
    import sys

    from streams.commands.output import print_json, run

    item = run(_find(settings_from(broker, redis, namespace, config), partnership))
    if json:
        print_json(item)
    else:
        sys.stdout.write(codec.dumps(item.model_dump(mode="json"), indent=2) + "\n")


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport partnerships end acme--ann")
def end(
    partnership: Id,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """End a partnership: it is not scored any more."""
    from streams.commands.output import print_json, run, say

    settings = settings_from(broker, redis, namespace, config)
    item = run(_find(settings, partnership))
    run(_end(settings, item.partnership_id))
    if json:
        print_json({"ended": item.partnership_id})
    else:
        say(f"ended {item.partnership_id}")


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport partnerships validate partnerships.yaml")
def validate(file: File, json: Json = False) -> None:
    """Check a file without sending anything: exit code 2 and one line for each thing that is wrong."""
    from streams.bookfile import load_partnerships
    from streams.commands.output import print_json, say, warn
    from streams.errors import InputError

    notes: list[str] = []
    try:
        found = load_partnerships(file, notes=notes)
    except InputError as error:
        if not json:
            raise
        print_json({"valid": False, "problems": str(error).splitlines(), "warnings": notes})
        raise typer.Exit(2) from None
    if json:
        print_json(
            {"valid": True, "partnerships": [item.partnership_id for item in found], "warnings": notes}
        )
        return
    for line in notes[:_MOST_NOTES]:
        warn(line)
    say(f"{file}: {len(found)} {'partnership' if len(found) == 1 else 'partnerships'}, all well")


async def read_book(settings: Settings) -> list[Partnership]:
    """All partnerships on the topic, by id. Raises BrokerUnavailableError."""
    from pydantic import ValidationError

    from schemas import Partnership
    from schemas.topics import PARTNERSHIPS
    from streams.commands.output import warn
    from streams.consume import latest

    found = []
    for key, record in (await latest(settings, settings.topic(PARTNERSHIPS))).items():
        if record.value is None:
            continue
        try:
            found.append(Partnership.model_validate_json(record.value))
        except ValidationError as error:
            warn(
                f"the partnership {key.decode('utf-8', 'replace')!r} on the topic is not valid: "
                f"{error.errors(include_url=False)[0]['msg']}"
            )
    return sorted(found, key=lambda item: item.partnership_id)


async def _find(settings: Settings, name: str) -> Partnership:
    return pick(await read_book(settings), name)


def pick(items: Iterable[Partnership], name: str) -> Partnership:
    """The partnership with this id. Raises NotFoundError, with what may have been meant."""
    import difflib

    from streams.errors import NotFoundError

    book = {item.partnership_id: item for item in items}
    if name not in book:
        close = difflib.get_close_matches(name, book, 1)
        raise NotFoundError(
            f"there is no partnership {name!r}", hint=f"did you mean {close[0]!r}?" if close else None
        )
    return book[name]


async def _publish(settings: Settings, items: list[Partnership]) -> None:
    from streams.sending import send_partnerships

    await send_partnerships(settings, items)


async def _end(settings: Settings, name: str) -> None:
    from streams.sending import end_partnership

    await end_partnership(settings, name)
