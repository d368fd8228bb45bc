"""Disclosure: what is clear, where it stands, in whose words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.disclosure import RULES, Folded, check, rule_of

CLEAR = [
    "#ad Paid partnership with @acme. Gloves",
    "#Ad | my gloves",
    "Ad: Acme",
    "AD – Acme gloves",
    "AD/Acme",
    "ad | acme",
    "[Anzeige] Acme",
    "Werbung | Acme",
    "*Werbung* neu",
    "(Werbung) acme",
    "Enthält Werbung für Acme",
    "#werbung acme",
    "Bezahlte Partnerschaft mit Acme",
    "Gesponsert von Acme",
    "Publicité - Acme",
    "Collaboration commerciale avec Acme",
    "Partenariat rémunéré avec Acme",
    "Pubblicità Acme",
    "#adv con acme",
    "Contenuto sponsorizzato da Acme",
    "Publicidad. Acme",
    "#publi Acme",
    "en colaboración pagada con Acme",
    "Publicidade Acme",
    "parceria paga com a Acme",
    "#reklame x",
    "Annons: acme",
    "広告 acme",
    "Sponsored by Acme",
    "This post is sponsored by Acme",
    "paid ad for acme",
    "I love these gloves (ad)",
    "Acme gloves #ad",
    "#sponsored acme",
    "I love this #ad #acme",
    "#paidpartnership acme",
    # Spelled otherwise: styled letters, other widths, nothing visible between, another script's letter.
    "#𝐚𝐝 x",
    "＃ａｄ x",
    "#a\u200bd x",
    "# AD x",
    "#аd x",
    "#ⓐⓓ x",
    "#A.D acme",
]
UNCLEAR = [
    "#sp acme",
    "#spon acme",
    "#collab acme",
    "#partner acme",
    "#ambassador acme",
    "#gifted acme",
    "Thanks @acme!",
    "Thank you acme for these gloves",
    "in partnership with acme",
    "not an ad, acme",
    "no ad",
    "#notsponsored acme",
    "keine Werbung",
    "unbezahlte Werbung acme",
    "#unbezahltewerbung",
    "saw the ad for acme",
    "in der Werbung gesehen",
    "#adidas",
    "#adventure",
    "#readytoad",
    "glad I have it",
    "Ad astra with acme",
    "",
    "🔥",
]


@pytest.mark.parametrize("text", CLEAR)
def test_clear_in_any_language_and_spelling(text: str) -> None:
    for country in (None, *RULES):
        found = check(Folded(text), (), country)
        assert found.proper, (country, found)


@pytest.mark.parametrize("text", UNCLEAR)
def test_hints_denials_and_other_words_do_not_do(text: str) -> None:
    assert not check(Folded(text), (), "GB").proper


def test_a_tag_below_what_feeds_show_is_late() -> None:
    long = "My gloves in the rain, " * 8
    assert check(Folded(f"{long}#ad")).why == "late"
    assert check(Folded("one\n.\n.\n.\n.\n#ad")).why == "late"  # lines of dots push it down
    assert check(Folded("one\ntwo\n#ad")).proper
    assert check(Folded("one\n\ntwo\n\nthree #ad")).proper  # paragraphs within 125 characters
    assert check(Folded("x" * 90 + "\n" + "y" * 60 + "\n#ad")).proper  # the third line


def test_a_tag_among_three_others_is_buried_unless_it_leads() -> None:
    assert check(Folded("Gloves #style #run #ad #winter")).why == "buried"
    assert check(Folded("Gloves #ad #style #run #winter")).proper
    assert check(Folded("Gloves #style #ad")).proper


def test_the_records_tags_count_where_the_text_has_lost_its_own() -> None:
    assert check(Folded("Gloves"), ["ad", "acme"]).proper
    assert check(Folded("Gloves"), ["a", "b", "c", "ad"]).why == "buried"
    assert not check(Folded("Gloves #run"), ["ad"]).proper  # the text has tags, and this is none of them


def test_some_wordings_do_in_some_countries_only() -> None:
    text = Folded("In collaborazione con Acme: i guanti")
    assert check(text, (), "IT").proper
    assert not check(text, (), "GB").proper
    assert check(Folded("En colaboración con Acme"), (), "es").proper


def test_every_country_has_tags_that_it_accepts_itself() -> None:
    assert {"US", "GB", "DE", "FR", "IT", "ES"} <= set(RULES)
    for rule in RULES.values():
        assert rule.source and rule.named
        plain = [tag.strip("“”").replace("…", "Acme") for tag in rule.tags if "in front" not in tag]
        assert all(check(Folded(f"{tag} | gloves"), (), rule.country).proper for tag in plain), rule
    assert rule_of("uk") is RULES["GB"]
    assert rule_of("NZ").country == ""


@given(st.text(max_size=300), st.lists(st.text(max_size=12), max_size=5))
def test_any_text_can_be_checked_and_a_leading_label_always_does(text: str, tags: list[str]) -> None:
    check(Folded(text), tags, "DE")
    assert check(Folded(f"#ad | {text}"), tags).proper


@given(st.text(alphabet="AaÄäß𝐚ａа#🔥\u200b\n .", max_size=60))
def test_folding_keeps_the_way_back(text: str) -> None:
    found = Folded(text)
    assert len(found.at) == len(found.text)
    assert list(found.at) == sorted(found.at)
