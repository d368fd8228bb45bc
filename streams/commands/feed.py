"""`rapport generate`: made-up engagement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Broker, Config, Json, settings_from

if TYPE_CHECKING:
    from streams.settings import Settings

GENERATE_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport generate --seed 7 --out build/world    [dim]200 influencers, 120 days[/dim]

[dim]$[/dim] rapport generate --scenario small.yaml --out small && rapport replay small/events.ndjson

[dim]$[/dim] rapport generate --send --broker kafka:9092    [dim]the demo's story[/dim]

The directory gets events.ndjson, partnerships.json, truth.ndjson (what really happened) and meta.json.
A scenario may also hide what is known (hide: {profiles: .6, countries: .65, languages: .5}), deliver late
(late_hours: 6) or twice (duplicates: 1), or shuffle times as a control (shuffle_times: true)."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="generate", epilog=GENERATE_EPILOG)(generate)


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
