"""`rapport evaluate`: how well detection does on labelled events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from processors.evaluation.judge import Result

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport generate --seed 1 --out build/1 && rapport evaluate build/1 --json build/1.json

[dim]$[/dim] rapport evaluate build/1 --alerts alerts.ndjson    [dim]what was false, and what was missed[/dim]

[dim]$[/dim] rapport evaluate accounts profiles.ndjson    [dim]profiles with a field `label`: AUC[/dim]

[dim]$[/dim] rapport evaluate comments comments.ndjson    [dim]comments with `label`: precision, recall[/dim]

[dim]$[/dim] rapport evaluate changepoints DIR    [dim]TCPD: F1, covering; nab DIR: its score[/dim]

[dim]$[/dim] rapport evaluate series cpu.csv > scores.csv    [dim]an anomaly score per row[/dim]

A directory holds events.ndjson and truth.ndjson, and may hold partnerships.json and meta.json."""
FORMS = ("accounts", "comments", "series")
#: Open sets that are directories: TCPD, and the realTweets of NAB.
SETS = ("changepoints", "nab")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="evaluate", epilog=EPILOG)(evaluate)


def evaluate(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="DIR...", help="Directories; or accounts|comments|series and files."),
    ],
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers there; - is stdout.")
    ] = None,
    alerts: Annotated[
        Path | None,
        typer.Option(
            "--alerts", metavar="FILE", help="Write every alert with its verdict, and what was missed."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a report in Markdown.")
    ] = None,
    held_out: Annotated[
        list[Path] | None,
        typer.Option("--held-out", metavar="DIR", help="With --report: never tuned on, told apart."),
    ] = None,
    open_sets: Annotated[
        Path | None,
        typer.Option("--open-sets", metavar="FILE", help="With --report: JSON of the figures on open sets."),
    ] = None,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls", help="Also with times shuffled, events doubled, arrival late (4 x the time)."
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; one per CPU without, one directory each.")
    ] = None,
) -> None:
    """Judge detection on labelled events: recall, false alerts, delay, beside a plain baseline."""
    from streams import evaluation_view as view

    if targets[0] in SETS and len(targets) == 2:
        view.open_set(targets[0], Path(targets[1]), json)
        return
    if targets[0] in FORMS and not (len(targets) == 1 and Path(targets[0]).is_dir()):
        others = {"--alerts": alerts, "--report": report, "--held-out": held_out, "--open-sets": open_sets}
        if given := [name for name, value in {**others, "--controls": controls}.items() if value]:
            raise typer.BadParameter(f"{', '.join(given)}: only with directories")
        view.files(targets[0], [Path(name) for name in targets[1:]], json)
        return
    if (held_out or open_sets) and report is None:
        raise typer.BadParameter("--held-out and --open-sets go with --report")
    paths = [Path(name) for name in targets]
    results = _judge([*paths, *(held_out or [])], controls, jobs)
    own, held = results[: len(paths)], results[len(paths) :]
    found = _document(own)
    if alerts is not None:
        view.write_lines(alerts, (line for result in results for line in result.lines))
    if json is not None:
        view.write_json(json, found)
    if report is not None:
        view.write_report(report, found, _document(held) if held else None, open_sets)
    view.warnings(results)
    if json is None or str(json) != "-":
        view.table(found)


def _judge(paths: Sequence[Path], controls: bool, jobs: int | None) -> list[Result]:
    from processors.evaluation.errors import EvaluationError
    from processors.evaluation.inputs import EVENTS
    from processors.evaluation.pool import judge_all
    from streams.commands.output import progress
    from streams.errors import InputError

    runs = 4 if controls else 1
    total = sum(runs * _lines(path / EVENTS) for path in paths)
    with progress() as bar:
        task: Any = bar.add_task("events judged", total=total, note="")
        try:
            return judge_all(
                paths, controls=controls, jobs=jobs, on_progress=lambda done: bar.update(task, completed=done)
            )
        except EvaluationError as error:
            raise InputError(str(error)) from error


def _lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb", buffering=1 << 20) as file:
        return sum(1 for _ in file)


def _document(results: Sequence[Result]) -> dict[str, Any]:
    from processors.evaluation.judge import document

    return document(results)
