"""Commercial cues in seven languages, and what people say without any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.disclosure import Folded, commercial_cue, names
from processors.disclosure.cues import shop_link

ACME = names(("acme",), ("bluesky:did:plc:acme",))
PAID = """Code ANN10 saves you 10 % at acme|Use my code ANN at checkout, acme
Mit meinem Code ANNA15 bekommt ihr 15 % bei Acme|Acme: jetzt bestellen, Link in Bio
Avec le code ANNE vous avez -15% chez Acme|Le lien est dans ma bio, acme|Usa ANN10 en acme
Con il mio codice ANNA avete il 10% di sconto su Acme|Usad mi código ANA para un 10% en Acme
Use meu cupom ANA10 na Acme|Acme: garanta já o seu|Get yours at acme.com
Grab yours before they sell out, acme|Shop the acme set now|Swipe up for Acme
Acme gloves are available now|Holt euch die Acme Handschuhe, nur für kurze Zeit
Commandez vos gants Acme|Kauft die Acme Handschuhe|Acquista ora i guanti Acme
Compra ya tus guantes Acme|Only 29 € at acme|Head over to acme.com|Tap the link for acme
20 % Rabatt bei Acme|acme: 20 % de réduction|Sconto del 20% su acme|20% de descuento en acme
20% de desconto na acme|Discover the new acme collection|Entdeckt die neue Acme Kollektion
Découvrez la nouvelle collection acme|Check out acme|acme, 𝐮𝐬𝐞 𝐜𝐨𝐝𝐞 𝐀𝐍𝐍𝟏𝟎
Acme: free shipping until Sunday|Bestel nu bij acme|order yours today, acme|Buy acme gloves"""
ORGANIC = """Morning light and a quiet road, with my acme
I bought these acme gloves two years ago, still love them
Acme makes the best gloves, I would buy them again|My acme helmet saved me 100%
Ran 20 km in my acme shoes, 10 % climb|Acme gloves, no code, no link, just love
Habe meine Acme Jacke selbst gekauft|J'adore ma veste Acme, bleu foncé
Le scarpe acme comprate anni fa|Compré mi Acme hace años y sigue perfecta
Die acme Schuhe habe ich damals bestellt|my bike shop with the acme sign
heading out now with my acme jacket|dress code: acme|We tested five tents, acme came second
where did you get yours? mine is acme|I tried to order from acme but it never arrived
Mi hermana corre con sus acme|Thank you acme for this lovely evening
J'en profite pour porter ma acme|got a promotion at work, wore acme
The link between effort and joy, acme in the bag|I was available on Saturday so acme met me
Adoro minha jaqueta Acme"""


@pytest.mark.parametrize("text", [t for line in PAID.split("\n") for t in line.split("|")])
def test_codes_links_discounts_and_calls_are_cues(text: str) -> None:
    assert commercial_cue(Folded(text), (), (), ACME) is not None
    assert ACME.named(Folded(text))


@pytest.mark.parametrize("text", [t for line in ORGANIC.split("\n") for t in line.split("|")])
def test_love_experience_and_own_buying_are_none(text: str) -> None:
    assert commercial_cue(Folded(text), (), (), ACME) is None
    assert ACME.named(Folded(text))


def test_a_link_counts_unless_it_leads_to_a_post() -> None:
    assert commercial_cue(Folded("my acme day"), ["https://acme.example/gloves"]) == "link"
    assert commercial_cue(Folded("my acme day"), ["https://www.youtube.com/watch?v=1"]) is None
    assert commercial_cue(None, ["https://acme.example/gloves"]) == "link"
    assert shop_link("https://www.instagram.com/acme?utm_source=ann")


@pytest.mark.parametrize(
    ("text", "mentions", "tags", "urls", "named"),
    [
        ("My ACMÉ gloves", (), (), (), True),
        ("acme's new thing", (), (), (), True),
        ("@acme.official thanks", (), (), (), True),
        ("#AcmePartner day", (), (), (), True),
        ("with #acmeride", (), (), (), True),
        ("acmeology and macme", (), (), (), False),
        ("pharmacme #placmento", (), (), (), False),
        ("", ("bluesky:did:plc:acme",), (), (), True),
        ("", ("@acme",), (), (), True),
        ("", (), ("acme",), (), True),
        ("", (), (), ("https://www.acme.com/x",), True),
        ("", (), (), ("https://other.example/",), False),
    ],
)
def test_names_match_at_word_boundaries_wherever_they_stand(text, mentions, tags, urls, named) -> None:
    brand = names(("acme", "#acmeride"), ("bluesky:did:plc:acme",))
    assert brand.named(Folded(text), mentions, tags, urls) is named


def test_terms_of_several_words_match_with_any_joint() -> None:
    brand = names(("Oak & Salt",), ())
    assert all(brand.named(Folded(text)) for text in ("oak & salt", "Oak&Salt", "#OakSalt"))
    assert not brand.named(Folded("oak and pepper"))
    assert not names((), ())


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=3))
def test_any_text_and_any_address_can_be_read(text: str, urls: list[str]) -> None:
    commercial_cue(Folded(text), urls, (), ACME)
    ACME.named(Folded(text), urls, urls, urls)


HEARD = """Check the description for the acme offer
If you buy through my link I earn a small commission, acme
My affiliate link for the acme is in the description|acme Black Week starts now|acme os regala un 10 %
acme vi regala il 10 %
Everyone gets free shipping at acme until Sunday|Pick up the new acme at your nearest store
DM me for the acme deal
Linked my acme favourites below
You can get acme at the shop now|El acme está rebajado|Add acme to your cart"""
SAID = """The shop around the corner repaired my acme zip|We took the acme to the store and back
I offer you this sunset, in acme
Cart full of wood, acme full of mud|Bio eggs and acme socks|Free afternoon, fresh snow, acme on my feet
The price of early mornings: tired eyes, warm acme hands|My collection of maps and one acme pack
Ich habe den acme damals im Angebot gekauft|Sunday until sunset in acme
GIVEAWAY! Tag a friend below and follow to win. Ends Sunday. My acme has seen better days"""


@pytest.mark.parametrize("text", [t for line in HEARD.split("\n") for t in line.split("|")])
def test_trade_words_together_call_to_buy(text: str) -> None:
    assert commercial_cue(Folded(text), (), (), ACME) is not None


@pytest.mark.parametrize("text", [t for line in SAID.split("\n") for t in line.split("|")])
def test_a_trade_word_in_a_story_does_not(text: str) -> None:
    assert commercial_cue(Folded(text), (), (), ACME) is None
