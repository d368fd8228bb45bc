"""Credibility of an actor from the profile facts that come with an event.

Points after Socialbakers' published check (signals.md):
s = 1 - min(1, points / 10). What a source does not tell gives no points; with fewer than two facts the
profile is unknown and the actor is left out of everything that rests on credibility.
"""

from __future__ import annotations

from typing import Final

from processors.decode import Actor

LOW: Final = 0.5
_DAY_S: Final = 86_400.0


def credibility(actor: Actor, at: float) -> float | None:
    """s(a) in [0, 1] of an actor at `at` (epoch s), or None when the profile is unknown."""
    followers, following, posts, created = actor.followers, actor.following, actor.posts, actor.created_at
    avatar, bio = actor.has_avatar, actor.has_bio
    facts = 0
    points = 0
    if actor.bot is not None:
        facts += 1
        if actor.bot:
            facts += 1  # the platform's own word is enough by itself
            points += 7
    if followers is not None and following is not None:
        facts += 2
        if following >= 50 and following >= 50 * followers:
            points += 3
    if posts is not None:
        facts += 1
        if posts == 0:
            points += 3
    age = None
    if created is not None:
        facts += 1
        age = at - created.timestamp()
        if age < 7 * _DAY_S:
            points += 2
    if avatar is not None:
        facts += 1
        if not avatar and age is not None and age > 60 * _DAY_S:
            points += 2
    if bio is not None:
        facts += 1
        if not bio:
            points += 2
    if facts < 2:
        return None
    return 1.0 - min(10, points) / 10
