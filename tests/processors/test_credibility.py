"""Credibility by points; too few facts are no judgement."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.credibility import credibility
from processors.decode import Actor
from tests.processors.core import START

NOW = float(START)


def made(days):
    return dt.datetime.fromtimestamp(NOW - days * 86_400, dt.UTC)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"posts": 0},
        {"has_bio": False},
        {"followers": 3},
        {"following": 5_000},
        {"country": "GB", "lang": "en"},
    ],
)
def test_fewer_than_two_facts_say_nothing(facts):
    assert credibility(Actor("a", **facts), NOW) is None


@pytest.mark.parametrize(
    ("facts", "points"),
    [
        ({"posts": 4, "has_bio": True}, 0),
        ({"posts": 0, "has_bio": True}, 3),
        ({"posts": 4, "has_bio": False}, 2),
        ({"followers": 1, "following": 50}, 3),
        ({"followers": 0, "following": 50}, 3),
        ({"followers": 0, "following": 49}, 0),
        ({"followers": 100, "following": 4_999}, 0),
        ({"bot": True}, 7),
        ({"bot": False, "posts": 1}, 0),
        ({"created_at": made(6), "posts": 1}, 2),
        ({"created_at": made(8), "posts": 1}, 0),
        ({"created_at": made(61), "has_avatar": False}, 2),
        ({"created_at": made(30), "has_avatar": False}, 0),
        ({"bot": True, "posts": 0, "has_bio": False}, 10),
    ],
)
def test_points(facts, points):
    assert credibility(Actor("a", **facts), NOW) == pytest.approx(1 - points / 10)


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "followers": st.integers(0, 10**7), "following": st.integers(0, 10**5), "posts": st.integers(0, 3),
        "created_at": st.integers(0, 4_000).map(made), "has_avatar": st.booleans(), "has_bio": st.booleans(),
        "bot": st.booleans(),
    },
)  # fmt: skip


@given(FACTS)
def test_a_share_between_none_and_all(facts):
    found = credibility(Actor("a", **facts), NOW)
    assert found is None or 0.0 <= found <= 1.0


@given(FACTS)
def test_a_bot_mark_never_makes_more_credible(facts):
    plain, marked = (credibility(Actor("a", **(facts | {"bot": bot})), NOW) for bot in (False, True))
    assert marked is not None and (plain is None or marked <= plain)
