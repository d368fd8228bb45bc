"""Commercial cues: what makes a brand mention under a contract advertising.

    commercial_cue(text: Folded | None, urls, tags) -> str | None

Kinds: "code" (a discount or affiliate code), "discount", "link" (to a shop, or in the profile), "call to
buy", and "relation" (the author's own #sp, #collab). In English, German, French, Italian, Spanish,
Portuguese, and Dutch, read together, whatever the text is said to be in. Praise, experience, and what
people bought themselves are no cue. The words are in `cue_words.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import yaml

from processors.disclosure.folding import Folded
from processors.disclosure.naming import Names
from processors.disclosure.rules import RELATION_TAGS
from processors.disclosure.tags import hashtags

CODE, DISCOUNT, LINK, CALL, RELATION = "code", "discount", "link", "call to buy", "relation"


def _words(text: str, by: str = " ") -> tuple[str, ...]:
    return tuple(text.split(by))


#: Hosts whose pages are somebody's posts, not a shop (unless the address says who sent the reader).
SOCIAL: Final = _words(
    "youtube.com youtu.be instagram.com tiktok.com twitter.com x.com bsky.app facebook.com threads.net "
    "threads.com vimeo.com twitch.tv linkedin.com reddit.com pinterest.com mastodon.social wikipedia.org "
    "spotify.com strava.com komoot.com medium.com substack.com flickr.com goodreads.com letterboxd.com"
)
#: Parameters of an address by which a shop knows who sent the buyer.
TRACKED: Final = _words(
    "ref aff affid aff_id affiliate affiliate_id tag irclickid awc code coupon discount promo partner "
    "campaign rfsn utm_source utm_medium utm_campaign utm_content sca_ref subid sid ascsubtag "
    "linkcode creator"
)
_NOT: Final = _words(
    "no not without kein keine keinen ohne sans senza sin sem nessun nessuno ningun nenhum aucun geen zonder"
)
_ME: Final = _words(
    "i|i'd|i'll|would|i will|i'm|i am|we|we'd|didn't|did not|don't|never|my|he|she|they|always|only|had "
    "to|you|want to|wanted to|tried to|try to|used to|going to|yet to|able to|glad to|first",
    "|",
)
#: Codes as they are written: capitals with a usual discount behind, or capitals after the word for a code.
_SHOUTED: Final = re.compile(r"(?<![\w#@])[A-Z]{3,}[A-Z_-]*(?:5|10|15|20|25|30|35|40|50|60|70)(?!\w|\s?%)")
_AFTER_WORD: Final = re.compile(
    r"(?i:\b(?:codes?|código|codigo|codice|cupom|cupón|cupon|coupon|rabattcode|gutscheincode)\b)"
    r"[\s:\"'“„»*(]*[A-Z][A-Z0-9_-]{2,}\b"
    r"|(?i:\b(?:use|enter|usa|usad|usate|utilisez|nutzt|nutze|gebruik)\b) "
    r"[\"'“„»*(]?[A-Z]{3,}[A-Z0-9]*\b(?! [A-Z]{3,})"
)
_NUMBER: Final = r"\d+(?:[.,]\d+)?"
_CURRENCY: Final = r"(?:eur|euros?|usd|dollars?|pounds?|gbp|chf|reais)\b"
_OF_HUNDRED: Final = (
    r"(?:percent|per cent|prozent|pourcent|pour cent|por ciento|por cento|per cento|procent)\b"
)
_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)[^\s<>\"')\]]+"
    r"|\b[a-z0-9-]{2,}\.(?:com|de|fr|it|es|co\.uk|shop|store|eu|io|net|co|me|link|bio|ly|to|pt|com\.br|nl)"
    r"(?:/[^\s<>\"')\]]*)?(?![\w.])"
)
_SPACE = re.compile(r"\s+")


def _entries(lines: str) -> list[str]:
    return [entry.strip() for line in lines.splitlines() for entry in line.split(";") if entry.strip()]


def _behind(words: Iterable[str]) -> str:
    """None of the words stands right in front."""
    return "".join(rf"(?<!\b{word} )" for word in words)


def _patterns() -> dict[str, re.Pattern[str]]:
    words = yaml.safe_load(Path(__file__).with_name("cue_words.yaml").read_text(encoding="utf-8"))
    pieces = {
        "{CODE}": f"(?:{'|'.join(_entries(words['codewords']))})",
        "{BEFORE}": f"(?:{'|'.join(_entries(words['before_code']))})",
        "{SALE}": f"(?:{'|'.join(_entries(words['sales']))})",
        "{MONEY}": rf"(?:[$€£] ?{_NUMBER}|{_NUMBER} ?(?:[$€£]|{_CURRENCY}))",
        "{PERCENT}": rf"(?<![\d.,])[1-9]\d?(?:[.,]\d)? ?(?:%|{_OF_HUNDRED})",
        "{NO}": _behind(_NOT),
        "{ME}": _behind(_ME),
        "{START}": r"(?:^|(?<=[.!?:\n] )|(?<=[^\w\s,'\"-] )|(?<=, ))",
    }
    made = {}
    for name in ("codes", "discounts", "links", "calls", "weak", "story"):
        lines = words[name]
        for key, piece in pieces.items():
            lines = lines.replace(key, piece)
        if name == "weak":
            lines = "\n".join(f"{pieces['{NO}']}{entry}" for entry in _entries(lines))
        made[name] = re.compile(rf"(?<!\w)(?:{'|'.join(f'(?:{entry})' for entry in _entries(lines))})(?!\w)")
    return made


_PATTERNS: Final = _patterns()
_CODES, _DISCOUNTS = _PATTERNS["codes"], _PATTERNS["discounts"]
_LINKS, _CALLS = _PATTERNS["links"], _PATTERNS["calls"]
_WEAK, _STORY = _PATTERNS["weak"], _PATTERNS["story"]


def shop_link(url: str) -> bool:
    """Whether an address may lead to a shop: not if it leads to somebody's post, unless it says who sent the
    reader."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
    except ValueError:  # what stands between brackets is no address
        return False
    if any(name.lower() in TRACKED for name, _ in parse_qsl(parts.query)):
        return True
    host = parts.netloc.lower().split("@")[-1].split(":")[0]
    return bool(host) and not any(host == social or host.endswith(f".{social}") for social in SOCIAL)


def commercial_cue(
    text: Folded | None, urls: Sequence[str] = (), tags: Sequence[str] = (), brand: Names | None = None
) -> str | None:
    """The first cue found, in the order of the kinds above; None without any. Some 80 us for a post.

    `brand`: whose name makes "try …" at the start of a sentence a call to buy."""
    if text is None:
        return LINK if any(map(shop_link, urls)) else None
    body = _SPACE.sub(" ", text.text)
    named = body if brand is None else brand.masked(body)
    if _CODES.search(body) or _AFTER_WORD.search(text.original) or _SHOUTED.search(text.original):
        return CODE
    if _DISCOUNTS.search(named):
        return DISCOUNT
    without = _ADDRESS.sub(" ", body) if "." in body else body
    if any(map(shop_link, urls)) or any(map(shop_link, _ADDRESS.findall(body))) or _LINKS.search(without):
        return LINK
    if brand is not None:
        without = brand.masked(without)
    if _CALLS.search(without) or (len(set(_WEAK.findall(without))) >= 2 and not _STORY.search(without)):
        return CALL
    if not RELATION_TAGS.isdisjoint(hashtags(text)) or any(tag.lower() in RELATION_TAGS for tag in tags):
        return RELATION
    return None
