"""Interaction quality: worked examples and invariants."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.panes import DAY, KIND_INDEX, KNOWN, LOW, Pane
from processors.reference import freeze
from processors.scores import Score
from processors.signals.inputs import PostStat
from processors.signals.quality import interaction_quality, kind_mix
from tests.processors.builders import FOLLOWERS, NOW, pane, posts, signal_input, with_reference


def test_healthy_influencer_is_where_the_reference_is() -> None:
    score = interaction_quality(with_reference())
    assert score.value == pytest.approx(score.baseline, abs=0.1)
    assert score.value == pytest.approx(100 * 0.9**0.5, abs=0.1)  # a tenth of low credibility, ratios at 1
    assert score.parts["without_genuineness"].value == pytest.approx(100)


def test_worked_example() -> None:
    # 350 deep acts of 7,000: .05 against .1. Half of low credibility, a quarter of
    # the rate: .5^.5 .5^.25 .25^.25 = .4204.
    week = pane(days=7, low=0.5, like=6_650, comment=210, share=70, save=70)
    score = interaction_quality(with_reference(d7=week, posts=posts(weight=30_000)))
    assert score.parts["genuineness"].value == pytest.approx(0.5, abs=0.01)
    assert score.parts["depth"].value == pytest.approx(0.05)
    assert score.parts["quality_rate"].value == pytest.approx(0.0075)  # 300 / 40,000
    assert score.value == pytest.approx(42.04, abs=0.4)
    assert score.baseline == pytest.approx(94.8, abs=0.1)


def test_better_than_the_reference_is_capped() -> None:
    score = interaction_quality(with_reference(d7=pane(days=7, comment=2_000), posts=posts(weight=900_000)))
    assert score.parts["without_genuineness"].value == pytest.approx(100)


def test_mix_of_kinds_is_taken_from_the_reference() -> None:
    """Saves are of lower credibility; more saves than usual must not look like lower quality."""

    def low_saves(p: Pane) -> Pane:
        k = KIND_INDEX["save"]
        p[LOW + k] = p[KNOWN + k]
        return p

    usual = [(NOW - (28 - i) * DAY, low_saves(pane())) for i in range(28)]
    ref = freeze(signal_input(day_totals=usual))
    few = interaction_quality(signal_input(reference=ref, d7=low_saves(pane(days=7))))
    many = interaction_quality(signal_input(reference=ref, d7=low_saves(pane(days=7, save=3_000))))
    assert many.parts["genuineness"].value == pytest.approx(few.parts["genuineness"].value, abs=0.01)


def test_mostly_unknown_profiles_leave_genuineness_out_and_say_so() -> None:
    score = interaction_quality(with_reference(d7=pane(days=7, known=0.4)))
    g = score.parts["genuineness"]
    assert not g.measurable
    assert g.why is not None
    assert "half would be needed" in g.why
    assert score.value == pytest.approx(score.parts["without_genuineness"].value)
    assert score.baseline == 100  # over the same parts


def test_nothing_to_go_by_is_not_measurable() -> None:
    score = interaction_quality(signal_input(d7=pane(days=0), d28=pane(days=0), posts=[], followers=None))
    assert score.value is None
    assert not score.measurable
    assert "would be needed" in (score.why or "")
    # Depth alone is a quarter of the exponents: too little.
    alone = interaction_quality(with_reference(d7=pane(days=7, known=0.1), followers=None))
    assert not alone.measurable


def test_without_a_reference_there_is_a_value_but_no_baseline() -> None:
    score = interaction_quality(signal_input())
    assert score.value is not None
    assert score.baseline is None


def test_few_posts_of_the_week_are_filled_up_from_the_month() -> None:
    rare = posts(count=4, every=6 * DAY)
    part = interaction_quality(with_reference(posts=rare)).parts["quality_rate"]
    assert (part.window, part.n) == ("D28", 3)
    fresh = posts(count=2)
    assert not interaction_quality(with_reference(posts=fresh)).parts["quality_rate"].measurable


acts = st.integers(0, 5_000)


@settings(max_examples=60)
@given(acts, acts, acts, st.floats(0, 1), st.floats(0, 1), st.integers(0, 400_000))
def test_bounds_and_interval(
    likes: int, comments: int, saves: int, low: float, known: float, weight: int
) -> None:
    d7 = pane(days=7, low=low, known=known, like=likes, comment=comments, save=saves)
    score = interaction_quality(with_reference(d7=d7, posts=posts(weight=weight)))
    everything = [score, score.parts["without_genuineness"]]
    for s in everything:
        if s.value is not None:
            assert s.lo is not None
            assert s.hi is not None
            assert 0 <= s.lo <= s.value + 1e-9
            assert s.value <= s.hi + 1e-9 <= 100 + 2e-9
        else:
            assert s.why
    for name in ("genuineness", "depth"):
        part = score.parts[name]
        assert part.value is None or 0 <= part.value <= 1


@settings(max_examples=40)
@given(st.floats(0, 0.9), st.floats(0, 0.1))
def test_more_low_credibility_never_raises_it(low: float, more: float) -> None:
    before = interaction_quality(with_reference(d7=pane(days=7, low=low))).value
    after = interaction_quality(with_reference(d7=pane(days=7, low=low + more))).value
    assert before is not None
    assert after is not None
    assert after <= before + 1e-9


@settings(max_examples=40)
@given(st.integers(2, 50))
def test_size_does_not_matter(factor: int) -> None:
    """Followers and acts times k: the same rate, the same signal without genuineness."""
    one = interaction_quality(with_reference()).parts["without_genuineness"].value
    ref_input = with_reference()
    big = interaction_quality(
        signal_input(
            reference=ref_input.reference,
            followers=FOLLOWERS * factor,
            posts=posts(weight=120_000 * factor),
            d7=[factor * x for x in pane(days=7)],
        )
    )
    assert big.parts["without_genuineness"].value == pytest.approx(one)


def test_kind_mix_leaves_views_and_reports_out() -> None:
    p = pane(view=100_000, report=50)
    mix = kind_mix(p)
    assert sum(mix) == pytest.approx(1)
    assert mix[KIND_INDEX["view"]] == 0
    assert sum(kind_mix([0] * len(p))) == 0


def test_the_spread_of_likes_stands_against_the_own_posts_before() -> None:
    def score(likes: list[int]) -> Score:
        stats = [
            PostStat(n, NOW - (len(likes) - n + 1) * DAY, likes=[0, 0, x, x]) for n, x in enumerate(likes)
        ]
        return interaction_quality(signal_input(posts=stats)).parts["likes_spread"]

    usual, even = [60, 140, 90, 110, 70, 130] * 2, [100, 101, 99, 100, 102, 98] * 2
    found = score(usual + even)
    assert found.baseline == pytest.approx(0.3075, abs=0.0005)  # sd sqrt(10,400 / 11) over 100
    assert found.value == pytest.approx(0.0135, abs=0.0005) and found.n == 12
    assert found.lo is not None and found.hi is not None and found.lo < found.value < found.hi
    assert score(even[:6]).baseline is None and score(even[:6]).value is not None
    assert not score(even[:5]).measurable and "6 are needed" in (score(even[:5]).why or "")
    assert not score([0] * 12).measurable
