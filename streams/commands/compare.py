"""`rapport compare A B`: two partnerships side by side, and the people they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from schemas import Partnership
    from streams.reader import Reader
    from streams.settings import Settings

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport compare acme--ann acme--bob

[dim]$[/dim] rapport compare acme--ann acme--bob --json | jq .overlap

[bold]How to read it[/bold]

Values stand with their 95 % interval; [dim]≠[/dim] marks those whose intervals don't meet.

[dim]Percentile[/dim] is the place among the 20 influencers nearest in size and topics: like with like.

The overlap of the audiences comes from samples of the people who engaged in 28 days."""
PLACE = {
    "effective": "effective audience per follower",
    "fit": "audience fit",
    "quality_rate": "interaction per follower and post",
    "reply_rate": "comments answered",
}
Id = Annotated[str, typer.Argument(metavar="A", help="A partnership_id.", show_default=False)]
Other = Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="compare", epilog=EPILOG)(compare)


def compare(
    one: Id,
    other: Other,
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare two partnerships: every signal, the right people they reach, and whom they share."""
    from streams.commands.output import out, print_json, run

    if one == other:
        raise typer.BadParameter("A and B are the same partnership")
    found = run(_read(settings_from(broker, redis, namespace, config), one, other))
    if json:
        print_json(found)
        return
    for part in describe(found):
        out().print(part)


async def _read(settings: Settings, one: str, other: str) -> dict[str, Any]:
    from streams.commands.partnerships import pick, read_book
    from streams.reader import Reader

    book = await read_book(settings)
    async with Reader(settings) as reader:
        return await read_comparison(reader, pick(book, one), pick(book, other))


async def read_comparison(reader: Reader, one: Partnership, other: Partnership) -> dict[str, Any]:
    """Two partnerships side by side. Raises NotFoundError where one has no reading yet."""
    from processors.portfolio import compare as evaluate

    sides = [await _side(reader, item) for item in (one, other)]
    return evaluate(sides[0], sides[1], await reader.snapshot())


async def _side(reader: Reader, partnership: Partnership) -> Any:
    from processors.portfolio import Side
    from streams.commands.portfolio import held_by
    from streams.errors import NotFoundError

    name = partnership.partnership_id
    reading = await reader.reading(name)
    held = await held_by(reader, partnership.influencer_id)
    if reading is None or held is None:
        raise NotFoundError(f"no reading of {name!r} yet", hint="`rapport status` names those with readings")
    return Side(partnership, reading, held)


# -- printing -----------------------------------------------------------------------------------------------


def describe(found: dict[str, Any]) -> Iterator[Any]:
    """For people."""
    from rich.text import Text

    yield _sides(found)
    yield Text("")
    yield _signals(found["signals"])
    yield Text("")
    yield _overlap(found["overlap"])
    if found["topics"]["rows"]:
        yield Text("")
        yield _topics(found["topics"])
    if found["snapshot_id"] is None:
        line = "Percentiles and affinity come with the hourly snapshot of all influencers: not merged yet."
        yield Text("\n" + line, style="dim")
    left = sorted({name for side in "ab" for name in found[side]["effective"]["not_asked"]})
    if left:
        yield Text("Not asked of single people, as too little is known: " + ", ".join(left), style="dim")
    yield Text(found["assumes"], style="dim")


def _sides(found: dict[str, Any]) -> Any:
    from rich.table import Table

    from streams.board import when
    from streams.commands.portfolio import interval, number, tenure
    from streams.text import safe

    a, b = found["a"], found["b"]
    table = Table(box=None, pad_edge=False, show_header=False)
    rows: list[tuple[Any, ...]] = [
        ("", *(safe(s["partnership_id"], "bold", 60) for s in (a, b))),
        ("influencer", *(safe(s["influencer_id"], limit=60) for s in (a, b))),
        ("at (UTC)", *(when(s["at"]) for s in (a, b))),
        ("tier", a["tier"], b["tier"]),
        ("followers", *(number(s["followers"]) for s in (a, b))),
        ("tenure", *(tenure(s["tenure_days"]) for s in (a, b))),
        ("effective audience", *(interval(s["effective"]) for s in (a, b))),
        ("… per 1,000 followers", *(interval(s["effective"]["per_1000"], ",.1f") for s in (a, b))),
    ]
    for name, words in PLACE.items():
        places = [s["places"][name] for s in (a, b)]
        if any(places):
            told = (f"{p['percentile']:.0f} of 100 (among {p['n']})" if p else "–" for p in places)
            rows.append((f"percentile: {words}", *told))
    for row in rows:
        table.add_row(*row)
    return table


def _signals(rows: list[dict[str, Any]]) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from streams.commands.portfolio import interval
    from streams.text import safe

    table = Table(
        "signal", "A (95 %)", "n", "", "B (95 %)", "n", box=None, header_style="bold", pad_edge=False
    )
    why: list[Any] = []
    for row in rows:
        name = row["signal"].replace("_", " ")
        a, b = row["a"], row["b"]
        table.add_row(
            safe(name), interval(a, ".1f"), f"{a['n']:,.0f}", "≠" if row["differs"] else "",
            interval(b, ".1f"), f"{b['n']:,.0f}",
        )  # fmt: skip
        for label, side in (("A", a), ("B", b)):
            if side["value"] is None and side["why"]:
                line = f"{label}: {name} is not measurable: {side['why']}"
                why.append(Text.assemble(safe(line, "dim", 300)))
    return Group(table, *why)


def _overlap(found: dict[str, Any]) -> Any:
    from rich.text import Text

    if found["jaccard"] is None:
        return Text("Nobody is in the samples of both audiences' people yet: overlap unknown.")
    how = (
        "all of them were compared" if found["rate"] >= 1 else f"a sample of {found['rate']:.1%} was compared"
    )
    return Text(
        f"Engaged with both: {found['both']:,.0f} ± {found['both_se']:,.0f} people; "
        f"overlap {found['jaccard']:.1%} ± {found['jaccard_se']:.1%} of those who engaged with either "
        f"(Jaccard, ± standard error; {how}, {found['n']:,} people)."
    )


def _topics(topics: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from streams.commands.portfolio import number
    from streams.text import safe

    table = Table("topic of the audience", "A", "affinity", "B", "affinity", box=None, header_style="bold",
                  pad_edge=False)  # fmt: skip
    for row in topics["rows"]:
        table.add_row(
            safe(row["topic"], limit=40), number(row["share_a"], ".0%"), number(row["affinity_a"], ".1f"),
            number(row["share_b"], ".0%"), number(row["affinity_b"], ".1f"),
        )  # fmt: skip
    if topics["overlap"] is None:
        return table
    line = f"Topics overlap by {topics['overlap']:.0%}. Affinity: the share here over the share over all."
    return Group(table, Text(line, style="dim"))
