"""`rapport dashboards push|export|check`: the Grafana dashboards, from code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import Config, Json, settings_from

if TYPE_CHECKING:
    from streams.settings import Settings

app = typer.Typer(
    name="dashboards",
    no_args_is_help=True,
    help="Grafana dashboards: push them, write them as files, or check them.",
)

Prometheus = Annotated[
    str | None, typer.Option("--prometheus", metavar="URL", help="Where Grafana reaches Prometheus.")
]
Api = Annotated[
    str | None, typer.Option("--api", metavar="URL", help="Where Grafana reaches `rapport serve`.")
]


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] RAPPORT_GRAFANA_TOKEN=… rapport dashboards push --grafana http://127.0.0.1:3000

[dim]$[/dim] rapport dashboards push --dry-run --json

Secrets are read from the environment or the settings file only: RAPPORT_GRAFANA_TOKEN (a service account's)
or RAPPORT_GRAFANA_USER and RAPPORT_GRAFANA_PASSWORD; RAPPORT_GRAFANA_API_TOKEN (of `rapport tokens create`,
for tables and maps from the HTTP API); RAPPORT_GRAFANA_CONTACT (a webhook's address or mail addresses that
the alert rules tell; without it Grafana's notification policies decide)."""
)
def push(
    grafana: Annotated[
        str | None, typer.Option("--grafana", metavar="URL", help="Grafana's address (RAPPORT_GRAFANA_URL).")
    ] = None,
    prometheus: Prometheus = None,
    api: Api = None,
    folder: Annotated[
        str, typer.Option("--folder", metavar="TITLE", help="Title of the folder.")
    ] = "Rapport",
    no_rules: Annotated[
        bool, typer.Option("--no-rules", help="Leave alert rules alone: Prometheus evaluates them already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=300, help="Longest time of one call, s.")
    ] = 10.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make or mend folder, data sources, dashboards and alert rules; a second time nothing changes."""
    from dataclasses import asdict

    from dashboards.errors import DashboardsError
    from dashboards.provision import API_URL, PROMETHEUS_URL
    from dashboards.push import Wanted
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
    token, contact = settings.grafana_api_token, settings.grafana_contact
    wanted = Wanted(
        folder=folder, prometheus_url=prometheus or PROMETHEUS_URL, api_url=api or API_URL,
        api_token=token.get_secret_value() if token else None,
        contact=contact.get_secret_value() if contact else None, rules=not no_rules,
    )  # fmt: skip
    try:
        changes = bring(url, _credential(settings), wanted, dry_run=dry_run, timeout_s=timeout)
    except DashboardsError as error:
        raise RapportError(str(error)) from error
    if json:
        print_json({"dry_run": dry_run, "changes": [asdict(change) for change in changes]})
        return
    for change in changes:
        more = f": {', '.join(change.differences)}" if change.differences else ""
        note = f" ({change.note})" if change.note else ""
        kind = change.kind.replace("_", " ")
        out().print(safe(f"{change.action} {kind} {change.title}{more}{note}", limit=1_000), soft_wrap=True)


def _credential(settings: Settings) -> str | tuple[str, str] | None:
    from streams.errors import SettingsError

    if settings.grafana_token:
        return settings.grafana_token.get_secret_value()
    user, password = settings.grafana_user, settings.grafana_password
    if user is None and password is None:
        return None
    if user is None or password is None:
        missing = "RAPPORT_GRAFANA_USER" if user is None else "RAPPORT_GRAFANA_PASSWORD"
        raise SettingsError([f"{missing}: is not set; user and password go together (or set a token)"])
    return user, password.get_secret_value()


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport dashboards export build/provisioning")
def export(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Made when it is not there.", file_okay=False)
    ],
    prometheus: Prometheus = None,
    api: Api = None,
    json: Json = False,
) -> None:
    """Write dashboards, data sources and provider as files for Grafana's provisioning."""
    from dashboards.build import export as write
    from dashboards.provision import API_URL, PROMETHEUS_URL
    from streams.commands.output import out, print_json
    from streams.text import safe

    written = write(directory, prometheus_url=prometheus or PROMETHEUS_URL, api_url=api or API_URL)
    paths = [str(path) for path in written]
    if json:
        print_json({"directory": str(directory), "files": paths})
        return
    for path in paths:
        out().print(safe(path, limit=1_000), soft_wrap=True)


@app.command(
    epilog="""[bold]Examples[/bold]

[dim]$[/dim] rapport dashboards check    [dim]the dashboards themselves[/dim]

[dim]$[/dim] rapport dashboards check --prometheus http://127.0.0.1:9090    [dim]runs every query, too[/dim]

[dim]$[/dim] rapport dashboards check --api http://127.0.0.1:6068    [dim]runs those of (API) rows, too[/dim]

[dim]$[/dim] rapport dashboards check build/provisioning --json

A query without data is told, but no fault: what never happened has no counter. The exit code is 1 when
something is wrong."""
)
def check(
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="Check exported files instead of the dashboards of this program.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option(
            "--prometheus", metavar="URL", help="Run every query on this Prometheus, as seen from here."
        ),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            "--api",
            metavar="URL",
            help="Run every query of the rows marked (API) there, with RAPPORT_GRAFANA_API_TOKEN.",
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Check dashboards: schema, uids, variables, and that every query is understood and has data."""
    from dashboards.check import check as examine
    from dashboards.check import read
    from dashboards.errors import DashboardsError
    from streams.commands.output import out, print_json
    from streams.errors import RapportError, SettingsError
    from streams.text import safe

    token = settings_from(config=config).grafana_api_token if api else None
    if api and token is None:
        raise SettingsError(["RAPPORT_GRAFANA_API_TOKEN: is not set; `rapport tokens create` makes one"])
    asked = (api, token.get_secret_value()) if api and token else None
    try:
        report = examine(read(directory), prometheus, asked)
    except DashboardsError as error:
        raise RapportError(str(error)) from error
    if json:
        print_json(report.as_json())
    else:
        for line in report.lines():
            out().print(safe(line, limit=1_000), soft_wrap=True)
    if report.problems:
        raise typer.Exit(1)
