"""What a source can tell and what not, and which signals can therefore be measured.

A source declares for each aspect of engagement how well it tells it, with the reason where it does not. What
a signal needs stands in NEEDS, so "not measurable here" follows from the declaration, and nobody has to keep
two tables in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

#: How well an aspect is told: not at all; as totals; one by one without saying who; one by one with the
#: account.
Level = Literal["no", "total", "anonymous", "each"]
_RANK: Final[dict[str, int]] = {"no": 0, "total": 1, "anonymous": 2, "each": 3}

#: Aspects, in the order in which they are shown.
ASPECTS: Final[dict[str, str]] = {
    "posts": "own posts with their text",
    "comments": "comments and replies",
    "answers": "the influencer's own answers",
    "likes": "likes",
    "shares": "shares and quotes",
    "saves": "saves",
    "views": "views",
    "follows": "follows",
    "undo": "what is taken back (unlike, unfollow, deleted)",
    "profiles": "facts about who acts (followers, age of the account)",
    "attributes": "language or country of who acts",
    "followers": "the influencer's number of followers",
    "ads": "the platform's mark of paid content",
}

#: Part of a signal -> (aspect, level at least), all of which it needs.
NEEDS: Final[dict[str, tuple[tuple[str, Level], ...]]] = {
    "interaction_quality.genuineness": (("profiles", "each"), ("comments", "each")),
    "interaction_quality.depth": (("likes", "total"), ("comments", "total")),
    "interaction_quality.quality_rate": (("posts", "each"), ("comments", "total"), ("followers", "total")),
    "interaction_quality.likes_spread": (("posts", "each"), ("likes", "total")),
    "audience_fit": (("attributes", "each"),),
    "authenticity": (("profiles", "each"), ("comments", "each")),
    "authenticity.suspicious": (("profiles", "each"), ("comments", "each")),
    "authenticity.suspicious_likes": (("likes", "each"), ("profiles", "each")),
    "authenticity.suspicious_comments": (("comments", "each"), ("profiles", "each")),
    "authenticity.new_followers": (("follows", "each"), ("profiles", "each")),
    "authenticity.mass_followers": (("follows", "each"), ("profiles", "each")),
    "authenticity.churn_7d": (("follows", "each"), ("undo", "each")),
    "authenticity.churn_30d": (("follows", "each"), ("undo", "each")),
    "connection.reply_rate": (("comments", "anonymous"), ("answers", "each")),
    "connection.dialogue": (("comments", "each"), ("answers", "each")),
    "connection.return": (("comments", "each"),),
    "connection.regulars": (("comments", "each"),),
    "connection.evenness": (("comments", "each"),),
    "relationship": (("comments", "each"),),
    "all_in": (("posts", "each"),),
}


@dataclass(frozen=True, slots=True)
class Ability:
    """How well one aspect is told; `why` says what is missing, or under which condition it is told."""

    level: Level
    why: str = ""

    def __post_init__(self) -> None:
        if self.level != "each" and not self.why:
            raise ValueError("what a source cannot tell needs its reason")


Abilities = Mapping[str, Ability]


def abilities(**told: Ability) -> dict[str, Ability]:
    """A whole matrix. Raises ValueError if an aspect is missing or unknown."""
    if told.keys() != ASPECTS.keys():
        raise ValueError(f"a matrix names each aspect once: {sorted(told.keys() ^ ASPECTS.keys())}")
    return {aspect: told[aspect] for aspect in ASPECTS}


def each(why: str = "") -> Ability:
    """Told one by one, with who it was."""
    return Ability("each", why)


def total(why: str) -> Ability:
    """Told as totals only."""
    return Ability("total", why)


def no(why: str) -> Ability:
    """Not told."""
    return Ability("no", why)


def not_measurable(matrix: Abilities) -> dict[str, str]:
    """Part of a signal -> why it cannot be measured from this source alone; empty: all can."""
    out = {}
    for part, needs in NEEDS.items():
        lacks = [
            f"{ASPECTS[aspect]}: {found.why or 'not told'}"
            for aspect, least in needs
            if _RANK[(found := matrix[aspect]).level] < _RANK[least]
        ]
        if lacks:
            out[part] = "; ".join(lacks)
    return out
