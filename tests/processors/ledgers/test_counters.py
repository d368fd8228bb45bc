"""Totals: what they add to what was told one by one, in any order, through glitches and resets."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kinds import WEIGHTS
from processors.panes import COUNT, DAY, HOUR, KIND_INDEX, UNDOS, WEIGHT
from tests.processors.core import START, Core, event, records

POST = {"id": "post-1", "type": "post", "author_id": "ann"}
LIKE = COUNT + KIND_INDEX["like"]


def post(at: float = START) -> dict[str, Any]:
    return event("p", "post", at, actor="ann", object_id="post-1")


def total(count: int, at: float, metric: str = "likes", **fields: Any) -> dict[str, Any]:
    return event(f"c{at}{metric}", "counter", at, metric=metric, count=count, actor=None,
                 **({"target": POST} | fields))  # fmt: skip


def like(number: int, at: float, **fields: Any) -> dict[str, Any]:
    return event(f"l{number}", "like", at, actor=f"fan{number}", target=POST, **fields)


def unlike(number: int, at: float) -> dict[str, Any]:
    return event(f"u{number}", "like", at, op="undo", actor=f"fan{number}", target=POST, undoes=f"l{number}")


def run(*events: dict[str, Any], pieces: bool = False) -> Core:
    core = Core()
    recs = records((START + 60 * DAY, one) for one in events)
    for rec in recs if pieces else ():
        core.run([rec])
        core.claim()
    return core if pieces else core.run(recs)


def counted(core: Core, column: int = LIKE) -> int:
    return sum(pane[column] for pane in core.influencer().days.by_index.values())


def test_totals_of_a_known_post_are_counted_and_differenced() -> None:
    core = run(post(), total(100, START + HOUR), total(130, START + 2 * HOUR), total(130, START + 3 * HOUR))
    assert counted(core) == 130
    assert counted(core, WEIGHT) == 130 * WEIGHTS["like"]
    (stat,) = core.influencer().posts.values()
    assert stat.likes == [100, 130, 130, 130]


def test_the_first_total_of_an_unknown_post_is_where_counting_begins() -> None:
    assert counted(run(total(9_000, START), total(9_010, START + HOUR))) == 10


def test_an_older_total_says_nothing_new() -> None:
    assert counted(run(post(), total(130, START + 2 * HOUR), total(100, START + HOUR))) == 130


def test_a_total_and_single_acts_of_the_same_are_counted_once() -> None:
    likes = [like(n, START + 60 * n) for n in range(1, 31)]
    first, second = total(10, START + 1), total(50, START + HOUR)
    assert counted(run(post(), first, *likes, second)) == 50  # thirty are told, ten more are in the total
    assert counted(run(post(), first, second, *likes)) == 50  # told late: they take the place of booked ones
    assert counted(run(post(), first, *likes[:9], second, *likes[9:])) == 50


def test_a_total_that_runs_behind_single_acts_adds_nothing() -> None:
    likes = [like(n, START + 60 * n) for n in range(1, 21)]
    core = run(post(), total(0, START + 1), *likes, total(5, START + HOUR), total(20, START + 2 * HOUR))
    assert counted(core) == 20
    late = [like(n, START + 1_800 + n) for n in range(21, 24)]  # not yet in the total of that hour
    assert counted(run(post(), total(0, START + 1), *likes, total(20, START + HOUR), *late,
                       total(23, START + 2 * HOUR))) == 23  # fmt: skip


def test_a_falling_total_takes_back() -> None:
    core = run(post(), total(100, START + HOUR), total(93, START + 2 * HOUR))
    assert (counted(core), counted(core, UNDOS)) == (93, 7)


def test_a_told_undo_is_not_taken_back_twice() -> None:
    core = run(post(), total(0, START + 1), like(1, START + 2), like(2, START + 3), total(2, START + HOUR),
               unlike(1, START + HOUR + 1), total(1, START + 2 * HOUR))  # fmt: skip
    assert (counted(core), counted(core, UNDOS)) == (1, 1)


def test_a_glitch_is_not_believed() -> None:
    core = run(post(), total(1_000, START + HOUR), total(0, START + 2 * HOUR), total(1_010, START + 3 * HOUR))
    assert (counted(core), counted(core, UNDOS)) == (1_010, 0)


def test_a_reset_is_counted_on_from() -> None:
    core = run(post(), total(1_000, START + HOUR), total(3, START + 2 * HOUR), total(10, START + 3 * HOUR))
    assert (counted(core), counted(core, UNDOS)) == (1_007, 0)


def test_numbers_of_new_acts_are_added_up() -> None:
    core = run(post(), *(total(5, START + n * HOUR, cumulative=False) for n in (1, 2, 3)))
    assert counted(core) == 15


def test_the_account_s_total_is_not_added_to_that_of_its_posts() -> None:
    account = [
        total(count, START + hour * HOUR + 60, target=None) for hour, count in ((1, 1_000), (2, 1_050))
    ]
    posts = [total(100, START + HOUR), total(150, START + 2 * HOUR)]
    assert counted(run(post(), posts[0], account[0], posts[1], account[1])) == 150
    assert counted(run(post(), *account)) == 50


def test_facts_are_no_acts() -> None:
    core = run(
        post(),
        *(total(n, START + n, metric) for n in (10, 90) for metric in ("reach", "impressions")),
        total(7, START + 1, "followers", target=None),
        total(99, START + 2, "following", target=None),
    )
    assert "counters" not in core.influencer().ledgers
    assert not any(counted(core, column) for column in (LIKE, WEIGHT))


def test_a_total_that_no_platform_has_is_bounded() -> None:
    big = 2**53 - 1
    core = run(post(), *(total(big if n % 2 else 0, START + n * HOUR, "views") for n in range(1, 60)))
    assert counted(core, COUNT + KIND_INDEX["view"]) <= 60 * 10**9


def test_totals_that_nobody_looks_at_are_forgotten() -> None:
    later = START + 50 * DAY
    assert counted(run(post(), total(10, START + HOUR), total(50, later), total(53, later + HOUR))) == 13


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_counted_does_not_depend_on_writes_nor_go_under_zero(data: st.DataObject) -> None:
    events = [post()]
    for number in range(data.draw(st.integers(2, 8))):
        at = START + data.draw(st.integers(0, 6 * 24)) * 600 + number
        which = data.draw(st.integers(0, 3))
        if which < 2:
            events.append(total(data.draw(st.integers(0, 60)), at))
        else:
            events.append(like(number, at) if which == 2 else unlike(data.draw(st.integers(1, 7)), at))
    whole, split = run(*events), run(*events, pieces=True)
    assert whole.state() == split.state()
    assert all(value >= 0 for pane in whole.influencer().days.by_index.values() for value in pane)


@settings(max_examples=60, deadline=None)
@given(
    singles=st.lists(st.integers(1, 5 * HOUR), max_size=12, unique=True),
    private=st.lists(st.integers(1, 5 * HOUR), max_size=12, unique=True),
    looks=st.lists(st.integers(1, 5 * HOUR), max_size=4, unique=True),
    late=st.randoms(use_true_random=False),
)
def test_the_last_total_is_what_is_counted(
    singles: list[int], private: list[int], looks: list[int], late: Any
) -> None:
    """Totals tell the truth at their time; single acts come in any order among them."""
    looks = sorted([*looks, 6 * HOUR])
    totals = [total(sum(t <= at for t in (*singles, *private)), START + at) for at in looks]
    acts = [like(number, START + at) for number, at in enumerate(singles, 1)]
    order = [total(0, START), *totals]
    for act in acts:
        order.insert(late.randrange(1, len(order) + 1), act)
    first, rest = order[0], order[1:]
    assert counted(run(post(START - 60), first, *rest)) == len(singles) + len(private)
