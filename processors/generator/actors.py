"""The audience: who an actor is follows from its number alone, so nothing has to be stored."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from processors.generator.draw import bits
from processors.generator.texts import escaped
from processors.generator.world import COUNTRIES

#: Entries are cheap to make again (3 us): the memory of a wide audience is dropped rather than kept.
_MAX_CACHED: Final = 20_000
_SCALE: Final = 65_536
_MIX: Final = 0x9E3779B97F4A7C15  # more bits out of the same
_GAPS: Final = (("created_at",), ("has_bio", "has_avatar"), ("posts",), ("following", "created_at"))
_AGES: Final = ("18-24", "25-34", "25-34", "35-44", "35-44", "45-54", "55-64", "18-24")


@lru_cache(maxsize=8_192)
def _midnight(day: int) -> str:
    """RFC 3339 of the start of the day (days since 1970)."""
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Actor(NamedTuple):
    """One of the audience: the JSON that is written about them, and what the generator must know."""

    id: str  # JSON-escaped
    fragment: str  # the whole `actor` object
    offset_h: float  # hours ahead of UTC
    lang: str
    lang_known: bool


class Known(NamedTuple):
    """Shares of actors about whom something is known."""

    profiles: float = 1.0
    countries: float = 1.0
    langs: float = 1.0
    topics: float = 0.25  # topics and age band
    whole: float = 1.0  # of the known profiles: those without a gap


class Actors:
    """Numbered actors of one origin (an influencer's audience, a seller's accounts)."""

    def __init__(
        self,
        seed: int,
        prefix: str,
        countries: Mapping[str, float],
        low_credibility: float,
        known: Known,
        topics: Mapping[str, float],
        born_before: int,
        flavour: str = "",
    ) -> None:
        """`born_before`: epoch seconds; every account was made before. `low_credibility`: share 0..1.

        `topics`: shares. `flavour` "mass": real accounts that follow thousands.
        """
        self._seed = seed
        self._prefix = escaped(prefix)
        self._countries = tuple(countries)
        total = sum(countries.values())
        self._cumulative = [round(_SCALE * part / total) for part in accumulate(countries.values())]
        self._low = int(low_credibility * _SCALE)
        self._profiles = int(known.profiles * _SCALE)
        self._known_countries = int(known.countries * _SCALE)
        self._known_langs = int(known.langs * _SCALE)
        self._known_topics = int(known.topics * _SCALE)
        self._whole = int(known.whole * 256)
        self._topics = tuple(escaped(topic) for topic in topics)
        whole = sum(topics.values())
        self._topic_parts = [round(_SCALE * part / whole) for part in accumulate(topics.values())]
        self._mass = flavour == "mass"
        self._born_before = born_before
        self._cache: dict[int, Actor] = {}

    def __getitem__(self, number: int) -> Actor:
        actor = self._cache.get(number)
        if actor is None:
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            actor = self._cache[number] = self._make(number)
        return actor

    def _make(self, number: int) -> Actor:
        name = f"{self._prefix}.{number:x}"
        chance = bits(self._seed, name)
        slot = bisect(self._cumulative, chance & 0xFFFF)
        country = self._countries[min(slot, len(self._countries) - 1)]
        place = COUNTRIES[country]
        lang = place.lang if (chance >> 16) & 0xFF > 15 else "en"  # some 6 % write English anywhere
        lang_known = (chance >> 24) & 0xFFFF < self._known_langs
        parts = [f'{{"id":"{name}"']
        if (chance >> 40) & 0xFFFF < self._profiles:
            parts.append(self._profile(chance >> 56, name))
        if lang_known:
            parts.append(f'"lang":"{lang}"')
        if (chance >> 96) & 0xFFFF < self._known_countries:
            parts.append(f'"country":"{country}"')
        if self._topics and chance >> 112 < self._known_topics:
            slot = bisect(self._topic_parts, chance * _MIX >> 48 & 0xFFFF)
            parts.append(f'"topics":["{self._topics[min(slot, len(self._topics) - 1)]}"]')
            parts.append(f'"age_band":"{_AGES[(chance >> 93) & 7]}"')
        return Actor(name, ",".join(parts) + "}", place.offset_h, lang, lang_known)

    def _profile(self, chance: int, name: str) -> str:
        """The public facts: 40 bits of `chance` decide. Low credibility means 5 or more of signals.md's
        points."""
        low = chance & 0xFFFF < self._low
        a, b, c = (chance >> 16) & 0xFF, (chance >> 24) & 0xFF, (chance >> 32) & 0xFF
        if low:
            followers, following, posts = a % 16, 800 + 9 * b, 0 if c & 3 else c % 5
            age_days, avatar, bio = 75 + 3 * c, c & 7 == 7, b & 15 == 15
        else:
            followers = int(30 * 1.024 ** (a + b // 4))
            following, posts = 40 + 5 * c + a, 0 if b < 16 else (b + 1) * (1 + c // 16)
            age_days, avatar, bio = 90 + 14 * b + a, a > 12, c > 50
        if self._mass and not low:
            followers, following, posts = 700 + 23 * a + 5 * b, 1_600 + 21 * b + 3 * a, 20 + b
        born = _midnight(self._born_before // 86_400 - age_days)
        gap = chance * _MIX >> 40 & 0xFFF  # 12 bits: whether something isn't known, and what
        facts = {
            "handle": f'"{name[4:]}"', "followers": followers, "following": following, "posts": posts,
            "created_at": f'"{born}"', "has_avatar": "true" if avatar else "false",
            "has_bio": "true" if bio else "false",
        }  # fmt: skip
        if gap & 0xFF >= self._whole:
            for field in _GAPS[gap >> 8 & 3]:
                del facts[field]
        return ",".join(f'"{field}":{value}' for field, value in facts.items()) + ',"bot":false'
