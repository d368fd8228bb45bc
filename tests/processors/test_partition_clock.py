"""The clock of a partition: who is carried along, and when boundaries are cut."""

from __future__ import annotations

import pytest

from processors.book import Book
from tests.processors.core import START, Core, event, partnership, records

BOOK = (partnership("ann"), partnership("bob"))
WATCHED = ("ann", "bob")


def core(**changes):
    return Core(Book(BOOK), watched=WATCHED, **changes)


def test_a_jump_of_the_clock_does_not_carry_the_silent_along():
    """One producer with a wrong clock, or a gap: who was silent is not judged as if the time had passed."""
    run = Core(watched=("ann",))
    run.run(records([(START + i, event(f"a{i}", "like", START + i)) for i in range(5)]))
    wrong = START + 30 * 86_400
    jump = [(wrong + i, event(f"b{i}", "like", START + 20, influencer_id="bob")) for i in range(2)]
    run.run(records(jump, first=5))
    assert run.partition.clock == wrong + 1
    assert run.influencer("ann").meta.evaluated <= START + 600
    assert not [at for pid, _, at in run.readings if pid == "acme--ann" and at > START + 600]


@pytest.mark.parametrize("ahead", [7 * 3_600, 365 * 86_400])
def test_one_record_from_the_future_changes_nothing_for_the_others(ahead):
    """Its own influencer's event is counted; the clock, and everybody's evaluation, go on as without it."""
    usual = [(START + 60 * i, event(f"a{i}", "like", START + 60 * i, actor=f"f{i}")) for i in range(600)]
    alone = core().run(records(usual))
    wrong = event("w", "like", START + 6_000 + ahead, influencer_id="bob")
    run = core()
    for part in (usual[:100], [(START + 6_000 + ahead, wrong)], usual[100:]):
        run.run(records(part, first=run.next))
        run.claim()
    mine = [row for row in run.readings if row[0] == "acme--ann"]
    assert [at for _, _, at in mine] == [at for _, _, at in alone.readings]
    assert run.partition.clock == alone.partition.clock and run.partition.ahead is None
    assert run.influencer("ann").meta.evaluated == alone.influencer("ann").meta.evaluated
    assert run.influencer("bob").meta.lifetime[3] == 1
    assert "bob" not in run.partition._open


def test_an_event_after_a_gap_is_its_influencers_newest_once_the_next_record_bears_it_out():
    run = core()
    run.run(records([(START, event("a", "like", START))]))
    back = START + 8 * 3_600
    run.run(records([(back, event("b", "like", back))], first=1))
    assert (run.partition.clock, run.influencer().meta.max_at) == (START, START)
    run.claim()
    run.run(records([(back + 1, event("c", "like", back + 1, influencer_id="bob"))], first=2))
    assert (run.partition.clock, run.influencer().meta.max_at) == (back + 1, back)
    assert "ann" in run.partition.unevaluated


def test_records_that_are_all_far_apart_move_the_clock_one_behind():
    run = core()
    stamps = [START + 7 * 3_600 * i for i in range(6)]
    run.run(records([(at, event(f"a{at}", "like", at)) for at in stamps]))
    assert run.partition.clock == run.influencer().meta.max_at == stamps[-2]


def test_two_wrong_clocks_that_disagree_move_the_clock_to_the_earlier():
    run = core()
    run.run(records([(START, event("a", "like", START))]))
    year, day = START + 365 * 86_400, START + 86_400
    run.run(records([(year, event("b", "like", START)), (day, event("c", "like", day))], first=1))
    assert run.partition.clock == day
    run.run(records([(day + 5, event("d", "like", day + 5))], first=3))
    assert run.partition.clock == run.influencer().meta.max_at == day + 5
    assert run.partition.ahead is None


def test_time_that_passes_in_small_steps_reaches_the_silent():
    run = Core(watched=("ann",))
    run.run(records([(START + 1, event("a", "like", START + 1))]))
    others = [(START + 300 * i, event(f"b{i}", "like", START + 300 * i, influencer_id="bob"))
              for i in range(1, 60)]  # fmt: skip
    run.run(records(others, first=1))
    hours = [at for pid, _, at in run.readings if pid == "acme--ann" and at % 3_600 == 0]
    assert hours == [START + 3_600 * hour for hour in range(1, 5)]


def test_silence_alone_moves_the_clock_only_forward_and_only_once_it_stands():
    run = Core()
    run.partition.idle(START)
    assert run.partition.clock == 0
    run.run(records([(START, event("a", "like", START))]))
    run.partition.idle(START - 5)
    assert run.partition.clock == START
    run.partition.idle(START + 400)
    run.write()
    assert run.influencer().meta.evaluated == START + 300


def test_an_event_waits_for_its_boundary_until_the_delay_has_passed():
    run = Core()
    run.fold(records([(START + 10, event("a", "like", START + 10))]))
    run.fold(records([(START + 330, event("b", "like", START + 330, influencer_id="bob"))], first=1))
    run.fold(records([(START + 359, event("c", "like", START + 359, influencer_id="bob"))], first=2))
    assert not run.partition.evaluator.out.readings
    run.fold(records([(START + 421, event("d", "like", START + 421, influencer_id="bob"))], first=3))
    assert [at for _, _, at in run.partition.evaluator.out.readings] == [START + 300]
