"""`rapport rejected list|replay`: what could not be taken in, and the way back for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, moment, settings_from

if TYPE_CHECKING:
    from datetime import datetime

    from schemas import RejectedEvent
    from streams.mending import Mended
    from streams.settings import Settings

app = typer.Typer(name="rejected", no_args_is_help=True, help="Records that could not be taken in, and why.")

LIST_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport rejected list --since 2h

[dim]$[/dim] rapport rejected list --reason schema --out broken.ndjson    [dim]mend the file, then:[/dim]

[dim]$[/dim] rapport rejected replay --edit broken.ndjson"""
REPLAY_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport rejected replay --reason clock --since 1d --dry-run

[dim]$[/dim] rapport rejected replay --ids engagement.events.v1-3-1042

[dim]$[/dim] rapport rejected replay --edit broken.ndjson

Records are sent as they were, keyed by their influencer_id: good after the worker was mended, or when only
the key was wrong. What was counted already is a duplicate by its event_id and changes nothing."""

Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only these reasons; may be repeated.")]
Ids = Annotated[
    list[str] | None,
    typer.Option(
        "--ids", help="Only these (topic-partition-offset); may be repeated, or separated by commas."
    ),
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME|AGE", help="Only rejected since, e.g. 2h or 2026-11-22.")
]


@app.command("list", epilog=LIST_EPILOG)
def list_(
    reason: Reasons = None,
    ids: Ids = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    save: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", dir_okay=False, help="Also write them as NDJSON, to be mended by hand."
        ),
    ] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show rejected records: reason, what is wrong with which field, place, time, and a look at the bytes."""
    from streams.commands.output import print_json, run, say
    from streams.mending import edit_line, record_id

    settings = settings_from(broker, redis, namespace, config)
    found = run(_read(settings, ids, reason, moment(since) if since else None))
    found.sort(key=lambda item: item.at)
    shown = found[-limit:]
    if save is not None:
        import json as codec

        save.write_text("".join(codec.dumps(edit_line(item)) + "\n" for item in shown), encoding="utf-8")
        say(f"{len(shown)} written to {save}")
    if json:
        print_json(
            {
                "total": len(found),
                "rejected": [{"id": record_id(i), **i.model_dump(mode="json")} for i in shown],
            }
        )
    else:
        _show(shown, len(found))


@app.command(epilog=REPLAY_EPILOG)
def replay(
    reason: Reasons = None,
    ids: Ids = None,
    since: Since = None,
    edit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="NDJSON of mended events to send instead.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
    ] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send rejected records back to engagement.events.v1, as they were or mended."""
    from datetime import UTC, datetime

    from streams.commands.output import print_json, run, say
    from streams.mending import Mended, Skipped, as_it_was, mended_lines

    settings = settings_from(broker, redis, namespace, config)
    if edit is not None:
        if reason or ids or since:
            raise typer.BadParameter("--edit names all that is sent; leave --ids, --reason and --since away")
        outcome: list[Mended | Skipped] = mended_lines(_text(edit).split("\n"), datetime.now(UTC))
    else:
        chosen = run(_read(settings, ids, reason, moment(since) if since else None))
        outcome = [as_it_was(item) for item in chosen]
    good = [item for item in outcome if isinstance(item, Mended)]
    skipped = [item for item in outcome if isinstance(item, Skipped)]
    if good and not dry_run:
        refused = set(run(_send(settings, good)))
        skipped += [
            Skipped(item.id, "it is larger than the broker takes") for item in good if item.id in refused
        ]
        good = [item for item in good if item.id not in refused]
    if json:
        print_json(
            {
                "sent": 0 if dry_run else len(good),
                "would_send": [item.id for item in good] if dry_run else [],
                "skipped": [{"id": item.id, "why": item.why} for item in skipped],
                "dry_run": dry_run,
            }
        )
        return
    for item in skipped:
        say(f"skipped {item.id}: {item.why}")
    say(f"{'would send' if dry_run else 'sent'} {len(good)}, skipped {len(skipped)}")


async def _read(
    settings: Settings, ids: list[str] | None, reasons: list[str] | None, since: datetime | None
) -> list[RejectedEvent]:
    from contextlib import aclosing
    from typing import get_args

    from pydantic import ValidationError

    from schemas import RejectedEvent, RejectReason
    from schemas.topics import REJECTED
    from streams.consume import scan
    from streams.errors import NotFoundError
    from streams.mending import record_id, wanted

    known = get_args(RejectReason)
    for word in reasons or ():
        if word not in known:
            raise typer.BadParameter(f"--reason {word!r} is none of {', '.join(known)}")
    names = {part.strip() for text in ids or () for part in text.split(",") if part.strip()}
    found = []
    since_ms = int(since.timestamp() * 1_000) if since else None
    async with aclosing(scan(settings, settings.topic(REJECTED), since_ms=since_ms)) as records:
        async for record in records:
            try:
                item = RejectedEvent.model_validate_json(record.value or b"")
            except ValidationError:
                continue  # a foreign record on the topic
            if wanted(item, ids=names, reasons=reasons or (), since=since):
                found.append(item)
    if missing := names - {record_id(item) for item in found}:
        others = " with this reason and age" if reasons or since else ""
        raise NotFoundError(f"no rejected record has the id {', '.join(sorted(missing)[:5])}{others}")
    return found


def _text(file: Path) -> str:
    from streams.errors import InputError

    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} cannot be read: not UTF-8 at byte {error.start}") from None


async def _send(settings: Settings, records: list[Mended]) -> list[str]:
    """Sends all; returns the ids of those that are larger than the broker takes."""
    import time

    from streams.commands.output import progress
    from streams.consume import READY_S
    from streams.sending import Sender

    with progress() as bar:
        task = bar.add_task("sending", total=len(records), note="")
        async with Sender(settings, ready_s=READY_S) as sender:
            for item in records:
                at = time.time() if item.timestamp_ms is None else item.timestamp_ms / 1_000
                await sender.send((at, item.key, item.value))
                bar.advance(task)
    return [records[number].id for number in sender.too_large]


def _show(shown: list[RejectedEvent], total: int) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from streams.board import when
    from streams.commands.output import out, say
    from streams.mending import preview, record_id
    from streams.text import safe

    if not shown:
        say("nothing was rejected")
        return
    console = out()
    for item in shown:
        wrong = "; ".join(
            f"{error.field}: {error.message}" if error.field else error.message for error in item.errors[:3]
        )
        # Not a table: ids are there to be copied, and must not be cut on a narrow terminal.
        head = Text.assemble(
            (when(item.at), "dim"), "  ", safe(item.reason, "yellow"), "  ", safe(record_id(item), "bold")
        )
        console.print(head, soft_wrap=True)
        for line in (safe(wrong, limit=400), safe(preview(item), "dim")):
            if line:
                console.print(Padding(line, (0, 0, 0, 4)))
    if total > len(shown):
        say(f"the newest {len(shown)} of {total}; --limit shows more")
