"""What is held of an influencer, and that Redis gives it back as it was."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from processors.book import Book
from processors.influencer import (
    KEEP_COMMENTS_S,
    KEEP_DAYS,
    KEEP_HOURS,
    KEEP_MINUTES,
    KEEP_POSTS,
    KEEP_SHORT_DAYS,
    MAX_COMMENTS,
    Influencer,
    decode_meta,
    lifetime_counts,
)
from processors.panes import (
    DAY,
    HOUR,
    MINUTES_5,
    N_KINDS,
    WIDTH,
    decode_pane,
    encode_pane,
    latency_bin,
    new_pane,
)
from tests.processors.core import KEYS, START, Core, event, influencer_state, partnership, records, stream

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


class Kept:
    """One influencer's hash and comments, as fenced writes make them."""

    def __init__(self) -> None:
        self.fields: dict[bytes, bytes] = {}
        self.comments = b""

    def write(self, inf: Influencer) -> None:
        inf.trim()
        sets, gone, appended, whole = inf.writes()
        for name, value in zip(sets[::2], sets[1::2], strict=True):
            self.fields[str(name).encode()] = value
        for name in gone:
            self.fields.pop(name.encode(), None)
        self.comments = whole if whole is not None else self.comments + appended

    def load(self) -> Influencer:
        return Influencer.load("ann", self.fields, self.comments)


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(st.integers(0, 2**32), st.integers(1, 149))
def test_what_was_written_is_what_is_loaded_at_any_cut(seed, cut):
    """Field by field, and again after going on."""
    recs = records(stream(seed))
    run = Core(Book([partnership()]))
    for part in (recs[:cut], recs[cut:]):
        run.run(part)
        for name, held in run.partition.influencers.items():
            fields = run.store.hashes.get(KEYS.influencer(name), {})
            found = Influencer.load(name, fields, run.store.strings.get(KEYS.comments(name), b""))
            assert influencer_state(found) == influencer_state(held)


def test_a_new_influencer_is_empty():
    assert influencer_state(Influencer.load("ann", {}, b"")) == influencer_state(Influencer("ann"))


def test_the_order_of_fields_does_not_matter():
    """Redis gives the fields of a large hash back in any order."""
    run = Core(Book([partnership()])).run(records(stream(1)))
    fields = run.store.hashes[KEYS.influencer("ann")]
    turned = dict(reversed(fields.items()))
    assert influencer_state(Influencer.load("ann", turned, b"")) == influencer_state(
        Influencer.load("ann", fields, b"")
    )


def test_nothing_is_written_twice():
    run = Core().run(records(stream(2)))
    inf = run.influencer()
    sets, gone, appended, whole = inf.writes()
    assert (sets[0], len(sets), gone, appended, whole) == ("meta", 2, [], b"", None)


def test_only_panes_that_changed_are_written():
    run = Core().run(records([(START, event("a", "like", START))]))
    run.fold(records([(START + HOUR, event("b", "like", START + HOUR))], first=1))
    sets, _, _, _ = run.influencer().writes()
    hour, index = (START + HOUR) // HOUR, (START + HOUR) // MINUTES_5
    assert {f"h:{hour}", f"d:{START // DAY}", f"m:{index}"} <= set(sets[::2])
    assert f"h:{START // HOUR}" not in sets[::2]


def test_the_pane_that_was_folded_into_last_is_marked_again_after_a_write():
    run = Core()
    for i in range(3):
        run.run(records([(START + i, event(f"a{i}", "like", START + i))], first=i))
    fields = run.store.hashes[KEYS.influencer("ann")]
    for name in (f"m:{START // MINUTES_5}", f"h:{START // HOUR}", f"d:{START // DAY}"):
        assert decode_pane(fields[name.encode()])[3] == 3


def test_panes_are_bounded_and_their_fields_go():
    """Five minutes for two hours, hours for three days, days for five weeks; then short, for 400 days."""
    run = Core()
    for i in range(0, 450 * DAY, 11 * HOUR):
        at = START + i
        run.run(records([(at, event(f"a{i}", "like", at))], first=run.next))
    inf = run.influencer()
    assert len(inf.minutes.by_index) <= KEEP_MINUTES + 1
    assert len(inf.hours.by_index) <= KEEP_HOURS + 1
    assert len(inf.days.by_index) <= KEEP_DAYS + 2
    short = [day for month in inf.short.values() for day in month]
    assert KEEP_SHORT_DAYS - KEEP_DAYS - 5 <= len(short) <= KEEP_SHORT_DAYS - KEEP_DAYS + 35
    names = {name.split(b":")[0] for name in run.store.hashes[KEYS.influencer("ann")]}
    assert names == {b"meta", b"m", b"h", b"d", b"s", b"a", b"ref", b"sp", b"l", b"slow"}
    counts = {group: sum(name.startswith(group) for name in run.store.hashes[KEYS.influencer("ann")])
              for group in (b"m:", b"h:", b"d:", b"s:")}  # fmt: skip
    assert counts == {b"m:": len(inf.minutes.by_index), b"h:": len(inf.hours.by_index),
                      b"d:": len(inf.days.by_index), b"s:": len(inf.short)}  # fmt: skip


def test_comments_come_back_open_closed_and_answered():
    inf, kept = Influencer("ann"), Kept()
    inf.meta.max_at = inf.meta.evaluated = START
    inf.open_comment(1, START)
    inf.open_comment(2, START + 1)
    kept.write(inf)
    assert inf.close_comment(1) == START
    inf.own_answer(9, START)
    kept.write(inf)
    other = kept.load()
    assert (other.comments, other.answers) == ({2: START + 1}, {9: START})
    assert other.take_answer(9) == START
    kept.write(other)
    assert kept.load().take_answer(9) is None
    assert kept.load().close_comment(1) is None


def test_comments_past_answering_are_compacted_away():
    inf, kept = Influencer("ann"), Kept()
    for number in range(500):
        at = START + number * HOUR
        inf.meta.max_at = inf.meta.evaluated = at
        for i in range(10):
            inf.open_comment(number * 10 + i, at)
        kept.write(inf)
    assert len(kept.comments) < 16 * 10 * (KEEP_COMMENTS_S + 2 * DAY) // HOUR
    assert kept.load().comments == inf.comments
    assert inf.close_comment(4_999) is not None
    assert inf.close_comment(10 * (500 - 51)) is None


def test_the_comments_of_a_popular_influencer_stay_short_in_redis():
    """More come in 49 h than are held: none that is held is ever stale."""
    inf, kept = Influencer("ann"), Kept()
    longest = 0
    for number in range(6 * MAX_COMMENTS):
        inf.meta.max_at = inf.meta.evaluated = at = START + number
        inf.open_comment(number * 11400714819323198485 % 2**64, at)
        if number % 2_000 == 0:
            kept.write(inf)
            longest = max(longest, len(kept.comments))
    kept.write(inf)
    assert longest < 16 * 5 * MAX_COMMENTS
    assert kept.load().comments == inf.comments
    assert len(inf.comments) == MAX_COMMENTS


def test_comments_that_were_answered_leave_redis_too():
    inf, kept = Influencer("ann"), Kept()
    for number in range(2_000):
        inf.meta.max_at = inf.meta.evaluated = at = START + number
        inf.open_comment(number, at)
        inf.close_comment(number)
        kept.write(inf)
        assert len(kept.comments) <= 4_096 + 32


@pytest.mark.parametrize("at", [-62_135_596_800, -1, 0, 2**32, 253_402_300_799])
def test_a_comment_of_any_year_comes_back(at):
    inf, kept = Influencer("ann"), Kept()
    inf.meta.max_at = inf.meta.evaluated = at
    inf.open_comment(1, at)
    inf.own_answer(2, at)
    kept.write(inf)
    assert (kept.load().comments, kept.load().answers) == ({1: at}, {2: at})


def test_open_comments_are_bounded_and_the_oldest_go_also_after_a_restart():
    inf, kept = Influencer("ann"), Kept()
    inf.meta.max_at = inf.meta.evaluated = START
    for number in range(MAX_COMMENTS + 5):
        inf.open_comment(number, START)
    kept.write(inf)
    assert len(inf.comments) == MAX_COMMENTS and 4 not in inf.comments and 5 in inf.comments
    assert kept.load().comments == inf.comments


def test_only_the_newest_posts_are_kept():
    inf, kept = Influencer("ann"), Kept()
    for number in range(KEEP_POSTS + 10):
        inf.new_post(number, START + (number * 7) % 40, False, f"e{number}")
        kept.write(inf)
    ages = sorted((number * 7) % 40 for number in range(KEEP_POSTS + 10))[-KEEP_POSTS:]
    assert sorted(post.at - START for post in inf.posts.values()) == ages
    assert kept.load().posts == inf.posts


def test_meta_of_an_older_version_is_read_with_defaults():
    inf, kept = Influencer("ann"), Kept()
    inf.meta.max_at = inf.meta.evaluated = START
    kept.write(inf)
    import msgspec

    short = msgspec.msgpack.encode(msgspec.msgpack.decode(kept.fields[b"meta"])[:8])
    meta = decode_meta(short)
    assert (meta.max_at, meta.freeze_tried) == (START, {})
    assert lifetime_counts(meta) == {}


@given(st.lists(st.integers(0, 10**12), min_size=WIDTH, max_size=WIDTH))
def test_panes_come_back_whole(pane):
    assert decode_pane(encode_pane(pane)) == pane


def test_a_quiet_pane_is_small_and_a_short_one_is_padded():
    pane = new_pane()
    assert len(encode_pane(pane)) == 1
    pane[N_KINDS - 1] = 1
    assert len(encode_pane(pane)) < 20
    assert decode_pane(encode_pane(pane)) == pane


@pytest.mark.parametrize(
    ("seconds", "column"), [(0, 0), (900, 0), (901, 1), (86_400, 5), (172_800, 6), (172_801, None)]
)
def test_latencies_have_upper_edges(seconds, column):
    assert latency_bin(seconds) == column
