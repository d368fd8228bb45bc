"""Folding single events: roles, undos, answers, facts."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from processors.book import Book
from processors.kinds import UNDOABLE, WEIGHTS
from processors.panes import (
    ANSWERABLE,
    COUNT,
    DAY,
    DIALOGUES,
    FLAGGED,
    HOUR,
    KIND_INDEX,
    KINDS,
    KNOWN,
    LOW,
    N_KINDS,
    OWN_POSTS,
    OWN_REPLIES,
    OWN_SPONSORED,
    UNDOS,
    WEIGHT,
    Pane,
)
from tests.processors.core import ARRIVAL, START, Core, event, partnership, records, stream

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
BOT = {"id": "bot", "bot": True, "posts": 0}
FAN = {"id": "fan", "posts": 9, "has_bio": True}
AUDIENCE = tuple(kind for kind in KINDS if kind != "post")


def day_pane(run: Core) -> Pane:
    """The sum over all day panes of `ann`."""
    return [sum(column) for column in zip(*run.influencer().days.by_index.values(), strict=True)]


def run_of(*events) -> Core:
    return Core().run(records([(START + i, data) for i, data in enumerate(events)]))


@pytest.mark.parametrize("kind", AUDIENCE)
def test_an_act_of_the_audience_is_counted_with_its_weight(kind):
    pane = day_pane(run_of(event("a", kind, START, actor=FAN)))
    assert pane[COUNT + KIND_INDEX[kind]] == pane[KNOWN + KIND_INDEX[kind]] == 1
    assert pane[LOW + KIND_INDEX[kind]] == pane[FLAGGED] == 0
    assert pane[WEIGHT] == WEIGHTS[kind]


@pytest.mark.parametrize("kind", AUDIENCE)
def test_an_act_of_a_doubtful_account_is_counted_and_flagged(kind):
    pane = day_pane(run_of(event("a", kind, START, actor=BOT)))
    assert pane[COUNT + KIND_INDEX[kind]] == pane[LOW + KIND_INDEX[kind]] == 1
    assert pane[FLAGGED] == pane[WEIGHT] == WEIGHTS[kind]
    assert pane[ANSWERABLE] == 0


@pytest.mark.parametrize("who", ["acme", "staff"])
@pytest.mark.parametrize("kind", AUDIENCE)
def test_the_brands_own_side_is_no_audience(who, kind):
    pane = day_pane(run_of(event("a", kind, START, actor=who)))
    assert sum(pane[:N_KINDS]) == pane[WEIGHT] == 0


def test_an_influencer_without_partnership_has_no_brand_side():
    run = Core(Book(), watched=()).run(records([(START, event("a", "like", START, actor="staff"))]))
    assert day_pane(run)[COUNT + KIND_INDEX["like"]] == 1


def test_own_posts_and_answers_are_counted_apart():
    sponsored = event("b", "post", START, actor="ann", sponsored={"label": True})
    undisclosed = event("c", "post", START, actor="ann", sponsored={"label": False})
    answer = event("d", "reply", START, actor="ann", target={"id": "nobody"})
    pane = day_pane(run_of(event("a", "post", START, actor="ann"), sponsored, undisclosed, answer))
    assert (pane[OWN_POSTS], pane[OWN_SPONSORED], pane[OWN_REPLIES]) == (3, 1, 1)
    assert sum(pane[:N_KINDS]) == 0


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("actor", [FAN, BOT, {"id": "unknown"}])
@pytest.mark.parametrize("kind", sorted(UNDOABLE - {"post"}))
def test_an_undo_takes_back_exactly_what_was_counted(kind, actor, by_id):
    other = event("other", "view", START, actor=FAN)
    act = event("a", kind, START + 1, actor=actor, object_id="o", target={"id": "t"})
    undo = event("u", kind, START + 5, actor=actor, object_id="o", target={"id": "t"}, op="undo")
    if by_id:
        undo["undoes"] = "a"
    before, after = day_pane(run_of(other)), day_pane(run_of(other, act, undo))
    assert after[UNDOS] == 1
    after[UNDOS] = 0
    assert after == before


def test_an_undo_is_taken_from_the_pane_of_the_act_not_of_the_undo():
    late = START + 3 * DAY
    run = Core().run(records([
        (START, event("a", "like", START)), (late, event("u", "like", late, op="undo", undoes="a")),
    ]))  # fmt: skip
    days = run.influencer().days.by_index
    assert days[START // DAY][COUNT + KIND_INDEX["like"]] == 0
    assert days[late // DAY][UNDOS] == 1


def test_an_undo_of_what_nobody_saw_is_counted_as_unresolved():
    run = run_of(event("u", "like", START, op="undo", undoes="never"), event("b", "like", START, actor="x"))
    assert run.influencer().meta.unresolved_undos == 1
    assert day_pane(run)[COUNT + KIND_INDEX["like"]] == 1


def test_an_undo_counts_once_only():
    acts = [event(f"a{i}", "like", START, actor=f"fan{i}") for i in range(3)]
    undos = [event(f"u{i}", "like", START + 9, actor="fan1", op="undo", undoes="a1") for i in range(3)]
    run = run_of(*acts, *undos)
    assert day_pane(run)[COUNT + KIND_INDEX["like"]] == 2
    assert run.influencer().meta.unresolved_undos == 2


@settings(max_examples=25, deadline=None, phases=PHASES)
@given(st.integers(0, 2**32))
def test_no_count_ever_falls_below_zero_or_its_parts_above_it(seed):
    run = Core(Book([partnership()])).run(records(stream(seed, 200, undos=0.4, disorder=0.4)))
    for inf in run.partition.influencers.values():
        short = [pane for month in inf.short.values() for pane in month.values()]
        for panes in (inf.minutes.by_index, inf.hours.by_index, inf.days.by_index):
            for pane in (*panes.values(), *short):
                assert min(pane) >= 0
                for kind in range(N_KINDS):
                    assert pane[COUNT + kind] >= pane[KNOWN + kind] >= pane[LOW + kind]
                assert pane[WEIGHT] >= pane[FLAGGED]


@settings(max_examples=25, deadline=None, phases=PHASES)
@given(st.integers(0, 2**32))
def test_day_panes_hold_the_net_of_all_acts_and_undos(seed):
    """Brute force: likes of distinct actors, some undone once, in any order of days."""
    rng = Random(seed)
    net: Counter[int] = Counter()
    events = []
    clock = START
    for i in range(80):
        clock += rng.randrange(4 * HOUR)
        at = clock - rng.choice((0, 0, 0, HOUR, 2 * DAY))
        net[at // DAY] += 1
        events.append((clock, event(f"a{i}", "like", at, actor=f"fan{i}")))
        if rng.random() < 0.4:
            clock += rng.randrange(5 * HOUR)
            net[at // DAY] -= 1
            events.append((clock, event(f"u{i}", "like", clock, actor=f"fan{i}", op="undo")))
    days = Core().run(records(events)).influencer().days.by_index
    like = COUNT + KIND_INDEX["like"]
    assert {day: pane[like] for day, pane in days.items() if pane[like]} == {
        d: n for d, n in net.items() if n
    }


def test_a_comment_that_was_taken_back_waits_for_no_answer():
    comment = event("c", "comment", START, object_id="o")
    undo = event("u", "comment", START + 1, object_id="o", op="undo", undoes="c")
    answer = event("a", "reply", START + 2, actor="ann", target={"id": "o"})
    run = run_of(comment, undo, answer)
    assert day_pane(run)[ANSWERABLE] == 0
    assert run.influencer().meta.last_answer_at is None


def test_an_answer_reaches_a_comment_by_target_or_by_parent():
    for target in ({"id": "o"}, {"id": "post", "parent_id": "o"}):
        comment = event("c", "comment", START, object_id="o")
        run = run_of(comment, event("a", "reply", START + 1, actor="ann", target=target))
        assert run.influencer().meta.last_answer_at == START + 1


def test_coming_back_on_an_answer_makes_one_dialogue():
    run = run_of(
        event("c", "comment", START, object_id="o"),
        event("a", "reply", START + 1, actor="ann", target={"id": "o"}, object_id="x"),
        event("b", "reply", START + 2, target={"id": "x"}),
        event("d", "reply", START + 3, target={"id": "x"}),
    )
    assert day_pane(run)[DIALOGUES] == 1


@pytest.mark.parametrize("named", [{"object_id": "p"}, {}])
def test_a_post_that_is_listed_again_long_after_is_no_new_post(named):
    """Polled videos come for weeks, ids are remembered for two days; what the post has gathered stays."""
    post = event("p", "post", START, actor="ann", **named)
    like = event("l", "like", START + 9, actor="fan", target={"id": "p"})
    again = post | {"sponsored": {"label": True}}
    core = Core()
    core.fold(records([(START, post), (START + 9, like)]))
    later = event("v", "view", START + 3 * DAY, actor="fan", target={"id": "p"})
    core.fold(records([(START + 3 * DAY, later), (START + 3 * DAY, again)]), ARRIVAL + 72)
    core.write()
    assert core.partition.totals.duplicate == 0
    assert day_pane(core)[OWN_POSTS] == 1
    (stat,) = core.influencer().posts.values()
    assert stat.likes[-1] == 1 and stat.sponsored


def test_updates_change_no_count():
    run = run_of(
        event("a", "comment", START, op="update"), event("b", "post", START, actor="ann", op="update")
    )
    assert not any(sum(pane) for pane in run.influencer().days.by_index.values())


@pytest.mark.parametrize(
    ("data", "followers"),
    [
        (event("a", "counter", START, metric="followers", count=7, actor=None), 7),
        (event("a", "counter", START, metric="followers", count=7, actor=None, target={"id": "ann"}), 7),
        (event("a", "counter", START, metric="followers", count=7, actor=None, target={"id": "post"}), None),
        (event("a", "counter", START, metric="likes", count=7, actor=None), None),
        (event("a", "counter", START, metric="followers", count=7, actor=None, cumulative=False), None),
        (event("a", "profile", START, actor={"id": "ann", "followers": 8}), 8),
        (event("a", "profile", START, actor={"id": "fan", "followers": 8}), None),
        (event("a", "post", START, actor={"id": "ann", "followers": 9}), 9),
        (event("a", "like", START, actor={"id": "fan", "followers": 9}), None),
    ],
)
def test_followers_come_from_counters_and_own_profiles(data, followers):
    run = run_of(data)
    assert run.influencer().meta.followers == followers
    assert run.influencer().meta.lifetime[-2:].count(1) == (data["kind"] in ("counter", "profile"))


def test_acts_on_a_post_are_booked_by_its_age():
    acts = [(START + age, event(f"l{age}", "like", START + age, actor=f"f{age}", target={"id": "p"}))
            for age in (60, 3_600, 3_601, 80_000, 260_000)]  # fmt: skip
    bots = [(START + 300_000 - 50_000, event("bot", "like", START + 250_000, actor=BOT, target={"id": "p"}))]
    post = [(START, event("p", "post", START, actor="ann", object_id="p"))]
    run = Core().run(records(sorted(post + acts + bots, key=lambda item: item[0])))
    (stat,) = run.influencer().posts.values()
    assert stat.likes == [2, 3, 4, 5]
    assert stat.weight == [200, 300, 400, 400], "what is flagged weighs nothing"


def test_a_comment_within_a_thread_counts_for_the_post_at_its_root():
    run = run_of(
        event("p", "post", START, actor="ann", object_id="p"),
        event("c", "comment", START, target={"id": "other", "root_id": "p"}),
    )
    (stat,) = run.influencer().posts.values()
    assert stat.comments == [1, 1, 1, 1]


def test_an_older_fact_that_comes_late_does_not_replace_a_newer():
    facts = [(100, 50_000), (-5 * DAY, 900), (200, 60_000)]
    made = [event(f"f{at}", "profile", START + at, actor={"id": "ann", "followers": n}) for at, n in facts]
    stamped = [(START + 100 + i, data) for i, data in enumerate(made[:2])] + [(START + 200, made[2])]
    run = Core().run(records(stamped[:2]))
    assert run.influencer().meta.followers == 50_000
    run.claim()
    run.run(records(stamped[1:], first=2))
    assert run.influencer().meta.followers == 60_000


@pytest.mark.parametrize("kind", ["like", "comment", "share"])
def test_an_act_taken_back_leaves_its_post_as_it_was(kind):
    post = event("p", "post", START, actor="ann", object_id="P")
    liked = event("l", kind, START + 1_000, target={"id": "P"}, actor=FAN)
    back = event("u", kind, START + 90_000, op="undo", undoes="l", target={"id": "P"}, actor=FAN)
    run = Core().run(records([(START, post)]))
    before = [(p.likes[:], p.comments[:], p.weight[:]) for p in run.influencer().posts.values()]
    run.run(records([(START + 1_000, liked)], first=1))
    assert [(p.likes, p.comments, p.weight) for p in run.influencer().posts.values()] != before
    run.run(records([(START + 90_000, back), (START + 90_001, event("x", "view", START + 90_001))], first=2))
    assert [(p.likes, p.comments, p.weight) for p in run.influencer().posts.values()] == before


def test_an_answer_dated_before_its_comment_answers_nothing():
    said = event("c", "comment", START + 100, object_id="C", actor=FAN)
    early = event("r", "reply", START + 40, actor="ann", object_id="R", target={"id": "C"})
    run = Core().run(records([(START + 100, said), (START + 101, early)]))
    assert run.influencer().meta.last_answer_at is None
    assert len(run.influencer().comments) == 1
