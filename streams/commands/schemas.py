"""`rapport schemas export`: the contracts as JSON Schema and AsyncAPI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Json

app = typer.Typer(name="schemas", no_args_is_help=True, help="The contracts of the topics.")


@app.command(epilog="[bold]Example[/bold]\n\n[dim]$[/dim] rapport schemas export build/schemas")
def export(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Made when it is not there.", file_okay=False)
    ],
    json: Json = False,
) -> None:
    """Write JSON Schemas of all topics and an AsyncAPI 3 document."""
    from schemas.export import export as write
    from streams.commands.output import out, print_json
    from streams.text import safe

    paths = sorted(str(path) for path in write(directory))
    if json:
        print_json({"directory": str(directory), "files": paths})
        return
    for path in paths:
        out().print(safe(path, limit=1_000), soft_wrap=True)
