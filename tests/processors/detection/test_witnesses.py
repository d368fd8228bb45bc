"""Shares that rise together from one day on: each within its own noise, all of them not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from processors.detection.bought_likes import bought_likes_drip
from processors.detection.look import Look
from processors.detection.witnesses import MOST_Z, Witness, foreign, together
from processors.ledgers.audience import UNIT, Audience, Row
from processors.panes import DAY
from processors.signals.inputs import SignalInput
from tests.processors.builders import NOW, with_reference
from tests.processors.detection.postlife import SINCE, life

PAST, NEW, A_DAY = 28, 28, 30


def binomial(rng: random.Random, n: int, p: float) -> int:
    return sum(rng.random() < p for _ in range(n))


def witness(seed: int, by: float, days: int, base: float = 0.15) -> Witness:
    """A share of `base` that rises `by` in the last `days` days."""
    rng = random.Random(seed)
    past = [(binomial(rng, A_DAY, base), A_DAY) for _ in range(PAST)]
    new = [(NOW - k * DAY, binomial(rng, A_DAY, base + by * (k <= days)), A_DAY) for k in range(NEW, 0, -1)]
    found = Witness.of(past, new, 0.02)
    assert found is not None
    return found


def test_a_rise_by_hand() -> None:
    held = Witness.of([(1, 10)] * 10, [(NOW - DAY, 5, 10)], 0.0, prior=0.1, worth=0.001)
    assert held is not None
    rise = held.since(NOW - 2 * DAY)
    pooled, phi = 15 / 110, held.phi
    assert rise.by == pytest.approx(0.4, abs=1e-4)
    assert rise.z == pytest.approx(0.4 / (phi * pooled * (1 - pooled) * (1 / 10 + 1 / 100)) ** 0.5, rel=1e-3)
    assert held.since(NOW).z == 0 and Witness.of([(1, 10)], [], 0.0) is None


def test_witnesses_that_rise_together_are_surer_than_each() -> None:
    calm = [together({n: witness(3 * s + i, 0.0, 0) for i, n in enumerate("abc")}, NOW) for s in range(40)]
    risen = [together({n: witness(3 * s + i, 0.05, 9) for i, n in enumerate("abc")}, NOW) for s in range(40)]
    limit = sorted(one.s for one in calm)[-2]
    assert sum(one.s > limit for one in risen) >= 30
    alone = [together({"a": witness(3 * s, 0.0, 0)}, NOW).s for s in range(40)]
    single = [together({"a": witness(3 * s, 0.05, 9)}, NOW).s for s in range(40)]
    assert sum(s > sorted(alone)[-2] for s in single) <= 24
    onsets = sorted(one.days for one in risen)
    assert 6 <= onsets[len(onsets) // 2] <= 14


def test_one_witness_is_never_enough_by_itself() -> None:
    assert together({"a": witness(1, 0.8, 10), "b": None}, NOW).s <= MOST_Z**2


def placed(home: int, away: dict[int, int]) -> SignalInput:
    """A ledger of 56 days with `home` acts a day, and `away[k]` acts from elsewhere k days ago."""
    inp = with_reference()
    assert inp.reference is not None
    ledger = Audience()
    for k in range(1, 57):
        row = Row(home + away.get(k, 0))
        row.by[0] = {"GB": home * UNIT} | ({"ID": away[k] * UNIT} if k in away else {})
        ledger.rows[NOW // DAY - k] = row
    ref = replace(inp.reference, starts=NOW - 56 * DAY, ends=NOW - 28 * DAY, busiest_day=home)
    return replace(inp, ledgers={Audience.name: ledger}, reference=ref)


def since(inp: SignalInput, days: int) -> float:
    assert inp.reference is not None
    held = foreign(inp, inp.reference, inp.reference.ends)
    assert held is not None
    return held.since(inp.at - days * DAY).z


def test_people_from_elsewhere_are_seen_unless_a_surge_brought_them() -> None:
    assert since(placed(20, {}), 10) < 1
    assert since(placed(20, dict.fromkeys(range(1, 11), 4)), 10) > 3
    assert since(placed(20, {9: 400} | dict.fromkeys(range(1, 9), 4)), 10) < 1  # a viral post and its tail


def test_low_credibility_needs_a_second_witness_to_be_a_drip() -> None:
    """The same likes, at once on their post or from the usual places, are no drip until people come from
    elsewhere, too."""

    def found(away: dict[int, int]) -> int:
        lives = (life(seed, sold=lambda day: 0.15 if day > SINCE - 12 else 0.0) for seed in range(20))
        count = 0
        for one in lives:
            inp = one.inp
            assert inp.reference is not None
            ref = replace(inp.reference, busiest_day=40)
            inp = replace(inp, reference=ref, ledgers=placed(40, away).ledgers)
            count += bought_likes_drip(Look(inp)).breached
        return count

    assert found({}) <= 2
    assert found(dict.fromkeys(range(1, 13), 8)) >= 12
