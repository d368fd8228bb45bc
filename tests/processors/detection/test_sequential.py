"""CUSUMs find what they are set for, stay silent as long as their limit promises, and never go negative."""

from __future__ import annotations

import random
from math import exp, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detection.sequential import (
    cusum_log,
    cusum_rate,
    cusum_share,
    exponent,
    limit,
    llr_limit,
    location_scale,
    rate_dispersion,
    run_length,
    share_dispersion,
)


def binomial(rng: random.Random, n: int, p: float) -> int:
    return sum(rng.random() < p for _ in range(n))


@pytest.mark.parametrize(("p0", "p1", "shift"), [(0.2, 0.35, 0.1), (0.6, 0.45, -0.1)])
def test_a_shifted_share_is_found_from_where_it_shifted(p0: float, p1: float, shift: float) -> None:
    rng = random.Random(4)
    days = [(binomial(rng, 80, p0), 80) for _ in range(15)] + [(binomial(rng, 80, p1), 80) for _ in range(15)]
    found = cusum_share(days, p0, 1.2, shift, 2000, tau=0.02)
    assert found.now > llr_limit(0.004, 1, found.delta)
    assert 12 <= found.start <= 18
    assert found.estimate == pytest.approx(p1, abs=0.03)
    assert found.z > 3
    other = cusum_share(days, p0, 1.2, -shift, 2000, tau=0.02)
    assert other.now < llr_limit(0.004, 1, other.delta)


def test_a_steady_share_stays_under_its_limit() -> None:
    alarms = 0
    for seed in range(150):
        rng = random.Random(seed)
        ref = [(binomial(rng, 40, 0.3), 40) for _ in range(28)]
        n = sum(n for _, n in ref)
        p0 = sum(k for k, _ in ref) / n
        days = [(binomial(rng, 40, 0.3), 40) for _ in range(60)]
        found = cusum_share(days, p0, share_dispersion(ref), 0.1, n)
        alarms += found.peak > llr_limit(0.004, 1, found.delta)
    assert alarms <= 1  # 300 months: 1.2 are allowed


def test_an_unsure_reference_and_wandering_make_it_slower() -> None:
    days = [(12, 40)] * 20
    sure = cusum_share(days, 0.2, 1.0, 0.1, 100_000)
    assert cusum_share(days, 0.2, 1.0, 0.1, 50).now < sure.now
    assert cusum_share(days, 0.2, 1.0, 0.1, 100_000, tau=0.05).z < sure.z


def test_a_risen_and_a_fallen_rate_are_found() -> None:
    found = cusum_rate([10.0] * 10 + [20.0] * 10, [1.0] * 20, 10.0, 2.0, 1.5, ref_count=280, tau=0.1)
    assert (found.start, found.estimate) == (10, 20.0)
    assert found.now > llr_limit(0.004, 1, found.delta) and found.z > 3
    fell = cusum_rate([10.0] * 10 + [4.0] * 15, [1.0] * 25, 10.0, 2.0, 0.6, ref_count=280)
    assert fell.now > llr_limit(0.004, 1, fell.delta) and fell.start == 10


def test_one_wild_day_is_capped() -> None:
    counts = [10.0] * 9 + [500.0]
    assert cusum_rate(counts, [1.0] * 10, 10.0, 2.0, 1.5, cap=2.0).now <= 2.0


def test_quiet_days_change_nothing() -> None:
    days = [(5, 10), (8, 10)]
    assert cusum_share([*days, (0, 0)], 0.3, 1.0, 0.2, 500).now == cusum_share(days, 0.3, 1.0, 0.2, 500).now
    nothing = cusum_share([], 0.3, 1.0, 0.2, 500)
    assert (nothing.now, nothing.z, nothing.estimate, nothing.start) == (0.0, 0.0, 0.3, 0)


def test_log_cusum_finds_a_level_and_ignores_one_viral_post() -> None:
    usual = [exp(0.1 * (-1) ** i) for i in range(10)]
    up = cusum_log(usual + [1.6] * 10, 0.0, 0.2, 0.5, ref_n=14)
    assert (
        up.start == 10 and up.estimate == pytest.approx(log(1.6)) and up.now > limit(0.004, 0.5, up.delta / 2)
    )
    viral = cusum_log([*usual, 40.0, *usual[:5]], 0.0, 0.2, 0.5, ref_n=14)
    assert viral.peak <= 4.0
    down = cusum_log(usual + [0.6] * 10, 0.0, 0.2, 0.5, ref_n=14, down=True)
    assert down.now > limit(0.004, 0.5, down.delta / 2) and down.estimate == pytest.approx(log(0.6))


def test_limits_hold_what_siegmund_promises() -> None:
    assert run_length(4.0, 0.5) == pytest.approx(336, rel=0.03)  # published: 336 by the approximation
    h = limit(3.0, 10, 0.5)  # a run length of 100
    lengths = []
    for seed in range(300):
        rng, level, steps = random.Random(seed), 0.0, 0
        while level <= h and steps < 5000:
            level, steps = max(0.0, level + rng.gauss(0, 1) - 0.5), steps + 1
        lengths.append(steps)
    assert sum(lengths) / len(lengths) == pytest.approx(100, rel=0.2)


def test_a_wild_own_past_raises_the_limit() -> None:
    rng = random.Random(1)
    calm = [rng.gauss(0, 0.8) for _ in range(40)]
    wild = [2.5 * z for z in calm]
    sticky = [z for z in calm[::4] for _ in range(4)]
    assert limit(0.004, 1, 0.5, calm) <= 1.6 * limit(0.004, 1, 0.5)
    assert limit(0.004, 1, 0.5, wild) > 1.5 * limit(0.004, 1, 0.5)
    assert limit(0.004, 1, 0.5, [1.5 * z for z in sticky]) > 1.2 * limit(0.004, 1, 0.5)
    assert limit(0.004, 1) > limit(0.04, 1)


def test_lundbergs_exponent_is_2k_for_normal_steps() -> None:
    rng = random.Random(2)
    steps = [rng.gauss(-0.5, 1) for _ in range(20_000)]
    assert exponent(steps, 5.0) == pytest.approx(1.0, abs=0.1)
    assert exponent([-1.0], 3.0) == 3.0
    assert exponent([1.0, 0.5], 3.0) == 0.0


def test_dispersion_and_scale() -> None:
    assert share_dispersion([(5, 10)] * 20) == 1.0
    assert share_dispersion([(0, 10), (10, 10)] * 10) > 5
    assert rate_dispersion([10.0] * 20, [1.0] * 20) == 1.0
    assert rate_dispersion([1.0, 30.0] * 10, [1.0] * 20) > 5
    assert rate_dispersion([3.0], [1.0]) == 1.5
    scale = location_scale([1.0, 1.0, 1.0, 9.0], floor=0.3)
    assert (scale.centre, scale.sd, scale.n) == (1.0, 0.3, 4)
    assert location_scale([1.0, 1.0], prior=0.25, prior_n=8).sd > 0.2


@pytest.mark.parametrize(
    "call",
    [
        lambda: cusum_share([], 0.5, 0.0, 0.1, 10),
        lambda: cusum_share([], 0.5, 1.0, 0.0, 10),
        lambda: cusum_rate([], [], 1.0, 1.0, 1.0),
        lambda: cusum_log([], 0.0, 0.0),
        lambda: limit(0.0, 1.0),
        lambda: location_scale([]),
    ],
)
def test_senseless_parameters_are_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"must be|no values"):
        call()


DAYS = st.lists(st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=35)


@settings(max_examples=60, deadline=None)
@given(DAYS, st.floats(0, 1), st.floats(1, 9), st.floats(0.01, 0.4), st.floats(0, 1e5), st.floats(0, 0.2))
def test_cusum_share_keeps_its_invariants(
    days: list[tuple[int, int]], p0: float, phi: float, shift: float, ref_n: float, tau: float
) -> None:
    for sign in (1, -1):
        found = cusum_share(days, p0, phi, sign * shift, ref_n, tau)
        assert 0 <= found.now <= found.peak
        assert 0 <= found.start <= len(days) and found.n == len(days) - found.start
        assert 0 <= found.estimate <= 1
        if found.now > 0 and found.weight:
            assert found.z > 0  # what runs lies on the side that is watched


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), max_size=30), st.floats(-3, 3), st.floats(0.05, 2), st.booleans())
def test_cusum_log_keeps_its_invariants(values: list[float], mu: float, sd: float, down: bool) -> None:
    found = cusum_log(values, mu, sd, 0.5, ref_n=10, tau=0.1, down=down)
    assert 0 <= found.now <= found.peak and len(found.path) == len(values)
    if found.now > 0:
        assert found.z > 0
