"""Authenticity: its formula, unknown profiles left out, parts, and what a source cannot carry."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.kinds import WEIGHTS
from processors.ledgers.followers import Day, Followers, Week
from processors.panes import COUNT, DAY, FLAGGED, INAUTHENTIC, KIND_INDEX, KNOWN, LOW, WEIGHT, Pane, new_pane
from processors.signals.authenticity import KIND_WEIGHTS, authenticity, flagged_share, ledger_of
from tests.processors import builders
from tests.processors.builders import NOW, signal_input, with_reference
from tests.processors.core import START, Core, event, records


def weighed(pane: Pane, others: int = 0) -> Pane:
    """The pane with WEIGHT and FLAGGED as the folder would have booked them; `others`: flagged besides."""
    for kind, weight in KIND_WEIGHTS.items():
        pane[WEIGHT] += weight * pane[COUNT + KIND_INDEX[kind]]
        pane[FLAGGED] += weight * pane[LOW + KIND_INDEX[kind]]
    pane[FLAGGED] += others
    return pane


def test_weights_are_those_of_the_folder() -> None:
    assert {kind: weight for kind, weight in WEIGHTS.items() if weight} == KIND_WEIGHTS


def test_with_all_profiles_known_it_is_flagged_over_all() -> None:
    pane = weighed(builders.pane(days=7, known=1.0, low=0.2))
    score = authenticity(signal_input(d7=pane))
    assert score.value == pytest.approx(100 * (1 - pane[FLAGGED] / pane[WEIGHT]))
    assert score.lo is not None and score.hi is not None and score.lo < score.value < score.hi  # type: ignore[operator]
    assert score.baseline is None


@given(st.floats(0.5, 1.0), st.floats(0.0, 0.9), st.integers(0, 50_000))
def test_hidden_profiles_move_it_hardly(known: float, low: float, others: int) -> None:
    pane = weighed(builders.pane(days=7, known=known, low=low), others)
    found = flagged_share(pane)
    assert found is not None
    share, n = found
    assert 0 <= share <= 1 and n > 0
    assert share == pytest.approx(min(1.0, low + others / pane[WEIGHT]), abs=0.02)


def test_with_most_profiles_hidden_only_what_counts_is_measurable() -> None:
    ledger = Followers()
    ledger.days[NOW // DAY - 10] = Day(joins=40)
    ledger.days[NOW // DAY - 8] = Day(left=[0, 0, 10])
    score = authenticity(
        signal_input(d7=weighed(builders.pane(days=7, known=0.4)), ledgers={"followers": ledger})
    )
    assert not score.measurable and score.why is not None and "half would be needed" in score.why
    assert not score.parts["suspicious"].measurable
    assert score.parts["churn_7d"].value == 0.25
    assert score.parts["coverage"].value == pytest.approx(0.4, abs=0.01)


def test_the_baseline_is_the_frozen_reference() -> None:
    inp = with_reference(d7=weighed(builders.pane(days=7, low=0.3)))
    assert inp.reference is not None
    total = weighed(list(inp.reference.total))
    inp = replace(inp, reference=replace(inp.reference, total=total))
    score = authenticity(inp)
    assert score.baseline == pytest.approx(90, abs=1) and score.value == pytest.approx(70, abs=1)
    part = score.parts["suspicious_likes"]
    assert (part.value, part.baseline) == (pytest.approx(0.3, abs=0.01), pytest.approx(0.1, abs=0.01))


def test_new_followers_and_mass_followers() -> None:
    ledger = Followers()
    ledger.days[NOW // DAY - 2] = Day(joins=200, following_known=100, mass=30)
    for week in range(NOW // DAY // 7 - 60, NOW // DAY // 7):
        ledger.weeks[week] = Week(joins=100, following_known=100, mass=5, left_7=4, sampled=50, left_30=5)
    parts = authenticity(with_reference(ledgers={"followers": ledger})).parts
    assert (parts["mass_followers"].value, parts["mass_followers"].baseline) == (0.3, 0.05)
    assert parts["churn_7d"].baseline == 0.04 and parts["churn_30d"].baseline == 0.1
    assert parts["new_followers"].value == pytest.approx(0.1, abs=0.01)


def test_a_source_without_people_says_so() -> None:
    ledger = Followers()
    ledger.days[NOW // DAY - 2] = Day(polled_likes=3, totals=[(NOW - 2 * DAY, 100)])
    kinds = {"like": 0, "follow": 0}
    fields = {name: weighed(builders.pane(days=days, **kinds)) for name, days in (("d7", 7), ("d28", 28))}
    parts = authenticity(signal_input(ledgers={"followers": ledger}, **fields)).parts
    assert parts["suspicious_likes"].why == "the source sends likes only as totals: nobody knows who"
    assert parts["new_followers"].why == "the source sends followers only as totals: nobody knows who joined"
    assert parts["suspicious_comments"].measurable


def test_nothing_came() -> None:
    empty = new_pane()
    score = authenticity(signal_input(d1=empty, d7=empty, d28=empty, day_totals=()))
    assert not score.measurable
    assert not any(part.measurable for part in score.parts.values())
    assert ledger_of(signal_input()).rows(NOW) == []


def test_few_acts_are_no_number() -> None:
    pane = new_pane()
    pane[COUNT + KIND_INDEX["like"]] = pane[KNOWN + KIND_INDEX["like"]] = 5
    score = authenticity(signal_input(d7=weighed(pane)))
    assert not score.measurable and score.why == "5 acts of known profiles in 7 days; 30 would be needed"


def test_inauthentic_comments_are_a_part_with_the_reference_beside() -> None:
    pane = weighed(builders.pane(days=7))
    pane[INAUTHENTIC] = 42  # of 420 comments
    part = authenticity(signal_input(d7=pane)).parts["inauthentic_comments"]
    assert part.value == pytest.approx(0.1) and part.n == 420.0
    assert part.lo is not None and 0 < part.lo < 0.1
    few = authenticity(signal_input(d7=weighed(builders.pane(comment=29)))).parts["inauthentic_comments"]
    assert not few.measurable and few.why == "29 comments in 7 days; 30 would be needed"


def test_a_comment_that_is_taken_back_is_inauthentic_no_more() -> None:
    core = Core()
    actor = {"id": "x", "bot": True, "posts": 0, "has_bio": False, "has_avatar": True}
    said = event("c", "comment", START, actor=actor, object_id="c1", text="wow")
    core.run(records([(START, said)]))
    days = core.influencer().days.by_index
    assert days[START // DAY][INAUTHENTIC] == 1
    core.run(
        records([(START + 60, event("u", "comment", START + 60, actor=actor, op="undo", undoes="c"))], 1)
    )
    assert days[START // DAY][INAUTHENTIC] == 0
