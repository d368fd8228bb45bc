"""Connection: level, parts, and when it can't be given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.panes import DAY, HOUR, new_pane
from processors.signals.connection import (
    PRIOR_MEDIAN,
    connection,
    gap_expected,
    level,
    posting_pause,
)
from processors.signals.inputs import Exposure, Gap
from tests.processors.builders import NOW, exposure, pane, posts, signal_input, with_reference


def test_healthy_influencer() -> None:
    score = connection(with_reference())
    assert score.parts["reply_rate"].value == pytest.approx(0.4, abs=0.01)
    assert score.value == pytest.approx(80, abs=0.5)  # .4 / (.4 + .1) for a micro-influencer
    assert score.baseline == pytest.approx(80, abs=0.5)
    assert score.parts["reply_latency"].value == pytest.approx(
        score.parts["reply_latency"].baseline, abs=0.01
    )
    assert 0.25 < (score.parts["reply_latency"].value or 0) < 1  # half of the answers: in the second bin


def test_median_of_the_prior_is_fifty() -> None:
    assert level(PRIOR_MEDIAN["micro"], PRIOR_MEDIAN["micro"]) == 50
    assert level(0, 0.1) == 0


def test_too_few_expected_answers_say_what_would_be_needed() -> None:
    few = Exposure((10,) * 7, (0,) * 7, 10)
    score = connection(with_reference(exposure_d7=few))
    assert not score.measurable
    assert score.why == "4.0 answers expected in 7 days; 8 would be needed (about 21 comments)"


def test_answer_gap_in_words() -> None:
    ref = with_reference().reference
    gap = Gap(NOW - 3 * DAY, (0, 0, 0, 0, 0, 0, 24), 3)
    part = connection(signal_input(reference=ref, gap=gap)).parts["answer_gap"]
    assert part.value == pytest.approx(24 * (0.38 + 0.4) / 2, abs=0.3)
    assert part.why == "24 comments came, 9 would have been answered, none was"
    assert part.baseline == 0


def test_posting_pause_is_no_data() -> None:
    gone = {"posts": posts(NOW - 10 * DAY), "last_post_at": NOW - 10 * DAY, "d1": new_pane()}
    inp = with_reference(**gone)
    assert posting_pause(inp) == "posting pause: no own post for 10 days, usually one every 1.0 days"
    assert not connection(inp).measurable
    # Who posts once in four days and posted nine days ago is not away.
    rare = {"posts": posts(NOW - 9 * DAY, every=4 * DAY), "last_post_at": NOW - 9 * DAY, "d1": new_pane()}
    assert posting_pause(with_reference(**rare)) is None
    # Nor is who answers today.
    assert posting_pause(with_reference(**gone | {"d1": pane(days=0.1)})) is None


def test_no_comments_are_no_zero() -> None:
    score = connection(with_reference(exposure_d7=Exposure(), d7=new_pane()))
    assert score.value is None
    assert score.why == "no genuine comments in 7 days"


@settings(max_examples=50)
@given(st.floats(0, 1), st.floats(0, 1))
def test_answering_more_never_lowers_the_level(a: float, b: float) -> None:
    less, more = sorted((a, b))
    low = connection(with_reference(exposure_d7=exposure(reply=less)))
    high = connection(with_reference(exposure_d7=exposure(reply=more)))
    assert low.value is not None
    assert high.value is not None
    assert low.value <= high.value + 1e-9
    for s in (low, high):
        assert s.lo is not None
        assert s.hi is not None
        assert 0 <= s.lo <= s.value + 1e-9 <= s.hi + 2e-9 <= 100 + 3e-9


@given(
    st.lists(st.integers(0, 500), min_size=7, max_size=7), st.lists(st.floats(0, 1), min_size=7, max_size=7)
)
def test_gap_expects_at_most_the_comments(ages: list[int], shares: list[float]) -> None:
    assert 0 <= gap_expected(ages, sorted(shares)) <= sum(ages) + 1e-6


def test_younger_comments_do_not_lower_the_rate() -> None:
    from processors.signals.survival import exposure_of

    fresh = exposure_of(
        [(NOW - i * DAY, pane()) for i in range(2, 7)] + [(NOW - HOUR // 2, pane(reply=0))], NOW
    )
    assert connection(with_reference(exposure_d7=fresh)).parts["reply_rate"].value == pytest.approx(
        0.4, abs=0.03
    )
