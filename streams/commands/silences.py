"""`rapport alerts silence|unsilence|silences|explain|unexplain|explainers|accept-normal`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from streams.commands.acting import By, Note, matchers_of, one_of, people_of, when_of, who_from
from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

PartnershipId = Annotated[str, typer.Argument(metavar="PARTNERSHIP", help="Its partnership_id.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to the group `alerts`."""
    epilog = "[bold]Examples[/bold]\n\n[dim]$[/dim] rapport alerts "
    app.command(
        epilog=f"{epilog}silence partnership_id=acme--ann --for 2h -m 'known, being mended'\n\n"
        "[dim]$[/dim] rapport alerts silence brand_id=acme signal=~'conn.*' --from 'friday 18:00' --for 6h "
        "-m giveaway"
    )(silence)
    app.command(epilog=f"{epilog}unsilence 9b1c")(unsilence)
    app.command(epilog=f"{epilog}silences --all --json")(silences)
    app.command(
        epilog=f"{epilog}explain acme--ann giveaway 'friday 18:00-24:00' --note 'Friday giveaway'\n\n"
        "[dim]$[/dim] rapport alerts explain acme--ann posting_pause '2026-12-20 to 2027-01-03'"
    )(explain)
    app.command(epilog=f"{epilog}unexplain explainer:acme--ann")(unexplain)
    app.command(epilog=f"{epilog}explainers --json")(explainers)
    app.command(
        "accept-normal", epilog=f"{epilog}accept-normal acme--ann --note 'moved to long videos for good'"
    )(accept_normal)


def silence(
    matchers: Annotated[
        list[str],
        typer.Argument(
            metavar="MATCHER…",
            help="Which alerts: LABEL=VALUE, !=, =~ or !~ (a whole regular expression). "
            "All must match. Labels: partnership_id, influencer_id, brand_id, signal, rule, subject, "
            "severity.",
        ),
    ],
    comment: Annotated[
        str, typer.Option("--comment", "--note", "-m", metavar="TEXT", help="Why, for the others.")
    ],
    duration: Annotated[
        str, typer.Option("--for", "-d", metavar="LENGTH", help="How long: 30m, 2h, 1d12h, 1w.")
    ] = "1h",
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="From when: now, 18:00, 'friday 18:00', RFC 3339.")
    ] = "now",
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Until when, instead of --for.")
    ] = None,
    silence_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Change this silence instead of making one.")
    ] = None,
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send nothing about some alerts for a while. They are still made, listed and recorded."""
    from streams.board import when
    from streams.commands.output import print_json, run, say
    from streams.times import parse_span

    starts = None if start == "now" else when_of(start, "--from")
    base = starts or datetime.now(UTC)
    if until is not None:
        from streams.times import parse_when

        try:
            ends = parse_when(until, base)
        except ValueError as error:
            raise typer.BadParameter(f"--until: {error}") from None
    else:
        try:
            ends = base + parse_span(duration)
        except ValueError as error:
            raise typer.BadParameter(f"--for: {error}") from None
    held, who = matchers_of(matchers), who_from(by)

    async def do() -> Any:
        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await people.silence(
                held, who, comment=comment, starts_at=starts, ends_at=ends, silence_id=silence_id
            )

    made = run(do())
    if json:
        print_json(made)
    else:
        say(f"silence {made.silence_id}: {' '.join(map(str, made.matchers))} until {when(made.ends_at)}")


def unsilence(
    silence_id: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id, or the beginning of it.")],
    note: Note = None,
    by: By = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """End a silence now."""
    from streams.commands.output import print_json, run, say

    async def do() -> Any:
        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await people.unsilence(silence_id, who_from(by), note)

    ended = run(do())
    if json:
        print_json(ended)
    else:
        say(f"silence {ended.silence_id} has ended")


def silences(
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too (30 days).")] = False,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show silences that hold or will hold, with who made them and why."""
    from streams.board import when
    from streams.commands.output import out, print_json, run, say
    from streams.text import safe

    async def read() -> Any:
        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await people.silences()

    now = datetime.now(UTC)
    found = [item for item in run(read()) if everything or item.standing(now) != "expired"]
    if json:
        print_json(
            {"silences": [item.model_dump(mode="json") | {"state": item.standing(now)} for item in found]}
        )
        return
    if not found:
        say("no silences" if everything else "nothing is silenced; --all shows ended ones too")
    for item in found:
        words = " ".join(map(str, item.matchers))
        span = f"{when(item.starts_at)} – {when(item.ends_at)}"
        line = f"{item.silence_id}  {item.standing(now):<8}{span}  {words}"
        out().print(safe(line, limit=1_000), soft_wrap=True)
        out().print("   ", safe(f"{item.created_by}: {item.comment}", "dim", 400), soft_wrap=True)


def explain(
    partnership: PartnershipId,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="giveaway, shout_out, posting_pause, holiday, advertising, purge, hit_post, event, other.",
        ),
    ],
    stretch: Annotated[
        str,
        typer.Argument(
            metavar="WHEN",
            help="'friday 18:00-24:00', '2026-12-20 to 2027-01-03', 'now to 2h'; this machine's zone.",
        ),
    ],
    note: Note = None,
    by: By = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Tell ahead (or afterwards) of something that explains a change: detectors weigh it, visibly."""
    from streams.board import when
    from streams.commands.output import print_json, run, say
    from streams.people_explain import KINDS
    from streams.times import parse_stretch

    one_of(kind, KINDS, "KIND")
    try:
        starts, ends = parse_stretch(stretch, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(f"WHEN: {error}") from None
    settings, who = settings_from(broker, redis, namespace, config), who_from(by)

    async def do() -> Any:
        from schemas import Explainer
        from streams.people_explain import brand_for, publisher
        from streams.people_explain import explain as declare

        async with people_of(settings) as people:
            brand = await brand_for(people, partnership, who, settings)
            told = Explainer(kind=kind, starts_at=starts, ends_at=ends, note=note)
            return await declare(people, partnership, told, who, publisher(settings), brand_id=brand)

    key, control = run(do())
    if json:
        print_json({"key": key, "control": control})
    else:
        say(f"declared: {kind} for {partnership}, {when(starts)} – {when(ends)}")


def unexplain(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `explainers` shows it.")],
    note: Note = None,
    by: By = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take an explainer back."""
    from streams.commands.output import print_json, run, say

    settings, who = settings_from(broker, redis, namespace, config), who_from(by)

    async def do() -> Any:
        from streams.people_explain import publisher
        from streams.people_explain import unexplain as take_back

        async with people_of(settings) as people:
            return await take_back(people, key, who, publisher(settings), note=note)

    control = run(do())
    if json:
        print_json({"taken_back": control})
    else:
        say(f"taken back: {control.subject}")


def explainers(
    redis: Redis = None, namespace: Namespace = None, config: Config = None, json: Json = False
) -> None:
    """Show explainers that were declared by command or over HTTP (without those in partnerships)."""
    from streams.board import when
    from streams.commands.output import out, print_json, run, say
    from streams.text import safe

    async def read() -> Any:
        from streams.people_explain import explainers as declared

        async with people_of(settings_from(None, redis, namespace, config)) as people:
            return await declared(people)

    found = run(read())
    if json:
        print_json(
            {"explainers": [{"key": key, **item.model_dump(mode="json")} for key, item in found.items()]}
        )
        return
    if not found:
        say("no explainers; `rapport alerts explain` declares one")
    for key, item in sorted(found.items()):
        told = item.control.explainer
        line = f"{key}  {told.kind}  {when(told.starts_at)} – {when(told.ends_at)}  {item.control.by}"
        out().print(safe(f"{line}{': ' + told.note if told.note else ''}", limit=500), soft_wrap=True)


def accept_normal(
    partnership: PartnershipId,
    note: Note = None,
    by: By = None,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say that how it is now is the new normal: the reference is to be frozen anew."""
    from streams.commands.output import print_json, run, say

    settings, who = settings_from(broker, redis, namespace, config), who_from(by)

    async def do() -> Any:
        from streams.people_explain import accept_normal as accept
        from streams.people_explain import brand_for, publisher

        async with people_of(settings) as people:
            brand = await brand_for(people, partnership, who, settings)
            return await accept(people, partnership, who, publisher(settings), note=note, brand_id=brand)

    control = run(do())
    if json:
        print_json(control)
    else:
        say(f"said: the present is the normal of {control.subject}")
