"""Ledgers of an influencer, by name. The order is the order in which they see an act: what appends factors
comes before what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from processors.ledgers.across import Across
from processors.ledgers.audience import Audience
from processors.ledgers.base import Act, Ledger
from processors.ledgers.brand import Brand
from processors.ledgers.coaction import Coaction
from processors.ledgers.comments import Comments
from processors.ledgers.counters import Counters
from processors.ledgers.followers import Followers
from processors.ledgers.insights import Insights
from processors.ledgers.people import People
from processors.ledgers.profiles import Profiles
from processors.ledgers.ties import Ties

LEDGERS: Final[tuple[type[Ledger], ...]] = (
    Profiles,  # first: the others read what it fills in
    Followers,
    Brand,  # says whether an own post is paid
    Ties,  # after what says whether an own post is paid
    Coaction,  # finds pods
    Comments,  # after what finds pods: a comment is inauthentic for two reasons at least
    Insights,  # hears those whom no factor speaks against
    People,  # as audience, after all factors
    Audience,  # last of those that see acts: it counts what no factor speaks against
    Across,
    Counters,  # asks for no act: processors.counting feeds it
)


def takers(ledgers: Iterable[type[Ledger]] = LEDGERS) -> dict[str, dict[str, tuple[type[Ledger], ...]]]:
    """role -> kind -> the ledgers that want it."""
    table: dict[str, dict[str, tuple[type[Ledger], ...]]] = {}
    for ledger in ledgers:
        for role, kinds in ledger.takes.items():
            of_role = table.setdefault(role, {})
            for kind in kinds:
                of_role[kind] = (*of_role.get(kind, ()), ledger)
    return table


BY_NAME: Final[dict[str, type[Ledger]]] = {ledger.name: ledger for ledger in LEDGERS}

__all__ = ["BY_NAME", "LEDGERS", "Act", "Ledger", "takers"]
