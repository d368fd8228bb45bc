"""`rapport relationships BRAND`: who of the brand knows whom, how strongly, which way, and what is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal
from xml.sax.saxutils import escape, quoteattr

import typer

from streams.commands.options import Broker, Config, Namespace, Redis, settings_from

if TYPE_CHECKING:
    from processors.ledgers.ties import Ties
    from schemas import Partnership
    from streams.settings import Settings

EPILOG = """[bold]Examples[/bold]

[dim]$[/dim] rapport relationships acme

[dim]$[/dim] rapport relationships acme --format dot | dot -Tsvg > acme.svg

[dim]$[/dim] rapport relationships acme --format graphml > acme.graphml    [dim]for Gephi, yEd …[/dim]"""

#: Ids are 256 characters at most: cut, two nodes might become one.
WIDE = 300
Format = Literal["table", "json", "dot", "graphml"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="relationships", epilog=EPILOG)(relationships)


def relationships(
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="Its brand_id.")],
    format_: Annotated[Format, typer.Option("--format", help="How to print the map.")] = "table",
    broker: Broker = None,
    redis: Redis = None,
    namespace: Namespace = None,
    config: Config = None,
) -> None:
    """Map who of a brand's people knows which influencer, both ways, and what is lost if somebody leaves."""
    import sys

    from streams.commands.output import print_json, run

    found = run(_read(settings_from(broker, redis, namespace, config), brand))
    if format_ == "json":
        print_json(found)
    elif format_ == "table":
        _print(found)
    else:
        sys.stdout.write(dot(found) if format_ == "dot" else graphml(found))
        sys.stdout.flush()


# -- reading ------------------------------------------------------------------------------------------------


async def _read(settings: Settings, brand: str) -> dict[str, Any]:
    from streams.commands.partnerships import read_book
    from streams.errors import NotFoundError

    partnerships = [item for item in await read_book(settings) if item.brand_id == brand]
    if not partnerships:
        raise NotFoundError(
            f"no partnership of a brand {brand!r}", hint="`rapport partnerships list` names all brands"
        )
    states = await read_ties(settings, [item.influencer_id for item in partnerships])
    return {"brand": brand, **relationship_map(partnerships, states)}


async def read_ties(settings: Settings, influencers: Sequence[str]) -> dict[str, tuple[Ties, int]]:
    """Influencer -> (ledger, newest boundary or event, epoch s); those without state are left out."""
    from processors.ledgers.ties import Ties
    from processors.state.codec import decode_meta
    from processors.state.layout import partition_of
    from streams.reader import Reader

    prefix = f"l:{Ties.name}:".encode()

    class _Ties(Reader):
        async def read(self) -> dict[str, tuple[Ties, int]]:
            keys = await self.keys()
            names = [keys[partition_of(one, len(keys))].influencer(one) for one in influencers]
            found: dict[str, tuple[Ties, int]] = {}
            for one, raw in zip(influencers, await self._hashes(names), strict=True):
                if b"meta" not in raw:
                    continue
                meta = decode_meta(raw[b"meta"])
                ledger = Ties()
                for name, value in raw.items():
                    if name.startswith(prefix):
                        ledger.load(name[len(prefix) :].decode(), value)
                found[one] = ledger, max(int(meta.newest_at), meta.evaluated)
            return found

    async with _Ties(settings) as reader:
        return await reader.read()


# -- the map ------------------------------------------------------------------------------------------------


def relationship_map(
    partnerships: Iterable[Partnership], states: dict[str, tuple[Ties, int]]
) -> dict[str, Any]:
    """The brand's map as plain values: influencers with their ties, and what leaves with each of its people.

    `states`: influencer -> (ledger, time up to which it is, epoch s).
    """
    from processors.signals.relationship import together

    influencers = []
    lost: dict[str, list[dict[str, Any]]] = {}
    people: dict[str, dict[str, Any]] = {}
    for partnership in sorted(partnerships, key=lambda p: p.partnership_id):
        for employee in partnership.employees:
            people[employee.account_id] = {"name": employee.name, "team": employee.team, "kind": "employee"}
        for account in partnership.brand_account_ids:
            people.setdefault(account, {"name": None, "team": None, "kind": "brand"})
        state = states.get(partnership.influencer_id)
        influencers.append(_influencer(partnership, state))
        ties = influencers[-1]["ties"]
        for tie in ties:
            if tie["kind"] == "employee":
                without = together([t["strength"] for t in ties if t is not tie])
                lost.setdefault(tie["account_id"], []).append({
                    "influencer_id": partnership.influencer_id, "partnership_id": partnership.partnership_id,
                    "relationship": influencers[-1]["relationship"], "without": round(without, 1),
                    "share": tie["share"],
                })  # fmt: skip
    leaving = [
        {"account_id": account, **people[account], "influencers": sorted(items, key=lambda i: -i["share"])}
        for account, items in lost.items()
    ]
    leaving.sort(
        key=lambda p: (-sum(i["relationship"] - i["without"] for i in p["influencers"]), p["account_id"])
    )
    return {"accounts": people, "influencers": influencers, "lost_if_leaves": leaving}


def _influencer(partnership: Partnership, state: tuple[Ties, int] | None) -> dict[str, Any]:
    from processors.ledgers.ties import brand_key
    from processors.panes import DAY
    from processors.signals.relationship import STAGES, mean_gap, stage, ties_of, together

    here: dict[str, Any] = {
        "partnership_id": partnership.partnership_id, "influencer_id": partnership.influencer_id,
        "relationship": 0.0, "stage": STAGES[0], "one_sidedness": None, "bus_factor": None, "ties": [],
        "known": state is not None,
    }  # fmt: skip
    if state is None:
        return here
    ledger, at = state
    found = ties_of(ledger, partnership, at)
    talk = ledger.towards_brand(brand_key(partnership.influencer_id, partnership.brand_id), at // DAY)
    total = sum(t.total for t in found)
    here["relationship"] = round(together([t.strength for t in found]), 1)
    here["stage"] = STAGES[stage(found, talk)]
    if total > 0:
        here["one_sidedness"] = round(sum(t.to for t in found) / total, 3)
        here["bus_factor"] = round(max((t.total for t in found if t.employee), default=0.0) / total, 3)
    for t in found:
        gap = mean_gap(t.contacts)
        here["ties"].append({
            "account_id": t.account, "kind": "employee" if t.employee else "brand",
            "strength": round(t.strength, 3), "to_influencer": round(t.to, 1), "to_brand": round(t.back, 1),
            "share": round(t.total / total, 3) if total > 0 else 0.0, "direction": _direction(t.to, t.back),
            "last_contact_days": t.last_contact, "mean_gap_days": None if gap is None else round(gap, 1),
            "known_for_days": t.since_days,
        })  # fmt: skip
    return here


def _direction(to: float, back: float) -> str:
    """Which way it goes: four fifths one way count as one way."""
    total = to + back
    if total <= 0:
        return "faded"
    return "to influencer" if to > 0.8 * total else "to brand" if back > 0.8 * total else "both ways"


# -- printing -----------------------------------------------------------------------------------------------


def _who(found: dict[str, Any], account: str) -> str:
    person = found["accounts"].get(account) or {}
    return person.get("name") or account


_ARROW = {"both ways": "↔", "to influencer": "→", "to brand": "←", "faded": "·"}


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from streams.commands.output import out
    from streams.text import safe

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in (
        "influencer",
        "relationship",
        "stage",
        "who",
        "",
        "strength",
        "share",
        "last contact",
        "usual gap",
    ):
        table.add_column(head, no_wrap=head not in ("influencer", "who"))
    for item in found["influencers"]:
        score = f"{item['relationship']:.0f}" if item["known"] else "–"
        stage = item["stage"] if item["known"] else "nothing read yet"
        first: tuple[Any, ...] = (safe(item["influencer_id"], "bold"), score, stage)
        for tie in item["ties"]:
            last, gap = tie["last_contact_days"], tie["mean_gap_days"]
            table.add_row(
                *first, safe(_who(found, tie["account_id"])), _ARROW[tie["direction"]],
                f"{tie['strength']:.2f}", f"{tie['share']:.0%}", "never" if last is None else f"{last} d ago",
                "" if gap is None else f"{gap:.0f} d",
            )  # fmt: skip
            first = ("", "", "")
        if not item["ties"]:
            table.add_row(*first, Text("no contact", style="dim"))
    out().print(table)
    for person in found["lost_if_leaves"]:
        heavy = [i for i in person["influencers"] if i["share"] > 0.6]
        if heavy:
            out().print(_loss(found, person, heavy), soft_wrap=True)


def _loss(found: dict[str, Any], person: dict[str, Any], heavy: list[dict[str, Any]]) -> Any:
    from rich.text import Text

    from streams.text import safe

    parts: list[Any] = ["\n", "If ", safe(_who(found, person["account_id"]), "bold"), " leaves: "]
    for number, item in enumerate(heavy[:5]):
        parts += [", " if number else "", safe(item["influencer_id"])]
        parts.append(f" falls from {item['relationship']:.0f} to {item['without']:.0f}")
    if len(heavy) > 5:
        parts.append(f", and {len(heavy) - 5} more")
    return Text.assemble(*parts)


def _nodes(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(id, label, kind) of all accounts in ties."""
    used = {tie["account_id"] for item in found["influencers"] for tie in item["ties"]}
    nodes = [(account, _who(found, account), found["accounts"][account]["kind"]) for account in sorted(used)]
    people = {item["influencer_id"]: item["influencer_id"] for item in found["influencers"]}
    return nodes + [(one, one, "influencer") for one in sorted(people)]


def dot(found: dict[str, Any]) -> str:
    """The map for Graphviz; a line is as thick as the tie is strong."""

    def quoted(text: object) -> str:
        from streams.text import clean

        return '"' + clean(text, WIDE).replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [f"digraph {quoted(found['brand'])} {{", "  rankdir=LR;"]
    for node, label, kind in _nodes(found):
        shape = {"influencer": "ellipse", "brand": "doubleoctagon"}.get(kind, "box")
        lines.append(f"  {quoted(node)} [label={quoted(label)}, shape={shape}];")
    way = {"both ways": "both", "to influencer": "forward", "to brand": "back", "faded": "none"}
    for item in found["influencers"]:
        for tie in item["ties"]:
            lines.append(
                f"  {quoted(tie['account_id'])} -> {quoted(item['influencer_id'])} "
                f'[dir={way[tie["direction"]]}, label="{tie["strength"]:.2f}", '
                f"penwidth={1 + 4 * tie['strength']:.1f}];"
            )
    return "\n".join([*lines, "}", ""])


_EDGE = (
    ("strength", "double"), ("to_influencer", "double"), ("to_brand", "double"), ("share", "double"),
    ("direction", "string"), ("last_contact_days", "int"),
)  # fmt: skip


def graphml(found: dict[str, Any]) -> str:
    """The map as GraphML."""
    from streams.text import clean

    def data(key: str, value: object) -> str:
        return f'<data key="{key}">{escape(clean(value, WIDE))}</data>'

    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>', '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
        '<key id="label" for="node" attr.name="label" attr.type="string"/>',
        '<key id="kind" for="node" attr.name="kind" attr.type="string"/>',
        *(f'<key id="{n}" for="edge" attr.name="{n}" attr.type="{t}"/>' for n, t in _EDGE),
        f"<graph id={quoteattr(clean(found['brand'], WIDE))} edgedefault=\"directed\">",
    ]  # fmt: skip
    for node, label, kind in _nodes(found):
        lines.append(
            f"<node id={quoteattr(clean(node, WIDE))}>{data('label', label)}{data('kind', kind)}</node>"
        )
    for item in found["influencers"]:
        for tie in item["ties"]:
            inner = "".join(data(n, tie[n]) for n, _ in _EDGE if tie[n] is not None)
            lines.append(
                f"<edge source={quoteattr(clean(tie['account_id'], WIDE))} "
                f"target={quoteattr(clean(item['influencer_id'], WIDE))}>{inner}</edge>"
            )
    return "\n".join([*lines, "</graph>", "</graphml>", ""])
