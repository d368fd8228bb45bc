"""How late a source delivers, and that it is remembered as it was."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.delays import EDGES, MAX_S, MIN_S, Delays


def seen(source, lateness):
    delays = Delays()
    for one in lateness:
        delays.see(source, one)
    return delays


def test_few_events_say_nothing_yet():
    assert seen("x", [MAX_S * 2] * 999).of("x") == MIN_S
    assert Delays().of("never seen") == MIN_S


def test_a_punctual_source_waits_the_minimum():
    assert seen("x", [0.0, -3.0, 59.0, 60.0] * 1_000).of("x") == MIN_S


@pytest.mark.parametrize("edge", EDGES[1:])
def test_the_delay_is_the_upper_edge_of_the_percentile(edge):
    lateness = [1.0] * 995 + [edge - 1.0] * 5
    Random(1).shuffle(lateness)
    assert seen("x", lateness * 3).of("x") == edge


def test_one_straggler_in_two_thousand_is_not_waited_for():
    assert seen("x", ([1.0] * 1_999 + [3_000.0]) * 3).of("x") == MIN_S


def test_never_longer_than_six_hours():
    assert seen("x", [10.0 * MAX_S] * 2_000).of("x") == MAX_S


def test_sources_are_apart():
    delays = seen("x", [3_000.0] * 2_000)
    for _ in range(2_000):
        delays.see("y", 0.0)
    assert delays.of("x") > delays.of("y") == MIN_S


def test_a_source_may_become_quicker_again():
    delays = seen("x", [3_000.0] * 5_000)
    before = delays.of("x")
    for _ in range(2_000_000):
        delays.see("x", 1.0)
    assert delays.of("x") < before


def test_a_source_name_per_event_does_not_fill_the_memory():
    delays = Delays()
    for number in range(5_000):
        delays.see(f"s{number}", 100.0)
    assert len(Delays.decode(delays.encode())._bins) <= 65
    assert delays.of("s4999") == delays.of("s4998") == delays.of("other") == 120


@given(st.integers(0, 2**32), st.integers(0, 3_000))
def test_what_comes_back_from_state_goes_on_the_same(seed, cut):
    rng = Random(seed)
    kept, restored = Delays(), Delays()
    for index in range(3_000):
        if index == cut:
            restored = Delays.decode(restored.encode())
        lateness = rng.choice((1.0, 1.0, 100.0, 5_000.0))
        for delays in (kept, restored):
            delays.see("x", lateness)
        if index % 500 == 0:
            assert kept.of("x") == restored.of("x")
    assert kept.encode() == restored.encode()
