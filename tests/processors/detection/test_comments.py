"""Bought comments: found in any wording, silent on what real people do."""

from __future__ import annotations

from random import Random

import pytest

from processors.decode import Actor
from processors.detection.comments import SUBJECT, bought_comments, more_than
from processors.detection.look import Look
from processors.ledgers.comments import Comments
from processors.panes import DAY
from processors.signals.inputs import PostStat
from tests.processors.builders import NOW, signal_input
from tests.processors.ledgers.test_comments import comment

SUBJECTS = (
    "the blue one",
    "your bike",
    "this road",
    "that soup",
    "the view",
    "your dog",
    "the helmet",
    "it all",
)
VERBS = ("I tried", "we looked at", "my sister liked", "nobody sees", "tell us about", "I keep thinking of")
ENDS = (
    "last week",
    "with my kids",
    "in the rain",
    "before work",
    "on sunday",
    "for hours",
    "at home",
    "in may",
)
SHORT = ("wow", "so good", "🔥", "❤️❤️", "love this", "haha", "where?", "😍😍😍", "yes", "nice")
SOLD = (
    "Great content my friend", "This page deserves more likes", "What a truly amazing picture",
    "Keep up the good work dear",
        "Such an inspiring profile as always", "Your style is on another level",
        "I could look at this all day long",
        "You never fail to impress me")  # fmt: skip


def organic(rng: Random) -> str:
    if rng.random() < 0.55:
        return rng.choice(SHORT)
    end = rng.choice(("", "really", "!", "too"))
    return f"{rng.choice(VERBS)} {rng.choice(SUBJECTS)} {rng.choice(ENDS)} {end}"


def story(seed: int, *, extra: str = "", posts: int = 16, likes: int = 400, comments: int = 20) -> Look:
    """`posts` posts, two days apart; the newest two have what `extra` names besides."""
    rng, ledger, stats = Random(seed), Comments(), []
    for number in range(posts):
        at = NOW - (posts - number) * 2 * DAY
        stat = PostStat(77_000 + number, at, likes=[0, 0, likes, likes])
        last = number >= posts - 2
        times = 12 if extra == "viral" and last else 1
        stat.likes = [0, 0, likes * times, likes * times]
        stats.append(stat)
        acts = []
        for _ in range(round(comments * times * rng.uniform(0.8, 1.2))):
            actor = rng.randrange(400 if times == 1 else 100_000)
            acts.append((organic(rng), actor, 0.8 if rng.random() > 0.15 else 0.3))
        for _ in range(comments * 7 if extra == "giveaway" and last else 0):
            acts.append(
                (f"@f{rng.randrange(900)} look, done and hope I win", 5_000 + rng.randrange(9_000), 0.8)
            )
        for _ in range(40 if extra.startswith("bought") and last else 0):
            text = (
                rng.choice(SOLD)
                if extra != "bought_unlike"
                else organic(rng) + f" {chr(97 + rng.randrange(26)) * 3}"
            )
            text = rng.choice((text, text.lower(), text + " 🔥", text + "!!", "Wow, " + text))
            trust = 0.3 if rng.random() < 0.8 else 0.9
            acts.append((text, 90_000 + rng.randrange(120), trust))
        rng.shuffle(acts)
        for n, (text, actor, trust) in enumerate(acts):
            hidden = rng.random() < 0.6
            act = comment(text, actor + 1, at + 600 + n * 60_000 / len(acts), stat)
            act.trust = None if hidden else trust
            act.low = not hidden and trust <= 0.5
            ledger.act(act)
    return Look(signal_input(posts=stats, ledgers={"comments": ledger}))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("extra", ["bought", "bought_unlike"])
def test_ordered_comments_are_found(extra: str, seed: int) -> None:
    verdict = bought_comments(story(seed, extra=extra))
    assert verdict.breached and verdict.subject == SUBJECT and verdict.signal == "authenticity"
    assert verdict.summary is not None and "affected by" in verdict.summary


def abroad(seed: int, foreign: float, likes: int) -> Look:
    """Under the newest two posts, a few people more than usual, of unlike words and usual credibility."""
    rng, ledger, stats = Random(seed), Comments(), []
    for number in range(20):
        at = NOW - (20 - number) * 3 * DAY
        last = number >= 18
        stats.append(PostStat(9_000 + number, at, likes=[0, 0, likes if last else 400, 400]))
        for n in range(10 + 12 * last):
            act = comment(organic(rng), rng.randrange(5_000), at + 600 + n * 900, stats[-1])
            act.trust = 0.9
            new = last and n >= 10
            act.event.actor = Actor(f"x:{n}", country="IN" if new and rng.random() < foreign else "GB")
            ledger.act(act)
    return Look(signal_input(posts=stats, ledgers={"comments": ledger}))


def test_where_they_come_from_tells_what_their_words_do_not() -> None:
    def found(foreign: float, likes: int) -> int:
        return sum(bought_comments(abroad(seed, foreign, likes)).breached for seed in range(8))

    assert found(0.9, 400) >= 6
    assert found(0.0, 400) <= 1  # no more than usual but for their number
    assert found(0.9, 1_000) <= 1  # likes came with them: a post that went round the world


def again(seed: int, *, earlier: bool, now: bool = True) -> Look:
    """Twenty more comments than usual, most of low credibility, under the newest two posts, and, where
    `earlier`, under six posts of the past, too."""
    rng, ledger, stats = Random(seed), Comments(), []
    for number in range(24):
        at = NOW - (24 - number) * 2 * DAY
        stats.append(PostStat(9_000 + number, at, likes=[0, 0, 400, 400]))
        wave = (now and number >= 22) or (earlier and 8 <= number < 14)
        for n in range(10 + 20 * wave):
            act = comment(organic(rng), rng.randrange(5_000), at + 600 + n * 900, stats[-1])
            act.trust = 0.3 if n >= 10 and rng.random() < 0.7 else 0.9
            act.low = act.trust <= 0.5
            ledger.act(act)
    return Look(signal_input(posts=stats, ledgers={"comments": ledger}))


def test_an_earlier_campaign_does_not_hide_the_next() -> None:
    def found(**when: bool) -> int:
        return sum(bought_comments(again(seed, **when)).breached for seed in range(10))

    assert found(earlier=False) >= 8
    assert found(earlier=True) >= 8
    assert found(earlier=True, now=False) <= 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("extra", ["", "viral", "giveaway"])
def test_people_are_not(extra: str, seed: int) -> None:
    verdict = bought_comments(story(seed, extra=extra))
    assert verdict.measurable and not verdict.breached


def test_without_a_past_nothing_is_said() -> None:
    verdict = bought_comments(story(1, extra="bought", posts=3))
    assert not verdict.measurable and verdict.reason == "warming_up"


def test_the_chance_of_so_many_falls_with_their_number() -> None:
    chances = [more_than(n, 10.0, 0.1) for n in (5, 12, 20, 40, 80)]
    assert (
        chances == sorted(chances, reverse=True)
        and chances[0] == 1.0
        and chances[-1] < 1e-6
        and more_than(400, 10.0, 0.1) < 1e-6
    )
