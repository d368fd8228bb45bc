"""What comments have in common: factors, rows of posts, bounded memory that comes back as it was."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.decode import Actor, Event
from processors.ledgers.base import Act
from processors.ledgers.comments import PLACES, POSTS, TALK, TEXTS, Comments
from processors.ledgers.ring import Ring
from processors.panes import DAY, DUPLICATES, GENERICS, INAUTHENTIC, INTENTS, QUESTIONS, new_pane
from processors.signals.inputs import PostStat
from processors.text import words
from tests.processors.builders import NOW


def comment(text: str, actor: int, at: float, post: PostStat | None = None, **fields: Any) -> Act:
    event = Event(f"e{actor}/{at}", "s", "comment", dt.datetime.fromtimestamp(at, dt.UTC), "x:ann", text=text)
    act = Act(event, "comment", "create", at, "audience", actor, newest=at)
    act.words, act.post, act.panes = words(text), post, (new_pane(),)
    act.post_age = at - post.at if post is not None else -1.0
    for name, value in fields.items():
        setattr(act, name, value)
    return act


def post(number: int, at: int = NOW) -> PostStat:
    return PostStat(1_000 + number, at)


def test_the_same_words_by_a_crowd_within_minutes_are_near_duplicates() -> None:
    ledger, under = Comments(), post(1)
    acts = [
        comment(f"This is really {word} content my friend {'🔥' * n}", n + 1, NOW + 60 * n, under)
        for n, word in enumerate(["great", "GREAT", "greaat", "great", "great", "great"])
    ]
    for act in acts:
        ledger.act(act)
    assert [act.factors for act in acts[:4]] == [[]] * 4
    assert acts[4].factors == acts[5].factors == ["near_duplicate"]
    assert ledger.posts[under.id_hash].exact == 5
    assert acts[5].panes[0][DUPLICATES] == 1


def placed(country: str, actor: int, at: float, under: PostStat) -> Act:
    act = comment("Where did you get that jacket", actor, at, under)
    act.event.actor = Actor(f"x:{actor}", country=country)
    return act


def test_comments_from_where_hardly_any_came_are_foreign_for_two_weeks() -> None:
    ledger, before, under = Comments(), post(1), post(2, NOW + 20 * DAY)
    for n in range(40):
        ledger.act(placed("GB" if n % 4 else "IE", n, NOW + n, before))
    assert ledger.posts[before.id_hash].placed == 0  # nobody can say yet what is usual
    for n in range(30):
        ledger.act(placed("IN" if n % 3 else "GB", 100 + n, under.at + n, under))
    row = ledger.posts[under.id_hash]
    assert (row.placed, row.foreign) == (30, 20)  # their own number doesn't make them usual
    later = post(3, under.at + 21 * DAY)
    for n in range(9):
        ledger.act(placed("IN", 200 + n, later.at + n, later))
    assert (ledger.posts[later.id_hash].placed, ledger.posts[later.id_hash].foreign) == (9, 0)


def test_accounts_of_low_credibility_make_no_country_usual() -> None:
    ledger, before, under = Comments(), post(1), post(2, NOW + 20 * DAY)
    for n in range(60):
        act = placed("GB" if n % 2 else "IN", n, NOW + n, before)
        act.low = n % 2 == 0
        ledger.act(act)
    ledger.act(placed("IN", 99, under.at + 1, under))
    assert ledger.posts[under.id_hash].foreign == 1


def test_countries_are_bounded_and_come_back_as_they_were() -> None:
    ledger, under = Comments(), post(1)
    for n in range(200):
        ledger.act(placed(f"{chr(65 + n % 26)}{chr(65 + n // 26)}", n, NOW + n * DAY / 4, under))
    assert all(len(counts) <= PLACES for counts in ledger.places.values()) and len(ledger.places) <= 4
    back = Comments()
    for sub, data in ledger.writes():
        if data is not None:
            back.load(sub, data)
    assert back.places == ledger.places
    assert not list(ledger.writes())


@pytest.mark.parametrize(
    "text", ["so good", "🔥🔥", "love it", "happy birthday", "@ann @bob done now yes please"]
)
def test_short_texts_emoji_and_giveaways_are_no_duplicates(text: str) -> None:
    ledger, under = Comments(), post(1)
    acts = [comment(text, n + 1, NOW + n, under) for n in range(30)]
    for act in acts:
        ledger.act(act)
    assert all(set(act.factors) <= {"generic"} for act in acts)


def test_the_same_actor_with_the_same_words_on_three_posts_is_a_duplicate() -> None:
    ledger = Comments()
    acts = [comment("buy from us", 7, NOW + n, post(n)) for n in range(3)]
    fan = [comment("so good", 8, NOW + n, post(n)) for n in range(9)]
    for act in (*acts, *fan):
        ledger.act(act)
    assert [act.factors for act in acts] == [[], [], ["duplicate"]]
    assert all(act.factors == ["generic"] for act in fan)


def test_panes_count_what_comments_say() -> None:
    ledger = Comments()
    act = comment("how much is it?", 1, NOW, post(1))
    low = comment("wow", 2, NOW, post(1), low=True, factors=["low_credibility"])
    ledger.act(act)
    ledger.act(low)
    assert (act.panes[0][QUESTIONS], act.panes[0][INTENTS], act.panes[0][INAUTHENTIC]) == (1, 1, 0)
    assert (low.panes[0][GENERICS], low.panes[0][INAUTHENTIC]) == (1, 1)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40), st.integers(0, 12)), max_size=260),
    st.integers(1, 40),
)
def test_writes_are_whole_and_bounded_and_come_back(rows: list[tuple[int, int, int]], every: int) -> None:
    ledger, other = Comments(), Comments()
    stored: dict[str, bytes] = {}
    for n, (actor, on, word) in enumerate(rows):
        text = f"what a view from number {chr(97 + word)} on the hill"
        for one in (ledger, other):
            one.act(comment(text, actor, NOW + n, post(on)))
        if n % every == 0:
            _store(stored, ledger)
    _store(stored, ledger)
    once: dict[str, bytes] = {}
    _store(once, other)
    assert stored == once
    assert len(ledger.posts) <= POSTS and ledger.texts.held <= TEXTS and ledger.talk.held <= TALK
    assert sum(map(len, stored.values())) < 20 * 1024
    again = Comments()
    for sub, value in stored.items():
        again.load(sub, value)
    probe = [comment("what a view from number c on the hill", 99, NOW + 900, post(3)) for _ in range(2)]
    ledger.act(probe[0])
    again.act(probe[1])
    assert probe[0].factors == probe[1].factors and ledger.posts == again.posts


def _store(stored: dict[str, bytes], ledger: Comments) -> None:
    for sub, value in ledger.writes():
        if value is None:
            stored.pop(sub, None)
        else:
            stored[sub] = value


def test_a_ring_finds_whole_values_only_and_forgets_the_oldest() -> None:
    ring = Ring(32, (4, 4))
    for n in range(40):
        ring.put((n * 256).to_bytes(4, "little"), b"abcd")
    assert ring.find(0, (0).to_bytes(4, "little")) == [] and ring.held == 32
    assert len(ring.find(1, b"abcd")) == 32 and ring.find(1, b"cdab") == []
    with pytest.raises(ValueError, match="multiple"):
        Ring(33, (4,))


def test_real_comments_hardly_ever_have_two_factors(
    shared_data: Callable[[str], Path],
) -> None:
    source = shared_data("instagram_comments/comments.csv")
    ledgers: dict[str, Comments] = {}
    two = count = 0
    with source.open(newline="", encoding="utf-8") as file:
        for n, row in enumerate(csv.DictReader(file)):
            if row["is_influencer"] == "1":
                continue
            act = comment(
                row["text"], int(row["user_hash"], 16), NOW + 20 * n, post(hash(row["post_id"]) % 10**9)
            )
            ledgers.setdefault(row["influencer"], Comments()).act(act)
            count += 1
            two += len(act.factors) > 1
    assert count > 9_000 and two <= count / 1_000
