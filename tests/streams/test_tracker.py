"""The tracker against the plainest model of what may be committed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.tracker import PrefixTracker

#: Length of the next slice; or which of those delivered so far (modulo) is done; or commit.
steps = st.lists(st.one_of(st.tuples(st.just("deliver"), st.integers(1, 50)),
                           st.tuples(st.just("done"), st.integers(0, 99)),
                           st.tuples(st.just("commit"), st.just(0))), max_size=80)  # fmt: skip


@given(steps)
def test_what_may_be_committed_is_the_end_of_the_longest_prefix_that_is_done(
    steps: list[tuple[str, int]],
) -> None:
    tracker = PrefixTracker()
    handed, ends, done = [], [0], [True]
    told = 0
    for what, number in steps:
        if what == "deliver":
            ends.append(ends[-1] + number)
            done.append(False)
            handed.append(tracker.delivered(ends[-1]))
        elif what == "done" and handed:
            index = number % len(handed)
            handed[index].done = done[index + 1] = True
        elif what == "commit":
            prefix = done.index(False) if False in done else len(done)
            expected = ends[prefix - 1]
            found = tracker.committable()
            assert found == (expected if expected > told else None)
            told = max(told, expected)
            assert len(tracker) == len(done) - prefix


def test_a_slice_that_is_not_done_holds_back_all_that_come_after_it() -> None:
    tracker = PrefixTracker()
    first, second = tracker.delivered(10), tracker.delivered(30)
    second.done = True
    assert tracker.committable() is None
    first.done = True
    assert tracker.committable() == 30
    assert tracker.committable() is None
