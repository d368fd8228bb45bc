"""The life of an alert."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.detection.lifecycle import (
    FIRING,
    GIVE_UP_S,
    INACTIVE,
    NO_DATA,
    PENDING,
    RESOLVED,
    AlertState,
    Transition,
    advance,
    decode_state,
    encode_state,
    end,
    fingerprint,
    inhibited,
    muted,
)
from processors.detection.verdict import Verdict
from processors.panes import HOUR
from tests.processors.builders import NOW

STEP = 300


def v(effect: float = 0.0, *, seen: int = 0, severity: str = "warning", blind: bool = False) -> Verdict:
    """A verdict: breached from -.35, recovered from -.175."""
    breached = effect <= -0.35 and not blind
    return Verdict(
        "connection",
        "drop",
        breached,
        not blind and effect > -0.175,
        severity if breached else None,
        not blind,
        "posting_pause" if blind else "drop" if breached else "steady",
        effect,
        evidence_key=seen,
    )


def run(verdicts: list[Verdict], state: AlertState | None = None) -> tuple[AlertState, list[Transition]]:
    state = state or AlertState.new("acme--ann", "connection", "drop")
    start = max(NOW, state.last_at + STEP)
    told: list[Transition] = []
    for i, verdict in enumerate(verdicts):
        state, transitions = advance(state, verdict, start + i * STEP)
        told += transitions
    return state, told


def firing() -> AlertState:
    state, told = run([v(-0.8, seen=100 + 10 * i) for i in range(3)])
    assert [t.state for t in told] == [PENDING, FIRING]
    return state


def test_pending_for_ten_minutes_then_firing() -> None:
    state, told = run([v(-0.8, seen=100), v(-0.8, seen=120), v(-0.8, seen=120)])
    assert [(t.previous_state, t.state, t.at - NOW) for t in told] == [
        (INACTIVE, PENDING, 0),
        (PENDING, FIRING, 600),
    ]
    assert state.state == FIRING
    assert told[0].alert_id == told[1].alert_id
    assert told[0].fingerprint == told[1].fingerprint == fingerprint("acme--ann", "connection", "drop")
    assert told[0].started_at == told[1].started_at == NOW


def test_looking_again_confirms_nothing() -> None:
    state, told = run([v(-0.8, seen=100)] * 100)
    assert state.state == PENDING
    assert len(told) == 1
    state, told = run([v(-0.8, seen=109), v(-0.8, seen=110)], state)
    assert [t.state for t in told] == [FIRING]


def test_pending_that_goes_away_is_told_as_not_confirmed() -> None:
    state, told = run([v(-0.8), v(-0.3)])
    assert state.state == INACTIVE
    assert (told[-1].state, told[-1].previous_state, told[-1].reason) == (RESOLVED, PENDING, "not_confirmed")
    assert run([v(-0.8), v(blind=True)])[0].state == INACTIVE


def test_recovers_at_half_the_drop_held_for_an_hour() -> None:
    state, told = run([v(-0.41)] * 30, firing())  # half of .8 is .4: not yet
    assert not told
    state, told = run([v(-0.34)] * 12, state)
    assert state.state == FIRING
    assert not told
    state, told = run([v(-0.34)], state)
    assert state.state == INACTIVE
    assert (told[0].state, told[0].previous_state, told[0].reason) == (RESOLVED, FIRING, "recovered")
    assert told[0].resolved_at == told[0].at


def test_a_relapse_starts_the_hour_anew() -> None:
    state, told = run([v(-0.1)] * 12 + [v(-0.8)] + [v(-0.1)] * 12, firing())
    assert state.state == FIRING
    assert not told


def test_rise_of_severity_is_told_once_and_never_falls() -> None:
    state, told = run([v(-0.9, severity="critical")] * 5 + [v(-0.8)] * 5, firing())
    assert [(t.state, t.previous_state, t.severity) for t in told] == [(FIRING, FIRING, "critical")]
    assert state.severity == "critical"


def test_no_data_is_a_state_of_its_own_and_comes_back() -> None:
    state, told = run([v(blind=True)] * 12, firing())
    assert not told  # an hour's hold
    state, told = run([v(blind=True)], state)
    assert [(t.state, t.reason) for t in told] == [(NO_DATA, "posting_pause")]
    back, told = run([v(-0.8)], state)
    assert [(t.previous_state, t.state) for t in told] == [(NO_DATA, FIRING)]
    assert back.alert_id == state.alert_id
    well, told = run([v(0.0)] * 13, state)
    assert [t.state for t in told] == [RESOLVED]
    assert well.state == INACTIVE


def test_no_data_is_given_up_after_four_weeks() -> None:
    state, _ = run([v(blind=True)] * 14, firing())
    state, told = advance(state, v(blind=True), state.blind_since + GIVE_UP_S)
    assert [(t.state, t.reason) for t in told] == [(RESOLVED, "no_data_for_long")]


def test_next_episode_has_the_same_fingerprint_and_another_id() -> None:
    first = firing()
    state, _ = run([v(0.0)] * 13, first)
    second, told = run([v(-0.8)], state)
    assert told[0].fingerprint == first.fingerprint
    assert second.alert_id != first.alert_id


steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, -0.2, -0.4, -0.9]),
        st.booleans(),
        st.integers(0, 20),
        st.booleans(),
        st.integers(0, 3),
    ),
    max_size=120,
)


def story(items: list[tuple[float, bool, int, bool, int]]) -> list[tuple[Verdict, int]]:
    seen, at, out = 0, NOW, []
    for effect, critical, fresh, blind, gap in items:
        seen += fresh
        at += gap * HOUR // 2  # 0: the same boundary again
        out.append((v(effect, seen=seen, severity="critical" if critical else "warning", blind=blind), at))
    return out


def play(items: list[tuple[Verdict, int]], *, through_bytes: bool = False) -> list[Transition]:
    state = AlertState.new("p", "connection", "drop")
    told: list[Transition] = []
    for verdict, at in items:
        if through_bytes:
            state = decode_state(encode_state(state))
        state, transitions = advance(state, verdict, at)
        told += transitions
    return told


@given(steps)
def test_invariants_of_any_life(items: list[tuple[float, bool, int, bool, int]]) -> None:
    told = play(story(items))
    boundaries = [t.at for t in told]
    assert len(set(boundaries)) == len(boundaries)  # never twice at one boundary
    assert len({t.transition_id for t in told}) == len(told)
    now = INACTIVE
    for t in told:
        assert t.previous_state == now
        now = INACTIVE if t.state == RESOLVED else t.state
        assert t.at >= t.started_at
        assert (t.resolved_at is not None) == (t.state == RESOLVED)
        if t.state == FIRING and t.previous_state == PENDING:
            assert t.at - t.started_at >= 600


@given(steps)
def test_replay_gives_the_same_ids_also_through_state(
    items: list[tuple[float, bool, int, bool, int]],
) -> None:
    told = play(story(items))
    assert play(story(items), through_bytes=True) == told
    twice = [step for step in story(items) for _ in range(2)]  # each boundary judged twice
    assert play(twice) == told


RANK = {"info": 1, "warning": 2, "critical": 3}


@given(steps, st.sampled_from([0, 600, HOUR, 5 * HOUR]), st.sampled_from([0, HOUR, 4 * HOUR]), st.booleans())
def test_for_and_keep_firing_for_are_held_to_the_second(
    items: list[tuple[float, bool, int, bool, int]], for_s: int, keep_s: int, sure: bool
) -> None:
    state = AlertState.new("p", "connection", "drop")
    judged: dict[int, Verdict] = {}
    told: list[Transition] = []
    for verdict, at in story(items):
        verdict = replace(verdict, evidence_needed=0) if sure else verdict
        judged.setdefault(at, verdict)  # a boundary that was judged is not judged again
        state, transitions = advance(state, verdict, at, for_s=for_s, keep_s=keep_s)
        told += transitions
    assert len({t.transition_id for t in told}) == len(told)
    now, loudest = INACTIVE, 0
    for t in told:
        assert t.previous_state == now  # every step is told, also two at one boundary
        now = INACTIVE if t.state == RESOLVED else t.state
        between = [one for at, one in judged.items() if t.started_at <= at <= t.at]
        if t.state == FIRING and t.previous_state == PENDING:
            assert t.at - t.started_at >= for_s
            assert all(one.breached and one.measurable for one in between)
            assert between[-1].evidence_key - between[0].evidence_key >= between[-1].evidence_needed
            loudest = 0
        if t.state == RESOLVED and t.reason == "recovered":
            last = [one for at, one in judged.items() if t.at - keep_s <= at <= t.at]
            assert all(one.measurable and not one.breached for one in last)
            assert t.at - max(at for at, one in judged.items() if at <= t.at and one.breached) >= keep_s
        if t.state == NO_DATA:
            assert not between[-1].measurable
        if t.state in (FIRING, NO_DATA):
            assert RANK[t.severity] >= loudest  # while it fires it gets louder only
            loudest = RANK[t.severity]
    assert state.state == now


@given(steps, st.integers(0, 40))
def test_a_rule_that_is_not_asked_for_any_more_ends_its_alert_once(
    items: list[tuple[float, bool, int, bool, int]], after: int
) -> None:
    state, at = AlertState.new("p", "connection", "drop"), NOW
    for verdict, at in story(items):
        state, _ = advance(state, verdict, at)
    ended, told = end(state, at + after, "rule_disabled")
    if not after:
        assert not told or state.last_at < at
    elif state.state == INACTIVE:
        assert not told
    else:
        assert [(t.state, t.previous_state, t.reason) for t in told] == [
            (RESOLVED, state.state, "rule_disabled")
        ]
        assert told[0].alert_id == state.alert_id
    assert end(ended, at + after, "rule_disabled") == (ended, ())


def test_without_a_wait_pending_and_firing_are_told_at_one_boundary() -> None:
    state = AlertState.new("p", "all_in", "event", "post 1")
    sure = replace(v(-0.8), evidence_needed=0)
    state, told = advance(state, sure, NOW, for_s=0)
    assert [(t.previous_state, t.state) for t in told] == [(INACTIVE, PENDING), (PENDING, FIRING)]
    assert len({t.transition_id for t in told}) == 2
    assert len({t.alert_id for t in told}) == 1
    assert advance(state, sure, NOW, for_s=0) == (state, ())
    assert state.fingerprint != AlertState.new("p", "all_in", "event", "post 2").fingerprint


def test_a_clock_that_jumps_confirms_nothing_without_new_evidence() -> None:
    state, _ = run([v(-0.8, seen=100)])
    state, told = advance(state, v(-0.8, seen=100), state.last_at + 300 * 24 * HOUR)
    assert (state.state, told) == (PENDING, ())
    assert advance(state, v(-0.8, seen=500), NOW - HOUR) == (state, ())  # nor does one that goes back


def test_no_data_does_not_count_as_recovery() -> None:
    state, _ = run([v(0.0)] * 6, firing())  # half an hour of the hour
    state, told = run([v(blind=True)] * 3 + [v(0.0)] * 12, state)
    assert (state.state, told) == (FIRING, [])  # the hour begins anew
    state, told = run([v(0.0)], state)
    assert [t.reason for t in told] == ["recovered"]


def test_state_is_small() -> None:
    assert len(encode_state(firing())) < 80


def test_health_is_silent_while_a_part_speaks() -> None:
    quiet = AlertState.new("p", "connection", "drop")
    assert not inhibited("health", [quiet])
    assert inhibited("health", [quiet, firing()])
    assert not inhibited("connection", [quiet, firing()])
    bots = AlertState("f", "authenticity", FIRING)
    assert inhibited("connection", [bots])
    assert inhibited("audience_fit", [bots])
    state, told = run([muted(v(-0.8, seen=100 * i)) for i in range(10)])
    assert (state.state, told) == (INACTIVE, [])
    assert run([muted(v(-0.8))] * 30, firing())[0].state == FIRING  # what fires goes on


def test_fingerprints_tell_apart() -> None:
    names = [("a", "b", "c"), ("a", "bc", ""), ("ab", "", "c")]
    prints = {fingerprint(*name) for name in names}
    assert len(prints) == 3
    assert all(len(p) == 16 for p in prints)
