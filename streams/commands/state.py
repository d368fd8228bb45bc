"""`rapport state adopt|reset`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from streams.state_tools import Changed

app = typer.Typer(
    name="state", no_args_is_help=True, help="What to do when state and log do not belong together any more."
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
