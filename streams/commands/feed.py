"""`rapport replay` and `rapport generate`: recorded and made-up engagement."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from streams.replay import ReplayResult
    from streams.settings import Settings

REPLAY_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport replay events.ndjson.gz

[dim]$[/dim] rapport replay retweets.csv.gz --format retweets

[dim]$[/dim] zcat events-*.gz | rapport replay - --speed 3600    [dim]an hour of event time a second[/dim]

The same events again change no total: the worker knows their ids for two days, and later they are refused
unless --again is given. A replay that was interrupted is simply run again."""
GENERATE_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport generate --seed 7 --out build/world    [dim]200 influencers, 120 days[/dim]

[dim]$[/dim] rapport generate --scenario small.yaml --out small && rapport replay small/events.ndjson

[dim]$[/dim] rapport generate --send --broker kafka:9092    [dim]the demo's story[/dim]

The directory gets events.ndjson, partnerships.json, truth.ndjson (what really happened) and meta.json.
A scenario may also hide what is known (hide: {profiles: .6, countries: .65, languages: .5}), deliver late
(late_hours: 6) or twice (duplicates: 1), or shuffle times as a control (shuffle_times: true)."""


class Format(StrEnum):
    """Kinds of files."""

    NDJSON = "ndjson"
    RETWEETS = "retweets"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(name="replay", epilog=REPLAY_EPILOG)(replay)
    app.command(name="generate", epilog=GENERATE_EPILOG)(generate)


def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Gzipped or not; - is standard input.")],
    format: Annotated[
        Format, typer.Option("--format", help="ndjson: canonical events; retweets: CSV of real retweets.")
    ] = Format.NDJSON,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="Seconds of event time per second; as fast as it goes without."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send even what was replayed too long ago to be recognised.")
    ] = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send a file's events through the topics, stamped with their own times."""
    from streams.commands.output import print_json, run, say, warn

    settings = settings_from(broker, redis, namespace, config)
    result = run(_replay(settings, file, format.value, speed, again))
    if json:
        from dataclasses import asdict

        print_json(asdict(result) | {"per_second": round(result.per_second, 1)})
        return
    for line in result.bad_lines[:10]:
        warn(f"line {line.number} left out: {line.why}")
    if result.skipped_bad > 10:
        warn(f"{result.skipped_bad:,} lines were left out in all")
    if result.too_large:
        warn(f"{result.too_large:,} events are larger than the broker takes and were left out")
    before = ", not for the first time: the worker drops what it knows" if result.replayed_before else ""
    say(f"{result.sent:,} events sent in {result.seconds:.1f} s ({result.per_second:,.0f}/s){before}")


def generate(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", file_okay=False, help="Write files; made if missing."),
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send the demo's story to the topics instead, until Ctrl-C.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed and scenario give the same bytes.")
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="YAML; the default world without."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=1, max=1_000_000, help="With --send: event seconds per second.")
    ] = None,
    broker: Broker = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make up engagement with known incidents: events, partnerships, and the truth about them."""
    if send == (out is not None):
        raise typer.BadParameter("give either --out DIR, to write files, or --send")
    if out is not None:
        _write(out, seed, scenario, json)
        return
    if scenario is not None:
        raise typer.BadParameter("--scenario goes with --out; `rapport replay` sends what was written")
    from streams.commands.output import print_json, run

    sent = run(_send(settings_from(broker, config=config), 7 if seed is None else seed, speed))
    if json:
        print_json({"events": sent})


def _write(out: Path, seed: int | None, scenario: Path | None, json: bool) -> None:
    from processors.generator import ScenarioError, load_scenario
    from processors.generator import generate as make
    from streams.commands.output import print_json, progress, say
    from streams.errors import InputError

    try:
        generated = make(load_scenario(scenario, seed=seed))
    except ScenarioError as error:
        raise InputError(str(error)) from error
    with progress() as bar:
        task = bar.add_task("hours generated", total=None, note="")
        count = generated.write(out, lambda done, total: bar.update(task, completed=done, total=total))
    if json:
        print_json(
            {"directory": str(out), "events": count, "partnerships": len(generated.partnerships)}
            | {"incidents": len(generated.truth), "seed": generated.scenario.seed}
        )
        return
    say(f"{count:,} events of {len(generated.partnerships)} partnerships written to {out}")


async def _send(settings: Settings, seed: int, speed: float | None) -> int:
    from datetime import UTC, datetime

    from processors.generator.demo import SPEED, demo
    from streams.commands.output import say
    from streams.story import Told, introduce, tell

    story, told = demo(datetime.now(UTC), seed=seed), Told()
    await introduce(settings, story)
    await tell(settings, story, SPEED if speed is None else speed, told, say)
    return told.sent


async def _replay(settings: Settings, file: str, kind: str, speed: float | None, again: bool) -> ReplayResult:
    from streams.commands.output import progress
    from streams.replay import replay as send

    with progress() as bar:
        task: Any = bar.add_task("events sent", total=None, note="")
        return await send(
            settings,
            file,
            kind,
            speed=speed,
            again=again,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
