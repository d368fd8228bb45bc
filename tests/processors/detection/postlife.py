"""Posts of a made-up life, drawn from the measured noise, for tests of what looks at single posts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from math import exp, sqrt

from processors.detection.look import Look
from processors.panes import COUNT, DAY, KIND_INDEX, KNOWN, LOW, OWN_POSTS, OWN_SPONSORED, Pane, new_pane
from processors.signals.inputs import PostStat
from tests.processors.builders import NOW, with_reference

LIKE, COMMENT = KIND_INDEX["like"], KIND_INDEX["comment"]
#: Share of a post's likes that came by 1 h, 6 h, 24 h, 72 h.
CURVE = (0.4, 0.8, 0.95, 0.99)
SINCE = 28  # days after the reference


def poisson(rng: random.Random, mean: float) -> int:
    return max(0, round(rng.gauss(mean, sqrt(max(mean, 0.01)))))


def life(
    seed: int = 1, *, likes: float = 120, per_day: float = 0.6, known: float = 0.9, low: float = 0.15,
    factor: Callable[[float], float] = lambda day: 1.0,
    sold: Callable[[float], float] = lambda day: 0.0,
    drip: Callable[[float], float] = lambda day: 0.0,
    paid: Callable[[float], float] = lambda day: 0.1,
) -> Look:  # fmt: skip
    """A life of 28 days of reference and SINCE more, seen at NOW; all functions of the day since the
    reference. factor: on all reactions; sold: likes bought per post within 2 h, as a multiple of the usual;
    drip: bought likes a day, on the newest post; paid: chance that a post is sponsored."""
    rng = random.Random(seed)
    begin, frozen = NOW - (28 + SINCE) * DAY, NOW - SINCE * DAY
    days: dict[int, Pane] = {begin + i * DAY: new_pane() for i in range(28 + SINCE)}
    posts: list[PostStat] = []
    level, at = 0.0, begin + rng.random() * DAY
    while at < NOW:
        day = (at - frozen) / DAY
        level += rng.gauss(0, 0.14 * sqrt(1 / per_day / 60))
        crowd = likes * exp(level + rng.gauss(0, 0.23)) * factor(day)
        real, bought = poisson(rng, crowd), round(sold(day) * likes)
        talk = poisson(rng, 0.05 * crowd * exp(rng.gauss(0, 0.2)))
        trickle = drip(day) * (1 / per_day)
        counts = [
            round(real * share) + round(bought * bite) + round(trickle * later)
            for share, bite, later in zip(CURVE, (0.5, 1, 1, 1), (0.02, 0.1, 0.4, 1), strict=True)
        ]
        ages = [NOW - at >= age for age in (3600, 21_600, 86_400, 259_200)]
        seen = [n if old else 0 for n, old in zip(counts, ages, strict=True)]
        said = [round(talk * share) if old else 0 for share, old in zip(CURVE, ages, strict=True)]
        post = PostStat(
            len(posts) + 1, int(at), rng.random() < paid(day), [100 * n for n in seen], seen, said
        )
        posts.append(post)
        pane = days[begin + int((at - begin) // DAY) * DAY]
        fake = round(real * low) + round((bought + trickle) * 0.9)
        total = real + bought + round(trickle)
        pane[COUNT + LIKE] += total
        pane[KNOWN + LIKE] += round(total * known)
        pane[LOW + LIKE] += round(fake * known)
        pane[COUNT + COMMENT] += talk
        pane[OWN_POSTS] += 1
        pane[OWN_SPONSORED] += post.sponsored
        at += DAY / per_day * rng.uniform(0.5, 1.5)
    inp = with_reference()
    assert inp.reference is not None
    ref = replace(inp.reference, starts=begin, ends=frozen, frozen_at=frozen)
    rows = sorted(days.items())
    return Look(replace(
        inp, reference=ref, first_event_at=begin, posts=posts[-30:], day_totals=rows[-35:],
        reference_days=rows[:28],
    ))  # fmt: skip
