"""`rapport doctor`: is all well, and if not, what to do."""

from __future__ import annotations

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport doctor --broker kafka:9092 --redis redis://redis:6379/0

[dim]$[/dim] rapport doctor --json | jq '.checks[] | select(.status != "ok")'

Exit code 0: all well, or warnings only; 1: something must be mended before a worker can run."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="doctor", epilog=EPILOG)(doctor)


def doctor(
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check broker, topics, partitioner, Redis, layout, clocks and versions, and say what to do."""
    from dataclasses import asdict

    from rich.text import Text

    from streams.commands.output import out, print_json, run
    from streams.doctor import run_checks
    from streams.text import safe

    checks = run(run_checks(settings_from(broker, redis, namespace, config)))
    failed = any(check.status == "fail" for check in checks)
    if json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        marks = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red")}
        for check in checks:
            what = safe(check.what, limit=600)
            out().print(Text.assemble(marks[check.status], " ", safe(check.name, "bold"), ": ", what))
            if check.advice:
                out().print(Text.assemble(("    → ", "dim"), safe(check.advice, limit=600)))
    if failed:
        raise typer.Exit(1)
