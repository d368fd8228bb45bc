"""`rapport dashboards push|export`: the Grafana dashboards, from code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Config, Json, settings_from

app = typer.Typer(
    name="dashboards", no_args_is_help=True, help="Grafana dashboards: push them, or write them as files."
)

Prometheus = Annotated[
    str | None, typer.Option("--prometheus", metavar="URL", help="Where Grafana reaches Prometheus.")
]


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] RAPPORT_GRAFANA_TOKEN=… rapport dashboards push --grafana http://127.0.0.1:3000

[dim]$[/dim] rapport dashboards push --dry-run --json

The token is that of a service account; it is read from RAPPORT_GRAFANA_TOKEN or the settings file only."""
)
def push(
    grafana: Annotated[
        str | None, typer.Option("--grafana", metavar="URL", help="Grafana's address (RAPPORT_GRAFANA_URL).")
    ] = None,
    prometheus: Prometheus = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make or mend folder, data source and dashboards in a Grafana; a second time changes nothing."""
    from dataclasses import asdict

    from dashboards.errors import DashboardsError
    from dashboards.provision import PROMETHEUS_URL
    from dashboards.push import push as bring
    from streams.commands.output import out, print_json
    from streams.errors import RapportError, SettingsError
    from streams.text import safe

    settings = settings_from(config=config)
    url = grafana or settings.grafana_url
    if not url:
        raise SettingsError(
            ["RAPPORT_GRAFANA_URL: is not set; give it, or --grafana, e.g. http://127.0.0.1:3000"]
        )
    token = settings.grafana_token.get_secret_value() if settings.grafana_token else None
    try:
        changes = bring(url, token, dry_run=dry_run, prometheus_url=prometheus or PROMETHEUS_URL)
    except DashboardsError as error:
        raise RapportError(str(error)) from error
    if json:
        print_json({"dry_run": dry_run, "changes": [asdict(change) for change in changes]})
        return
    for change in changes:
        differences = f": {', '.join(change.differences)}" if change.differences else ""
        out().print(
            safe(f"{change.action:<11} {change.kind} {change.title}{differences}", limit=1_000),
            soft_wrap=True,
        )


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport dashboards export build/provisioning")
def export(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Made when it is not there.", file_okay=False)
    ],
    prometheus: Prometheus = None,
    json: Json = False,
) -> None:
    """Write dashboards, data source and provider as files for Grafana's provisioning."""
    from dashboards.build import export as write
    from dashboards.provision import PROMETHEUS_URL
    from streams.commands.output import out, print_json
    from streams.text import safe

    paths = [str(path) for path in write(directory, prometheus_url=prometheus or PROMETHEUS_URL)]
    if json:
        print_json({"directory": str(directory), "files": paths})
        return
    for path in paths:
        out().print(safe(path, limit=1_000), soft_wrap=True)
