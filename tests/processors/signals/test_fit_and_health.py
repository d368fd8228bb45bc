"""Audience fit, partnership health, and what pulled it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ledgers.coaction import Coaction
from processors.ledgers.coaction_sample import DEBUT, PostSample
from processors.panes import DAY
from processors.scores import Score
from processors.signals import SIGNALS, evaluate
from processors.signals.fit import audience_fit, too_much_fit
from processors.signals.health import WEIGHTS, health, health_pulls, pulls
from processors.signals.inputs import ActorSample
from processors.tiers import tier
from tests.processors.builders import NOW, partnership, sample, signal_input, with_reference


def test_fit_by_hand() -> None:
    score = audience_fit(with_reference(actors_d28=sample(gb=0.5, en=0.9)))
    assert score.value == pytest.approx(70)
    assert score.baseline == pytest.approx(85)
    assert score.parts["country"].value == pytest.approx(0.5)
    assert score.parts["coverage"].value == 1


def test_attributes_with_few_known_actors_are_left_out() -> None:
    few = ActorSample(400, 1.0, {"GB": 10.0}, {"en": 300.0, "fr": 60.0}, 12, 400)
    score = audience_fit(with_reference(actors_d28=few))
    assert not score.parts["country"].measurable
    assert score.value == pytest.approx(100 * 300 / 360)
    none = audience_fit(with_reference(actors_d28=ActorSample()))
    assert not none.measurable
    assert "30 would be needed" in (none.why or "")


def test_no_target_is_not_measurable() -> None:
    score = audience_fit(signal_input(partnership=partnership(target_audience={})))
    assert not score.measurable


def test_region_of_a_language_counts() -> None:
    regional = ActorSample(100, 1.0, {}, {"en-GB": 50.0, "EN_us": 25.0, "de": 25.0}, 0, 100)
    assert audience_fit(signal_input(actors_d28=regional)).parts["lang"].value == pytest.approx(0.75)


@settings(max_examples=50)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2_000))
def test_fit_bounds_and_interval(gb: float, en: float, n: int) -> None:
    score = audience_fit(with_reference(actors_d28=sample(gb=gb, en=en, n=n)))
    if score.value is None:
        assert n < 34
    else:
        assert score.lo is not None
        assert score.hi is not None
        assert 0 <= score.lo <= score.value + 1e-9
        assert score.value <= score.hi + 1e-9 <= 100 + 2e-9


def test_divergence_by_hand() -> None:
    wanted = {"country": {"GB": 0.5, "IE": 0.5}, "lang": {"en": 1.0}}

    def divergence(country: dict[str, float]) -> float | None:
        seen = replace(sample(n=100), country=country, lang={"en": 100.0})
        parts = audience_fit(
            signal_input(partnership=partnership(target_audience=wanted), actors_d28=seen)
        ).parts
        assert parts["divergence_lang"].value == 0
        return parts["divergence_country"].value

    assert divergence({"GB": 50.0, "IE": 50.0}) == pytest.approx(0)
    assert divergence({"US": 100.0}) == pytest.approx(1)
    # m = (.75, .25): (log2(1/.75) + .5 log2(.5/.75) + .5 log2(.5/.25)) / 2
    assert divergence({"GB": 100.0}) == pytest.approx((math.log2(4 / 3) + 0.5 * math.log2(2 / 3) + 0.5) / 2)


def test_people_who_were_all_there_before_are_too_much_fit() -> None:
    def part(new: int, posted: int) -> float | None:
        ledger = Coaction()
        ledger._kept.warm = posted - 60 * DAY
        post = ledger.posts[1] = PostSample(posted)
        for actor in range(50):
            post.like(actor, 60.0, DEBUT if actor < new else 0)
        inp = signal_input(ledgers={"coaction": ledger})
        found = audience_fit(inp).parts.get("new_actors")
        return None if found is None else found.value

    assert part(5, NOW - DAY) == pytest.approx(0.1)
    assert part(5, NOW - 30 * DAY) is None  # nobody came for a month: nothing is known of who is new
    assert too_much_fit(90.0, 0.1)
    assert not too_much_fit(90.0, 0.3) and not too_much_fit(80.0, 0.1) and not too_much_fit(90.0, None)


def scored(value: float | None, baseline: float | None = 50.0) -> Score:
    if value is None:
        return Score.unmeasurable("too few")
    return Score(value, 100, max(0, value - 5), min(100, value + 5), baseline, "D7")


def test_health_by_hand() -> None:
    # exp((.2 ln .64 + .2 ln .36 + .25 ln .25) / .65)
    signals = {"interaction_quality": scored(64), "audience_fit": scored(36), "connection": scored(25)}
    expected = 100 * math.exp((0.2 * math.log(0.64) + 0.2 * math.log(0.36) + 0.25 * math.log(0.25)) / 0.65)
    result = health(signals)
    assert result.value == pytest.approx(expected)
    assert result.baseline == pytest.approx(50)


def test_health_takes_quality_without_genuineness() -> None:
    quality = Score(40, 10, 35, 45, 50, "D7", True, None, {"without_genuineness": scored(90)})
    signals = {"interaction_quality": quality, "audience_fit": scored(90), "connection": scored(90)}
    assert health(signals).value == pytest.approx(90)


def test_health_needs_most_of_the_weight() -> None:
    one = health(
        {"interaction_quality": scored(None), "audience_fit": scored(None), "connection": scored(80)}
    )
    assert not one.measurable
    assert one.why == "only 38% of the weight is measurable (missing: interaction_quality, audience_fit)"
    two = health({"interaction_quality": scored(80), "audience_fit": scored(None), "connection": scored(80)})
    assert two.value == pytest.approx(80)
    assert not health({}).measurable


def test_health_has_no_baseline_over_other_parts_than_its_value() -> None:
    signals = {"interaction_quality": scored(80), "audience_fit": scored(70, None), "connection": scored(80)}
    assert health(signals).baseline is None


values = st.floats(0, 100)


@given(values, values, values, st.floats(0, 50))
def test_health_is_monotone_and_bounded(a: float, b: float, c: float, less: float) -> None:
    before = health({"interaction_quality": scored(a), "audience_fit": scored(b), "connection": scored(c)})
    after = health(
        {"interaction_quality": scored(a), "audience_fit": scored(b), "connection": scored(max(0, c - less))}
    )
    assert before.value is not None
    assert after.value is not None
    assert 0 <= after.value <= before.value + 1e-9
    assert before.value <= 100 + 1e-9


@given(
    st.dictionaries(
        st.sampled_from(sorted(WEIGHTS)), st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=1
    )
)
def test_pulls_sum_to_the_log_of_the_change(parts: dict[str, tuple[float, float]]) -> None:
    share = pulls({k: b for k, (b, _) in parts.items()}, {k: a for k, (_, a) in parts.items()}, WEIGHTS)
    total = sum(WEIGHTS[k] for k in parts)
    change = sum(WEIGHTS[k] / total * math.log(a / b) for k, (b, a) in parts.items())
    assert sum(share.values()) == pytest.approx(change)


def test_the_part_that_fell_pulls_most() -> None:
    before = {"interaction_quality": scored(90), "audience_fit": scored(80), "connection": scored(58)}
    share = health_pulls(before, {**before, "connection": scored(31)})
    assert share["connection"] == pytest.approx(0.25 / 0.65 * math.log(31 / 58))
    assert share["audience_fit"] == 0


def test_evaluate_gives_all_signals_in_order() -> None:
    total, signals = evaluate(with_reference())
    assert list(signals) == list(SIGNALS)
    assert total.value == pytest.approx(total.baseline, abs=0.2)


def test_tiers() -> None:
    sizes = [None, 0, 9_999, 10_000, 100_000, 500_000, 1_000_000]
    assert [tier(n) for n in sizes] == ["unknown", "nano", "nano", "micro", "mid", "macro", "mega"]
