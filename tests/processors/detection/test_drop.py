"""The drop rule: what must ring, what must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detection.drop import RULES, judge
from processors.detection.drop_connection import no_answer_probability
from processors.detection.verdict import Verdict
from processors.panes import DAY, HOUR, new_pane
from processors.signals import evaluate
from processors.signals.inputs import Gap, SignalInput
from tests.processors.builders import (
    NOW,
    exposure,
    pane,
    partnership,
    posts,
    sample,
    signal_input,
    with_reference,
)


def verdict(signal: str, inp: SignalInput) -> Verdict:
    health, signals = evaluate(inp)
    return judge(signal, health if signal == "health" else signals[signal], inp)


def silence(**fields: object) -> SignalInput:
    """No answer for four days, with posts; 240 comments came."""
    return with_reference(
        **{
            "exposure_d7": exposure(3),
            "gap": Gap(NOW - 4 * DAY, (0, 1, 5, 10, 20, 30, 174), 4),
            "d1": pane(reply=0),
            **fields,
        }
    )


@pytest.mark.parametrize("signal", [signal for signal, _ in RULES])
def test_steady_partnership(signal: str) -> None:
    v = verdict(signal, with_reference())
    assert not v.breached
    assert v.measurable
    assert v.reason == "steady"
    assert v.severity is None


@settings(max_examples=60)
@given(
    st.sampled_from([signal for signal, _ in RULES]),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 200_000),
)
def test_no_breach_without_a_reference(signal: str, low: float, reply: float, gb: float, weight: int) -> None:
    inp = signal_input(
        d7=pane(days=7, low=low),
        exposure_d7=exposure(reply=reply),
        actors_d28=sample(gb=gb),
        posts=posts(weight=weight),
    )
    v = verdict(signal, inp)
    assert not v.breached
    assert v.reason == "warming_up"


def test_answers_fall_to_a_fifth() -> None:
    v = verdict("connection", with_reference(exposure_d7=exposure(reply=0.08)))
    assert v.breached
    assert v.severity == "critical"
    assert v.effect == pytest.approx(-0.8, abs=0.04)
    assert [c.part for c in v.cause] == ["reply_rate"]
    cause = v.cause[0]
    assert (cause.before, cause.after) == (pytest.approx(0.4, abs=0.01), pytest.approx(0.07, abs=0.01))
    assert cause.pull < 0
    assert v.change == pytest.approx((v.value - v.baseline) / v.baseline)  # type: ignore[operator]


@settings(max_examples=40)
@given(st.floats(0, 0.4), st.floats(0, 0.4))
def test_a_deeper_fall_is_never_less_certain(a: float, b: float) -> None:
    less, more = sorted((a, b))
    deep = verdict("connection", with_reference(exposure_d7=exposure(reply=less)))
    shallow = verdict("connection", with_reference(exposure_d7=exposure(reply=more)))
    assert deep.z >= shallow.z - 1e-9
    assert deep.breached >= shallow.breached


def test_a_small_fall_matters_to_nobody() -> None:
    assert not verdict("connection", with_reference(exposure_d7=exposure(reply=0.3))).breached


def test_silence_is_seen_by_the_answer_gap() -> None:
    v = verdict("connection", silence())
    assert v.breached
    assert v.reason == "answer_gap"
    assert v.note is not None
    assert v.note.startswith("240 comments came, 9")
    assert v.note.endswith("none was")


def test_silence_needs_presence() -> None:
    away = silence(d1=new_pane(), posts=posts(NOW - 4 * DAY), last_post_at=NOW - 4 * DAY + HOUR)
    assert not verdict("connection", away).breached


def test_a_short_gap_is_a_sitting_not_a_silence() -> None:
    v = verdict("connection", silence(gap=Gap(NOW - 30 * HOUR, (0, 0, 0, 0, 30, 40, 30), 2)))
    assert not v.breached


def test_posting_pause_is_no_data() -> None:
    gone = {"posts": posts(NOW - 10 * DAY), "last_post_at": NOW - 10 * DAY, "d1": new_pane()}
    for signal in ("connection", "interaction_quality", "health"):
        v = verdict(signal, silence(**gone))
        assert not v.breached
        assert not v.measurable
        assert v.reason == "posting_pause"
        assert v.explainers[0].accepted


def test_a_surge_of_comments_asks_for_no_more_answers() -> None:
    """Eight times the comments, as many answers as ever: a giveaway, not a silence."""
    surge = exposure(comment=480, reply=0.05)
    v = verdict("connection", with_reference(exposure_d7=surge))
    assert not v.breached
    assert v.reason == "surge"
    assert any(e.kind == "surge" and e.accepted for e in v.explainers)


def test_more_comments_with_as_many_answers_are_no_drop() -> None:
    """Below a surge, the comments beyond the usual number ask for no more answers."""
    more = exposure(comment=85, reply=0.27)
    v = verdict("connection", with_reference(exposure_d7=more))
    assert v.reason == "steady"
    assert v.effect > -0.1


def test_bots_are_seen_in_genuineness() -> None:
    v = verdict("interaction_quality", with_reference(d7=pane(days=7, low=0.6)))
    assert v.breached
    assert v.severity == "critical"
    assert v.cause[0].part == "genuineness"
    assert sum(c.pull for c in v.cause) == pytest.approx(-0.405, abs=0.02)  # .5 ln(.4 / .9)


def test_posts_that_draw_a_fifth() -> None:
    v = verdict("interaction_quality", with_reference(posts=posts(weight=20_000)))
    assert v.breached
    assert v.cause[0].part == "quality_rate"


def test_likes_of_a_viral_post_thin_the_talk_out_and_do_not_ring() -> None:
    viral = pane(days=7, like=60_000)
    v = verdict("interaction_quality", with_reference(d7=viral, posts=posts(weight=500_000)))
    assert not v.breached
    assert any(e.kind == "surge" and e.accepted for e in v.explainers)


def test_another_audience() -> None:
    v = verdict("audience_fit", with_reference(actors_d28=sample(gb=0.25)))
    assert v.breached
    assert v.cause[0].part == "country"
    assert v.cause[0].after == pytest.approx(0.25)


def test_strangers_of_a_surge_hold_the_judgement_on_fit() -> None:
    v = verdict("audience_fit", with_reference(actors_d28=sample(gb=0.25), d28=pane(days=60)))
    assert not v.breached
    assert v.reason == "surge"


def test_strangers_of_a_surge_that_is_over_still_hold_it() -> None:
    """One day of five times the usual, a fortnight ago: in D28 the volume is as usual by and large."""
    past = [(NOW - n * DAY, pane()) for n in range(60, 32, -1)]
    days = [(NOW - n * DAY, pane(days=5 if n == 14 else 1)) for n in range(28, 0, -1)]
    inp = with_reference(actors_d28=sample(gb=0.25), d28=pane(days=32), reference_days=past, day_totals=days)
    v = verdict("audience_fit", inp)
    assert not v.breached and v.reason == "surge"
    assert any("came in days of a surge" in e.why for e in v.explainers)
    even = [(start, pane()) for start, _ in days]
    assert verdict("audience_fit", replace(inp, day_totals=even, d28=pane(days=28))).breached


def test_another_set_of_known_attributes_is_no_drop() -> None:
    base = with_reference(actors_d28=sample(gb=0.25))
    assert base.reference is not None
    only_lang = replace(base, reference=replace(base.reference, fit_by={"lang": (0.9, 360.0)}))
    assert not verdict("audience_fit", only_lang).breached


def test_health_speaks_when_several_parts_slip() -> None:
    inp = with_reference(exposure_d7=exposure(reply=0.05), actors_d28=sample(gb=0.2, en=0.3))
    v = verdict("health", inp)
    assert v.breached
    assert {c.part for c in v.cause} == {"connection", "audience_fit"}


def test_what_connection_holds_back_does_not_speak_through_health() -> None:
    flood = with_reference(exposure_d7=exposure(comment=480, reply=0.02), actors_d28=sample(gb=0.6))
    v = verdict("health", flood)
    assert not v.breached
    assert "connection" not in {c.part for c in v.cause}


GIVEAWAY = {"kind": "giveaway", "note": "Friday giveaway"}


def declared(starts: str, ends: str, kind: str = "giveaway") -> dict[str, object]:
    return {
        "partnership": partnership(
            explainers=[GIVEAWAY | {"kind": kind, "starts_at": starts, "ends_at": ends}]
        )
    }


def test_a_declared_explainer_holds_the_alert_and_is_named() -> None:
    fields = declared("2026-10-30T18:00:00Z", "2026-11-03T00:00:00Z")
    v = verdict("connection", with_reference(exposure_d7=exposure(reply=0.05), **fields))
    assert not v.breached
    assert v.reason == "explained"
    assert not v.recovered
    assert v.explainers[-1].accepted


def test_an_explainer_that_is_over_is_considered_and_rejected() -> None:
    fields = declared("2026-10-20T18:00:00Z", "2026-10-21T00:00:00Z")
    v = verdict("connection", with_reference(exposure_d7=exposure(reply=0.05), **fields))
    assert v.breached
    assert not v.explainers[-1].accepted
    assert v.explainers[-1].why == "Friday giveaway: ended 12.0 days ago"


def test_a_holiday_does_not_account_for_another_audience() -> None:
    fields = declared("2026-10-30T18:00:00Z", "2026-11-03T00:00:00Z", kind="holiday")
    assert verdict("audience_fit", with_reference(actors_d28=sample(gb=0.25), **fields)).breached


def test_evidence_only_counts_what_bears_on_the_signal() -> None:
    lifetime = (5, 100, 20, 7_000, 300, 1, 50, 10**6, 0, 40, 2, 9)
    inp = with_reference(lifetime=lifetime)
    assert verdict("connection", inp).evidence_key == 120
    assert verdict("interaction_quality", inp).evidence_key == 100 + 20 + 7_000 + 300 + 1 + 50 + 40 + 2


@given(st.floats(0, 200), st.floats(0, 50), st.floats(1, 20))
def test_no_answer_gets_less_probable_with_more_expected(expected: float, more: float, phi: float) -> None:
    assert 0 <= no_answer_probability(expected + more, phi) <= no_answer_probability(expected, phi) <= 1


def test_no_answer_probability_by_hand() -> None:
    assert no_answer_probability(10, 1) == pytest.approx(4.54e-5, rel=0.01)
    assert no_answer_probability(10, 2) == pytest.approx(2**-10)


def test_a_signal_without_a_rule_is_an_error() -> None:
    with pytest.raises(KeyError):
        judge("weather", evaluate(signal_input())[0], signal_input())
