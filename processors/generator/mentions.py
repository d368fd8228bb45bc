"""Brand mentions in own posts: one to three a week inside a contract, rare ones without any payment
outside."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from processors.generator.persona import Persona
from processors.generator.scenario import PartnershipSpec
from processors.generator.texts import escaped

#: Share of the mentions inside a paid window that are paid for; the others are made because they are liked.
_PAID = 0.5
#: Chance that a post outside every window names a partner.
_OUTSIDE = 0.02


class Mention(NamedTuple):
    """What naming the brand adds to a post."""

    before: str
    after: str
    more: str  # fields of the event, each preceded by a comma

    def around(self, text: str) -> str:
        return f"{self.before}{text}{self.after}"


def account_of(brand: str) -> str:
    """The brand's own account."""
    return f"gen:{brand}"


def draw(rng: Random, persona: Persona, day: float) -> Mention | None:
    """The brand mention of a post made `day` days after the scenario's start; always three draws."""
    chance, which, paid = rng.random(), rng.random(), rng.random()
    if not persona.partnerships:
        return None
    running = [
        p for p in persona.partnerships if any(c.starts_day <= day < c.ends_day + 1 for c in p.contracts)
    ]
    wanted = min(0.5, persona.mentions_per_week / 7 / persona.posts_per_day) if running else _OUTSIDE
    if chance >= wanted:
        return None
    among = running or persona.partnerships
    partnership = among[int(which * len(among))]
    pays = (
        bool(running)
        and paid < _PAID
        and any(
            c.kind in ("paid", "affiliate") and c.starts_day <= day < c.ends_day + 1
            for c in partnership.contracts
        )
    )
    return _mention(partnership, pays)


def _mention(partnership: PartnershipSpec, paid: bool) -> Mention:
    brand = escaped(partnership.brand)
    term = escaped(partnership.brand_terms[0]) if partnership.brand_terms else brand
    named = f',"mentions":["{account_of(brand)}"]'
    if not paid:
        return Mention("", f", with my {term}", named)
    return Mention(
        f"#ad Paid partnership with @{brand}. ",
        f". Code {term.strip('#').upper()}10 saves you 10 %",
        f',"tags":["ad","{term.strip("#")}"]{named},"sponsored":{{"label":true,"disclosed":true,'
        f'"brand_id":"{brand}"}}',
    )
