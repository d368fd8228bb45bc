"""The drop rule on simulated lives: few false alerts, and the incidents it is for. Larger runs:
`simulation.main`."""

from __future__ import annotations

import random

from processors.detection.lifecycle import Transition
from processors.panes import DAY
from tests.processors.detection.simulation import (
    CLEAN,
    INCIDENTS,
    NEGATIVES,
    ONSET,
    START,
    Life,
    Person,
    lives,
    watch,
)

#: Answers a fifth of its comments, posts every day: everything about it can be measured.
ANN = Person(60_000, 0.03, 0.02, 0.2, False, 24.0, 0.15, 0.8, 0.2, 0.8)


def life(change, seed: int = 3, days: int = 75) -> list[Transition]:
    return watch(Life(random.Random(seed), ANN, days, change))


def test_clean_lives_stay_silent() -> None:
    fired = [t for _, all_ in lives(8, 88, CLEAN, seed=11) for t in all_]
    assert len(fired) <= 1  # 16 influencer-months


def test_hard_negatives_ring_in_at_most_one_of_twenty() -> None:
    rung = [
        (name, seed, t.signal)
        for name, change in NEGATIVES.items()
        for seed in range(3, 8)
        for t in life(change, seed)[:1]
    ]
    assert len(rung) <= 1, rung


def test_incidents_are_found_and_named_by_their_signal() -> None:
    limits = {"stops answering": 7, "answers a fifth": 14, "bots, as many as people": 7}
    for name, limit in limits.items():
        signal, change = INCIDENTS[name]
        fired = life(change)
        assert fired, name
        assert fired[0].signal == signal, name
        assert 0 <= (fired[0].at - START) / DAY - ONSET <= limit, name
