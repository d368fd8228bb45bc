"""`rapport portfolio BRAND`: a brand's partners, few and long, macro and micro by effective audience."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.commands.options import Broker, Config, Json, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from processors.portfolio import Held
    from schemas import Partnership
    from streams.reader import Reader
    from streams.settings import Settings

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport portfolio acme    [dim]who reaches how many of the right people, and for how long[/dim]

[dim]$[/dim] rapport portfolio acme --json | jq '.by_tier'    [dim]macro and micro as numbers[/dim]

[dim]$[/dim] rapport compare acme--ann acme--bob    [dim]two of them in full[/dim]

[bold]How to read it[/bold]

[dim]effective[/dim]   different, credible people in the target audience who engaged in 28 days (95 %)

[dim]per 1,000[/dim]   the same per 1,000 followers: what compares micro with macro

[dim]quick win[/dim]   share of the contacts that fall near a contract

[dim]bus[/dim]         share of the contact that hangs on one employee

[dim]ads[/dim]         share of sponsored posts in 90 days; ! is more than usual for the size"""
#: Fields of an influencer's hash that are read.
FIELDS = ("meta", "a:", "l:audience:")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="portfolio", epilog=EPILOG)(portfolio)


def portfolio(
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="Its brand_id.", show_default=False)],
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show a brand's partners side by side: tenure, health, effective audience, and sums by size."""
    from streams.commands.output import out, print_json, run

    found = run(_read(settings_from(broker, redis, namespace, config), brand))
    if json:
        print_json(found)
        return
    for part in describe(found):
        out().print(part, soft_wrap=isinstance(part, str))


async def _read(settings: Settings, brand: str) -> dict[str, Any]:
    from streams.commands.partnerships import read_book
    from streams.reader import Reader

    book = await read_book(settings)
    async with Reader(settings) as reader:
        return await read_portfolio(reader, book, brand)


async def read_portfolio(reader: Reader, book: Collection[Partnership], brand: str) -> dict[str, Any]:
    """The portfolio of a brand, of those partnerships that are in `book`. Raises NotFoundError."""
    from processors.portfolio import portfolio as evaluate
    from streams.errors import NotFoundError

    partnerships = [item for item in book if item.brand_id == brand]
    if not partnerships:
        import difflib

        close = difflib.get_close_matches(brand, sorted({item.brand_id for item in book}), 1)
        hint = f"did you mean {close[0]!r}?" if close else "`rapport partnerships list` names all brands"
        raise NotFoundError(f"no partnership of a brand {brand!r}", hint=hint)
    readings = {}
    for item in partnerships:
        if (reading := await reader.reading(item.partnership_id)) is not None:
            readings[reading.partnership_id] = reading
    held = {}
    for influencer in sorted({item.influencer_id for item in partnerships}):
        if (one := await held_by(reader, influencer)) is not None:
            held[influencer] = one
    return evaluate(brand, partnerships, readings, held)


async def held_by(reader: Reader, influencer: str) -> Held | None:
    """What Redis holds of an influencer; None when nothing does.

    Raises:
        RapportError: when it cannot be read.
    """
    from msgspec import MsgspecError

    from processors.portfolio import held_of
    from streams.errors import RapportError

    try:
        return held_of(await reader.fields(influencer, FIELDS))
    except MsgspecError as error:
        raise RapportError(
            f"the state of {influencer!r} cannot be read: {error}", hint="was it written by another version?"
        ) from error


# -- printing -----------------------------------------------------------------------------------------------


def number(value: float | None, form: str = ",.0f") -> str:
    """A number, or a dash."""
    return "–" if value is None else format(value, form)


def interval(counted: dict[str, Any] | None, form: str = ",.0f") -> str:
    """Value with its interval: "1,200 (1,100–1,300)"; a dash without one."""
    if counted is None or counted["value"] is None:
        return "–"
    if counted["lo"] is None or counted["hi"] is None:
        return number(counted["value"], form)
    return f"{counted['value']:{form}} ({counted['lo']:{form}}–{counted['hi']:{form}})"


def tenure(days: int | None) -> str:
    """Days, or years from two on."""
    return "–" if days is None else f"{days} d" if days < 730 else f"{days / 365.25:.1f} y"


def describe(found: dict[str, Any]) -> Iterator[Any]:
    """For people: the partners, the sums by size, what stands out, and what it rests on."""
    from rich.text import Text

    yield _partners(found["partners"])
    yield Text("")
    yield _tiers([*found["by_tier"], found["all"]])
    yield from _words(found)


def _partners(partners: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    from streams.text import safe

    table = Table(box=None, header_style="bold", pad_edge=False)
    heads = ("partnership", "tier", "followers", "tenure", "health", "effective", "per 1,000", "quick win")
    for head in (*heads, "bus", "ads"):
        table.add_column(head, no_wrap=head != "partnership", justify="left")
    for p in partners:
        table.add_row(
            safe(p["partnership_id"], "bold", 60), p["tier"], number(p["followers"]),
            tenure(p["tenure_days"]), number(p["health"]["value"]), interval(p["effective"]),
            number((p["effective"]["per_1000"] or {}).get("value"), ",.1f"), number(p["quick_win"], ".0%"),
            number(p["bus_factor"], ".0%"),
            number(p["saturation"], ".0%") + ("!" if p["over_saturated"] else ""),
        )  # fmt: skip
    return table


def _tiers(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("size", "partners", "followers", "effective", "per 1,000", "longer than 180 days", "health"):
        table.add_column(head, no_wrap=True)
    for row in rows:
        style = "bold" if row["tier"] == "all" else ""
        table.add_row(
            row["tier"], str(row["partners"]), number(row["followers"]), interval(row["effective"]),
            number(row["per_1000"], ",.1f"), number(row["long_share"], ".0%"), number(row["health"]),
            style=style,
        )  # fmt: skip
    return table


def _words(found: dict[str, Any]) -> Iterator[Any]:
    from rich.text import Text

    from streams.text import safe

    whole = found["all"]
    yield Text("")
    for what, count, of in (
        ("quick wins (most contact near a contract)", whole["quick_wins"], whole["quick_wins_of"]),
        ("hang on one employee", whole["on_one_person"], whole["on_one_person_of"]),
        (
            "more advertising than is usual for their size",
            whole["over_saturated"],
            whole["over_saturated_of"],
        ),
    ):
        yield Text(
            f"{count} of {of} measurable partnerships: {what}" if of else f"not measurable yet: {what}"
        )
    if whole["counted_twice"] is not None:
        again = (
            f"{whole['counted_twice']:.0%} of the engaged people, summed over partners, were counted before"
        )
        yield Text(again)
    unmeasured = [p for p in found["partners"] if p["effective"]["value"] is None]
    for p in unmeasured[:5]:
        why = Text(f": {p['effective']['why']}", style="dim")
        yield Text.assemble("not measurable: ", safe(p["partnership_id"]), why)
    if len(unmeasured) > 5:
        yield Text(f"and {len(unmeasured) - 5} more", style="dim")
    left = sorted({name for p in found["partners"] for name in p["effective"].get("not_asked", ())})
    if left:
        yield Text("Not asked of single people, as too little is known: " + ", ".join(left), style="dim")
    yield Text(found["assumes"], style="dim")
