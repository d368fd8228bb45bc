"""`rapport replay`: recorded engagement through the topics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, moment, settings_from

if TYPE_CHECKING:
    from streams.reading import How
    from streams.reading.survey import Survey
    from streams.replay import ReplayResult
    from streams.settings import Settings

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport replay november.ndjson.zst december.parquet    [dim]in this order[/dim]

[dim]$[/dim] rapport replay orders.csv --mapping orders.yaml --dry-run    [dim]see what becomes of it[/dim]

[dim]$[/dim] rapport replay webhooks.ndjson --source instagram --account 17841400000000000

[dim]$[/dim] zcat events-*.gz | rapport replay - --from 2026-11-01 --to 2026-11-08 --speed 3600

What a file is, is seen from it: NDJSON, CSV and Parquet with columns called as the fields of an event, what
`rapport export` wrote, gz and zst of all of them. Lines that cannot be sent are named with their field and go
to the rejected topic (`rapport rejected list`), or into --rejects FILE; all others are sent.

Interrupted, it goes on where Kafka had acknowledged when it is run again. The same events again change no
total: the worker knows their ids for two days, and later they are refused unless --again is given."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="replay", epilog=_EPILOG)(replay)


def replay(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="In this order; - is standard input.")],
    format: Annotated[
        str | None,
        typer.Option(
            "--format", help="ndjson, records, csv, parquet, retweets, json, xml; seen from the file without."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="Raw payloads of a source (`rapport sources list`)."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Rows or payloads by a mapping file.",
        ),
    ] = None,
    watch: Annotated[
        list[str] | None,
        typer.Option("--watch", metavar="ID", help="Of payloads: only what concerns it; repeatable."),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ID", help="The own account, where payloads do not name it."),
    ] = None,
    instance: Annotated[
        str, typer.Option("--instance", metavar="HOST", help="Server, where ids hold on one server only.")
    ] = "",
    received: Annotated[
        str | None, typer.Option("--received", metavar="TIME", help="When the payloads came; now without.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME|AGE", help="Only events from this time on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME|AGE", help="Only events before this time.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="Seconds of event time per second; as fast as it goes without."),
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="NAME", help="Another topic, for what was exported.")
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", metavar="FILE", dir_okay=False, help="Lines that cannot be sent go here."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what becomes of the files; nothing is sent or asked.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="All from the start, even what was replayed too long ago to be known."),
    ] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send recorded events through the topics, stamped with their own times."""
    from schemas.topics import EVENTS
    from streams.commands.output import print_json, run, say
    from streams.reading import FORMATS, How

    if source and mapping:
        raise typer.BadParameter("give either --source or --mapping")
    if format is not None and format not in FORMATS:
        raise typer.BadParameter(f"--format may be {', '.join(FORMATS)}")
    how = How(
        format, topic or EVENTS, _source(source, mapping, watch, account, instance),  # type: ignore[arg-type]
        *(moment(text).timestamp() if text else None for text in (received, since, until)),
    )  # fmt: skip
    if dry_run:
        from streams.commands.replay_view import show_survey, survey_document

        survey = _look(files, how)
        print_json(survey_document(survey)) if json else show_survey(survey)
        return
    settings = settings_from(broker, redis, namespace, config)
    try:
        result = run(_replay(settings, files, how, speed, again, rejects))
    except KeyboardInterrupt:
        say("stopped; the same command goes on where Kafka has acknowledged")
        raise
    if json:
        from dataclasses import asdict

        told = asdict(result) | {"per_second": round(result.per_second, 1)}
        for line in told["bad_lines"]:
            del line["raw"], line["key"]
        print_json(told)
        return
    _tell(result, rejects)


def _source(
    source: str | None, mapping: Path | None, watch: list[str] | None, account: str | None, instance: str
) -> Any:
    """Makes the source anew for each round; None: the files hold records."""
    if not source and mapping is None:
        if watch or account or instance:
            raise typer.BadParameter("--watch, --account and --instance go with --source or --mapping")
        return None
    from streams.sources import open_source
    from streams.sources.base import Options
    from streams.sources.mapping import load_mapping

    def make() -> Any:
        options = Options(frozenset(watch) if watch else None, account, instance)
        return load_mapping(mapping, options) if mapping is not None else open_source(source or "", options)

    make()  # a wrong name or mapping is told before any file is opened
    return make


def _look(files: list[str], how: How) -> Survey:
    from streams.commands.output import progress
    from streams.replay import look

    with progress() as bar:
        task = bar.add_task("bytes read", total=None, note="")
        return look(files, how, lambda done, size: bar.update(task, completed=done, total=size))


async def _replay(
    settings: Settings, files: list[str], how: How, speed: float | None, again: bool, rejects: Path | None
) -> ReplayResult:
    import time

    from streams.commands.output import progress
    from streams.replay import replay as send

    with progress() as bar:
        looking = bar.add_task("bytes looked through", total=None, note="")
        sending: Any = None
        began = first = 0.0

        def on_progress(done: int, total: int | None) -> None:
            nonlocal sending, began, first
            if sending is None:
                bar.remove_task(looking)
                sending, began, first = (
                    bar.add_task("events sent", total=total, note=""),
                    time.monotonic(),
                    done,
                )
            rate = (done - first) / max(1e-3, time.monotonic() - began)
            bar.update(sending, completed=done, total=total, note=f"{rate:,.0f}/s" if done > first else "")

        return await send(
            settings, files, how, speed=speed, again=again, rejects=rejects, on_progress=on_progress,
            on_look=lambda done, size: bar.update(looking, completed=done, total=size),
        )  # fmt: skip


def _tell(result: ReplayResult, rejects: Path | None) -> None:
    from streams.commands.output import say, warn

    for line in result.bad_lines[:10]:
        warn(f"not sent: {line}")
    if result.skipped_bad:
        where = f"in {rejects}" if rejects is not None else "in the rejected topic (`rapport rejected list`)"
        warn(f"{result.skipped_bad:,} lines are no events; {result.rejects_kept:,} of them are {where}")
    if result.too_large:
        warn(f"{result.too_large:,} events are larger than the broker takes and were left out")
    if result.left_out:
        told = ", ".join(f"{code} {n:,}" for code, n in sorted(result.left_out.items()))
        say(f"{sum(result.left_out.values()):,} acts are not counted by the source: {told}")
    if result.forgotten:
        say(f"{result.forgotten:,} accounts are gone at their source: the workers were asked to forget them")
    if result.resumed_at:
        say(f"went on after the first {result.resumed_at:,}, which were acknowledged before")
    known = result.replayed_before and not result.resumed_at
    before = ", not for the first time: the worker drops what it knows" if known else ""
    say(f"{result.sent:,} events sent in {result.seconds:.1f} s ({result.per_second:,.0f}/s){before}")
