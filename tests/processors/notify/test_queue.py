"""The queue of what was decided on: order, pauses, bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.notify.queue import SCHEDULE, Bucket, Item, Queue, Tries


def item(seq: int, group: str = "g", receiver: str = "mail") -> Item:
    return Item(seq, f"n{seq}", receiver, group, "first_notification", 0.0, b"{}")


def test_a_group_waits_for_its_head_and_others_go_on() -> None:
    queue = Queue()
    for one in (item(0), item(1), item(2, "other")):
        queue.push(one)
    assert [found.seq for found in iter(lambda: queue.take("mail", 0.0), None)] == [0, 2]
    assert queue.failed(0, 0.0, "500", lambda: 0.0)
    assert queue.take("mail", 4.9) is None
    first = queue.take("mail", 5.0)
    assert first is not None
    assert first.seq == 0
    queue.done(0)
    second = queue.take("mail", 5.0)
    assert second is not None
    assert second.seq == 1
    assert (queue.count("mail"), queue.size("mail"), queue.backlog("g")) == (2, 4, 1)


def test_tries_follow_the_schedule_and_end() -> None:
    queue, now, at = Queue(), 0.0, []
    queue.push(item(0))
    while True:
        found = queue.take("mail", now)
        assert found is not None
        at.append(now)
        if not queue.failed(0, now, "500", lambda: 0.0):
            break
        now = queue.tries[0].next_at
    assert tuple(at) == SCHEDULE
    assert queue.tries[0].count == len(SCHEDULE)


def test_retry_after_is_honoured_and_bounded() -> None:
    queue = Queue()
    queue.push(item(0))
    queue.take("mail", 0.0)
    queue.failed(0, 0.0, "429", lambda: 1.0, retry_after=120.0)
    assert queue.next_at("mail") == 120.0
    queue.take("mail", 120.0)
    queue.failed(0, 120.0, "429", lambda: 0.0, retry_after=1e12)
    assert queue.next_at("mail") == 120.0 + 86_400


def test_a_clock_that_goes_back_makes_no_pause_longer() -> None:
    queue = Queue()
    queue.push(item(0))
    queue.take("mail", 1e6)
    queue.failed(0, 1e6, "500", lambda: 0.0)
    queue.mind_the_clock(100.0)
    assert queue.next_at("mail") == 105.0
    assert queue.take("mail", 104.0) is None
    assert queue.take("mail", 105.0) is not None
    queue.failed(0, 105.0, "500", lambda: 0.0)
    assert queue.take("mail", 1e6 + 5) is not None, "long due by then"
    queue.failed(0, 1e6 + 5, "500", lambda: 0.0)
    assert queue.take("mail", 1e6 + 6) is None, "what was due by the old clock is no try more"


def test_what_was_put_off_by_a_wrong_clock_comes_back_in_its_time() -> None:
    queue, ahead = Queue(), 3e8
    queue.push(item(0))
    queue.take("mail", ahead)
    queue.failed(0, ahead, "500", lambda: 0.0)
    again = Queue()
    again.restore([item(0)], dict(queue.tries))
    again.mind_the_clock(0.0)
    assert again.next_at("mail") == 5.0
    assert again.take("mail", 5.0) is not None


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60))
def test_what_comes_back_from_state_goes_out_in_order(steps: list[tuple[int, bool]]) -> None:
    queue = Queue((0.0, 1.0, 2.0))
    stored: dict[int, tuple[Item, Tries]] = {}
    out: dict[str, list[int]] = {}
    now = 0.0
    for number, (group, fails) in enumerate(steps):
        one = item(number, str(group))
        queue.push(one)
        stored[number] = (one, queue.tries[number])
        now += 1.1
        while (found := queue.take("mail", now)) is not None:
            if fails and queue.failed(found.seq, now, "no", lambda: 0.0):
                continue
            queue.done(found.seq)
            del stored[found.seq]
            out.setdefault(found.group_key, []).append(found.seq)
        if number % 5 == 4:
            queue = Queue((0.0, 1.0, 2.0))
            queue.restore([i for i, _ in stored.values()], {seq: t for seq, (_, t) in stored.items()})
    assert queue.items.keys() == stored.keys()
    assert all(seqs == sorted(seqs) for seqs in out.values())


def test_a_bucket_lets_through_what_its_rate_allows() -> None:
    bucket = Bucket(rate=2.0, burst=3)
    assert [bucket.take(10.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take(10.0) == 0.5
    assert bucket.take(10.5) == 0.0
    assert bucket.take(9.0) > 0, "a clock that goes back gives nothing away"
