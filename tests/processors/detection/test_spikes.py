"""What may bring followers: each explanation with its numbers."""

from __future__ import annotations

import pytest

from processors.detection import spikes
from processors.detection.spikes import Rise
from processors.ledgers.followers import Day
from processors.panes import COUNT, DAY, HOUR, KIND_INDEX
from tests.processors import builders
from tests.processors.detection.joins import Life, burst, named_elsewhere, viral


def test_an_own_hit_brings_engagement_a_bought_burst_does_not() -> None:
    hit = spikes.own_hit(Life(1, 4, viral()).look(44).inp)
    bought = spikes.own_hit(Life(1, 4, burst()).look(44).inp)
    assert hit.accepted and not bought.accepted
    assert "times the engagement of a good day" in hit.why


def test_a_wave_ebbs_a_bought_burst_is_even() -> None:
    rise = Rise(48, 500, 40.0, 9.0, 0, 0)
    assert spikes.shout_out(Life(2, 4, named_elsewhere(0.1)).look(60).inp, rise).accepted
    even = Life(2, 4, burst()).look(60).inp
    assert not spikes.shout_out(even, rise).accepted
    busy, unevenness = spikes.flatness(spikes.hourly(even, 24), 1.0)
    assert busy >= 20 and unevenness < 0.2


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([0] * 10, 1.0), ([5, 5], 1.0), ([50] * 20, 1.0), ([100] * 10 + [20] * 10, 5.0)],
)
def test_how_much_a_rise_ebbs(counts: list[int], expected: float) -> None:
    assert spikes.ebbing(counts, 0.0) == expected


def test_the_fullest_hours() -> None:
    assert spikes.wave_share([]) == 0
    assert spikes.wave_share([1] * 12) == 0.5
    assert spikes.wave_share([0, 9, 0, 0, 0, 0, 0, 1]) == 0.9


def test_comments_that_name_friends_show_a_giveaway() -> None:
    life = Life(3, 4)
    today = builders.NOW // DAY + 2
    for at, pane in life.hours.items():
        pane[COUNT + KIND_INDEX["comment"]] = 10 if at // DAY == today else 2
        pane_day = life.ledger.days[at // DAY]
        pane_day.tagged = 150 if at // DAY == today else 3
    found = spikes.giveaway(life.look(71).inp, life.ledger)
    assert found.accepted and "name somebody" in found.why
    assert not spikes.giveaway(life.look(40).inp, life.ledger).accepted


def test_a_purge_shows_by_unfollows_or_by_totals() -> None:
    life = Life(4, 10)
    assert not spikes.purge(life.look(200).inp, life.ledger).accepted
    life.ledger.days[builders.NOW // DAY + 3].unfollows = 400
    assert spikes.purge(life.look(200).inp, life.ledger).accepted
    other = Life(4, 10)
    day = builders.NOW // DAY + 5
    for row in [row for at, row in other.ledger.days.items() if at >= day]:
        row.totals = [(at, total * 95 // 100) for at, total in row.totals]
    found = spikes.purge(other.look(200).inp, other.ledger)
    assert found.accepted and "fell from" in found.why


def test_daily_gains_bridge_days_without_a_poll() -> None:
    life = Life(5, 2, follows=False)
    life.ledger.days = {
        day: Day(totals=[(day * DAY + HOUR, 1_000 + 10 * day)]) for day in range(builders.NOW // DAY - 20,
                                                                                builders.NOW // DAY, 2)
    }  # fmt: skip
    gains = spikes.daily_gains(life.look(0).inp, life.ledger)
    assert len(gains) == 9 and all(gain == pytest.approx(10) for _, gain in gains)


def test_a_lasting_rise_of_gains_but_not_a_single_day() -> None:
    gains = [(day, 20.0 + day % 3) for day in range(20)]
    assert spikes.lifted(gains) is None
    assert spikes.lifted([*gains, (20, 500.0), (21, 20.0), (22, 21.0), (23, 22.0)]) is None
    lift = spikes.lifted(gains + [(20 + day, 55.0 + day % 3) for day in range(7)])
    assert lift is not None and lift.days == 7 and lift.z > 3
