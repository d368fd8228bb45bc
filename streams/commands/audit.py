"""`rapport audit`: who did what, when and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from streams.commands.options import Config, Json, Namespace, Redis, settings_from

_EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport audit --since 7d

[dim]$[/dim] rapport audit --by ann --verb silence --json"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=_EPILOG)(audit)


def audit(
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only since 7d ago, 'monday 9:00', RFC 3339.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Only what they did.")] = None,
    verb: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only such acts: ack, silence, explain, wrong …")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="ID", help="Only about this alert, silence or partnership.")
    ] = None,
    partnership: Annotated[str | None, typer.Option(metavar="ID", help="Only of this partnership.")] = None,
    brand: Annotated[str | None, typer.Option(metavar="ID", help="Only of this brand.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show who did what about alerts, newest first."""
    from typing import get_args

    from schemas.acts import Verb
    from streams.board import when
    from streams.commands.acting import one_of, people_of, when_of
    from streams.commands.output import out, print_json, run, say
    from streams.text import safe

    if verb is not None:
        one_of(verb, get_args(Verb), "--verb")
    start = when_of(since, "--since", past=True) if since else None

    async def read() -> Any:
        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await people.audit(
                since=start, by=by, verb=verb, subject=subject, partnership=partnership, limit=last,
                brands=frozenset([brand]) if brand else None,
            )  # fmt: skip

    found = [act for _, act in run(read())]
    if json:
        print_json({"acts": found})
        return
    if not found:
        say("nobody did anything yet" if not (since or by or verb) else "nothing of that kind")
    for act in found:
        about = f"  {act.partnership_id}" if act.partnership_id and act.partnership_id != act.subject else ""
        line = f"{when(act.at)}  {act.by} ({act.via})  {act.verb}  {act.subject}{about}"
        out().print(safe(f"{line}{': ' + act.note if act.note else ''}", limit=600), soft_wrap=True)
