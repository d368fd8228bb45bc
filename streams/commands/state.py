"""`rapport state export|import|migrate|adopt|reset`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from streams.state_files import Moved
    from streams.state_tools import Changed

app = typer.Typer(
    name="state",
    no_args_is_help=True,
    help="State to a file and back; an older layout; state and log that do not belong together any more.",
)
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command(
    epilog="""[bold]Example[/bold]

[dim]$[/dim] rapport state adopt --dry-run    [dim]after a topic was made anew under an old Redis[/dim]"""
)
def adopt(
    dry_run: DryRun = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep the state; go on at the log's start wherever the fence lies outside the log. Stop the workers
    first."""
    from streams.commands.output import run
    from streams.state_tools import adopt as do

    settings = settings_from(broker, redis, namespace, config)
    _tell(run(do(settings, dry_run=dry_run)), dry_run, json)


@app.command(
    epilog="""[bold]Example[/bold]

[dim]$[/dim] rapport state reset --namespace staging --yes    [dim]count staging anew from the log[/dim]"""
)
def reset(
    dry_run: DryRun = False,
    yes: Yes = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Forget all state of the namespace; everything is counted anew from the log's start. Stop the workers
    first."""
    from streams.commands.output import run
    from streams.state_tools import reset as do

    settings = settings_from(broker, redis, namespace, config)
    if not (yes or dry_run):
        typer.confirm(f"Forget all state of namespace {settings.namespace!r}?", abort=True, err=True)
    _tell(run(do(settings, dry_run=dry_run)), dry_run, json)


@app.command(
    epilog="""[bold]Example[/bold]

[dim]$[/dim] rapport state export rapport.state && rapport state import rapport.state --namespace tried"""
)
def export(
    file: Annotated[Path, typer.Argument(help="File to write; only you can read it: it holds the hash key.")],
    partition: Annotated[int | None, typer.Option(help="Only this partition of the events topic.")] = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write all keys of the namespace to a compressed file with a checksum. Stop the workers first."""
    from streams.commands.output import run
    from streams.state_files import export as do

    settings = settings_from(broker, redis, namespace, config)
    with _counting(json) as count:
        moved = run(do(settings, file, partition=partition, on_progress=count))
    _tell_moved(f"{moved.entries:,} keys of {moved.partitions} partitions are in {file}", moved, json)


@app.command(
    name="import",
    epilog="""[bold]Example[/bold]

[dim]$[/dim] rapport state import rapport.state --replace    [dim]put back what was exported[/dim]""",
)
def import_(
    file: Annotated[Path, typer.Argument(help="File that `rapport state export` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Remove the state that stands first.")] = False,
    yes: Yes = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Read such a file into the namespace. Refused: a damaged file, another partition count, a newer layout,
    state that stands, a worker that runs."""
    from streams.commands.output import run
    from streams.consume import spans
    from streams.state_files import bring_in

    settings = settings_from(broker, redis, namespace, config)
    if replace and not yes:
        typer.confirm(f"Replace the state of namespace {settings.namespace!r}?", abort=True, err=True)

    async def do() -> Moved:
        logs = await spans(settings, settings.topic("engagement.events.v1"))
        return await bring_in(settings, file, replace=replace, topic_partitions=len(logs), on_progress=count)

    with _counting(json) as count:
        moved = run(do())
    _tell_moved(f"{moved.entries:,} keys of {moved.partitions} partitions were written", moved, json)


@app.command(
    epilog="""[bold]Example[/bold]

[dim]$[/dim] rapport state migrate --dry-run    [dim]after an upgrade, before workers start again[/dim]"""
)
def migrate(
    dry_run: DryRun = False,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Bring state of an older layout to that of this program, in place. Stop the workers first."""
    from processors.state.layout import LAYOUT_VERSION
    from streams.commands.output import out, print_json, run
    from streams.state_files import upgrade

    settings = settings_from(broker, redis, namespace, config)
    with _counting(json) as count:
        before, changed = run(upgrade(settings, dry_run=dry_run, on_progress=count))
    if json:
        print_json({"dry_run": dry_run, "before": before, "after": LAYOUT_VERSION, "keys_changed": changed})
    elif before == LAYOUT_VERSION:
        out().print(f"nothing to do: the state has layout {before}")
    else:
        undone = " (not done)" if dry_run else ""
        out().print(f"layout {before} -> {LAYOUT_VERSION}: {changed:,} keys changed{undone}")


@contextmanager
def _counting(quiet: bool) -> Iterator[Callable[[int], None]]:
    """Keys done so far, on stderr."""
    from streams.commands.output import progress

    with progress(quiet) as bar:
        task = bar.add_task("keys", total=None, note="")
        yield lambda done: bar.update(task, completed=done)


def _tell_moved(line: str, moved: Moved, json: bool) -> None:
    from dataclasses import asdict

    from streams.commands.output import out, print_json

    print_json(asdict(moved)) if json else out().print(line)


def _tell(changed: list[Changed], dry_run: bool, json: bool) -> None:
    from dataclasses import asdict

    from streams.commands.output import out, print_json

    if json:
        print_json({"dry_run": dry_run, "partitions": [asdict(change) for change in changed]})
        return
    if not changed:
        out().print("nothing to do: every fence lies inside its log")
    for change in changed:
        after = "the log's start" if change.after is None else change.after
        keys = f", {change.keys_removed} keys removed" if change.keys_removed else ""
        undone = " (not done)" if dry_run else ""
        out().print(f"partition {change.partition}: {change.before} -> {after}{keys}{undone}")
