"""`rapport export`: a stretch of a topic into a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, moment, settings_from

if TYPE_CHECKING:
    from streams.exporting import Exported
    from streams.exporting_filter import Wanted
    from streams.settings import Settings

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport export engagement.events.v1 november.ndjson.zst --from 2026-11-01 --to 2026-12-01

[dim]$[/dim] rapport export partnership.alerts.v1 alerts.parquet --partnership acme--ann

[dim]$[/dim] rapport export engagement.events.v1 - --actor bluesky:did:plc:abc    [dim]all that is told of
one[/dim]

[dim]$[/dim] rapport export engagement.enriched.v1 part.ndjson.gz --records --offsets 3:1000-2000

Without --records a line is the record's value, as whoever reads the topic sees it; events replayed from it
are stamped with their own times. With --records (and always in Parquet) key, timestamp and place come with
it, and `rapport replay FILE --topic NAME` gives the same records. The file appears when it is whole."""
_STRETCH = re.compile(r"(\d+):(\d*)-(\d*)")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="export", epilog=_EPILOG)(export)


def export(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Without prefix; see `rapport topics list`.")],
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="*.ndjson (.gz, .zst) or *.parquet; - is stdout.")
    ],
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME|AGE", help="Only records stamped from then on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME|AGE", help="Only records stamped before.")
    ] = None,
    offsets: Annotated[
        list[str] | None,
        typer.Option(
            "--offsets", metavar="P:FROM-TO", help="Of this partition, up to before TO; repeatable."
        ),
    ] = None,
    influencer: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what concerns this influencer.")
    ] = None,
    partnership: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this partnership; of events: its influencer.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option(metavar="ID", help="Only acts of this account, and acts on what it made.")
    ] = None,
    records: Annotated[
        bool, typer.Option("--records", help="With key, timestamp, partition and offset of each.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    broker: Broker = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write a stretch of a topic to a file, to be analysed, kept, or replayed."""
    from streams.commands.output import print_json, run, say
    from streams.exporting_filter import Wanted

    if json and file == "-":
        raise typer.BadParameter("--json and - both want standard output")
    wanted = Wanted(
        moment(since).timestamp() if since else None, moment(until).timestamp() if until else None,
        influencer, partnership, actor,
    )  # fmt: skip
    settings = settings_from(broker, config=config)
    stretches = _stretches(offsets or [])
    made = run(_export(settings, topic, file, wanted, records, stretches, overwrite))
    if json:
        print_json(made.document())
        return
    span = f", {made.first_at} to {made.last_at}" if made.records else ""
    say(f"{made.records:,} records of {made.topic}{span} written to {made.file} ({made.bytes:,} bytes)")
    if made.not_shown:
        say(f"{made.not_shown:,} tombstones and values that are no JSON were left out: --records keeps them")


def _stretches(texts: list[str]) -> dict[int, tuple[int, int | None]] | None:
    found: dict[int, tuple[int, int | None]] = {}
    for text in texts:
        hit = _STRETCH.fullmatch(text)
        if hit is None:
            raise typer.BadParameter(f"{text[:40]!r}: --offsets is like 3:1000-2000, 3:1000- or 3:-2000")
        if int(hit[1]) in found:
            raise typer.BadParameter(f"--offsets names partition {hit[1]} twice")
        found[int(hit[1])] = int(hit[2] or 0), int(hit[3]) if hit[3] else None
    return found or None


async def _export(
    settings: Settings, topic: str, file: str, wanted: Wanted, records: bool,
    stretches: dict[int, tuple[int, int | None]] | None, overwrite: bool,
) -> Exported:  # fmt: skip
    import time

    from streams.commands.output import progress
    from streams.exporting import export as write

    with progress(quiet=file == "-") as bar:
        task: Any = bar.add_task("records read", total=None, note="")
        began = time.monotonic()

        def on_progress(read: int, written: int) -> None:
            rate = read / max(1e-3, time.monotonic() - began)
            bar.update(task, completed=read, note=f"{written:,} written, {rate:,.0f}/s")

        return await write(
            settings, topic, None if file == "-" else Path(file), wanted,
            shape="records" if records else "values", stretches=stretches, overwrite=overwrite,
            on_progress=on_progress,
        )  # fmt: skip
