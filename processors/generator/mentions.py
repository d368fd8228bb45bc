"""Brand mentions in own posts: one to three a week inside a contract, rare ones without any payment
outside."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from processors.generator.persona import Persona
from processors.generator.scenario import PartnershipSpec
from processors.generator.texts import escaped

#: Chance that a post outside every window names a partner, where nothing else is said.
_OUTSIDE: Final = 0.02
#: The most posts that name the brand.
_MOST: Final = 0.6
#: How an advertisement is named properly, by language, and how one calls to buy.
_LABELS: Final = {
    "en": ("#ad Paid partnership with @{b}. ", "Ad | ", "Paid partnership with {b}: ", "#sponsored "),
    "de": ("Werbung | ", "#werbung ", "#anzeige "),
    "es": ("#publicidad ", "Publicidad | "),
    "fr": ("#publicité ", "Publicité | ", "Collaboration commerciale avec {b}. "),
    "pt": ("#publicidade ", "Publicidade | "),
}
_LABEL_TAGS: Final = {"en": "ad", "de": "werbung", "es": "publicidad", "fr": "publicité", "pt": "publicidade"}
_CUES: Final = {
    "en": (". Code {c}10 saves you 10 %", ". Use my code {c}15 at checkout",
           ". Link in bio, 20 % off until Sunday",
           ". Shop now at {b}.example/shop with code {c}"),
    "de": (". Mit Code {c}10 spart ihr 10 %", ". Link in der Bio, 20 % Rabatt bis Sonntag"),
    "es": (". Con el código {c}10 tienes 10 % de descuento", ". Enlace en la bio, 20 % de descuento"),
    "fr": (". Avec le code {c}10, 10 % de réduction", ". Lien en bio, -20 % jusqu'à dimanche"),
    "pt": (". Com o cupom {c}10 você ganha 10 % de desconto", ". Link na bio, 20 % de desconto"),
}  # fmt: skip
_ORGANIC: Final = {
    "en": (", with my {t}", ", still wearing {t}", ". My {t} has seen better days", ", thanks to an old {t}"),
    "de": (", mit meinem {t}", ", immer noch {t}"),
    "es": (", con mi {t}", ", todavía con {t}"),
    "fr": (", avec mon {t}", ", toujours {t}"),
    "pt": (", com meu {t}", ", ainda com {t}"),
}
#: What is put where a label should be; none of it is one. Words that don't do (FTC, ASA), or nothing.
_NO_LABEL: Final = ("", "", "#sp ", "#collab ", "Thanks @{b}! ", "#partner ", "#ambassador ")


class Mention(NamedTuple):
    """What naming the brand adds to a post."""

    before: str
    after: str
    more: str  # fields of the event, each preceded by a comma
    sponsored: bool = False

    def around(self, text: str) -> str:
        return f"{self.before}{text}{self.after}"


def account_of(brand: str) -> str:
    """The brand's own account."""
    return f"gen:{brand}"


def _runs(partnership: PartnershipSpec, day: float, *, paid: bool = False) -> bool:
    return any(
        c.starts_day <= day < c.ends_day + 1 and (not paid or c.kind in ("paid", "affiliate"))
        for c in partnership.contracts
    )


def paid_partner(persona: Persona, day: float) -> PartnershipSpec | None:
    """A partner who pays on that day."""
    return next((p for p in persona.partnerships if _runs(p, day, paid=True)), None)


def draw(
    rng: Random, persona: Persona, day: float, lang: str, paid_share: float | None = None
) -> Mention | None:
    """The brand mention of a post made `day` days after the scenario's start.

    The same number of draws whatever comes out. `paid_share`: of all posts, in place of the usual.
    """
    chance, which, paid = rng.random(), rng.random(), rng.random()
    rng = Random(int(which * 2**53))  # noqa: S311 - for the wording: any number of draws
    if not persona.partnerships:
        return None
    running = [p for p in persona.partnerships if _runs(p, day)]
    inside = min(_MOST, persona.mentions_per_week / 7 / persona.posts_per_day)
    over = [p for p in persona.partnerships if any(c.ends_day + 1 <= day for c in p.contracts)]
    if running:
        share = persona.paid_share if paid_share is None else paid_share
        wanted = max(inside, share) if paid_share is not None else inside
    elif over and persona.after_contract:
        wanted = inside * persona.after_contract
    elif persona.outside_per_week is not None:
        wanted = min(0.3, persona.outside_per_week / 7 / persona.posts_per_day)
    else:
        wanted = _OUTSIDE
    if chance >= wanted:
        return None
    among = running or over or persona.partnerships
    partnership = among[int(which * len(among))]
    pays = bool(running) and paid < share / wanted and _runs(partnership, day, paid=True)
    return make(rng, partnership, "paid" if pays else "organic", lang)


def make(rng: Random, partnership: PartnershipSpec, mode: str, lang: str) -> Mention:
    """Naming the brand; `mode`: organic, paid (and said so properly), undisclosed (paid, and not said so)."""
    brand = escaped(partnership.brand)
    term = escaped(partnership.brand_terms[0]) if partnership.brand_terms else brand
    tag = term.strip("#")
    words = {"b": brand, "t": term, "c": tag.upper()}
    lang = lang if lang in _CUES else "en"
    named = f',"mentions":["{account_of(brand)}"]'
    if mode == "organic":
        return Mention("", rng.choice(_ORGANIC[lang]).format(**words), named)
    cue = rng.choice(_CUES[lang]).format(**words) + f" {term}"
    if mode == "undisclosed":
        before = rng.choice(_NO_LABEL).format(**words)
        unclear = [before[1:].strip()] if before.startswith("#") else []
        told = ",".join(f'"{one}"' for one in [*unclear, tag])
        return Mention(before, cue, f',"tags":[{told}]{named}', sponsored=True)
    before = rng.choice(_LABELS[lang]).format(**words)
    tags = f',"tags":["{_LABEL_TAGS[lang]}","{tag}"]' if before.startswith("#") else f',"tags":["{tag}"]'
    label = ""
    if not before.startswith("#") or rng.random() < 0.5:
        label = f',"sponsored":{{"label":true,"disclosed":true,"brand_id":"{brand}"}}'
    return Mention(before, cue, tags + named + label, sponsored=True)
