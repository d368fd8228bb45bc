"""Windows against brute force over the events themselves."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from processors.influencer import KEEP_HOURS, KEEP_MINUTES
from processors.panes import (
    ANSWERABLE,
    ANSWERED,
    COUNT,
    DAY,
    HOUR,
    KIND_INDEX,
    LATE,
    LATENCY_EDGES,
    MINUTES_5,
)
from processors.signals.survival import exposure_of
from processors.windows import gap, signal_input, window_end
from tests.processors.core import START, Core, event, partnership, records

KINDS = ("like", "comment", "share", "save", "view", "follow")
SEEDS = st.integers(0, 2**32)
SETTINGS = settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


def counted(seed, days=40, count=300):
    """In order, or a little late, over `days`: (core, [(time, kind)])."""
    rng = Random(seed)
    times = sorted(START + rng.random() * days * DAY for _ in range(count))
    events = [(at, event(f"e{i}", rng.choice(KINDS), at)) for i, at in enumerate(times)]
    order = sorted(events, key=lambda item: item[0] + rng.random() * 50)
    stamped, clock = [], 0.0
    for at, data in order:
        clock = max(clock, at)
        stamped.append((clock, data))
    return Core().run(records(stamped)), [(at, data["kind"]) for at, data in events]


def brute(events, since, until):
    counts = Counter(kind for at, kind in events if since <= at < until)
    return [counts.get(kind, 0) for kind in KINDS]


def of(pane):
    return [pane[COUNT + KIND_INDEX[kind]] for kind in KINDS]


@SETTINGS
@given(SEEDS, st.integers(0, 24 * 12 - 1))
def test_windows_are_sums_over_the_events_of_their_time(seed, back):
    """H1 and D1 exactly; D7 and D28 from the floor of their first day on (see processors.windows)."""
    run, events = counted(seed)
    inf = run.influencer()
    # a boundary near the end, for which everything is still kept
    at = inf.meta.evaluated - back * MINUTES_5 if back < KEEP_MINUTES - 12 else inf.meta.evaluated
    inp = signal_input(inf, partnership(), at)
    end = window_end(at)
    assert of(inp.h1) == brute(events, at - HOUR, at)
    assert of(inp.d1) == brute(events, end - DAY, end)
    assert of(inp.d7) == brute(events, (end - 7 * DAY) // DAY * DAY, end)
    assert of(inp.d28) == brute(events, (end - 28 * DAY) // DAY * DAY, end)


@SETTINGS
@given(SEEDS)
def test_a_provisional_window_takes_in_everything_up_to_now(seed):
    run, events = counted(seed)
    inf = run.influencer()
    at = int(inf.meta.max_at) // MINUTES_5 * MINUTES_5
    inp = signal_input(inf, partnership(), at, provisional=True)
    end, last = window_end(at), at + MINUTES_5
    assert of(inp.h1) == brute(events, last - HOUR, last)
    assert of(inp.d1) == brute(events, end - DAY, float("inf"))
    assert of(inp.d7) == brute(events, (end - 7 * DAY) // DAY * DAY, float("inf"))
    assert of(inp.d28) == brute(events, (end - 28 * DAY) // DAY * DAY, float("inf"))


@SETTINGS
@given(SEEDS)
def test_five_minute_hour_and_day_panes_tell_the_same(seed):
    run, events = counted(seed, days=3, count=400)
    inf = run.influencer()
    first = inf.settled // HOUR - KEEP_HOURS
    by_minute, by_hour = inf.minutes.by_index, inf.hours.by_index
    for day, pane in inf.days.by_index.items():
        assert of(pane) == brute(events, day * DAY, (day + 1) * DAY)
        hours = [by_hour[hour] for hour in range(day * 24, day * 24 + 24) if hour in by_hour]
        if day * 24 >= first:
            assert pane == [sum(column) for column in zip(*hours, strict=True)]
    hour = int(inf.settled) // HOUR - 1
    minutes = [by_minute[index] for index in range(hour * 12, hour * 12 + 12) if index in by_minute]
    assert of(by_hour.get(hour, [0] * 60)) == [
        sum(of(pane)[i] for pane in minutes) for i in range(len(KINDS))
    ]


@SETTINGS
@given(SEEDS, st.integers(1, 34 * 24))
def test_late_events_land_where_they_belong_and_drop_out_of_no_window(seed, hours_late):
    """Also those that come after the sums of their window were made, and between hour panes and day panes."""
    run, events = counted(seed)
    inf = run.influencer()
    at = inf.meta.evaluated
    signal_input(inf, partnership(), at)  # the sums are made, and kept
    late = inf.meta.max_at - hours_late * HOUR
    before = inf.days.at(late)[LATE]
    run.run(records([(run.partition.clock, event("late", "like", late))], first=len(events)))
    inp = signal_input(inf, partnership(), at)
    events = [*events, (late, "like")]
    end = window_end(at)
    assert of(inp.d1) == brute(events, end - DAY, end)
    assert of(inp.d7) == brute(events, (end - 7 * DAY) // DAY * DAY, end)
    assert of(inp.d28) == brute(events, (end - 28 * DAY) // DAY * DAY, end)
    assert inf.days.at(late)[LATE] == before + 1


def test_events_of_months_ago_are_kept_by_day_in_short_form():
    run, events = counted(3)
    inf = run.influencer()
    old = inf.meta.max_at - 100 * DAY
    run.run(records([(run.partition.clock, event("old", "share", old))], first=len(events)))
    day = int(old) // DAY
    assert inf.short[day // 30][day][COUNT + KIND_INDEX["share"]] == 1
    assert day not in inf.days.by_index


def test_a_day_that_became_short_still_holds_all_its_events():
    run, events = counted(4)
    inf = run.influencer()
    first = START // DAY
    assert first not in inf.days.by_index, "40 days on, the first day is short"
    assert of(inf.short[first // 30][first]) == brute(events, START, START + DAY)
    late = START + 60
    run.run(records([(run.partition.clock, event("late", "like", late))], first=len(events)))
    assert of(inf.short[first // 30][first]) == brute([*events, (late, "like")], START, START + DAY)


def conversation(seed):
    """Comments over five days, some answered after minutes to days: (core, [(said, answered or None)])."""
    rng = Random(seed)
    threads = []
    events = []
    for i in range(120):
        said = START + int(rng.random() * 5 * DAY)
        answered = said + int(rng.choice(LATENCY_EDGES) * rng.random()) if rng.random() < 0.5 else None
        events.append((said, event(f"c{i}", "comment", said, object_id=f"o{i}")))
        if answered is not None and answered < START + 5 * DAY:
            target = {"id": f"o{i}"}
            data = event(f"a{i}", "reply", answered, actor="ann", target=target, object_id=f"x{i}")
            events.append((answered, data))
        else:
            answered = None
        threads.append((said, answered))
    end = START + 5 * DAY + HOUR
    events.append((end, event("last", "like", end)))
    return Core().run(records(sorted(events, key=lambda item: item[0]))), threads


def bin_of(age):
    return next((i for i, edge in enumerate(LATENCY_EDGES) if age <= edge), None)


@SETTINGS
@given(SEEDS)
def test_exposure_is_that_of_the_single_comments(seed):
    """Brute force: a comment is as old as the end of its pane, at risk in each bin whose edge it reaches,
    until it is answered."""
    run, threads = conversation(seed)
    at = START + 5 * DAY
    inp = signal_input(run.influencer(), partnership(), at)
    at_risk, answered = [0] * len(LATENCY_EDGES), [0] * len(LATENCY_EDGES)
    for said, replied in threads:
        # cohorts older than 48 h are exposed to everything
        age = max(at - (said // HOUR + 1) * HOUR, 0)
        done = None if replied is None else bin_of(replied - said)
        for i, edge in enumerate(LATENCY_EDGES):
            if age < edge or (done is not None and done < i):
                break
            at_risk[i] += 1
            answered[i] += done == i
    assert inp.exposure_d7.comments == len(threads)
    assert list(inp.exposure_d7.at_risk) == at_risk
    assert list(inp.exposure_d7.answered) == answered
    assert inp.exposure_d28 == inp.exposure_d7


@SETTINGS
@given(SEEDS)
def test_the_gap_counts_the_comments_since_the_last_answer_by_age(seed):
    run, threads = conversation(seed)
    at = START + 5 * DAY
    replies = [answered for said, answered in threads if answered is not None]
    found = gap(run.influencer(), at)
    if not replies:
        assert found.since is None
        return
    assert found.since == max(replies)
    wanted = [0] * len(LATENCY_EDGES)
    oldest_hour = (at - LATENCY_EDGES[-1]) // DAY * 24
    for said, _ in threads:
        hour = said // HOUR
        if said > found.since and hour > found.since // HOUR and hour >= oldest_hour:
            wanted[bin_of(at - (hour + 1) * HOUR) or 0] += 1
        elif said > found.since and hour < oldest_hour and said // DAY > found.since // DAY:
            wanted[-1] += 1
    assert list(found.comments_by_age) == wanted


def test_answers_are_booked_with_the_comment_they_answer():
    at = START
    run = Core().run(records([
        (at, event("c", "comment", at, object_id="o")),
        (at + 5 * HOUR, event("a", "reply", at + 5 * HOUR, actor="ann", target={"id": "o"})),
        (at + 6 * HOUR, event("b", "reply", at + 6 * HOUR, actor="ann", target={"id": "o"})),
    ]))  # fmt: skip
    hours = run.influencer().hours.by_index
    first = hours[at // HOUR]
    assert first[ANSWERABLE] == 1
    assert first[ANSWERED + 3] == 1, "3 to 6 hours; only the first answer counts"
    assert sum(hours[at // HOUR + 5][ANSWERED : ANSWERED + 7]) == 0


def test_an_answer_after_two_days_and_an_hour_is_none_any_more():
    at, late = START, START + 50 * HOUR
    run = Core().run(records([
        (at, event("c", "comment", at, object_id="o")),
        (late, event("a", "reply", late, actor="ann", target={"id": "o"}, object_id="x")),
        (late, event("b", "reply", late, target={"id": "x"})),
    ]))  # fmt: skip
    inf = run.influencer()
    assert inf.meta.last_answer_at is None
    assert sum(sum(pane[ANSWERED : ANSWERED + 8]) for pane in inf.days.by_index.values()) == 0


def test_exposure_of_nothing_is_nothing():
    assert exposure_of([], START).comments == 0


@pytest.mark.parametrize("hour", [0, 7, 23])
def test_d7_starts_at_the_floor_of_its_first_day(hour):
    """At midnight exactly seven days, never less, at most a day more."""
    end = START + 10 * DAY + hour * HOUR
    floor = START + 3 * DAY
    assert dt.datetime.fromtimestamp(floor, dt.UTC).hour == 0
    times = [floor - 1, floor, end - 1, end]
    events = [(at, event(f"e{at}", "like", at)) for at in times]
    events.append((end + 900, event("last", "view", end + 900)))
    run = Core().run(records(events))
    inp = signal_input(run.influencer(), partnership(), end)
    assert inp.d7[COUNT + KIND_INDEX["like"]] == 2


@SETTINGS
@given(SEEDS, st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_sums_moved_on_from_hour_to_hour_are_the_sums_made_anew(seed, steps):
    run, _ = counted(seed, days=12)
    inf = run.influencer()
    end = window_end(inf.meta.evaluated) - 3 * DAY
    for step in steps:
        end += step * HOUR
        moved = signal_input(inf, partnership(), end)
        inf.cache.clear()
        assert moved == signal_input(inf, partnership(), end)
        inf.cache.clear()
        signal_input(inf, partnership(), end - HOUR)
        assert moved == signal_input(inf, partnership(), end)
