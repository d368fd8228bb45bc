"""Who of the brands knows which influencer, as a graph: nodes, edges, and what leaves with whom."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, Final

from pydantic import BaseModel

from schemas import Partnership
from streams.commands.relationships import read_ties, relationship_map
from streams.people import Who
from streams.serve.book import LiveBook
from streams.settings import Settings

#: What a variable of Grafana says when all are chosen.
ALL: Final = ".*"


class _All:
    def __contains__(self, name: object) -> bool:
        return True


def chosen(names: str | None) -> Container[str | None]:
    """What a table is asked for: names by commas; all, when none is named or `.*` is."""
    wanted = frozenset(name for name in (names or "").split(",") if name)
    return _All() if not wanted or ALL in wanted else wanted


class Node(BaseModel):
    """An account: one of a brand's people, its own account, or an influencer."""

    id: str
    title: str
    subtitle: str
    kind: str
    """employee, brand, influencer."""
    mainstat: str
    """Of influencers the relationship, 0 to 100; of the brand's people what would be lost without them."""
    secondarystat: str
    color: str
    """green, yellow, orange, red: how strong; blue: the brand's side."""


class Edge(BaseModel):
    """Contact between two accounts, both ways together."""

    id: str
    source: str
    target: str
    mainstat: str
    """Strength, 0 to 1."""
    secondarystat: str
    """Which way it goes, and when last."""
    thickness: float


class Known(BaseModel):
    """An influencer as the brand's people know them."""

    partnership_id: str
    brand_id: str
    influencer_id: str
    relationship: float
    stage: str
    one_sidedness: float | None
    """Share of contact that the brand sends."""
    bus_factor: float | None
    """Share of the strongest of the brand's people in all contact."""
    strongest: str | None
    last_contact_days: float | None


class Lost(BaseModel):
    """What goes with one of the brand's people from one partnership."""

    account_id: str
    name: str | None
    partnership_id: str
    relationship: float
    without: float
    lost: float
    share: float


class Relations(BaseModel):
    """The map of one brand, or of all that may be seen."""

    nodes: list[Node]
    edges: list[Edge]
    influencers: list[Known]
    people: list[Lost]


class RelationsSource:
    """The book as it is followed, and ties read each time."""

    def __init__(self, settings: Settings, live: LiveBook) -> None:
        self._settings, self._live = settings, live

    async def of(self, brands: Container[str | None], who: Who) -> Relations:
        """The map of these brands, as far as `who` may see them. Raises BrokerUnavailableError."""
        by_brand: dict[str, list[Partnership]] = {}
        for item in (await self._live.get()).by_id.values():
            if who.sees(item.brand_id) and item.brand_id in brands:
                by_brand.setdefault(item.brand_id, []).append(item)
        wanted = [item.influencer_id for items in by_brand.values() for item in items]
        ties = await read_ties(self._settings, wanted)
        return graph({name: relationship_map(items, ties) for name, items in sorted(by_brand.items())})


def graph(maps: dict[str, dict[str, Any]]) -> Relations:
    """The maps of brands (brand -> what `relationship_map` gives) as one graph."""
    made = Relations(nodes=[], edges=[], influencers=[], people=[])
    seen: set[str] = set()

    def node(one: Node) -> None:
        if one.id not in seen:  # an influencer of two brands, or one who works for two
            seen.add(one.id)
            made.nodes.append(one)

    for brand, found in maps.items():
        accounts: dict[str, dict[str, Any]] = found["accounts"]
        losses = {item["account_id"]: _loss(item["influencers"]) for item in found["lost_if_leaves"]}
        for item in found["influencers"]:
            node(_influencer(item))
            for tie in item["ties"]:
                node(_ours(brand, tie, accounts.get(tie["account_id"]) or {}, losses))
                made.edges.append(_edge(item, tie))
            made.influencers.append(_known(brand, item, accounts))
        made.people += _lost(found["lost_if_leaves"])
    return made


def _influencer(item: dict[str, Any]) -> Node:
    score = float(item["relationship"])
    color = "red" if score < 40 else "orange" if score < 55 else "yellow" if score < 70 else "green"
    return Node(
        id=item["influencer_id"], title=item["influencer_id"], subtitle=item["stage"], kind="influencer",
        mainstat=f"{score:.0f}", secondarystat="relationship", color=color,
    )  # fmt: skip


def _ours(brand: str, tie: dict[str, Any], person: dict[str, Any], losses: dict[str, float]) -> Node:
    lost = losses.get(tie["account_id"])
    return Node(
        id=tie["account_id"], title=person.get("name") or tie["account_id"], subtitle=brand, kind=tie["kind"],
        mainstat="" if lost is None else f"{lost:.0f}",
        secondarystat="" if lost is None else "lost if they leave", color="blue",
    )  # fmt: skip


def _edge(item: dict[str, Any], tie: dict[str, Any]) -> Edge:
    last = tie["last_contact_days"]
    ago = "" if last is None else f", {last:.0f} d ago"
    return Edge(
        id=f"{item['partnership_id']}|{tie['account_id']}", source=tie["account_id"],
        target=item["influencer_id"], mainstat=f"{tie['strength']:.2f}",
        secondarystat=f"{tie['direction']}{ago}", thickness=round(1 + 7 * tie["strength"], 1),
    )  # fmt: skip


def _known(brand: str, item: dict[str, Any], accounts: dict[str, dict[str, Any]]) -> Known:
    strongest = max(item["ties"], key=lambda tie: tie["share"], default=None)
    lasts = [tie["last_contact_days"] for tie in item["ties"] if tie["last_contact_days"] is not None]
    name = None
    if strongest is not None:
        name = (accounts.get(strongest["account_id"]) or {}).get("name") or strongest["account_id"]
    return Known(
        partnership_id=item["partnership_id"], brand_id=brand, influencer_id=item["influencer_id"],
        relationship=item["relationship"], stage=item["stage"] if item["known"] else "nothing read yet",
        one_sidedness=item["one_sidedness"], bus_factor=item["bus_factor"], strongest=name,
        last_contact_days=min(lasts, default=None),
    )  # fmt: skip


def _loss(influencers: Iterable[dict[str, Any]]) -> float:
    return float(sum(item["relationship"] - item["without"] for item in influencers))


def _lost(leaving: Iterable[dict[str, Any]]) -> list[Lost]:
    return [
        Lost(
            account_id=person["account_id"], name=person["name"], partnership_id=item["partnership_id"],
            relationship=item["relationship"], without=item["without"],
            lost=round(item["relationship"] - item["without"], 1), share=item["share"],
        )
        for person in leaving
        for item in person["influencers"]
    ]  # fmt: skip
