"""`rapport insights`: what the audience of a partnership talks about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from schemas import Reading
    from streams.reader import Reader
    from streams.settings import Settings

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport insights acme--ann    [dim]rising terms, open questions, objections, ideas[/dim]

[dim]$[/dim] rapport insights acme--ann --json"""

#: What too much fit means, with `value` and `new_actors`.
TOO_MUCH = "the audience fits at {value:.0f} of 100, and only {new_actors:.0%} of it is new"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="insights", epilog=EPILOG)(insights)


def insights(
    partnership: Annotated[str, typer.Argument(metavar="PARTNERSHIP", show_default=False)],
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what the audience asks, wants, and objects to, and what could be made together."""
    from streams.commands.output import out, print_json, run

    found = run(_find(settings_from(broker, redis, namespace, config), partnership))
    if json:
        print_json(found)
        return
    for line in describe(found):
        out().print(line, soft_wrap=True)


async def _find(settings: Settings, partnership: str) -> dict[str, Any]:
    from streams.errors import NotFoundError
    from streams.reader import Reader

    async with Reader(settings) as reader:
        reading = await reader.reading(partnership)
        if reading is None:
            raise NotFoundError(
                f"no reading of {partnership!r} yet", hint="`rapport status` names those with readings"
            )
        return await read_insights(reader, reading)


async def read_insights(reader: Reader, reading: Reading) -> dict[str, Any]:
    """What the audience of a partnership talks about, as of its newest reading."""
    fields = await reader.fields(reading.influencer_id, ("l:insights:", "d:", "meta"))
    about = {"partnership_id": reading.partnership_id, "influencer_id": reading.influencer_id}
    return about | document(fields, reading.at.timestamp()) | {"fit": fit(reading)}


def fit(reading: Reading) -> dict[str, Any]:
    """Audience fit, how many of the people are new, and whether that is too much fit: little is left to win
    among those who are all convinced."""
    from processors.signals.fit import too_much_fit

    score = reading.signals.get("audience_fit")
    new = score.parts.get("new_actors") if score is not None else None
    value, share = score.value if score is not None else None, new.value if new is not None else None
    return {"value": value, "new_actors": share, "too_much": too_much_fit(value, share)}


def document(fields: dict[str, bytes], at: float) -> dict[str, Any]:
    """What the fields of an influencer's hash say at `at` (epoch s), or at the newest event if later."""
    from processors.ledgers.insights import Insights
    from processors.panes import DAY, decode_pane
    from processors.signals.insights import insights as evaluate
    from processors.state.codec import decode_meta

    ledger = Insights()
    days = []
    for name, value in sorted(fields.items()):
        if name.startswith("l:insights:"):
            ledger.load(name.removeprefix("l:insights:"), value)
        elif name.startswith("d:"):
            days.append((int(name[2:]) * DAY, decode_pane(value)))
        elif name == "meta":
            at = max(at, decode_meta(value).newest_at)
    return evaluate(ledger, at, days)


def describe(found: dict[str, Any]) -> Iterator[Any]:
    """For people: one line each, foreign text made safe."""
    from rich.text import Text

    from streams.text import safe

    def head(title: str, note: str = "") -> Text:
        return Text.assemble("\n", (title, "bold"), (f"   {note}", "dim") if note else "")

    def quoted(quote: dict[str, Any]) -> Text:
        replies = f"   {quote['replies']} replies" if quote["replies"] else ""
        done = "   answered" if quote["answered"] else ""
        return Text.assemble("  ", safe(quote["text"], limit=140), (replies + done, "dim"))

    def share(part: dict[str, Any]) -> str:
        return f"{part['count']:,}" + ("" if part["share"] is None else f" ({part['share']:.1%} of comments)")

    yield Text.assemble(
        safe(found["partnership_id"], "bold"), f"   {found['comments']:,} comments in 28 days"
    )
    yield head("Rising", "distinct people since yesterday, and a day before that")
    for term in found["rising"]:
        count = f"   {term['actors']} people, {term['before_a_day']:.1f} a day before"
        yield Text.assemble("  ", safe(term["term"], limit=60), (count, "dim"))
    if not found["rising"]:
        yield Text("  nothing that five people or more speak of, more than before", style="dim")
    yield head("Questions", share(found["questions"]))
    for quote in found["unanswered"]:
        yield quoted(quote)
    for title, name in (("Wishes to buy", "intents"), ("Objections", "objections")):
        yield head(title, share(found[name]))
        for quote in found[name]["examples"]:
            yield quoted(quote)
    people = found["amplifiers"]
    yield head(
        "Amplifiers", f"{people['people']} people who shared, quoted or mentioned {people['acts']} times"
    )
    yield head("To make together", "comments that drew talk, or ask for a longer answer")
    for quote in found["ideas"]:
        yield quoted(quote)
    if found["fit"]["too_much"]:
        yield head("Preaching to the converted", TOO_MUCH.format(**found["fit"]))
