"""Credibility of an actor from the profile facts that come with an event: s(a) = 1 - max(points, model).

Points after Socialbakers' published check (signals.md): min(1, points / 10). What a source does not tell
gives no points; with fewer than two facts the profile is unknown and the actor is left out of everything that
rests on credibility.

The model is a logistic regression on six facts, trained on the 576 accounts of the open Instagram set (half
of them fake; ../shared/data/instagram_accounts). Five-fold cross-validated AUC .979, against .875 of the
points alone. Where all its facts are known it may lower the points' verdict, never raise it. Its answer is
shifted from that set's half to BASE_RATE of fakes among real audiences (Saerens, Latinne, Decaestecker
2002), so that low (s <= .5) asks for odds of 7 to 1 in the training set: there .77 of the fakes were found
at a false alarm rate of .003. Digits in the handle count up to .3 of its length only: some platforms number
their users.
"""

from __future__ import annotations

from math import exp, log, log1p
from typing import Final

from processors.decode import Actor

LOW: Final = 0.5
#: Assumed share of fakes in an audience: what the model's answer is shifted to.
BASE_RATE: Final = 0.12
#: Weights of: avatar, digits per character of the handle, bio, log(1 + followers, following, posts), 1.
MODEL: Final = (-3.15, 9.14, -1.0, -0.83, 0.23, -0.41, 6.0)
DIGITS_MOST: Final = 0.3
#: Where no handle is known: the usual share of digits.
DIGITS_USUAL: Final = 0.1
_SHIFT: Final = log(BASE_RATE / (1 - BASE_RATE))
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
    doubt = min(10, points) / 10
    odds = log_odds(actor)
    if odds is not None and odds > -4:  # beyond that the model has nothing to say
        doubt = max(doubt, 1 / (1 + exp(-odds - _SHIFT)))
    return 1.0 - doubt


def log_odds(actor: Actor) -> float | None:
    """The model's log odds that the account is fake, at even odds before; None where a fact is missing."""
    followers, following, posts = actor.followers, actor.following, actor.posts
    if followers is None or following is None or posts is None:
        return None
    if actor.has_avatar is None or actor.has_bio is None:
        return None
    avatar, digits, bio, w_followers, w_following, w_posts, constant = MODEL
    handle = actor.handle
    share = min(DIGITS_MOST, _digits(handle) / len(handle)) if handle else DIGITS_USUAL
    return (
        constant + avatar * actor.has_avatar + bio * actor.has_bio + digits * share
        + w_followers * log1p(followers) + w_following * log1p(following) + w_posts * log1p(posts)
    )  # fmt: skip


def _digits(handle: str) -> int:
    """How many characters of the handle are digits: of any script, as `str.isdigit` has it."""
    if handle.isascii():  # nearly all: five times as fast
        return len(handle) - len(handle.encode().translate(None, b"0123456789"))
    return sum(map(str.isdigit, handle))
