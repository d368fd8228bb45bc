"""What a clear disclosure is, country by country: the tags to advise, and the words that are accepted.

    RULES: dict[str, Rule]        by ISO 3166 country; `rule_of(country)` gives the default for others

A tag that is clear in one language is accepted everywhere: what is checked is whether people are told, not
in which words. What differs between countries is who says so, what is advised, and a few wordings that only
some accept.

Sources, as they stood when this was written:
    US  FTC, Endorsement Guides, 16 CFR 255 (2023), and "Disclosures 101 for Social Media Influencers" (2019)
    GB  ASA and CMA, "Influencers' guide to making clear that ads are ads" (2023); CAP Code 2.1, 2.3, 2.4
    DE  UWG § 5a (4), MStV § 22, and the Leitfaden Werbekennzeichnung of the Medienanstalten (2022, 2024)
    FR  Loi n° 2023-451 (influenceurs), art. 5, ordonnance n° 2024-978, and the ARPP's recommandation
        Communication publicitaire numérique
    IT  Codice del consumo art. 22-23 (AGCM), the IAP's Regolamento Digital Chart (2021), AGCOM delibera
    7/24/CONS ES  Ley de Competencia Desleal art. 26, Real Decreto 444/2024, Autocontrol and AEA, Código de
    conducta
        influencers (2020, revised 2025)
"""

from __future__ import annotations

from typing import Final

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """A country's rule. `tags`: what is advised, best first; `also`: phrases accepted only here (folded)."""

    country: str
    named: str  # as it stands in a sentence: "the <named> ask(s) for ..."
    tags: tuple[str, ...]
    source: str
    also: tuple[str, ...] = ()


DEFAULT: Final = Rule(
    "", "usual rules on advertising", ("the platform's label", "#ad", "“Advertisement”"),
    "FTC and ASA, as the strictest widely used",
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {
    rule.country: rule
    for rule in (
        Rule("US", "FTC's Endorsement Guides", ("#ad", "#sponsored", "“Paid partnership with …”"),
             "16 CFR 255; Disclosures 101"),
        Rule("GB", "CAP Code (ASA) and the CMA's guidance", ("#ad", "“Advert”", "“Ad” in front"),
             "CAP Code 2.1-2.4; ASA and CMA 2023"),
        Rule("DE", "German rules (UWG § 5a, Medienanstalten)", ("“Werbung”", "“Anzeige”"),
             "UWG § 5a (4); Leitfaden Werbekennzeichnung"),
        Rule("FR", "French law on influencers (loi 2023-451, ARPP)", ("“Publicité”", "“Collaboration "
        "commerciale”"),
             "Loi n° 2023-451, art. 5"),
        Rule("IT", "Italian rules (AGCM, IAP Digital Chart)",
             ("“Pubblicità”", "#adv", "“Sponsorizzato da …”", "“In collaborazione con …”"), "Digital Chart "
             "2021; AGCOM 7/24/CONS", ("in collaborazione con", "in partnership con", "in partnership with",
             "promosso da", "promoted by",
              "prodotto inviato da", "prodotto fornito da")),
        Rule("ES", "Spanish rules (Autocontrol, LCD art. 26)",
             ("“Publicidad”", "#publi", "“Patrocinado por …”", "“En colaboración con …”"),
             "Código de conducta influencers",
             ("en colaboracion con", "embajador de", "embajadora de", "gracias a la colaboracion de")),
    )
}  # fmt: skip
_SAME: Final = {"UK": "GB", "USA": "US"}


def rule_of(country: str | None) -> Rule:
    """The rule of an ISO country code in any case; the default where none is kept."""
    code = (country or "").strip().upper()
    return RULES.get(_SAME.get(code, code), DEFAULT)


def _entries(text: str) -> frozenset[str]:
    return frozenset(" ".join(part.split()) for part in text.split(",") if part.strip())


#: Hashtags that say it clearly, folded, without "_", "-" and ".".
CLEAR_TAGS: Final = _entries("""
ad, ads, advert, adverts, advertisement, advertising, adv, advertorial, paidad, paidadvert,
paidadvertisement, paid, paidpost, paidcontent, paidpromotion, paidpromo, paidpartner, paidcollab,
paidcollaboration, paidpr, thisisanad, brandedcontent, commercial, infomercial, adpost, adfeature, isad,
werbepost, werbepartner, werbepartnerschaft, werbekooperation, bezahlt, bezahltekooperation,
bezahltezusammenarbeit, bezahlterbeitrag, bezahlterpost, bezahlteswerbung, pub, publi, publis, publipost,
publicite, publireportage, pubinsta, communicationcommerciale, collabcommerciale, contenusponsorise,
partenariatcommercial, inserzioneapagamento, contenutosponsorizzato, collaborazioneapagamento,
collaborazioneretribuita, collaborazionepagata, publireportaje, anuncio, anuncios, contenidopatrocinado,
contenidopagado, colaboracionpagada, colaboracionremunerada, conteudopatrocinado, parceriapaga,
publieditorial, propaganda, betaaldepromotie, betaaldesamenwerking, gesponsord, reclame, annons, annonce,
annonse, reklam, reklama, reklame, reklamfilm, reklaminlagg, betaltsamarbete, betaltsamarbejde,
betaltsamarbeid, mainos, kaupallinenyhteistyo, materialreklamowy, wspolpracareklamowa, wspolpracaplatna,
platnawspolpraca, sponsrat, isbirligi, reklamisbirligi, hirdetes, fizetetthirdetes, publicitate, reklaam,
διαφημιση, реклама, рекламныйпост, 広告, 广告, 廣告,
광고, 유료광고, 협찬광고, プロモーション, إعلان, اعلان, विज्ञापन,
โฆษณา, iklan, quangcao """)
#: Beginnings of hashtags that say it clearly, whatever follows ("#sponsoredpost", "#werbungunbezahlt" is
#: taken out).
CLEAR_STEMS: Final = (
    "sponsored", "sponsoris", "sponsoriz", "gesponser", "advertis", "paidpartner", "paidad", "paidpromo",
    "werbung", "anzeige", "dauerwerb", "bezahltewerb", "bezahltepartner", "bezahlteanz", "publicidad",
    "publicite", "pubblicita", "collaborationcommerciale", "collaborationremuneree", "partenariatremunere",
    "patrocinad", "advertentie", "betaaldepart", "paidcollab",
)  # fmt: skip
#: Phrases in running text that say it clearly (folded; word boundaries on both sides).
CLEAR_PHRASES: Final = _entries("""
paid partnership, paid partner, paid promotion, paid ad, paid advert, paid advertisement, paid
advertising, paid post, paid content, paid collaboration, paid collab, paid by, paid for by, paid to post,
paid me to, paying me, pays me, pay me to, am being paid, is being paid, got paid, i was paid, sponsored,
sponsored by, is an ad, is an advert, this ad, ad for, ad with, ad by, advert for, advert by, an ad, this
is advertising, includes advertising, contains advertising, advertisement, advertorial, advertisement
feature, ad feature, branded content, brand paid, commercial partnership, commercial collaboration,
werbung, anzeige, dauerwerbesendung, werbepost, werbevideo, werbebeitrag, bezahlte partnerschaft, bezahlte
kooperation, bezahlte zusammenarbeit, bezahlter beitrag, bezahlter post, bezahlt von, von bezahlt, werde
bezahlt, gesponsert, gesponserter, gesponserte, gesponsertes, gesponsort, enthalt werbung, werbliche
kooperation, werbekooperation, werbepartnerschaft, publicite, post sponsorise, collaboration commerciale,
collaborations commerciales, collab commerciale, collaboration remuneree, collaboration payee, partenariat
remunere, partenariat commercial, partenariat paye, en partenariat remunere avec, contenu sponsorise,
sponsorise, sponsorisee, sponsorise par, video sponsorisee, communication commerciale, contenu
publicitaire, post publicitaire, remunere par, remuneree par, pubblicita, contenuto pubblicitario, post
pubblicitario, messaggio pubblicitario, sponsorizzato, sponsorizzata, sponsorizzato da, contenuto
sponsorizzato, post sponsorizzato, collaborazione a pagamento, collaborazione pagata, collaborazione
retribuita, partnership a pagamento, partnership retribuita, partnership pubblicizzata, inserzione a
pagamento, annuncio pubblicitario, collaborazione commerciale, publicidad, contenido publicitario,
patrocinado, patrocinada, patrocinado por, contenido patrocinado, colaboracion pagada, colaboracion
remunerada, colaboracion de pago, colaboracion comercial, publicacion patrocinada, alianza pagada,
asociacion pagada, partnership pagada, contenido pagado, post pagado, video patrocinado, pagado por, es un
anuncio, comunicacion comercial, publicidade, publipost, conteudo patrocinado, parceria paga, post
patrocinado, pago por, conteudo pago, conteudo publicitario, colaboracao paga, e um anuncio,
publieditorial, advertentie, betaalde samenwerking, betaald partnerschap, betaalde promotie, gesponsord,
gesponsorde, bevat reclame, betalt samarbete, betalt samarbejde, betalt samarbeid, betalt partnerskap, i
betalt, reklame, reklam, reklama, annonse, annons for, sponsrat inlagg, sponset, sponsoreret, kaupallinen
yhteistyo, maksettu mainos, maksettu yhteistyo, mainos, material reklamowy, wspolpraca reklamowa, platna
wspolpraca, post sponsorowany, wspolpraca platna, ucretli is birligi, ucretli ortaklik, reklamdir,
fizetett partnerseg, hirdetes, parteneriat platit, publicitate, реклама, рекламный, διαφημιση, на правах
рекламы
""")
#: The same in scripts that write no spaces between words.
CLEAR_UNSPACED: Final = (
    "広告",
    "广告",
    "廣告",
    "광고",
    "タイアップ投稿",
    "プロモーション",
    "إعلان",
    "विज्ञापन",
    "โฆษณา",
)
#: Short labels: clear where they stand as a label (in front, alone on a line, in brackets, at the very end).
LABELS: Final = _entries("ad, ads, advert, adv, pub, publi, anuncio, reclame, annons, annonce, reklam, paid")
#: Hashtags that hint at a relation but do not tell people that they look at advertising.
WEAK_TAGS: Final = _entries("""
sp, spon, spons, sponsor, sponsors, collab, collabs, collaboration, collaborating, colab, colaboracion,
collaborazione, kooperation, koop, coop, cooperation, partner, partners, partnership, brandpartner,
partenariat, partenaire, parceria, parceiro, partnerschaft, ambassador, ambassadors, brandambassador,
ambassadeur, ambassadrice, embajador, embajadora, embaixador, embaixadora, markenbotschafter,
markenbotschafterin, gifted, gift, gifting, prsample, prsamples, prhaul, freesample, offert, invitation,
invite, regalo, geschenk, promo, promotion, affiliate, af, aff, affiliatelink, thanks, thankyou, merci,
danke, grazie, gracias, obrigada, obrigado, client, pr, supportedby, poweredby, madepossibleby,
samenwerking, samarbete, wspolpraca
""")
#: Of these, the ones by which the author speaks of a business relation: a cue in a paid window.
RELATION_TAGS: Final = _entries("""
sp, spon, spons, sponsor, collab, collaboration, colab, colaboracion, collaborazione, kooperation, koop,
brandpartner, partenariat, affiliate, affiliatelink, promo, samenwerking, samarbete, wspolpraca
""")
#: A word before a phrase that takes it back: "not sponsored", "unbezahlte Werbung".
NEGATIONS: Final = _entries("""
no, not, never, non, isnt, isn't, aint, ain't, wasnt, wasn't, un, unpaid, without, zero, hate, kein,
keine, keinen, nicht, ohne, nie, unbezahlte, unbezahlt, pas, sans, jamais, aucune, aucun, senza, nessuna,
nessun, mai, sin, nunca, ninguna, ni, sem, nao, nem, nenhuma, geen, niet, inte, ikke, ej, bez, nie, не,
без
""")
#: What stands before advertising that is only spoken of: "saw an ad", "in der Werbung gesehen".
SPOKEN_OF: Final = _entries("""
saw, seen, watched, watching, their, your, her, his, another, tv, in the, from the, saw the, saw an, saw
that, seen the, skip the, that old, in an, in der, aus der, aus dieser, die neue, ihre, eure, seine, dans
la, dans une, sur la, vu la, leur, sa, nella, dalla, dalle, nelle, loro, vista la, en la, en una, de la,
su, tu, na, numa, da, sua, a nova
""")
