"""Ids seen twice and acts that may be undone: remembered, bounded, and the same after a restart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.event_memory import GONE, KNOWN, UNDO_HOURS, Act, EventMemory, id_hash

HOUR = 500_000


class Kept:
    """What Redis would hold: appended bytes by hour."""

    def __init__(self) -> None:
        self.ids: dict[int, bytes] = {}
        self.acts: dict[int, bytes] = {}

    def write(self, memory: EventMemory) -> None:
        for mine, new in ((self.ids, memory.new_ids), (self.acts, memory.new_acts)):
            for hour, data in new.items():
                mine[hour] = mine.get(hour, b"") + bytes(data)
        self.ids |= memory.whole_ids
        self.acts |= memory.whole_acts
        for hour in memory.expired_hours:
            self.ids.pop(hour, None)
        for hour in memory.expired_act_hours:
            self.acts.pop(hour, None)
        memory.taken()

    def restored(self, **limits: int) -> EventMemory:
        memory = EventMemory(**limits)
        memory.load(sorted(self.ids.items()), sorted(self.acts.items()))
        return memory


def act(number, act_hash=None, pane=7, kind=3, flags=KNOWN):
    return Act(pane, kind, flags, number, number + 10**6 if act_hash is None else act_hash)


def test_an_id_is_seen_once_then_known():
    memory = EventMemory()
    assert not memory.seen(5, HOUR)
    assert memory.seen(5, HOUR)
    assert memory.seen(5, HOUR + 47)


def test_ids_are_forgotten_after_their_hours():
    memory = EventMemory(duplicate_hours=48)
    memory.seen(5, HOUR)
    memory.seen(6, HOUR + 48)
    assert not memory.seen(5, HOUR + 48)
    assert memory.expired_hours == [HOUR]
    assert memory.dropped_early == 0


def test_ids_are_bounded_and_what_goes_early_is_counted():
    memory = EventMemory(max_ids=100)
    for number in range(1_000):
        memory.seen(number, HOUR)
    memory.limit()
    assert len(memory) <= 100
    assert memory.dropped_early == 1_000 - len(memory)
    assert memory.seen(999, HOUR), "the oldest go"
    assert not memory.seen(0, HOUR)


def test_acts_are_bounded_too():
    memory = EventMemory(max_acts=100)
    for number in range(1_000):
        memory.remember(act(number), HOUR)
    memory.limit()
    assert len(memory._places) <= 100
    assert memory.take(999, HOUR) is not None
    assert memory.take(0, HOUR) is None


def test_redis_is_bounded_by_what_is_held_and_so_is_what_a_claim_takes_back():
    limits = {"max_ids": 10_000, "max_acts": 10_000}
    memory, kept = EventMemory(**limits), Kept()
    number = 0
    for hour in range(HOUR, HOUR + 24):
        for _ in range(5):
            for _ in range(1_900):
                number += 1
                memory.seen(number * 2654435761 % 2**64, hour)
                memory.remember(act(number, number + 2**40), hour)
            memory.limit()
            kept.write(memory)
    assert len(memory) <= 10_000 and len(memory._places) <= 10_000
    assert sum(map(len, kept.ids.values())) < 8 * 2.2 * 10_000
    assert sum(map(len, kept.acts.values())) < 24 * 2.2 * 10_000
    restored = kept.restored(**limits)
    assert len(restored) <= 10_000 and len(restored._places) <= 10_000
    assert restored.seen(number * 2654435761 % 2**64, HOUR + 24), "the newest are taken back"
    assert restored.take(number, HOUR + 24) == memory.take(number, HOUR + 24) is not None


def test_acts_that_were_taken_back_fill_neither_memory_nor_redis():
    memory, kept = EventMemory(max_acts=10_000), Kept()
    for number in range(60_000):
        memory.remember(act(number, number + 2**40), HOUR)
        memory.take(number, HOUR)
        if number % 1_000 == 0:
            memory.limit()
            kept.write(memory)
    assert not len(memory._places)
    assert len(memory._acts) < 20_000 and memory._remembered() < 20_000
    assert len(kept.acts[HOUR]) < 24 * 40_000


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30), st.integers(0, 3)), max_size=200))
def test_an_hour_written_anew_holds_what_memory_holds(steps):
    memory, kept = EventMemory(), Kept()
    hour = HOUR
    for undo, number, later in steps:
        hour += later == 3
        if undo:
            memory.take(number + 10**6 if later == 1 else number, hour)
        elif memory._places.get(number) is None:
            memory.remember(act(number, 10**6 + number % 5), hour)
    memory.whole_acts = {held: memory._anew(held) for held in memory._act_hours}
    kept.write(memory)
    restored = kept.restored()
    assert dict(restored._places.items()) == dict(memory._places.items())
    for number in range(40):
        for key in (10**6 + number, number):
            assert restored.take(key, hour) == memory.take(key, hour)


def test_a_clock_that_is_set_back_does_no_harm():
    memory = EventMemory(max_ids=5)
    for number in range(10):
        memory.seen(number, HOUR)
    assert not memory.seen(10, HOUR - 60)
    memory.remember(act(1), HOUR - 60)
    assert memory.take(1, HOUR - 60) is not None
    assert memory.seen(10, HOUR)


def test_an_act_is_taken_back_once_by_event_id_or_by_what_it_was():
    memory = EventMemory()
    memory.remember(act(1, act_hash=77, pane=9, kind=4, flags=KNOWN), HOUR)
    taken = memory.take(77, HOUR)
    assert taken is not None
    assert (taken.pane, taken.kind, taken.flags, taken.id_hash) == (9, 4, KNOWN, 1)
    assert memory.take(77, HOUR) is None
    assert memory.take(1, HOUR) is None
    memory.remember(act(2, act_hash=77), HOUR)
    assert memory.take(2, HOUR) is not None
    assert memory.take(77, HOUR) is None


def test_the_newest_of_two_equal_acts_is_taken_first():
    memory = EventMemory()
    memory.remember(act(1, act_hash=77, pane=1), HOUR)
    memory.remember(act(2, act_hash=77, pane=2), HOUR)
    taken = memory.take(77, HOUR)
    assert taken is not None and taken.pane == 2
    taken = memory.take(1, HOUR)
    assert taken is not None and taken.pane == 1


def test_acts_are_forgotten_after_seven_days():
    memory = EventMemory()
    memory.remember(act(1), HOUR)
    memory.remember(act(2), HOUR + UNDO_HOURS)
    assert memory.take(1, HOUR + UNDO_HOURS) is None
    assert memory.take(2, HOUR + UNDO_HOURS) is not None
    assert memory.expired_act_hours == [HOUR]


STEPS = st.lists(
    st.tuples(st.sampled_from(("see", "act", "take_id", "take_act")), st.integers(0, 12), st.integers(0, 3)),
    max_size=80,
)


@given(STEPS, st.integers(0, 79))
def test_a_memory_that_comes_back_answers_the_same(steps, cut):
    """Hours pass; what was written before the cut is read back."""
    stays, goes = EventMemory(), EventMemory()
    kept = Kept()
    hour = HOUR
    for index, (what, number, passed) in enumerate(steps):
        hour += passed if index % 5 == 0 else 0
        if index == cut:
            kept.write(goes)
            goes = kept.restored()
        answers = []
        for memory in (stays, goes):
            if what == "see":
                answers.append(memory.seen(number, hour))
            elif what == "act":
                memory.remember(Act(hour, number % 12, KNOWN, index + 1_000, 50 + number), hour)
                answers.append(None)
            else:
                answers.append(memory.take(50 + number if what == "take_act" else 1_000 + number, hour))
        assert answers[0] == answers[1]
    assert set(stays._ids) == set(goes._ids)
    assert dict(stays._places.items()) == dict(goes._places.items())


def test_an_undo_outlives_a_restart_in_a_later_hour():
    memory, kept = EventMemory(), Kept()
    memory.remember(act(1), HOUR)
    kept.write(memory)
    memory.take(1, HOUR + 3)
    kept.write(memory)
    assert kept.restored().take(1, HOUR + 4) is None
    assert kept.acts[HOUR + 3][-4] == 0 or GONE in kept.acts[HOUR + 3]


def test_an_undo_in_the_hour_of_a_restart_is_kept():
    memory, kept = EventMemory(), Kept()
    memory.remember(act(1), HOUR)
    kept.write(memory)
    memory = kept.restored()
    assert memory.take(1, HOUR) is not None
    kept.write(memory)
    assert kept.restored().take(1, HOUR) is None


def test_hours_to_load_cover_everything_that_is_kept():
    ids, acts = EventMemory(duplicate_hours=48).hours_to_load(HOUR)
    assert HOUR in ids and HOUR - 47 in ids and HOUR - 48 not in ids
    assert HOUR in acts and HOUR - UNDO_HOURS + 1 in acts
    assert HOUR + 1 in ids, "another worker's clock may be ahead"


def test_ids_of_a_clock_that_jumped_an_hour_ahead_are_loaded_by_one_that_jumped_an_hour_back():
    kept, memory = Kept(), EventMemory()
    memory.seen(5, HOUR + 1)
    kept.write(memory)
    for hours in memory.hours_to_load(HOUR - 1):
        assert HOUR + 1 in hours


def test_an_undo_after_the_clock_was_set_back_still_stands_behind_its_act():
    memory, kept = EventMemory(), Kept()
    memory.remember(act(1), HOUR + 1)
    kept.write(memory)
    memory = kept.restored()
    assert memory.take(1, HOUR - 1) is not None
    kept.write(memory)
    assert kept.restored().take(1, HOUR - 1) is None, "taken back a second time"


def test_hashes_depend_on_the_seed():
    assert id_hash("a", 1) == id_hash("a", 1) != id_hash("a", 2)
