"""`rapport settings`: all settings with their present values."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport settings

[dim]$[/dim] RAPPORT_PARTITIONS=32 rapport settings --config staging.toml --json

A file holds the same names without the prefix, in small letters: partitions = 32"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="settings", epilog=EPILOG)(settings)


def settings(
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    markdown: Annotated[bool, typer.Option("--markdown", hidden=True)] = False,
    json: Json = False,
) -> None:
    """Show all settings with their values now; secrets are masked."""
    from streams.commands.output import out, print_json
    from streams.settings_doc import markdown_table, setting_docs, shown_value

    if markdown:  # for the README
        typer.echo(markdown_table(), nl=False)
        return

    now = settings_from(broker, redis, namespace, config)
    docs = setting_docs()
    if json:
        print_json(
            {
                doc.name: {
                    "value": shown_value(now, doc),
                    "default": doc.default,
                    "may_be": doc.may_be,
                    "description": doc.description,
                }
                for doc in docs
            }
        )
        return
    from rich.table import Table

    from streams.text import safe

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("setting", no_wrap=True)
    for head in ("value", "may be", "what it does"):  # on more lines rather than cut
        table.add_column(head, overflow="fold")
    for doc in docs:
        value = shown_value(now, doc)
        changed = (
            "" if doc.secret else "bold" if str(value if value is not None else "") != doc.default else ""
        )
        table.add_row(
            doc.name,
            safe(value if value is not None else "–", changed),
            safe(doc.may_be, "dim"),
            safe(doc.description),
        )
    out().print(table)
